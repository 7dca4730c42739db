"""From histories back to costs: what went into the simulator has to come out of its histories."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cdlab.calibration import profile_text, samples
from cdlab.cli.main import app
from cdlab.fitting import fitted
from cdlab.model import Variant
from cdlab.pod_samples import PROBE_SECONDS
from cdlab.scenario import Scenario
from cdlab.substrates.sim.costs import load_profile
from cdlab.substrates.sim.purposes import UNLESS_TOLD_APART
from cdlab.worlds import run

MEASURED = (
    "api_call", "build", "build_cached", "build_changed", "git_clone", "git_clone_known",
    "git_commit", "git_head", "git_push", "hint", "image_push", "image_push_known", "pod_sandbox",
    "pod_start", "pull", "readiness_phase", "reconcile", "registry_read", "schedule",
)  # fmt: skip


VARIANTS = (
    ("v1", Variant(rollback="revert")),
    ("v1", Variant(rollback="revert", has_build_cache=False)),
    ("v2", Variant(rollback="revert")),
    ("v3", Variant(rollback="command")),
)


def played(profile: str, seeds: int = 1) -> list[Scenario]:
    """Rollbacks of every architecture, each with some seeds; V1 with and without a build cache."""
    return [
        Scenario(architecture=architecture, profile=profile, seed=seed, variant=variant)
        for architecture, variant in VARIANTS
        for seed in range(seeds)
    ]


def with_constants(folder: Path, **seconds: float) -> str:
    """The profile `constant` with some other numbers: the path of a file."""
    tables = (
        f'[{purpose}]\ndistribution = "constant"\nvalue = {value}\nsource = "a test"\n'
        for purpose, value in seconds.items()
    )
    path = folder / "other.toml"
    path.write_text('extends = "constant"\ndescription = "a test"\n' + "".join(tables))
    return str(path)


@pytest.mark.parametrize("purpose", MEASURED)
def test_constant_costs_come_out_as_they_went_in(purpose: str) -> None:
    """Every sample of every purpose is the number in the profile, to the microsecond."""
    found = samples(run(each).history for each in played("constant"))
    costs = load_profile("constant").costs
    (wanted,) = costs[purpose if purpose in costs else UNLESS_TOLD_APART[purpose]].numbers
    assert found[purpose]
    assert set(found[purpose]) == {wanted}


def test_nothing_else_is_measured() -> None:
    """Names of purposes, so that a profile can be made of them."""
    assert set(samples(run(each).history for each in played("constant"))) == set(MEASURED)


def test_medians_and_spreads_come_out_as_they_went_in() -> None:
    """Within four standard errors, for lognormal costs of hundreds of draws."""
    # Of one variant, which builds without a cache: the others draw the same numbers.
    found = samples(run(each).history for each in played("lean-ci", seeds=150)[150:300])
    for purpose in ("build", "git_clone", "git_push", "pod_start"):
        median, sigma = load_profile("lean-ci").costs[purpose].numbers
        fit, count = fitted(found[purpose]), len(found[purpose])
        assert count >= 150
        assert fit.fields["distribution"] == "lognormal"
        error = 1.253 * sigma / count**0.5
        assert float(fit.fields["median"]) == pytest.approx(median, rel=4 * error)
        assert float(fit.fields["sigma"]) == pytest.approx(sigma, rel=4 * 1.2 / count**0.5)
        assert fit.distance < 1.95 / count**0.5, "the Kolmogorov test does not refuse it at 0.1 %"


def test_the_bootstrap_is_left_out() -> None:
    """There all microservices are built and started at once; what is measured comes after it."""
    history = run(played("constant")[0]).history
    asked = [each for each in history.of("IntentDeclared") if each.detail["intent"] != "bootstrap"]
    later = [each for each in history.of("ImageBuilt") if each.began_us >= asked[0].t_us]
    found = samples([history])
    assert 0 < len(later) < len(history.of("ImageBuilt"))
    assert len(found["build_changed"]) + len(found["build_cached"]) == len(later)


def test_the_sandbox_is_told_from_the_pull(tmp_path: Path) -> None:
    """A node that has the image waits for the sandbox alone."""
    profile = with_constants(tmp_path, pod_sandbox=3)
    found = samples(run(each).history for each in played(profile))
    assert set(found["pod_sandbox"]) == {3.0}
    assert set(found["pull"]) == {10.0}


def test_what_company_adds_is_told_from_the_sandbox_and_the_pull(tmp_path: Path) -> None:
    """V1 rolls every environment back at once, V3 one: of two pods each is half as long again."""
    profile = with_constants(tmp_path, pod_sandbox=4, crowding=0.5)
    found = samples(run(each).history for each in played(profile, seeds=3))
    assert set(found["crowding"]) == {0.5}
    assert set(found["pod_sandbox"]) == {4.0}
    assert set(found["pull"]) == {10.0}


def test_company_counts_as_nothing_where_too_few_had_it(tmp_path: Path) -> None:
    """V3 alone has no two pods that start at once."""
    profile = with_constants(tmp_path, pod_sandbox=4, crowding=0.5)
    found = samples(run(each).history for each in played(profile)[-1:])
    assert "crowding" not in found
    assert set(found["pod_sandbox"]) == {4.0}


def test_the_steps_of_the_controllers_come_out_as_they_went_in(tmp_path: Path) -> None:
    """From Ready to the old pod's end, and from there to the next pod."""
    profile = with_constants(tmp_path, reconcile=0.25)
    found = samples(run(each).history for each in played(profile))
    assert len(found["reconcile"]) >= len(VARIANTS) * 3
    assert set(found["reconcile"]) == {0.25}


def test_builds_and_clones_of_a_kind_come_out_as_they_went_in(tmp_path: Path) -> None:
    """A build without a cache, of a changed source, of a known one; a clone of a known head."""
    seconds = {"build": 9.0, "build_changed": 7.0, "build_cached": 5.0, "git_clone_known": 0.5}
    found = samples(run(each).history for each in played(with_constants(tmp_path, **seconds)))
    assert {purpose: set(found[purpose]) for purpose in seconds} == {
        purpose: {value} for purpose, value in seconds.items()
    }


def test_the_probes_of_the_samples_have_the_period_that_shares_are_of() -> None:
    """Their manifests say so."""
    services = Path(__file__).parent.parent / "services"
    manifests = [path.read_text() for path in services.glob("*/service.yaml")]
    assert len(manifests) >= 3
    assert all(f"periodSeconds: {PROBE_SECONDS:g}\n" in each for each in manifests)


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
    for number, each in enumerate(played("constant", seeds=3)):
        paths.append(tmp_path / f"{number}.jsonl")
        run(each).history.save(paths[-1])
    out = tmp_path / "mine.toml"
    done = CliRunner().invoke(app, ["calibrate", *map(str, paths), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert load_profile(str(out)).costs["build"].numbers == (100.0,)
    assert "measured in 12 runs on sim" in load_profile(str(out)).costs["build"].source
