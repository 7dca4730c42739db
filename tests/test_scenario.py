"""Scenario files: every mistake at once, with its line and what would be right."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest

from cdlab.errors import ScenarioError
from cdlab.model import Environment, Variant
from cdlab.scenario import Scenario, load, parse
from cdlab.scenario_schema import scenario_schema


def mistakes(text: str) -> tuple[tuple[int, str], ...]:
    with pytest.raises(ScenarioError) as refused:
        parse(text, "broken.yaml")
    assert refused.value.path == "broken.yaml"
    return refused.value.mistakes


def test_one_line_is_a_whole_scenario() -> None:
    """Everything but the architecture has a default, and the default is the article's."""
    assert parse("architecture: v1") == Scenario(architecture="v1")
    assert parse("architecture: v3").variant.rollback == "command"


def test_every_setting_is_read() -> None:
    """Each key of a file ends up where the run looks for it."""
    text = """
    architecture: v3
    story: rollback
    microservices: [users, orders]
    environments: {staging: automated, production: manual}
    profile: constant
    seed: 7
    replicas: 3
    executors: 2
    rollback: command
    build_cache: false
    poll_interval_seconds: 60
    hold: false
    next_push: true
    merge: true
    payload_kib: 4
    build_work: 5
    expect: {rebuilds: 0}
    """
    variant = Variant(
        rollback="command", has_build_cache=False, poll_interval_seconds=60, has_hold=False
    )
    assert parse(text) == Scenario(
        architecture="v3",
        microservices=("users", "orders"),
        environments=(Environment("staging"), Environment("production", False)),
        profile="constant",
        seed=7,
        replicas=3,
        executors=2,
        variant=variant,
        next_push=True,
        merge=True,
        payload_kib=4,
        build_work=5,
        expect={"rebuilds": 0},
    )


def test_all_mistakes_are_reported_at_once_with_their_lines() -> None:
    """Nobody has to run a file five times to mend five things."""
    text = "architecture: v9\nstroy: rollback\nreplicas: 0\nexpect:\n  rebulids: 1\nseed: -1\n"
    found = mistakes(text)
    assert [line for line, _ in found] == [1, 2, 3, 5, 6]
    assert '"v9" is none of v1, v2, v3' in found[0][1]
    assert 'did you mean "story"?' in found[1][1]
    assert 'did you mean "rebuilds"?' in found[3][1]


SEVERAL = {
    "names in a list": (
        "architecture: v1\nmicroservices:\n- Users\n- orders\n- orders\n- cart_1\n",
        [(3, '"Users" is no name'), (5, '"orders" stands here twice'), (6, '"cart_1" is no name')],
    ),
    "policies and names of environments": (
        "architecture: v3\nenvironments:\n  a: sometimes\n  B: manual\n  a: never\n",
        [
            (3, '"sometimes" is neither automated nor manual'),
            (4, '"B" is no name'),
            (5, '"a" stands here twice'),
            (5, '"never" is neither automated nor manual'),
        ],
    ),
    "expected values beside other mistakes": (
        "architecture: v1\nexpect:\n  rebuilds: => 1\n  stayed_rolled_back: yes please\n"
        "  writable_resources:\n    ci: < many\n    maximum: [3]\nseed: -1\n",
        [
            (3, 'rebuilds: "=>" is no operator'),
            (4, 'stayed_rolled_back: "yes please" is a word'),
            (6, "writable_resources.ci: "),
            (7, "writable_resources.maximum: "),
            (8, "seed: -1 is not"),
        ],
    ),
    "a measure twice, and one that does not exist": (
        "architecture: v1\nexpect:\n  rebuilds: 1\n  rebuilds: 2\n  rebulids: < many\n",
        [(4, '"rebuilds" stands here twice'), (5, "no measure"), (5, "not a number")],
    ),
    "contradictions beside other mistakes": (
        "architecture: v1\nrollback: command\nhold: true\nreplicas: 0\n"
        "story: first-deployment\nnext_push: true\nsede: 1\n",
        [
            (2, "v1 rolls back by revert"),
            (3, "v1 has no release manager"),
            (4, "replicas: 0"),
            (6, "only the story rollback"),
            (7, 'did you mean "seed"?'),
        ],
    ),
    "a contradiction that no architecture is needed for": (
        "architecture: v9\nhold: true\nstory: first-deployment\nnext_push: true\n",
        [(1, '"v9" is none of'), (4, "only the story rollback")],
    ),
    "a setting that is wrong by itself contradicts nothing": (
        "architecture: v1\nhold: perhaps\nstory: tale\nnext_push: true\n",
        [(2, "hold: 'perhaps' is neither"), (3, '"tale" is none of')],
    ),
}


@pytest.mark.parametrize(("text", "expected"), SEVERAL.values(), ids=SEVERAL)
def test_no_mistake_hides_another(text: str, expected: list[tuple[int, str]]) -> None:
    """One reading of the file finds all of them, each at its own line, and nothing else."""
    found = mistakes(text)
    assert [line for line, _ in found] == [line for line, _ in expected]
    for (_, said), (_, what) in zip(found, expected, strict=True):
        assert what in said


def test_a_word_is_expected_where_the_answer_is_one() -> None:
    """`divergence_after_rollback` says where it diverged; no other measure answers in words."""
    expect = {"divergence_after_rollback": "config repo"}
    assert parse("architecture: v1\nexpect: {divergence_after_rollback: config repo}") == Scenario(
        architecture="v1", expect=expect
    )


