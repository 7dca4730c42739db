"""The rows beside each other: same draws, honest medians, one row for each architecture."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from cdlab import comparison
from cdlab.comparison import (
    SEEDS_WORTH_A_PROCESS,
    Comparison,
    Means,
    Result,
    Row,
    Sample,
    compare,
    rows,
)
from cdlab.comparison_rows import INSTEAD
from cdlab.errors import CdlabError
from cdlab.history import History
from cdlab.model import Variant
from cdlab.report import findings, outcomes, pairings, tables
from cdlab.runner import Run
from cdlab.scenario import Scenario, load
from cdlab.stories import NEEDED, ROADS, STORIES, WITHOUT_ROLLBACK

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def found() -> Comparison:
    """Three runs of every row, with random costs."""
    return compare(runs=3, seed=5)


def run_of(measures: dict[str, object], phases: dict[str, float]) -> Run:
    """A run whose numbers are given."""
    run = Run(Scenario(architecture="v1"), History(), True)
    run.__dict__.update(measures={"rollback_seconds": None, **measures}, phases=phases)
    return run


def result(*runs: Run) -> Result:
    samples = tuple(Sample.of(run) for run in runs)
    return Result(Row(Scenario(architecture="v1"), "revert, cache"), runs[0], samples)


def test_every_architecture_has_one_row_that_stands_for_it(found: Comparison) -> None:
    """The article's variant, with the build cache on; the others are rows of their own."""
    assert {name: each.row.label for name, each in found.main.items()} == {
        **{"v1": "revert, cache", "v2": "revert, cache", "v3": "command"}
    }


def test_no_two_rows_are_the_same() -> None:
    """Each row has a name of its own within its architecture."""
    names = [(r.scenario.architecture, r.label) for r in rows("rollback", profile="p", seed=1)]
    assert len(set(names)) == len(names)
    assert {("v1", "revert, no cache"), ("v2", "revert, no cache")} <= set(names)
    assert {("v1", "rollout-undo"), ("v2", "rollout-undo"), ("v3", "command, no hold")} <= set(
        names
    )


def test_the_seeds_of_a_row_are_the_seeds_of_every_row(found: Comparison) -> None:
    """Common random numbers: the k-th run of each row has the k-th seed."""
    for each in found.results:
        assert [run.scenario.seed for run in each.runs] == [5, 6, 7]


def test_the_same_work_takes_the_same_time_in_each_architecture(found: Comparison) -> None:
    """The builds of the first version are the same draws in V1, V2 and V3."""

    def builds(row: Result) -> set[tuple[str, int]]:
        history = row.first.history
        return {
            (e.resource, e.t_us - e.began_us)
            for e in history.of("ImageBuilt")
            if e.intent == "bootstrap-1"
        }

    first, *others = (builds(each) for each in found.main.values())
    assert len(first) == 3
    assert all(other == first for other in others)


def test_a_comparison_is_the_same_again(found: Comparison) -> None:
    """It depends on its arguments alone."""
    assert compare(runs=3, seed=5).to_dict() == found.to_dict()


def test_the_plain_values_are_json_of_the_promised_form(found: Comparison) -> None:
    """What `cdlab compare --json` prints; no NaN, and no p95 of three runs."""
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert {"story", "substrate", "profile", "seed", "runs", "architectures", "variants"} <= set(
        plain
    )
    assert (plain["runs"], plain["seed"], plain["substrate"]) == (3, 5, "sim")
    assert list(plain["architectures"]) == ["v1", "v2", "v3"]
    for row in plain["variants"]:
        assert {"variant", "rollback_seconds", "phases", "measures", "not_expressible"} <= set(row)
        assert row["rollback_seconds"]["p95"] is None
        assert len(row["rollback_seconds"]["values"]) == 3


def test_what_cannot_be_expressed_is_told_with_its_reason(found: Comparison) -> None:
    """A promotion in V1 and V2; V3 knows an answer to everything in the story."""
    told = {name: each.to_dict()["not_expressible"] for name, each in found.main.items()}
    assert told["v3"] == {}
    for name in ("v1", "v2"):
        assert told[name]["promotion"]


