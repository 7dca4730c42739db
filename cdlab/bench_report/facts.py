"""
What has to be known to judge a benchmark's numbers: each fact by name, also one that is missing.

In: `Results`. Out: (name, text) rows. What a file does not say is printed as not said, never left
out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from cdlab.bench.judging import troubles_of
from cdlab.bench.plans import cells_of
from cdlab.bench.results import MAIN_CELL, PROBE_SECONDS, CellPlan, Results
from cdlab.report import wording

NOT_SAID = "not said in the file"
START = "somebody asks for the rollback"
STOP = (
    "every replica is Ready on the known-good content, and no bad replica serves; recovery: the "
    "outside probe never sees the bad content again"
)
NAMED: Mapping[str, tuple[str, ...]] = {
    "replicas": ("replicas",),
    "microservices": ("microservices",),
    "probes": ("probes", "readiness_probe", "probe_interval_seconds", "probe_seconds"),
    "trigger mode and interval": ("trigger", "poll_interval_seconds", "poll_seconds"),
    "image size": ("image_size", "image_bytes", "payload_kib"),
    "build load": ("build_load", "build_work"),
    "CI executors": ("executors",),
    "cache state": ("cache", "caches", "cache_state", "cache_states"),
    "deadline": ("deadline", "deadline_seconds"),
}
"""Fact -> the settings that say it, any of them."""
COSTS, VERSIONS, REPLAY = "profile", "versions", "replay"
OF_MACHINE = ("python", "node_image")
"""Versions that stand among the facts of the machine."""
REAL = "none: real runs, nothing is drawn from a profile"
MODES: Mapping[str, str] = {"default": "", "quick": " --quick", "full": " --full"}


def facts(results: Results) -> list[tuple[str, str]]:
    """Every fact, in the order in which somebody would ask."""
    opening = results.opening
    settings = dict(opening.settings)
    found = [
        ("variants", "; ".join(_variants(results))),
        ("start event", START),
        ("stop event", STOP),
        ("release manager", "cdlab's manager"),
    ]
    for name, keys in NAMED.items():
        there = [key for key in keys if key in settings]
        texts = [_text(settings.pop(key), key if len(there) > 1 else "") for key in there]
        found.append((name, "; ".join(texts) or NOT_SAID))
    of_machine = {k: opening.machine[k] for k in OF_MACHINE if k in opening.machine}
    versions = {"cdlab": opening.cdlab, **of_machine, **_mapping(settings.pop(VERSIONS, {}))}
    costs = settings.pop(COSTS, NOT_SAID if is_simulated(results) else REAL)
    settings.pop(REPLAY, None)
    return [
        *found,
        ("what else differs in a cell", "; ".join(_factors(results)) or "nothing: one cell"),
        ("costs profile", _text(costs)),
        ("n", "; ".join(_counts(results))),
        ("seeds", f"{opening.seed}, of the order of the variants inside each block"),
        ("machine", _text(opening.machine)),
        ("versions", _text(versions)),
        ("begun", opening.date),
        ("warm-ups dropped", str(sum(run.is_warm_up for run in results.runs))),
        ("censored", _censored(results)),
        ("busy marks", _busy(results)),
        ("remarks", "; ".join(_remarks(results)) or "none"),
        ("further settings", _text(settings) if settings else "none"),
    ]


def replay(results: Results, name: str) -> str:
    """The line that measures the same once more, into a file of that name."""
    opening = results.opening
    said = opening.settings.get(REPLAY)
    if isinstance(said, str) and said:
        return said
    options = MODES.get(opening.mode, "")
    if opening.mode == "aa" and opening.cells:
        twin = opening.cells[0].variants[0].rpartition(", twin ")[0]
        options = f' --aa "{twin}"'
    if opening.cells and _blocks(opening.cells[0]) != _blocks(cells_of(opening.mode, None)[0]):
        options += f" --blocks {opening.cells[0].blocks_at_most}"
    probe = opening.settings.get("probe_interval_seconds")
    if probe not in (None, PROBE_SECONDS):
        options += f" --probe-seconds {probe:g}"
    if is_simulated(results):
        options += " --substrate sim"
    return f"cdlab bench{options} --seed {opening.seed} --out {name}"


def _blocks(cell: CellPlan) -> tuple[int, int]:
    return cell.blocks_at_least, cell.blocks_at_most


def is_simulated(results: Results) -> bool:
    """Whether the runs were played in the simulator, to try the command."""
    return results.opening.settings.get("substrate") == "sim"


def _variants(results: Results) -> Iterator[str]:
    for cell in results.opening.cells:
        yield f"{cell.name}: " + ", ".join(cell.variants)


def _factors(results: Results) -> Iterator[str]:
    for cell in results.opening.cells:
        if cell.name != MAIN_CELL:
            yield f"{cell.factor or cell.name}: {cell.setting}"


def _counts(results: Results) -> Iterator[str]:
    for cell in results.opening.cells:
        counts = {variant: len(results.of(cell.name, variant)) for variant in cell.variants}
        if len(set(counts.values())) == 1:
            yield f"{cell.name}: {next(iter(counts.values()))} runs of each variant"
        else:
            yield f"{cell.name}: " + ", ".join(f"{v} {n}" for v, n in counts.items())


def _censored(results: Results) -> str:
    counts = Counter(f"{r.cell}: {r.variant}" for r in results.counted if r.seconds is None)
    said = ", ".join(f"{name} {n}" for name, n in counts.items())
    return f"{counts.total()} of {len(results.counted)}" + (f" ({said})" if said else "")


def _busy(results: Results) -> str:
    found = [troubles_of(run, results) for run in results.counted]
    marked = sum(bool(troubles) for troubles in found)
    marks = Counter(mark for troubles in found for mark in troubles)
    said = ", ".join(f"{name} {n}" for name, n in sorted(marks.items()))
    loads = [run.load for run in results.counted]
    load = f"; load before a run {min(loads):g} to {max(loads):g}" if loads else ""
    return f"{marked} of {len(results.counted)} runs" + (f" ({said})" if said else "") + load


def _remarks(results: Results) -> Iterator[str]:
    for each in results.remarks:
        yield f"{each.what}: {each.text}" + (f" ({each.at})" if each.at else "")


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {"": value}


def _text(value: Any, name: str = "") -> str:
    """Any plain value in words, with the name of the setting where it needs one."""
    if isinstance(value, Mapping):
        text = ", ".join(f"{key} {_text(each)}".strip() for key, each in value.items())
    elif isinstance(value, (list, tuple)):
        text = ", ".join(map(_text, value))
    elif value is None:
        text = "none"
    elif isinstance(value, float):
        text = f"{value:g}"
    else:
        text = wording.number(value)
    text = text or wording.NOTHING
    return f"{name.replace('_', ' ')} {text}" if name else text
