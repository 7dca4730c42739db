"""Profiles: every number has a source, mistakes are told all at once, draws are reproducible."""

from __future__ import annotations

from math import exp
from pathlib import Path

import pytest

from cdlab.errors import CdlabError
from cdlab.random_streams import RandomStreams
from cdlab.substrates.sim.costs import Cost, Costs, load_profile, profile_names
from cdlab.substrates.sim.purposes import BUILDS, PURPOSES, SHARES, UNLESS_TOLD_APART

BROKEN = """
extends = "lean-ci"
git_push = 3
[biuld]
[build]
distribution = "normal"
[git_clone]
distribution = "constant"
value = -1
source = "a guess"
[pull]
distribution = "uniform"
low = 3
high = 2
median = 1
source = "a guess"
[pod_start]
distribution = "lognormal"
median = 0
sigma = nan
source = " "
[readiness_phase]
distribution = "constant"
value = 2
source = "a guess"
"""
MISTAKES = (
    "description: expected",
    "git_push = 3: expected a table [git_push]",
    "[biuld] is not a purpose: did you mean 'build'?",
    "[build] source: expected",
    "[build] distribution = 'normal': expected one of constant, lognormal, uniform",
    "[git_clone] value = -1: expected a finite number from 0 up",
    "[pull] high = 2: expected at least low, 3",
    "[pull] median: a uniform distribution has low, high",
    "[pod_start] median = 0: expected more than 0",
    "[pod_start] sigma = nan: expected a finite number",
    "[pod_start] source: expected",
    "[readiness_phase] value = 2: expected a share",
)
"""What is wrong with it."""


def test_the_profiles_that_come_with_cdlab() -> None:
    """A default, one with a long tail and one for arithmetic by hand."""
    assert profile_names() == ("constant", "heavy-ci", "kind", "lean-ci")


@pytest.mark.parametrize("name", profile_names())
def test_every_number_has_a_source(name: str) -> None:
    """Each purpose of each profile says where its numbers come from."""
    profile = load_profile(name)
    assert set(PURPOSES) - set(UNLESS_TOLD_APART) <= set(profile.costs) <= set(PURPOSES)
    assert all(cost.source for cost in profile.costs.values())
    assert profile.description


def test_the_heavy_profile_has_the_mean_that_was_published() -> None:
    """Median 3.3 minutes and mean 12 to 13 minutes: that is where its sigma comes from."""
    median, sigma = load_profile("heavy-ci").costs["build"].numbers
    assert median == pytest.approx(3.3 * 60)
    assert 12 <= median * exp(sigma**2 / 2) / 60 <= 13


def test_a_pod_starts_within_the_objective_of_kubernetes() -> None:
    """The 99th percentile of a start without a pull is below 5 s."""
    median, sigma = load_profile("lean-ci").costs["pod_start"].numbers
    assert 4 < median * exp(2.326 * sigma) < 5


def test_a_profile_that_extends_another_says_only_what_is_different() -> None:
    """The heavy profile differs from the lean one in its pipelines and in nothing else."""
    lean, heavy = load_profile("lean-ci").costs, load_profile("heavy-ci").costs
    assert [each for each in lean if lean[each] != heavy[each]] == ["build", "build_cached"]


def test_draws_do_not_depend_on_what_else_is_drawn() -> None:
    """The n-th build of a microservice takes the same time, whoever else builds in between."""
    profile = load_profile("lean-ci")
    alone, busy = Costs(profile, RandomStreams(7)), Costs(profile, RandomStreams(7))
    expected = [alone.duration("build", "users") for _ in range(3)]
    drawn = []
    for _ in range(3):
        busy.duration("build", "orders")
        busy.duration("build_cached", "users")
        drawn.append(busy.duration("build", "users"))
    assert drawn == expected
    assert len(set(drawn)) == 3


def test_a_scaled_profile_multiplies_every_duration() -> None:
    """And no share of a period."""
    profile = load_profile("lean-ci")
    plain = Costs(profile, RandomStreams(1))
    scaled = Costs(profile, RandomStreams(1)).scaled(10)
    for purpose in PURPOSES:
        factor = 1 if purpose in SHARES else 10
        expected = factor * plain.duration(purpose, "users")
        assert scaled.duration(purpose, "users") == pytest.approx(expected)


