"""
`cdlab bench`: rollback measured in blocks on kind, and two such measurements compared.

In: options. Out: a file of JSON lines that is gone on with where it is there, a summary beside it,
a table or JSON on standard output; exit code 1 where a comparison finds something slower.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cdlab.cli import kept, output
from cdlab.cli.output import BROKEN, GREATEST_SEED, OK, Substrate, counting, print_json, say

if TYPE_CHECKING:
    from cdlab.bench.benchmark import Standing
    from cdlab.bench.plans import Planned
    from cdlab.bench.results import Opening, Results, RunLine
    from cdlab.runner import Run


FASTEST_PROBE, SLOWEST_PROBE = 0.02, 0.1
"""Seconds between two requests. Faster ones would be a load, slower ones would miss the end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Benching:
    """What was asked for."""

    out: Path
    mode: str
    twin: str | None
    blocks: int | None
    seed: int
    substrate: str
    probe_seconds: float
    histories: Path | None


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(bench)


OutOption = Annotated[
    Path, typer.Option(metavar="FILE", help="The results; gone on with if it is there.")
]
QuickOption = Annotated[bool, typer.Option("--quick", help="3 blocks: to see that it works.")]
FullOption = Annotated[
    bool, typer.Option("--full", help="60 blocks, and 10 of each factor around them: hours.")
]
AaOption = Annotated[
    str | None,
    typer.Option("--aa", metavar="VARIANT", help="A variant against itself: no difference."),
]
BlocksOption = Annotated[
    int | None, typer.Option(min=1, help="Blocks of each cell, instead of the mode's.")
]
SeedOption = Annotated[
    int, typer.Option(min=0, max=GREATEST_SEED, help="Of the order inside the blocks.")
]
SubstrateOption = Annotated[
    Substrate, typer.Option(help="`sim` to try the command; it measures nothing.")
]
ProbeOption = Annotated[
    float, typer.Option(help="Between two requests of the probe, 0.02 to 0.1; 0: no probe.")
]
HistoriesOption = Annotated[
    Path | None, typer.Option(metavar="FOLDER", help="Keep the history of every run there.")
]
CompareOption = Annotated[
    tuple[Path, Path] | None,
    typer.Option(metavar="OLD NEW", help="Measure nothing: say what became slower."),
]
ThresholdOption = Annotated[
    float, typer.Option(help="With --compare: the share by which something may be slower.")
]
OtherMachineOption = Annotated[
    bool, typer.Option("--other-machine", help="Compare files of two machines all the same.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


def bench(
    *,
    out: OutOption = Path("bench.jsonl"),
    quick: QuickOption = False,
    full: FullOption = False,
    aa: AaOption = None,
    blocks: BlocksOption = None,
    seed: SeedOption = 1,
    substrate: SubstrateOption = Substrate.kind,
    probe_seconds: ProbeOption = 0.08,
    histories: HistoriesOption = None,
    compare: CompareOption = None,
    threshold: ThresholdOption = 0.10,
    other_machine: OtherMachineOption = False,
    as_json: JsonOption = False,
) -> None:
    """Measure rollbacks on kind: V1, V2, V3 and two baselines in blocks, probed from outside."""
    if not 0 <= threshold <= 1:
        raise typer.BadParameter(f"--threshold {threshold}: a share from 0 to 1, as 0.10 for 10 %")
    if compare is not None:
        raise typer.Exit(_compare(compare, threshold, other_machine, as_json))
    if probe_seconds and not FASTEST_PROBE <= probe_seconds <= SLOWEST_PROBE:
        raise typer.BadParameter(
            f"--probe-seconds {probe_seconds}: 0, or from {FASTEST_PROBE} to {SLOWEST_PROBE}"
        )
    modes = {"quick": quick, "full": full, "aa": aa is not None}
    chosen = [mode for mode, is_asked in modes.items() if is_asked]
    if len(chosen) > 1:
        raise typer.BadParameter(f"--{' and --'.join(chosen)} are two plans; choose one")
    asked = Benching(
        out=out,
        mode=chosen[0] if chosen else "default",
        twin=aa,
        blocks=blocks,
        seed=seed,
        substrate=substrate.value,
        probe_seconds=probe_seconds,
        histories=histories,
    )
    _show(_measured(asked), as_json, out)


def _measured(asked: Benching) -> Results:
    """All the runs. A run that ends by an error leaves a folder, as with other commands."""
    from cdlab import worlds
    from cdlab.bench import machine
    from cdlab.bench.benchmark import Means, benchmark
    from cdlab.bench.playing import Player

    kept.refuse_unwritable([asked.out, _summary_of(asked.out)])
    if asked.histories is not None:
        asked.histories.mkdir(parents=True, exist_ok=True)
    player = Player(
        substrate=asked.substrate,
        seed=asked.seed,
        probe_seconds=asked.probe_seconds,
        keep=_keeper(asked.histories),
    )

    def play(planned: Planned) -> RunLine:
        try:
            return player(planned)
        except Exception as error:  # tried again, maybe; what it left is for whoever asks why
            replay = f"the same command; block {planned.block} of {planned.cell}"
            kept.keep(error, f"bench-{slug(planned)}", replay=replay)
            raise

    opening = _opening(asked, machine.identity(worlds.facts_of(asked.substrate)), player.settings())
    with counting("run", lines_every=1 if asked.substrate == "kind" else 100) as progress:

        def show(standing: Standing) -> None:
            progress(standing.done, standing.total, told(standing))

        means = Means(play=play, now=machine.now, progress=show)
        try:
            return benchmark(asked.out, opening, means)
        except KeyboardInterrupt:
            say(f"all that was measured is in {asked.out}; the same command goes on with it")
            raise


def _opening(asked: Benching, machine: dict[str, object], settings: dict[str, object]) -> Opening:
    from cdlab.bench.machine import now
    from cdlab.bench.plans import cells_of
    from cdlab.bench.results import Opening
    from cdlab.bench.variants import SCENARIOS, V1_REVERT
    from cdlab.version import __version__

    if asked.twin is not None and asked.twin not in SCENARIOS:
        there = ", ".join(f'"{name}"' for name in SCENARIOS)
        raise typer.BadParameter(f'"{asked.twin}" is no variant; there are {there}')
    return Opening(
        mode=asked.mode,
        seed=asked.seed,
        cdlab=__version__,
        date=now(),
        machine=machine,
        cells=cells_of(asked.mode, asked.blocks, asked.twin or V1_REVERT),
        settings=settings,
    )


def _keeper(folder: Path | None) -> Callable[[Planned, Run], None]:
    def keep(planned: Planned, run: Run) -> None:
        if folder is not None and not planned.is_warm_up:
            run.history.save(folder / f"{slug(planned)}.jsonl")

    return keep


def slug(planned: Planned) -> str:
    """The name of a run's files."""
    words = f"{planned.cell} {planned.block} {planned.variant}"
    return words.replace(",", "").replace(" ", "-")


def told(standing: Standing) -> str:
    """What is run now, and how long all the rest takes if nothing stops early."""
    now = standing.following
    where = "warm-up" if now.is_warm_up else f"{now.cell}, block {now.block}"
    left = standing.seconds_left
    time = "" if left is None else f", about {left / 60:.0f} min left"
    return f"{where}: {now.variant}{time}"


def _summary_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.summary.json")


def _show(results: Results, as_json: bool, path: Path) -> None:
    """Write the summary, whole, and print it."""
    from cdlab.bench.judging import summary_of
    from cdlab.report.bench_tables import grids, sentences
    from cdlab.report.page import print_grids
    from cdlab.whole_files import write_whole

    summary = summary_of(results)
    found = summary.to_dict()
    write_whole(_summary_of(path), json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    if as_json:
        print_json(found)
        return
    heading = f"Rollback on {results.opening.settings['substrate']}: {path}"
    print_grids(output.console(), heading, grids(summary), sentences(summary))


def _compare(paths: tuple[Path, Path], threshold: float, is_meant: bool, as_json: bool) -> int:
    """Say what became slower; 1 if anything did."""
    from cdlab.bench import results
    from cdlab.bench.changes import changes, require_comparable
    from cdlab.bench.judging import summary_of
    from cdlab.errors import ResultsError
    from cdlab.report.bench_tables import change_grid
    from cdlab.report.page import print_grids

    old, new = (results.load(path) for path in paths)
    names = (str(paths[0]), str(paths[1]))
    require_comparable(old.opening, new.opening, names, is_other_machine_meant=is_meant)
    for name, results_of in zip(names, (old, new), strict=True):
        if summary_of(results_of).is_busy:
            say(f"{name}: measured on a busy machine")
    found = changes(old, new, threshold=threshold)
    if not found:
        raise ResultsError(names[1], 0, f"has no variant and cell in common with {names[0]}")
    if as_json:
        print_json({"threshold": threshold, "changes": [each.to_dict() for each in found]})
    else:
        heading = f"{names[1]} against {names[0]}, threshold {threshold:.0%}"
        print_grids(output.console(), heading, [change_grid(found)], [])
    slower = [change.variant for change in found if change.is_slower]
    if slower:
        say(f"slower: {', '.join(dict.fromkeys(slower))}")
    return BROKEN if slower else OK
