"""What is said at the end: medians, ratios to the first variant, and what disturbed the runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from cdlab.bench.judging import SCHEMA, summary_of
from cdlab.bench.outliers import is_outlier
from cdlab.bench.plans import Planned
from cdlab.bench.results import CellPlan, Remark, Results, RunLine
from tests.bench.fake_bench import FIRST, SECOND, cell, line, opening


def results_of(
    seconds: Mapping[str, list[float | None]], plan: CellPlan | None = None, mode: str = "default"
) -> Results:
    """A file with these times of each variant, block by block, after a slow warm-up."""
    plan = plan or cell(2, 60, variants=tuple(seconds))
    runs = [line(Planned(plan.name, 0, 1, name), 99.0) for name in seconds]
    for name, each in seconds.items():
        runs += [line(Planned(plan.name, n, 1, name), value) for n, value in enumerate(each, 1)]
    return Results(opening(plan, mode=mode), tuple(runs), ())


def test_a_variant_is_compared_with_the_first_of_its_block() -> None:
    """By the median of the ratios and not the ratio of the medians; the warm-up has no say."""
    found = summary_of(results_of({FIRST: [2.0, 8.0, 30.0], SECOND: [1.0, 8.0, 10.0]}))
    first, second = found.cells[0].rows
    assert (first.seconds, second.seconds, first.against_first) == (8.0, 8.0, None)
    assert second.against_first is not None
    assert round(second.against_first.ratio or 0, 6) == 2.0
    assert second.against_first.win_rate == 2.5 / 3
    assert (first.runs, found.cells[0].blocks) == (3, 3)


def test_a_censored_run_is_the_longest() -> None:
    """It is counted, and where it is in the middle there is no median."""
    found = summary_of(results_of({FIRST: [4.0, 4.0, 4.0], SECOND: [4.0, None, None]}))
    row = found.cells[0].rows[1]
    assert (row.censored, row.seconds, row.recovery_missing) == (2, None, 2)
    assert row.against_first is not None
    assert row.against_first.low is None


def test_the_95th_percentile_wants_59_runs() -> None:
    """With fewer nobody can say it with 95 % confidence."""
    few = results_of({FIRST: [4.0] * 58, SECOND: [2.0] * 58})
    many = results_of({FIRST: [4.0] * 59, SECOND: [2.0] * 59})
    assert summary_of(few).cells[0].rows[0].seconds_p95 is None
    assert summary_of(many).cells[0].rows[0].seconds_p95 == 4.0


def test_a_busy_machine_marks_the_result() -> None:
    """From a tenth of the runs on; what disturbed fewer of them is said and no more."""
    results = results_of({FIRST: [4.0] * 10, SECOND: [2.0] * 10})

    def disturbed(count: int) -> Results:
        counted = results.counted
        marked = [replace(run, busy=("load", "clock")) for run in counted[:count]]
        return replace(results, runs=(*marked, *counted[count:]))

    assert not summary_of(results).is_busy
    assert not summary_of(disturbed(2)).is_busy
    assert summary_of(disturbed(3)).is_busy
    assert summary_of(disturbed(3)).busy == {"clock": 3, "load": 3}


def test_an_outlier_is_judged_anew_by_all_runs() -> None:
    """What was far from the first few may be usual later; a run is not one of its own others."""
    few = results_of({FIRST: [4.0] * 7 + [40.0], SECOND: [2.0] * 8})
    assert summary_of(few).busy == {}
    slow = results_of({FIRST: [4.0] * 9 + [40.0], SECOND: [2.0] * 10})
    assert summary_of(slow).busy == {"outlier": 1}
    usual = results_of({FIRST: [4.0, 40.0] * 5, SECOND: [2.0] * 10})
    marked = replace(usual, runs=tuple(replace(r, busy=("outlier",)) for r in usual.runs))
    assert summary_of(marked).busy == {}


def test_an_outlier_is_three_ranges_beyond_a_quartile_and_half_a_second() -> None:
    """Of 8 others or more; a censored run is none."""
    others: list[float | None] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]
    assert not is_outlier(19.0, others)  # quartiles 3 and 7: 7 + 3 * 4
    assert is_outlier(19.1, others)
    assert not is_outlier(19.1, others[:7])
    assert not is_outlier(None, others)
    assert not is_outlier(1.5, [1.0] * 9)
    assert is_outlier(1.51, [1.0] * 9)


def test_the_overhead_and_the_probe_are_shares_of_all_time() -> None:
    """Half a second of 20 s; 240 requests in 20 s; a tenth of a second of the processor."""
    found = summary_of(results_of({FIRST: [4.0], SECOND: [2.0]}))
    assert found.overhead_share == 0.025
    assert found.probe == {
        "requests_per_second": 12.0, "unanswered_share": 0.05, "processor_share": 0.005,
        "longest_gap_seconds": 0.3,
    }  # fmt: skip


def test_the_summary_says_its_schema_and_is_json() -> None:
    """With all that the file said of where and when, the remarks among it."""
    results = results_of({FIRST: [4.0], SECOND: [2.0]})
    results = replace(results, remarks=(Remark(what="failed", text="why"),))
    found = json.loads(json.dumps(summary_of(results).to_dict(), allow_nan=False))
    assert found["schema"] == SCHEMA
    assert found["machine"]["processor"] == "P"
    assert (found["runs"], found["warm_ups"], found["remarks"][0]["text"]) == (2, 2, "why")
    assert found["cells"][0]["rows"][1]["against_first"]["ratio"] == 2.0


def runs_with(sign: int) -> list[float | None]:
    """Thirty times that go up and down; with *sign* -1 down and up."""
    return [10.0 + sign * (-1) ** n * (1 + n % 7) / 10 for n in range(30)]


def test_twins_that_do_not_differ_are_said_to_be_alike() -> None:
    """Over all blocks, and in how many repetitions of ten."""
    names = ("V3 command, twin A", "V3 command, twin B")
    alike = results_of(dict(zip(names, (runs_with(1), runs_with(-1)), strict=True)), mode="aa")
    assert summary_of(alike).cells[0].twins == (
        "no difference; 3 of 3 repetitions of 10 blocks found none"
    )
    slower: list[float | None] = [20.0 + n / 10 for n in range(30)]
    unlike = results_of(dict(zip(names, (runs_with(1), slower), strict=True)), mode="aa")
    assert summary_of(unlike).cells[0].twins == (
        "a difference that is none; 0 of 3 repetitions of 10 blocks found none"
    )
    few = results_of({names[0]: [1.0], names[1]: [2.0]}, mode="aa")
    assert summary_of(few).cells[0].twins.startswith("cannot be said")


def test_a_file_that_has_only_begun_can_be_judged() -> None:
    """One variant has run and the other has not."""
    started: list[RunLine] = [line(Planned("main", 1, 1, FIRST), 4.0)]
    found = summary_of(Results(opening(cell(2, 4)), tuple(started), ()))
    assert [row.runs for row in found.cells[0].rows] == [1, 0]
    json.dumps(found.to_dict(), allow_nan=False)