def test_constants_replace_what_is_swept() -> None:
    """A sweep changes one purpose, and the profile's name says so."""
    profile = load_profile("lean-ci").with_constants({"build": 0})
    assert Costs(profile, RandomStreams(1)).duration("build", "users") == 0
    assert profile.name == "lean-ci (build 0 s)"
    assert profile.costs["git_push"] == load_profile("lean-ci").costs["git_push"]
    with pytest.raises(CdlabError, match="did you mean 'build'"):
        profile.with_constants({"biuld": 0})
    with pytest.raises(CdlabError, match="from 0 up"):
        profile.with_constants({"build": -1})


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """Whoever writes a profile sees everything that is wrong with it, and what would be right."""
    path = tmp_path / "mine.toml"
    path.write_text(BROKEN)
    with pytest.raises(CdlabError) as caught:
        load_profile(str(path))
    for expected in MISTAKES:
        assert expected in caught.value.message
    assert "lean-ci.toml" in caught.value.help


def test_a_profile_of_ones_own_must_be_complete(tmp_path: Path) -> None:
    """What it does not say is either taken from the profile it extends or missing."""
    path = tmp_path / "mine.toml"
    path.write_text('description = "mine"')
    with pytest.raises(CdlabError, match=r"\[build\] is missing"):
        load_profile(str(path))
    path = tmp_path / "other.toml"
    path.write_text('description = "mine"\nextends = "constant"')
    assert load_profile(str(path)).costs == load_profile("constant").costs


def test_the_profile_of_kind_was_made_by_calibrate() -> None:
    """Its numbers say from how many runs, on what, how far the fit is off; it names its runs."""
    profile = load_profile("kind")
    own = [each for each in profile.costs.values() if each.source.startswith("measured in ")]
    assert len(own) >= 14
    assert all("Kolmogorov distance" in each.source for each in own)
    assert all("node_image kindest/node:v" in each.source for each in own)
    assert len(profile.made_from) >= 20


@pytest.mark.parametrize("parent", ["heavy-ci", "nothing"])
def test_profiles_extend_over_one_step_only(tmp_path: Path, parent: str) -> None:
    """A reader finds every number in at most two files."""
    path = tmp_path / "mine.toml"
    path.write_text(f'description = "mine"\nextends = "{parent}"')
    with pytest.raises(CdlabError, match="extends no other one"):
        load_profile(str(path))


def test_a_profile_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    """The message is the answer to a typing error."""
    with pytest.raises(CdlabError, match="no costs profile 'lean'") as caught:
        load_profile("lean")
    assert "lean-ci" in caught.value.help
    path = tmp_path / "broken.toml"
    path.write_text("[build")
    with pytest.raises(CdlabError, match="is not TOML"):
        load_profile(str(path))


@pytest.mark.parametrize(
    ("name", "median"), [("lean-ci", 240.0), ("constant", 100.0), ("kind", 2.4021)]
)
def test_builds_can_be_given_another_median(name: str, median: float) -> None:
    """The spread stays, a cached build keeps its share, and nothing else changes."""
    profile = load_profile(name)
    other = profile.with_build(30.0)
    assert profile.costs["build"].median == pytest.approx(median)
    assert other.costs["build"].median == pytest.approx(30.0)
    share = profile.costs["build_cached"].median / median
    assert other.costs["build_cached"].median == pytest.approx(30.0 * share)
    assert other.costs["build"].distribution == profile.costs["build"].distribution
    changed = {each for each in profile.costs if other.costs[each] != profile.costs[each]}
    assert changed == set(BUILDS) & set(profile.costs)


def test_what_a_profile_does_not_tell_apart_is_the_same_in_numbers_and_draws() -> None:
    """A build of a changed source draws where a whole one would."""
    one, other = (Costs(load_profile("lean-ci"), RandomStreams(7)) for _ in range(2))
    drawn = [one.duration("build", "users"), one.duration("build_changed", "users")]
    assert drawn == [other.duration("build", "users") for _ in range(2)]
    assert drawn[0] != drawn[1]


def test_a_build_of_no_time_is_a_constant() -> None:
    """And from nothing any time can be made, which no factor does."""
    nothing = load_profile("lean-ci").with_build(0.0)
    assert [nothing.costs[each].numbers for each in BUILDS] == [(0.0,)] * 3
    assert nothing.with_build(5.0).costs["build"].numbers == (5.0,)


def test_the_middle_of_two_values_is_the_likelier_one() -> None:
    """Of `either`; all other distributions have theirs in the file."""
    assert Cost("either", (1.0, 9.0, 0.07), "test").median == 1.0
    assert Cost("either", (1.0, 9.0, 0.7), "test").median == 9.0
