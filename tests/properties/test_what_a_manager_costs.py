"""What V3 adds to a rollback and to a deploy: a commit, and half a poll interval. Invariant 6."""

from __future__ import annotations

import statistics
from pathlib import Path

import pytest

from cdlab.model import Variant
from cdlab.runner import Run
from cdlab.scenario import Scenario
from cdlab.worlds import run

FREE = "\n".join(
    f'[{purpose}]\ndistribution = "constant"\nvalue = 0\nsource = "assumption of the test"'
    for purpose in ("build", "build_cached", "image_push", "image_push_known")
)
SEEDS = range(60)


def test_where_a_build_costs_nothing_only_git_makes_the_difference(tmp_path: Path) -> None:
    """
    V3 minus V1 is the cost of the config commit, minus what V1 does with the code repo instead.

    Constant costs, free builds and pushes: an image is there at once, and so is its place in CI.
    """
    profile = tmp_path / "free-builds.toml"
    profile.write_text(f'extends = "constant"\ndescription = "Builds are free"\n{FREE}\n')
    v1, v3 = (rolled_back(name, profile=str(profile)) for name in ("v1", "v3"))
    git = {"revert", "notify", "checkout", "config"}
    rest = [{k: s for k, s in each.phases.items() if k not in git} for each in (v1, v3)]
    assert rest[0] == rest[1]
    instead = sum(v1.phases[each] for each in ("revert", "notify", "checkout"))
    difference = v3.measures["rollback_seconds"] - v1.measures["rollback_seconds"]
    assert difference == pytest.approx(v3.phases["config"] - instead, abs=1e-6)


@pytest.mark.parametrize(
    ("rollback", "measure"),
    [("config-revert", "rollback_seconds"), ("command", "lead_time_seconds")],
)
def test_polling_costs_half_an_interval_in_the_mean(rollback: str, measure: str) -> None:
    """
    300 s more between looks are 150 s more until one comes, within three standard errors.

    For what waits for a look: a revert in the config repo, and a new image.
    """
    short, long = (waits(rollback, measure, interval) for interval in (60.0, 360.0))
    more = [b - a for a, b in zip(short, long, strict=True)]
    error = statistics.stdev(more) / len(more) ** 0.5
    assert error < 20
    assert abs(statistics.mean(more) - 150) < 3 * error


def waits(rollback: str, measure: str, interval: float) -> list[float]:
    """The measure with that poll interval, for each seed."""
    found = [rolled_back("v3", rollback, interval, seed=seed, profile="constant") for seed in SEEDS]
    return [each.measures[measure] for each in found]


def rolled_back(
    architecture: str,
    rollback: str = "",
    interval: float | None = None,
    *,
    seed: int = 1,
    profile: str = "lean-ci",
) -> Run:
    """The story rollback, in one environment of one microservice."""
    how = rollback or ("command" if architecture == "v3" else "revert")
    return run(
        Scenario(
            architecture=architecture,
            microservices=("users",),
            variant=Variant(rollback=how, poll_interval_seconds=interval),
            seed=seed,
            profile=profile,
        )
    )
