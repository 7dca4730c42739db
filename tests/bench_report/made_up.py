"""Results files that nobody measured, with round numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from cdlab.bench.results import CellPlan, Opening, Remark, RunLine, append, start
from cdlab.random_streams import Stream

CACHE, NO_CACHE = "V1 revert, cache", "V1 revert, no cache"
V2, V3, V3_CONFIG = "V2 revert, cache", "V3 command", "V3 config-revert"
PATCH, UNDO = "bare image patch", "V1 rollout-undo"
MAIN = (CACHE, NO_CACHE, V2, V3, PATCH, UNDO)
SECONDS = {CACHE: 4.0, NO_CACHE: 8.0, V2: 5.0, V3: 4.4, PATCH: 2.0, UNDO: 2.2, V3_CONFIG: 6.0}
SHARES = {
    "revert": 0.10, "notify": 0.02, "checkout": 0.05, "build": 0.20, "push": 0.05, "config": 0.03,
    "apply": 0.02, "earlier replicas": 0.25, "schedule": 0.01, "pull": 0.05, "start": 0.12,
    "ready": 0.08, "drain": 0.02,
}  # fmt: skip
MEASURES: dict[str, dict[str, Any]] = {
    "v1": {
        "touch_of_a_deploy": 4, "components_to_deploy": 4, "lead_time_seconds": 3.0,
        "code_coupling": 1, "write_touch_of_a_rollback": 3, "touch_of_a_rollback": 4, "rebuilds": 1,
        "writable_resources": {"ci": 3, "maximum": 3}, "mediated_blast_radius": None,
        "good_commits_withdrawn": 0,
    },
    "v2": {
        "touch_of_a_deploy": 5, "components_to_deploy": 5, "lead_time_seconds": 3.4,
        "code_coupling": 1, "write_touch_of_a_rollback": 4, "touch_of_a_rollback": 5, "rebuilds": 1,
        "writable_resources": {"ci": 4, "maximum": 4}, "mediated_blast_radius": 0.0,
        "good_commits_withdrawn": 0,
    },
    "v3": {
        "touch_of_a_deploy": 6, "components_to_deploy": 6, "lead_time_seconds": 3.9,
        "code_coupling": 0.5, "write_touch_of_a_rollback": 2, "touch_of_a_rollback": 3,
        "rebuilds": 0, "writable_resources": {"ci": 1, "manager": 3, "maximum": 3},
        "mediated_blast_radius": 1.0, "good_commits_withdrawn": 0,
    },
}  # fmt: skip
OPENING = Opening(
    mode="full",
    seed=7,
    cdlab="0.1.0",
    date="2026-11-30T12:00:00Z",
    machine={"cores": 2, "machine": "x86_64", "processor": "Example 3000"},
    cells=(
        CellPlan(name="main", variants=MAIN, blocks_at_least=10, blocks_at_most=60),
        CellPlan(
            name="replicas 6", factor="replicas", setting="6", variants=(CACHE, NO_CACHE, V2, V3),
            blocks_at_least=10, blocks_at_most=10,
        ),
        CellPlan(
            name="trigger poll 60 s", factor="trigger", setting="poll 60 s",
            variants=(CACHE, V3, V3_CONFIG), blocks_at_least=10, blocks_at_most=10,
        ),
        CellPlan(
            name="commit merge", factor="commit", setting="merge", variants=(CACHE, V3),
            blocks_at_least=10, blocks_at_most=10,
        ),
    ),
    settings={
        "replicas": 2, "probe_interval_seconds": 0.1, "readiness_probe": True, "trigger": "event",
        "image_size": "2 MB", "build_load": "none", "executors": 2, "cache": "warm, declared",
        "deadline_seconds": 240.0, "versions": {"kind": "v0.30", "kubernetes": "v1.34"},
        "observation_seconds": 4.0,
    },
)  # fmt: skip


def run(cell: str, block: int, variant: str, seconds: float | None, **more: Any) -> RunLine:
    """One run whose phases are fixed shares of its time."""
    name = variant[:2].lower() if variant.startswith("V") else ""
    phases = {} if seconds is None else {k: share * seconds for k, share in SHARES.items()}
    return RunLine(
        cell=cell,
        block=block,
        variant=variant,
        architecture=name,
        seconds=seconds,
        phases=phases,
        **{
            "position": 1,
            "deadline_seconds": 240.0,
            "recovery_seconds": None if seconds is None else seconds + 0.2,
            "has_stayed": None if seconds is None else True,
            "measures": MEASURES.get(name, {}),
            "wall_seconds": 40.0,
            "overhead_seconds": 1.0,
            "load": 0.5,
            **more,
        },
    )


def runs(opening: Opening = OPENING, blocks: int = 20) -> list[RunLine]:
    """Blocks of every cell but the last; two censored runs of V2, all of the config revert."""
    made = []
    for cell in opening.cells[:3]:
        for block in range(1, (blocks if cell.name == "main" else blocks // 2) + 1):
            for place, variant in enumerate(cell.variants, start=1):
                stream = Stream(1, f"made up {cell.name} {variant}", str(block))
                seconds: float | None = round(SECONDS[variant] * stream.uniform(0.8, 1.25), 3)
                if variant == V3_CONFIG or (variant == V2 and block in (3, 5)):
                    seconds = None
                busy = ("load",) if block == 4 else ()
                made.append(run(cell.name, block, variant, seconds, position=place, busy=busy))
    return made


def written(path: Path, lines: Iterable[RunLine | Remark], opening: Opening = OPENING) -> Path:
    """A file with these lines after its opening."""
    start(path, opening)
    for each in lines:
        append(path, each)
    return path


def whole(folder: Path, **more: Any) -> Path:
    """A file with everything that a report has to show: a warm-up and remarks, too."""
    warm_up = replace(run("main", 0, CACHE, 30.0), is_warm_up=True)
    remarks = (Remark(what="resumed", text="after 12 runs", at="2026-11-30T13:00:00Z"),)
    opening = replace(OPENING, **more)
    return written(folder / "results.jsonl", [warm_up, *runs(opening), *remarks], opening)