def test_the_naive_variant_is_the_only_one_that_does_not_stay(found: Comparison) -> None:
    """The best lesson: without the hold, automation undoes the rollback."""
    stayed = {
        (each.row.scenario.architecture, each.row.label)
        for each in found.results
        if each.measures()["stayed_rolled_back"] is True
    }
    rest = {(r.row.scenario.architecture, r.row.label) for r in found.results} - stayed
    assert rest == {("v3", "command, no hold")}


def test_the_phases_are_those_of_the_median_run() -> None:
    """Of one real run, so that they sum to its time, and not a mean of each phase."""
    times = (30.0, 10.0, 20.0)
    found = result(
        *(run_of({"rollback_seconds": t}, {"build": t - 1, "start": 1.0}) for t in times)
    )
    assert found.phases() == {"build": 19.0, "start": 1.0}
    assert found.to_dict()["rollback_seconds"]["median"] == 20.0


def test_censored_runs_stay_in() -> None:
    """They count as longer than all others: of two finished and one censored run the longer."""
    runs = [run_of({"rollback_seconds": t}, {"build": t} if t else {}) for t in (10.0, None, 20.0)]
    found = result(*runs).to_dict()
    assert found["rollback_seconds"]["median"] == 20.0
    assert sum(found["phases"].values()) == 20.0


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 1], 1),
        ([1, 2], 1.5),
        (["none", "none"], "none"),
        ([None, None], None),
        ([{"ci": 1}, {"ci": 1}], {"ci": 1}),
        ([True, False], 0.5),
        ([True, None], True),
        (["good", "next", "good", "good"], {"good": 0.75, "next": 0.25}),
        ([{"staging": "next", "production": 1}] * 2, {"staging": "next", "production": 1}),
        ([{"prod": "a"}, {"prod": "b"}], {"prod": {"a": 0.5, "b": 0.5}}),
    ],
)
def test_a_measure_on_which_runs_disagree_is_their_mean_or_shares(
    values: list[object], expected: object
) -> None:
    """A share for yes and no and of each word, the value itself where they agree."""
    found = result(*(run_of({"it": value}, {}) for value in values))
    assert found.measures()["it"] == expected
    assert type(found.measures()["it"]) is type(expected)


def test_progress_is_told_before_each_run() -> None:
    """So that a long comparison on a real cluster shows that it lives."""
    seen: list[tuple[int, int, str]] = []
    compare(runs=1, means=Means(progress=lambda *told: seen.append(told)))
    count = len(rows("rollback", profile="lean-ci", seed=1))
    assert [(done, total) for done, total, _ in seen] == [(n, count) for n in range(count)]
    assert seen[0][2] == "v1 revert, cache"


def test_on_kind_nobody_waits_for_a_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    """Polling costs what the interval is; there it is left out, and so is the profile."""
    asked: list[Variant] = []

    def run(scenario: Scenario, *, substrate: str) -> Run:
        asked.append(scenario.variant)
        return run_of({}, {})

    monkeypatch.setattr(comparison.worlds, "run", run)
    found = compare(substrate="kind")
    assert all(each.poll_interval_seconds is None for each in asked)
    assert (found.profile, len(found.results[0].runs)) == (None, 1)


def test_several_processes_find_what_one_finds() -> None:
    """Every seed is a world of its own, and the seeds come back in order."""
    one = compare(runs=SEEDS_WORTH_A_PROCESS, seed=5)
    two = compare(runs=SEEDS_WORTH_A_PROCESS, seed=5, means=Means(processes=2))
    assert one.to_dict() == two.to_dict()


@pytest.mark.parametrize("story", sorted(WITHOUT_ROLLBACK - set(INSTEAD)))
def test_a_story_without_rollback_is_compared_by_how_it_ends(story: str) -> None:
    """Rows that say nothing of a rollback, one table of outcomes, and no times of a rollback."""
    found = compare(story, runs=1)
    names = [each.name for each in found.results]
    assert names == ["V1", "V1 gated", "V2", "V2 gated", "V3", "V3 poll 60 s"]
    (grid,) = tables.variants(found, is_wide=True)
    assert [row[0] for row in grid.rows] == names
    assert set(grid.columns[1:]) <= {*tables.ENDS, *outcomes.FACTS[story]}
    assert set(grid.columns[1:]) & set(outcomes.FACTS[story]), "what the story is about"
    assert not tables.charts(found)
    assert not pairings.pairings(found)


