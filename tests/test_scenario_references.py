"""Steps, faults and expectations of a scenario file: every setting, and everything it names."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
import yaml

from cdlab import worlds
from cdlab.errors import ScenarioError
from cdlab.expected_keys import KEYS
from cdlab.fault_checks import FAULT_SETTINGS
from cdlab.fault_plans import SELECTORS
from cdlab.measures import MEASURES
from cdlab.scenario import parse
from cdlab.scenario_schema import scenario_schema
from cdlab.step_checks import STEP_SETTINGS
from cdlab.stories.steps import STEPS

SCHEMA = jsonschema.Draft202012Validator(scenario_schema())


def mistakes(text: str) -> tuple[tuple[int, str], ...]:
    with pytest.raises(ScenarioError) as refused:
        parse(text)
    return refused.value.mistakes


def steps(*listed: str, architecture: str = "v3") -> str:
    """A file whose steps are one a line, the first in line 4."""
    lines = "".join(f"- {each}\n" for each in listed)
    return f"architecture: {architecture}\nstory: steps\nsteps:\n{lines}"


def faults(*listed: str) -> str:
    """A file whose faults are one a line, the first in line 3."""
    return "architecture: v3\nfaults:\n" + "".join(f"- {each}\n" for each in listed)


USERS = "microservice: users"
HERE = "microservice: users, environment: staging"
SAID_BY_BOTH = {
    "a negative wait": (steps("wait: {seconds: -4}"), "seconds: -4 is not a number from 0"),
    "an endless wait": (steps("wait: {seconds: .inf}"), "seconds: inf is not a number"),
    "a word to wait": (steps("wait: {seconds: abc}"), "seconds: 'abc' is not a number"),
    "a wait that is true": (steps("wait: {seconds: true}"), "seconds: True is not a number"),
    "no wait": (steps("wait:"), "wait wants seconds"),
    "a number to wait": (steps("wait: 5"), "wait wants seconds, as a mapping"),
    "a list as a version": (steps(f"push: {{{USERS}, version: [1]}}"), "version: [1] is not a ver"),
    "a number as a version": (
        steps(f"push: {{{USERS}, version: 3}}"),
        "version: 3 is not a version: one word of letters, digits and # . _ + -; write it in quo",
    ),
    "an empty version": (steps(f"push: {{{USERS}, version: ''}}"), "version: '' is not a version"),
    "two words as a version": (steps(f"push: {{{USERS}, version: a b}}"), "version: 'a b' is not"),
    "a bad that is a word": (
        steps(f"push: {{{USERS}, version: a, bad: very}}"),
        "bad: 'very' is neither true nor false",
    ),
    "a setting of another step": (
        steps(f"push: {{{USERS}, version: a, to: b}}"),
        '"to" is no setting of push; there are',
    ),
    "a setting where there is none": (
        steps("restore_node: {node: a}"),
        '"node" is no setting of restore_node; it has none',
    ),
    "a step without what it needs": (
        steps("promote: {microservice: users}"),
        "promote wants source and target",
    ),
    "a box that nobody has": (steps("stop: {box: moon}"), 'box: "moon" is none of'),
    "no step": (steps("pusch: {}"), '"pusch" is no step; did you mean "push"?'),
    "a list of steps in a step": (steps("[push]"), "a step is one of its names"),
    "a list as a fault": (faults("{what: [a]}"), "what: \"['a']\" is none of"),
    "a fault without a name": (faults("{nth: 2}"), "a fault wants what"),
    "a number during": (faults("{what: hint-lost, during: 3}"), 'during: "3" is none of bootstrap'),
    "a true nth": (faults("{what: hint-lost, nth: true}"), "nth: True is not a whole number"),
    "true times": (faults("{what: hint-lost, times: true}"), "times: True is not a whole number"),
    "true seconds": (faults("{what: hint-late, seconds: true}"), "seconds: True is not a number"),
    "endless seconds": (faults("{what: hint-late, seconds: .inf}"), "seconds: inf is not a num"),
    "a fault in no environment": (
        faults("{what: hint-late, environment: staging}"),
        "hint-late happens in no environment: leave it out",
    ),
    "an unknown setting of a fault": (
        faults("{what: hint-late, second: 3}"),
        '"second" is no setting of a fault; did you mean "seconds"?',
    ),
    "a principal that nobody is": (
        "architecture: v1\nexpect: {writable_resources: {nobody: 1}}",
        'writable_resources: it has no "nobody"; there are ci, maximum',
    ),
    "an outage of nothing": (
        "architecture: v1\nstory: outage\noutage: ci\noperation: rollback\n"
        "expect: {outage_matrix: {rollback without moon: true}}",
        'it has no "rollback without moon"; did you mean "rollback without ci"?',
    ),
    "keys of a number": (
        "architecture: v1\nexpect: {rebuilds: {maximum: 1}}",
        "rebuilds: it is one value and has no keys",
    ),
    "a number for keys": (
        "architecture: v1\nexpect: {reach: 1}",
        "reach: 1 is no answer: name some of its keys, one_identity, one_each",
    ),
}
"""What the JSON Schema refuses, too."""

SAID_BY_THE_LOADER = {
    "a fault of no length": (faults("{what: hint-late, seconds: .nan}"), "seconds: nan is not"),
    "a version that nobody pushed": (
        steps(f"set_image: {{{HERE}, version: v2}}"),
        'no earlier step pushed "v2" of "users"; there are good',
    ),
    "a version that is pushed later": (
        steps(f"until_serves: {{{HERE}, version: v2}}", f"push: {{{USERS}, version: v2}}"),
        'no earlier step pushed "v2" of "users"',
    ),
    "a version of another one": (
        steps("push: {microservice: orders, version: v2}", f"set_image: {{{HERE}, version: v2}}"),
        'no earlier step pushed "v2" of "users"',
    ),
    "a way back to nowhere": (
        steps(f"roll_back: {{{HERE}, to: nope}}"),
        'no earlier step pushed "nope" of "users"',
    ),
    "a rollback of nobody": (
        steps("roll_back: {microservice: nobody, environment: staging}"),
        'there is no microservice "nobody"; there are front-end, users, orders',
    ),
    "a promotion to where it is": (
        steps(f"promote: {{{USERS}, source: production, target: production}}"),
        'a promotion from "production" goes to another environment',
    ),
    "a promotion to nowhere": (
        steps(f"promote: {{{USERS}, source: staging, target: moon}}"),
        'there is no environment "moon"; there are staging, production',
    ),
    "a promotion from nowhere": (
        steps(f"promote: {{{USERS}, source: moon, target: staging}}"),
        'there is no environment "moon"',
    ),
    "a manager in v1": (
        steps("stop: {box: manager}", architecture="v1"),
        "v1 has no manager; there are code-repo, registry, api-server, ci",
    ),
    "a config repo in v1": (
        steps("restart: {box: config-repo}", architecture="v1"),
        "v1 has no config-repo; there are",
    ),
    "a fault of nobody": (
        faults("{what: hint-lost, microservice: user}"),
        'there is no microservice "user"; did you mean "users"?',
    ),
    "a fault nowhere": (
        faults("{what: apply-fails, environment: moon}"),
        'there is no environment "moon"; there are staging, production',
    ),
    "a setting twice": (
        steps("wait: {seconds: 1, seconds: 2}"),
        '"seconds" stands here twice',
    ),
    "one team of two": (
        "architecture: v1\nstory: two-teams\nmicroservices: [users]",
        "microservices: the story two-teams wants 2 or more",
    ),
    "an interface for nobody": (
        "architecture: v1\nstory: incompatible-services\nmicroservices: [users]",
        "microservices: the story incompatible-services wants 2 or more",
    ),
    "different versions in one place": (
        "architecture: v1\nstory: different-versions\nenvironments: [staging]",
        "environments: the story different-versions wants 2 or more",
    ),
    "a promotion within one place": (
        "architecture: v3\nstory: promote-one-of-two\nenvironments: [staging]",
        "environments: the story promote-one-of-two wants 2 or more",
    ),
    "what serves on the moon": (
        "architecture: v1\nexpect: {serves_at_end: {moon: good}}",
        'serves_at_end: it has no "moon"; there are staging, production',
    ),
    "a manager's rights in v1": (
        "architecture: v1\nexpect: {writable_resources: {manager: 3}}",
        'writable_resources: it has no "manager"; there are ci, maximum',
    ),
    "an outage that is not tried": (
        "architecture: v1\nstory: outage\noutage: ci\n"
        "expect: {outage_matrix: {rollback without ci: true}}",
        'it has no "rollback without ci"; did you mean "deploy without ci"?',
    ),
    "an outage in another story": (
        "architecture: v1\nexpect: {outage_matrix: {deploy without ci: true}}",
        "outage_matrix: only the story outage has an answer",
    ),
}
"""What is wrong beside something else, or no value of JSON."""

GOOD = {
    "every step": steps(
        f"push: {{{USERS}, version: '3', bad: true, merge: false}}",
        f"revert: {{{USERS}}}",
        f"force_push: {{{USERS}}}",
        f"promote: {{{USERS}, source: staging, target: production}}",
        f"roll_back: {{{HERE}, to: good}}",
        f"roll_back: {{{HERE}, to: '3'}}",
        f"set_image: {{{HERE}, version: good}}",
        f"until_serves: {{{HERE}, version: '3'}}",
        f"hold: {{{HERE}}}",
        f"lose_node: {{{HERE}}}",
        "restore_node:",
        "delete_cluster: {}",
        "stop: {box: manager}",
        "restart: {box: config-repo}",
        "wait: {seconds: 0.5}",
    ),
    "every setting of a fault": faults(
        "{what: apply-fails, microservice: users, environment: staging, during: rollback, nth: 2}",
        "{what: hint-late, times: 3, seconds: 0, microservice: '', environment: ''}",
    ),
    "keys of measures": (
        "architecture: v3\nenvironments: [a, b]\nexpect:\n  serves_at_end: {a: good, b: '!= bad'}\n"
        "  writable_resources: {manager: 4, maximum: '>= 1'}\n  outage_matrix: null\n"
        "  cluster_rebuild: == null\n  reach: {one_each: null}\n  rollback_seconds: < 100\n"
    ),
    "a cell of the outages": (
        "architecture: v1\nstory: outage\noutage: ci\n"
        "expect: {outage_matrix: {deploy without ci: false}}"
    ),
}
WRONG = {**SAID_BY_BOTH, **SAID_BY_THE_LOADER}


@pytest.mark.parametrize(("text", "what"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_is_refused_with_what_would_be_right(text: str, what: str) -> None:
    """At load, once, and at a line after the first."""
    ((line, said),) = mistakes(text)
    assert what in said
    assert line > 1


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD)
def test_what_can_be_is_loaded(text: str) -> None:
    """And is valid by the schema."""
    assert parse(text)
    assert SCHEMA.is_valid(yaml.safe_load(text))


@pytest.mark.parametrize("text", [text for text, _ in SAID_BY_BOTH.values()], ids=SAID_BY_BOTH)
def test_the_schema_refuses_it_too(text: str) -> None:
    """As far as one setting says nothing about another."""
    assert not SCHEMA.is_valid(yaml.safe_load(text))


@pytest.mark.parametrize(
    "text", [text for text, _ in SAID_BY_THE_LOADER.values()], ids=SAID_BY_THE_LOADER
)
def test_only_the_loader_refuses_what_is_wrong_beside_something_else(text: str) -> None:
    """So that a rule which moves into the schema is moved in these tables."""
    assert SCHEMA.is_valid(yaml.safe_load(text))


def test_all_mistakes_of_steps_and_faults_are_found_at_once() -> None:
    """What is malformed and what names nothing, each at its own line; nothing follows from them."""
    text = """architecture: v2
