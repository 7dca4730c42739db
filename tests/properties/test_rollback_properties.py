"""What every rollback keeps to, for any application, seed and variant: the design's invariants."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdlab.architectures import ARCHITECTURES
from cdlab.coupling import WRITES
from cdlab.fault_plans import CATALOGUE
from cdlab.grants import grants_of
from cdlab.model import Environment, Variant
from cdlab.scenario import Scenario
from cdlab.worlds import run

whole_runs = settings(max_examples=settings().max_examples // 2)
NAMES = ("users", "orders", "front-end")
PLACES = ("dev", "staging", "production")


@st.composite
def scenarios(draw: st.DrawFn, *architectures: str, **fixed: Any) -> Scenario:
    """Applications of one to three microservices in one to three environments."""
    architecture = draw(st.sampled_from(architectures or tuple(ARCHITECTURES)))
    n, m = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    is_automated = st.just(True) if architecture != "v3" else st.booleans()
    return Scenario(
        architecture=architecture,
        microservices=NAMES[:n],
        environments=tuple(
            Environment(name, number == 0 or draw(is_automated))
            for number, name in enumerate(PLACES[:m])
        ),
        variant=draw(variants(architecture)),
        replicas=draw(st.integers(1, 3)),
        executors=draw(st.integers(1, 3)),
        merge=draw(st.booleans()),
        **{
            "seed": draw(st.integers(0, 10_000)),
            "profile": draw(st.sampled_from(["lean-ci", "heavy-ci", "constant"])),
            **fixed,
        },
    )


@st.composite
def variants(draw: st.DrawFn, architecture: str) -> Variant:
    """Everything in band."""
    if architecture == "v3":
        poll = draw(st.sampled_from([None, 20.0, 300.0]))
        return Variant(rollback="command", poll_interval_seconds=poll)
    rollback = draw(st.sampled_from(["revert", "force-push"]))
    return Variant(rollback=rollback, has_build_cache=draw(st.booleans()))


OF_PIPELINES = ("build", "code", "registry-down")
"""Beginnings of faults that fail a pipeline run: what was never shipped is not rolled back."""


@st.composite
def fault_plans(draw: st.DrawFn) -> list[dict[str, Any]]:
    """
    Up to four faults that a rollback could meet, each at one or two calls.

    Those that fail a pipeline run strike during the rollback alone, and there nobody may notice.
    """
    anywhere = [each for each in CATALOGUE if not each.startswith(OF_PIPELINES)]
    fault = {"nth": st.integers(1, 2), "times": st.integers(1, 2)}
    more = {"seconds": st.just(20.0)}
    during = {"during": st.just("rollback")}
    any_time = st.fixed_dictionaries({"what": st.sampled_from(anywhere), **fault}, optional=more)
    then = st.fixed_dictionaries(
        {"what": st.sampled_from(sorted(CATALOGUE)), **fault, **during}, optional=more
    )
    return draw(st.lists(any_time | then, max_size=4))


@whole_runs
@given(scenarios("v3"), fault_plans(), st.booleans())
def test_the_cone_of_a_v3_rollback_has_no_code_no_ci_and_no_registry(
    what: Scenario, faults: list[dict[str, Any]], is_by_git: bool
) -> None:
    """
    It writes the config repo and the environment, builds nothing, and stays rolled back.

    With git alone it holds nothing: where automation acts, it undoes that, maybe before it is
    applied. A look for drift that is about to begin may apply it, and on nobody's behalf. People
    whose push got no answer give up, so that this fault is left to the manager's own commits.
    """
    if is_by_git:
        what = replace(what, variant=replace(what.variant, rollback="config-revert"))
        faults = [each for each in faults if each["what"] != "config-push-unknown"]
    found = run(replace(what, faults=tuple(faults)))
    assert found.is_finished
    cone = found.history.cone("rollback-1")
    boxes = {each.component for each in cone if each.op in WRITES}
    assert not [each for each in cone if each.component in ("code-repo", "ci", "registry")]
    assert found.measures["rebuilds"] == 0
    assert boxes | ({"environment"} if is_by_git else set()) == {"config-repo", "environment"}
    stays = not (is_by_git and what.environments[-1].is_automated)
    assert found.measures["stayed_rolled_back"] is stays
    assert found.measures["artifact_fidelity"] == 1 or not stays


def test_a_revert_that_is_undone_before_it_is_applied_did_not_stay() -> None:
    """
    A look at the registry goes before the look at the config repo, and releases the bad image.

    No pod ever tells of it: the story waited for a month, and the run counted as censored.
    """
    places = (Environment("production"),)
    variant = Variant(rollback="config-revert", poll_interval_seconds=300.0)
    found = run(Scenario(architecture="v3", environments=places, variant=variant))
    assert found.is_finished
    assert found.measures["rollback_seconds"] is None
    assert found.measures["stayed_rolled_back"] is False


@whole_runs
@given(scenarios("v1", "v2"))
def test_a_v1_rollback_takes_at_least_its_own_build(what: Scenario) -> None:
    """And every change of an environment also changed a code repo."""
    found = run(what)
    builds = [e for e in found.history.cone("rollback-1") if e.kind == "ImageBuilt"]
    assert len(builds) == found.measures["rebuilds"] == 1
    own = (builds[0].t_us - builds[0].began_us) / 1e6
    assert found.measures["rollback_seconds"] >= own
    assert found.phases["build"] == pytest.approx(own, abs=1e-6)
    assert found.measures["code_coupling"] == 1


@whole_runs
@given(scenarios())
def test_phases_are_never_negative_and_sum_to_the_total(what: Scenario) -> None:
    """Within a microsecond, for every architecture, variant and seed."""
    found = run(what)
    assert found.is_finished
    assert min(found.phases.values()) >= 0
    total = found.measures["rollback_seconds"]
    assert sum(found.phases.values()) == pytest.approx(total, abs=1e-6)


@whole_runs
@given(scenarios())
def test_collateral_is_every_other_environment_or_none(what: Scenario) -> None:
    """(m - 1) / (nm - 1) where CI sets or applies everything; 0 where a manager chooses."""
    n, m = len(what.microservices), len(what.environments)
    share = (m - 1) / (n * m - 1) if n * m > 1 and what.architecture != "v3" else 0
    assert run(what).measures["collateral"] == pytest.approx(share)


@whole_runs
@given(scenarios("v3", profile="constant"), st.sampled_from([45.0, 1000.0]))
def test_a_command_does_not_wait_for_a_poll(what: Scenario, interval: float) -> None:
    """The commit, the apply and the pods take exactly as long under every poll interval."""

    def worked(poll: float | None) -> float:
        variant = Variant(rollback="command", poll_interval_seconds=poll)
        found = run(replace(what, variant=variant)).phases
        # Another decision may be under way when the command comes, and is let finish: 5 s.
        assert found["queue"] <= 5
        return sum(found.values()) - found["queue"]

    assert worked(interval) == pytest.approx(worked(None), abs=1e-6)


@whole_runs
@given(scenarios())
def test_writable_resources_follow_from_the_number_of_environments(what: Scenario) -> None:
    """CI 1+m in V1, 2+m in V2, 1 in V3; the manager 1+m: what is gained is not less power."""
    m = len(what.environments)
    expected = {
        "v1": {"ci": 1 + m},
        "v2": {"ci": 2 + m},
        "v3": {"ci": 1, "manager": 1 + m},
    }[what.architecture]
    found = run(replace(what, story="first-deployment")).measures["writable_resources"]
    assert found == {**expected, "maximum": max(expected.values())}
    assert {each.principal for each in grants_of(what.architecture) if each.is_automation} == set(
        expected
    )
