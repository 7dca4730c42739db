"""
The coupling vector in variants beyond the article's, and its counts by themselves.

The table of the design is in `test_coupling_table.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from cdlab.coupling import needed, touched, written
from cdlab.history import Event, History
from cdlab.measures import MEASURES, measure
from cdlab.model import Environment, Variant
from cdlab.runner import run_in
from cdlab.scenario import Scenario
from cdlab.worlds import simulated

Measures = dict[str, Any]
COMMAND = Variant(rollback="command")


@pytest.fixture(scope="module")
def measures() -> Callable[..., Measures]:
    """All measures of a run with constant costs and, unless said otherwise, n = 3 and m = 2."""
    played: dict[str, Measures] = {}

    def measures(architecture: str, **settings: Any) -> Measures:
        settings.setdefault("variant", COMMAND if architecture == "v3" else Variant())
        settings.setdefault("profile", "constant")
        scenario = Scenario(architecture=architecture, **settings)
        if repr(scenario) not in played:
            world = replace(simulated(scenario), look_phase=0.3)
            played[repr(scenario)] = measure(run_in(world, scenario).history)
        return played[repr(scenario)]

    return measures


@pytest.mark.parametrize(("architecture", "share"), [("v1", 0.2), ("v2", 0.2), ("v3", 0.0)])
def test_what_somebody_else_pushes_meanwhile_is_no_collateral(
    measures: Callable[..., Measures], architecture: str, share: float
) -> None:
    """A newer commit reaches staging while V3 rolls production back, and not on its behalf."""
    assert measures(architecture, story="newer-commit")["collateral"] == share


@pytest.mark.parametrize(
    ("architecture", "rollback", "lost_and_withdrawn"),
    [
        ("v1", "revert", (0, 0)),
        ("v1", "force-push", (3, 3)),
        ("v2", "revert", (0, 0)),
        ("v3", "command", (0, 3)),  # here V3 loses
    ],
)
@pytest.mark.parametrize("settings", [{"batch": 4}, {"commits_on_top": 3}], ids=str)
def test_going_back_to_an_image_withdraws_the_good_commits_in_it(
    measures: Callable[..., Measures],
    architecture: str,
    rollback: str,
    lost_and_withdrawn: tuple[int, int],
    settings: dict[str, int],
) -> None:
    """One bad commit and three good ones, pushed with it or shipped after it."""
    found = measures(architecture, variant=Variant(rollback=rollback), **settings)
    counts = found["good_commits_lost"], found["good_commits_withdrawn"]
    assert counts == lost_and_withdrawn


def test_v3_loses_where_that_was_declared(measures: Callable[..., Measures]) -> None:
    """More boxes, more that must be up, slower deploys, the key to everything; and a step more."""
    v3 = measures("v3")
    assert v3["manual_steps"] == {"deploy": 1, "rollback": 1, "promote": 1}
    for simpler in (measures("v1"), measures("v2")):
        assert v3["touch_of_a_deploy"] > simpler["touch_of_a_deploy"]
        assert v3["components_to_deploy"] > simpler["components_to_deploy"]
        assert v3["mediated_blast_radius"] > (simpler["mediated_blast_radius"] or 0)
        # The same push is in production after one step where there is nothing to promote.
        assert simpler["manual_steps"] == {"deploy": 1, "rollback": 1, "promote": None}
    assert v3["writable_resources"]["manager"] == v3["writable_resources"]["maximum"]


def test_polling_makes_a_release_wait_half_an_interval(measures: Callable[..., Measures]) -> None:
    """Pushes at 40 moments within 60 s wait 30 s more than with a hint, on average."""

    def mean_lead_time(architecture: str, **settings: Any) -> float:
        found = (measures(architecture, seed=seed, **settings) for seed in range(40))
        return fmean(each["lead_time_seconds"] for each in found)

    polling = mean_lead_time("v3", variant=replace(COMMAND, poll_interval_seconds=60))
    # The mean of 40 uniform waits strays by 60 / sqrt(12 * 40) = 2.7 s; four times that is allowed.
    assert polling - mean_lead_time("v3") == pytest.approx(30, abs=11)
    assert polling > mean_lead_time("v1")
    assert polling > mean_lead_time("v2")


PLACES = ("dev", "staging", "production")


def places(m: int, automated: int) -> tuple[Environment, ...]:
    return tuple(Environment(name, number < automated) for number, name in enumerate(PLACES[:m]))


def test_a_pinned_version_survives_a_push_only_where_a_manager_holds_it(
    measures: Callable[..., Measures],
) -> None:
    """0 in V1 and V2, 1 in V3; without the hold V3 is no better."""
    one = {"microservices": ("users",), "next_push": True}
    for architecture in ("v1", "v2"):
        assert measures(architecture, **one)["version_independence"] == 0
    assert measures("v3", **one)["version_independence"] == 1
    everywhere = {**one, "environments": places(2, 2)}
    assert measures("v3", **everywhere)["version_independence"] == 1
    naive = Variant(rollback="command", has_hold=False)
    assert measures("v3", **everywhere, variant=naive)["version_independence"] == 0


@pytest.mark.parametrize("architecture", ["v1", "v2"])
def test_a_gate_keeps_a_push_out_of_production(
    measures: Callable[..., Measures], architecture: str
) -> None:
    """Beyond the article: with an approval before production V1 and V2 are no straw men."""
    found = measures(
        architecture, variant=Variant(is_gated=True), environments=places(2, 1), next_push=True
    )
    assert (found["version_independence"], found["change_amplification"]) == (1, 1)
    assert found["manual_steps"]["promote"] == 1
    assert found["code_coupling"] == 3 / 4  # two deploys and the rollback of four requests


@pytest.mark.parametrize(
    ("architecture", "variant", "count"),
    [
        ("v1", Variant(is_gated=True), 2),  # the push, and the gate before production
        ("v2", Variant(is_gated=True), 2),
        ("v1", Variant(rollback="redeploy"), 1),  # CI's deploy step, run again
        ("v2", Variant(rollback="config-revert"), 2),  # a commit, and CI's apply, run again
        ("v3", Variant(rollback="config-revert"), 1),  # the manager applies what is committed
        ("v1", Variant(rollback="rollout-undo"), 1),
    ],
    ids=str,
)
def test_the_steps_of_a_rollback_by_hand(
    measures: Callable[..., Measures], architecture: str, variant: Variant, count: int
) -> None:
    """Every push, command and approval of a rollback of production is a step."""
    automated = 1 if architecture == "v3" or variant.is_gated else 2
    found = measures(
        architecture, variant=variant, environments=places(2, automated), next_push=True
    )
    assert found["manual_steps"]["rollback"] == count


def test_the_config_repo_lies_after_an_undo_and_otherwise_for_a_rollout(
    measures: Callable[..., Measures],
) -> None:
    """Undefined in V1; in V2 all environments at once, in V3 one after the other."""
    assert measures("v1")["ssot_divergence"] is None
    found = {each: measures(each) for each in ("v2", "v3")}
    undone = measures("v2", variant=Variant(rollback="rollout-undo"), next_push=True)
    assert found["v2"]["ssot_divergence_maximum"] == pytest.approx(2 / 6)
    assert found["v3"]["ssot_divergence_maximum"] == pytest.approx(1 / 6)
    assert undone["ssot_divergence"] > 3 * found["v2"]["ssot_divergence"]
    assert undone["ssot_divergence_ended_by"] == "deploy"


def test_out_of_band_touches_one_box_and_builds_nothing(
    measures: Callable[..., Measures],
) -> None:
    """That is why people do it, and code coupling does not count what is not in band."""
    found = measures("v2", variant=Variant(rollback="rollout-undo"))
    for name in ("write_touch_of_a_rollback", "touch_of_a_rollback", "components_to_roll_back"):
        assert found[name] == 1, name
    assert (found["rebuilds"], found["collateral"], found["code_coupling"]) == (0, 0, 1)


def test_what_a_run_cannot_answer_is_none(measures: Callable[..., Measures]) -> None:
    """No rollback, no deploy: unknown and not 0. Grants and pods can always be asked."""
    found = measures("v3", story="first-deployment")
    always = {
        *("writable_resources", "cluster_credentials_outside", "blast_radius", "reach"),
        *("mediated_blast_radius", "privilege_concentration", "propagation_cost"),
        *("manual_steps", "is_finished", "serves_at_end", "replicas_at_end"),
        *("first_deployment_steps", "rejected_pushes"),
    }
    assert {name for name, value in found.items() if value is not None} == always
    assert set(found["manual_steps"].values()) == {None}
    assert list(found) == list(MEASURES)


def test_every_measure_is_explained() -> None:
    """What a measure means is in the documentation, by its name."""
    text = (Path(__file__).parent.parent / "docs/measures.md").read_text(encoding="utf-8")
    assert [name for name in MEASURES if f"`{name}`" not in text] == []


def event(component: str, op: str, outcome: str = "ok") -> Event:
    return Event(0, 0, 0, "Something", component, op, outcome=outcome)  # type: ignore[arg-type]


CONE = [
    event("code-repo", "write"),
    event("environment", "apply"),
    event("environment", "apply"),
    event("registry", "write", "failed"),
    event("ci", "exec"),
    event("manager", "decide", "skipped"),
    event("config-repo", "read"),
    event("registry", "wait"),
    event("people", "notify"),
]


@pytest.mark.parametrize(
    ("count", "boxes"),
    [
        (written, {"code-repo", "environment"}),
        (touched, {"code-repo", "environment", "ci", "manager"}),
        (needed, {"code-repo", "environment", "registry", "ci", "manager", "config-repo"}),
    ],
)
def test_each_kind_of_box_counts_once(
    count: Callable[[Iterable[Event]], set[str]], boxes: set[str]
) -> None:
    """Written is what durably changed, touched also what executed, needed also what was read."""
    assert count(CONE) == boxes


def test_a_share_of_the_replicas_may_have_the_known_image() -> None:
    """Fidelity counts the pods of the environment, and one of two is a half."""

    def pod(seq: int, kind: str, name: str, digest: str) -> Event:
        detail = {"workload": "users", "pod": name}
        return Event(
            *(seq, seq, seq, kind, "environment", "observe", "production"),
            digest_after=digest,
            detail=detail,
        )

    def said(seq: int, kind: str, **detail: object) -> Event:
        return Event(seq, seq, seq, kind, "people", "notify", detail=detail)

    def pushed(seq: int, digest: str, content: str) -> Event:
        return Event(
            *(seq, seq, seq, "ImagePushed", "registry", "write"),
            digest_after=digest,
            detail={"content": content},
        )

    where = {"environment": "production", "workload": "users", "good": "good"}
    history = History(
        [
            said(0, "RunStarted", replicas=3),
            *(pushed(1, "g", "good"), pushed(2, "b", "bad"), pushed(3, "g2", "good")),
            *(pod(4, "PodReady", "p1", "g"), said(5, "IntentDeclared", intent="deploy")),
            *(pod(6, "PodReady", "p2", "b"), pod(7, "PodStopping", "p1", "g")),
            said(8, "IntentDeclared", intent="rollback", **where),
            *(pod(9, "PodReady", "p3", "g"), pod(10, "PodReady", "p4", "g2")),
            *(pod(11, "PodReady", "p5", "g2"), pod(12, "PodStopping", "p2", "b")),
        ]
    )
    assert MEASURES["artifact_fidelity"](history) == pytest.approx(1 / 3)