def test_one_pair_of_runs_makes_no_table_of_pairs() -> None:
    """It says nothing of spread; two do, and the title says what they have in common."""
    assert not pairings.pairings(compare(runs=1))
    (grid,) = pairings.pairings(compare(runs=2))
    assert grid.title.endswith("over runs that share their random numbers")
    (taken,) = pairings.pairings(replace(compare(runs=2), substrate="kind"))
    assert taken.title.endswith("over runs that took turns")


@pytest.mark.parametrize("story", sorted(set(STORIES) & set(NEEDED)))
def test_a_story_that_needs_settings_is_no_comparison(story: str) -> None:
    """The message names what is missing, and what plays such stories."""
    with pytest.raises(CdlabError, match=f"needs {NEEDED[story][0]}") as error:
        rows(story, profile="lean-ci", seed=1)
    assert "cdlab run FILE" in (error.value.help or "")


@pytest.mark.parametrize("story", ROADS)
def test_a_story_that_goes_through_all_architectures_is_no_comparison(story: str) -> None:
    """The message says why, and what plays it: a file that is there."""
    with pytest.raises(CdlabError, match="v1, v2 and v3") as error:
        rows(story, profile="lean-ci", seed=1)
    (file,) = re.findall(r"scenarios/\S+\.yaml", error.value.help or "")
    assert load(ROOT / file).story == story


def ends(story: str) -> dict[str, dict[str, object]]:
    """Row -> its measures after one run."""
    return {each.name: each.measures() for each in compare(story, runs=1).results}


def test_an_undo_that_finds_nothing_is_a_result_of_its_row() -> None:
    """A manifest in a config repo was applied by hand, and no rollout came of it."""
    found = compare("bad-manifest", runs=1)
    told = {each.title: each.text for each in findings.not_expressible(found)}
    assert told["V2 rollout-undo rollback"].startswith("nothing to undo: no rollout history")
    names = [each.name for each in found.results]
    assert names == [f"{r.scenario.architecture.upper()} {r.label}" for r in rows_of("rollback")]


def rows_of(story: str) -> tuple[Row, ...]:
    return rows(story, profile="lean-ci", seed=1)


@pytest.mark.parametrize("row", ["V1 rollout-undo", "V2 rollout-undo"])
def test_an_undo_of_an_undo_ends_on_the_bad_one_and_counts_as_none(row: str) -> None:
    """The second one brings the worse release back, however fast the first one was."""
    found = ends("roll-back-twice")[row]
    assert found["serves_at_end"] == {"staging": "worse", "production": "worse"}
    assert (found["stayed_rolled_back"], found["rollback_seconds"]) == (False, None)


def test_an_older_build_ends_last_in_a_comparison_too() -> None:
    """V1 and V2 run what was built last; V3 knows which is the newer one."""
    found = ends("older-build-last")
    serving = {name: found[name]["serves_at_end"]["production"] for name in ("V1", "V2")}  # type: ignore[index]
    assert serving == {"V1": "older", "V2": "older"}
    assert found["V3"]["serves_at_end"] == {"staging": "next", "production": "good"}


def test_a_gate_stands_before_production() -> None:
    """Else the gated rows would be the others once more."""
    found = ends("different-versions")
    assert found["V1 gated"]["serves_at_end"] == {"staging": "next", "production": "good"}


def test_a_story_is_played_with_what_its_scenario_files_say() -> None:
    """Its faults and settings, in every row; and no fault of hours on kind."""
    slow = rows_of("older-build-last")[0]
    assert slow.scenario.faults[0]["what"] == "build-slow"
    assert slow.on_kind().scenario.faults[0]["seconds"] <= 60
    assert rows_of("incompatible-services")[0].scenario.microservices[0] == "users"
    assert rows_of("bad-manifest")[0].scenario.bad == "manifest"
    assert not any(row.scenario.next_push for row in rows_of("roll-back-twice"))