ONE_LINE = [
    ("architecture: v1\nhold: true", "v1 has no release manager"),
    ("architecture: v2\npoll_interval_seconds: 60", "v2 has no release manager"),
    ("architecture: v1\nrollback: command", "v1 rolls back by revert"),
    ("architecture: v3\nrollback: revert", "v3 rolls back by command"),
    ("architecture: v2\nenvironments: {a: automated, b: manual}", "none can be manual"),
    ("architecture: v3\nenvironments: {a: manual, b: automated}", "the first"),
    ("architecture: v1\nenvironments: {a: sometimes}", "neither automated nor manual"),
    ("architecture: v1\nenvironments: []", "a list of one name or more"),
    ("architecture: v1\nmicroservices: users", "a list of one name or more"),
    ("architecture: v1\nmicroservices: [users, users]", "stands here twice"),
    ("architecture: v1\nmicroservices: [Users]", '"Users" is no name'),
    ("architecture: v1\nmicroservices: [users-]", '"users-" is no name'),
    ('architecture: v1\nmicroservices: ["users\\n"]', "is no name"),
    ("architecture: v1\nmicroservices: [users, policy]", '"policy" is no name: in the config repo'),
    ("architecture: v1\nmicroservices: [" + "a" * 41 + "]", "is no name"),
    ("architecture: v1\nmicroservices: [on]", "is no name"),
    ("architecture: v1\nreplicas: 2.0", "not a whole number"),
    ("architecture: v1\nreplicas: true", "not a whole number"),
    ("architecture: v3\npoll_interval_seconds: .nan", "not a number"),
    ("architecture: v3\npoll_interval_seconds: .inf", "not a number"),
    ("architecture: v1\nmerge: 'yes'", "neither true nor false"),
    ("architecture: v1\nexpect: [rebuilds]", "a mapping from measures to values"),
    ("architecture: v1\narchitecture: v2", '"architecture" stands here twice'),
    ("architecture: v1\nstory: first-deployment\nnext_push: true", "only the story rollback"),
    ("architecture: v3\nstory: first-deployment\nnext_push: true", "only the story rollback"),
    ("profile: constant", "architecture is missing"),
    ("architecture: [v1]", "is none of"),
    ("architecture: {v1: v1}", "is none of"),
    ("architecture: v1\nstory: [rollback]", "is none of"),
    ("architecture: v1\nprofile: null", "is none of"),
    ("architecture: v1\nseed: 2026-13-45", "seed"),
]


@pytest.mark.parametrize(("text", "what"), ONE_LINE, ids=[each[0] for each in ONE_LINE])
def test_each_mistake_is_named_at_its_line(text: str, what: str) -> None:
    """What cannot be meant is refused where it stands: here always in the last line."""
    line, said = mistakes(text)[-1]
    assert what in said
    assert line == text.count("\n") + 1


NOT_A_SCENARIO = {
    "empty": "",
    "a list": "- architecture: v1",
    "broken": "architecture: [v1",
    "two documents": "architecture: v1\n---\narchitecture: v2",
    "a tag": "architecture: v1\nseed: !!python/object:os.system {}",
    "control characters": "architecture: v1\nseed: \x00",
    "a list as a key": "architecture: v1\nexpect: {[a]: 1}",
    "a mapping as a key": "architecture: v1\n? {a: b}\n: 1",
    "itself": "architecture: v1\nmicroservices: &a [*a]",
}


@pytest.mark.parametrize("text", NOT_A_SCENARIO.values(), ids=NOT_A_SCENARIO)
def test_whatever_a_file_holds_the_answer_is_a_scenario_error(text: str) -> None:
    """A foreign file is one more mistake of a file, so that the others still run."""
    assert mistakes(text)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Missing, a folder, or no text at all: it has no line that could be at fault."""
    picture = tmp_path / "picture.yaml"
    picture.write_bytes(b"\x89PNG\xff")
    for path in (tmp_path / "missing.yaml", tmp_path, picture):
        with pytest.raises(ScenarioError) as refused:
            load(path)
        assert refused.value.path == str(path)
        assert refused.value.message.startswith(f"{path}: cannot be read: ")
        assert "Errno" not in refused.value.message


def test_a_file_is_loaded(tmp_path: Path) -> None:
    """The same as from its text, comments and all."""
    path = tmp_path / "rollback.yaml"
    path.write_text("# as in the article\narchitecture: v2\n", encoding="utf-8")
    assert load(path) == Scenario(architecture="v2")


@pytest.mark.parametrize(
    ("architecture", "last"), [("v1", "automated"), ("v2", "automated"), ("v3", "manual")]
)
def test_production_is_manual_only_where_that_can_be_said(architecture: str, last: str) -> None:
    """Without environments in the file, and with a plain list of them."""
    expected = {"staging": "automated", "production": last}
    for more in ("", "\nenvironments: [staging, production]"):
        scenario = parse(f"architecture: {architecture}{more}")
        assert scenario.settings()["environments"] == expected


def test_the_only_environment_is_automated() -> None:
    """There is none before it to promote from."""
    assert parse("architecture: v3\nenvironments: [production]").settings()["environments"] == {
        "production": "automated"
    }


def test_the_settings_are_plain_values() -> None:
    """They go into the first line of a history, and expectations do not belong there."""
    settings = parse("architecture: v3\nexpect: {rebuilds: 0}").settings()
    assert "expect" not in settings
    assert settings["variant"]["has_hold"] is True
    assert settings["microservices"] == ["front-end", "users", "orders"]


def test_no_microservice_is_called_policy() -> None:
    """Its manifest would lie where the policy of an environment does; an environment may be."""
    wrong = {"architecture": "v3", "microservices": ["users", "policy"]}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, scenario_schema())
    ((line, what),) = mistakes("architecture: v3\nmicroservices:\n- users\n- policy\n")
    assert (line, '"policy" is no name: in the config repo' in what) == (4, True)
    assert parse("architecture: v3\nenvironments: [policy]").environments[0].name == "policy"
