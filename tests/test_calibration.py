"""From histories back to costs: what went into the simulator has to come out of its histories."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cdlab.calibration import fitted, profile_text, samples
from cdlab.cli.main import app
from cdlab.model import Variant
from cdlab.random_streams import RandomStreams
from cdlab.scenario import Scenario
from cdlab.substrates.sim.costs import load_profile
from cdlab.worlds import run

MEASURED = (
    "api_call", "build", "build_cached", "git_clone", "git_commit", "git_head", "git_push", "hint",
    "image_push", "image_push_known", "pod_start", "pull", "registry_read", "schedule",
)  # fmt: skip


def played(profile: str, seeds: int = 1) -> list[Scenario]:
    """Rollbacks of every architecture, each with some seeds."""
    return [
        Scenario(
            architecture=architecture,
            profile=profile,
            seed=seed,
            variant=Variant(rollback="command" if architecture == "v3" else "revert"),
        )
        for architecture in ("v1", "v2", "v3")
        for seed in range(seeds)
    ]


@pytest.mark.parametrize("purpose", MEASURED)
def test_constant_costs_come_out_as_they_went_in(purpose: str) -> None:
    """Every sample of every purpose is the number in the profile, to the microsecond."""
    found = samples(run(each).history for each in played("constant"))
    (wanted,) = load_profile("constant").costs[purpose].numbers
    assert found[purpose]
    assert set(found[purpose]) == {wanted}


def test_nothing_else_is_measured() -> None:
    """Names of purposes, so that a profile can be made of them."""
    assert set(samples(run(each).history for each in played("constant"))) == set(MEASURED)


def test_medians_and_spreads_come_out_as_they_went_in() -> None:
    """Within four standard errors, for lognormal costs of hundreds of draws."""
    # Of one architecture: the others draw the same numbers.
    found = samples(run(each).history for each in played("lean-ci", seeds=90)[:90])
    for purpose in ("build", "git_clone", "git_push", "pod_start"):
        median, sigma = load_profile("lean-ci").costs[purpose].numbers
        fit, count = fitted(found[purpose]), len(found[purpose])
        assert count > 150
        error = 1.253 * sigma / count**0.5
        assert float(fit["median"]) == pytest.approx(median, rel=4 * error)
        assert float(fit["sigma"]) == pytest.approx(sigma, rel=4 * 1.2 / count**0.5)


def test_one_slow_call_decides_no_spread() -> None:
    """By quartiles: a call of an hour among a hundred of a second changes nothing."""
    stream = RandomStreams(1)
    seconds = [stream.lognormal("a", "b", 1.0, 0.3) for _ in range(100)]
    assert fitted([*seconds[:-1], 3600.0])["sigma"] == pytest.approx(
        float(fitted(seconds)["sigma"]), rel=0.1
    )


def test_what_was_seen_too_rarely_stays_as_it_was() -> None:
    """Four samples are no distribution."""
    text = profile_text(
        {"build": [1.0] * 4, "git_clone": [0.5] * 5},
        description='says "x"',
        source="a test",
        extends="lean-ci",
    )
    found = tomllib.loads(text)
    assert found["description"] == 'says "x"'
    assert set(found) == {"extends", "description", "git_clone"}


def test_the_command_writes_a_profile_that_a_run_can_use(tmp_path: Path) -> None:
    """Histories in, a file out, and the simulator takes as long as they did."""
    paths = []
    for number, each in enumerate(played("constant")):
        paths.append(tmp_path / f"{number}.jsonl")
        run(each).history.save(paths[-1])
    out = tmp_path / "mine.toml"
    done = CliRunner().invoke(app, ["calibrate", *map(str, paths), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert load_profile(str(out)).costs["build"].numbers == (100.0,)
    assert "measured in 3 runs on sim" in load_profile(str(out)).costs["build"].source