story: steps
environments: [staging, Moon]
steps:
- push: {microservice: user, version: 3}
- stop:
    box: manager
- set_image:
    microservice: users
    environment: nowhere
    version: v2
faults:
- what: hint-lost
  nth: 0
  microservice: order
expect:
  serves_at_end: {moon: good}
  blast_radius:
    manager: 1
"""
    found = mistakes(text)
    assert [line for line, _ in found] == [3, 5, 5, 7, 11, 14, 15, 19]


def test_every_setting_of_every_step_and_fault_has_its_check() -> None:
    """One that is added gets a line in the table, and none is left that nothing has."""
    told = {key for step in STEPS.values() for key in (*step.needs, *step.may)}
    assert set(STEP_SETTINGS) == told
    assert tuple(FAULT_SETTINGS) == SELECTORS


def test_every_measure_with_keys_is_listed_with_them() -> None:
    """Those that a run has, and no others; the other measures are one value."""
    texts = (
        "architecture: v1\nstory: outage\noutage: ci\noperation: rollback",
        "architecture: v3\nstory: cluster-deleted",
        "architecture: v3\nenvironments: [a, b, c]",
        "architecture: v3\nstory: move-from-v1",
    )
    seen: set[str] = set()
    for text in texts:
        measures = worlds.run(parse(text)).measures
        for measure, answer in measures.items():
            if isinstance(answer, dict):
                seen.add(measure)
                parse(f"{text}\nexpect: {{{measure}: {dict.fromkeys(answer, '!= 7')}}}")
            else:
                assert measure not in KEYS or answer is None
    assert seen == set(KEYS) <= set(MEASURES)


@pytest.mark.parametrize("step", ["set_image", "until_serves", "roll_back"])
def test_a_version_whose_push_failed_is_an_event_and_no_end(step: str) -> None:
    """The file is right, and the push came while the code repo was down."""
    key = "to" if step == "roll_back" else "version"
    text = steps(
        "stop: {box: code-repo}",
        f"push: {{{USERS}, version: v2}}",
        "restart: {box: code-repo}",
        f"{step}: {{{HERE}, {key}: v2}}",
    )
    run = worlds.run(parse(text + "profile: constant\n"))
    failed: list[Any] = [(e.resource, e.because) for e in run.history.of("StepFailed")]
    assert [name for name, _ in failed] == ["push", step]
    assert failed[1][1] == 'RevisionNotFound: "v2" of "users" was not pushed'
