"""What the measures keep to, for any grants, edges, names and times: invariants 1 and 2."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdlab.architectures import ARCHITECTURES
from cdlab.assembly import Pace, World
from cdlab.coupling import blast_radius_of, can_change_workloads, herfindahl
from cdlab.errors import Forbidden, PortError
from cdlab.grants import BOXES, influence_of
from cdlab.history import Event, History
from cdlab.influence import density, reached
from cdlab.kernel import Kernel
from cdlab.measures import measure
from cdlab.model import Application, Environment, Grant, ImageRef, Microservice, Variant
from cdlab.random_streams import RandomStreams
from cdlab.runner import run_in
from cdlab.scenario import Scenario
from cdlab.substrates.sim.costs import Costs, load_profile
from cdlab.substrates.sim.substrate import SimSubstrate
from cdlab.worlds import SIMULATED_PACE, simulated

whole_runs = settings(max_examples=settings().max_examples // 2)
HINTS = get_type_hints(Grant)
RIGHTS = ("code_repos", "config_repo", "registry", "environments")


@st.composite
def grants(draw: st.DrawFn) -> Grant:
    """Any right of any principal of automation."""
    rights: dict[str, Any] = {each: draw(st.sampled_from(get_args(HINTS[each]))) for each in RIGHTS}
    return Grant(principal=draw(st.sampled_from(["ci", "manager"])), runs="outside", **rights)


@given(st.lists(grants(), max_size=4), grants())
def test_a_grant_more_never_lowers_a_blast_radius(held: list[Grant], more: Grant) -> None:
    """Of nobody, and not the maximum; and so one less never raises it."""
    before, after = blast_radius_of(held), blast_radius_of([*held, more])
    assert all(after[principal] >= share for principal, share in before.items())
    assert all(0 <= share <= 1 for share in after.values())
    assert after[more.principal] >= can_change_workloads(more)


@whole_runs
@given(st.lists(grants(), min_size=1, max_size=3), st.integers(1, 3), st.integers(1, 3))
def test_the_blast_radius_is_what_the_simulator_lets_through(
    held: list[Grant], n: int, m: int
) -> None:
    """Somebody tries to set every image everywhere, and is refused or not."""
    kernel, streams = Kernel(), RandomStreams(1)
    world = SimSubstrate(kernel, streams, Costs(load_profile("constant"), streams))
    names, places = ("users", "orders", "front-end")[:n], ("dev", "staging", "production")[:m]
    application = Application(
        tuple(Microservice(name, world.image_repository(name)) for name in names),
        tuple(Environment(place) for place in places),
    )
    let_through = {grant.principal: 0 for grant in held}

    async def try_everything() -> None:
        await world.create(application, held)
        for principal in let_through:
            for name, place in ((name, place) for name in names for place in places):
                image = ImageRef(world.image_repository(name), tag="any")
                try:
                    await world.ports(principal).cluster.set_image(name, image, place)
                except Forbidden:
                    continue
                except PortError:
                    pass  # nothing is there yet, but nobody said no
                let_through[principal] += 1

    kernel.run(try_everything())
    shares = {principal: count / (n * m) for principal, count in let_through.items()}
    assert blast_radius_of(held) == {**shares, "maximum": max(shares.values())}


edges = st.sets(st.tuples(st.sampled_from(BOXES), st.sampled_from(BOXES)), max_size=15)


@given(edges, st.sampled_from(sorted(ARCHITECTURES)))
def test_the_propagation_cost_lies_between_a_box_and_all(
    more: set[tuple[str, str]], architecture: str
) -> None:
    """In [1/N, 1], and an influence more never lowers it or what a box reaches."""
    before = influence_of(architecture)
    after = {*before, *more}
    assert 1 / len(BOXES) <= density(before) <= density(after) <= 1
    assert 1 / len(BOXES) <= density(more) <= 1
    assert all(reached(before, box) <= reached(after, box) for box in BOXES)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=6))
def test_concentration_lies_between_equal_shares_and_all_in_one(sizes: list[int]) -> None:
    """In [1/k, 1] for k that have anything, and 0 if nobody has."""
    holders = sum(size > 0 for size in sizes)
    lowest = 1 / holders if holders else 0
    assert lowest <= herfindahl(sizes) + 1e-12
    assert herfindahl(sizes) <= 1


VARIANTS = {
    "v1": [Variant(), Variant(rollback="force-push"), Variant(rollback="rollout-undo")],
    "v2": [Variant(has_build_cache=False), Variant(rollback="rollout-undo")],
    "v3": [Variant(rollback="command"), Variant(rollback="command", has_hold=False)],
}


@st.composite
def scenarios(draw: st.DrawFn, profile: str = "lean-ci") -> Scenario:
    """The rollback of one to three microservices in two or three environments, and a push more."""
    architecture = draw(st.sampled_from(sorted(VARIANTS)))
    places = ("dev", "staging", "production")[: draw(st.integers(2, 3))]
    has_manual = architecture == "v3" and draw(st.booleans())
    variant = draw(st.sampled_from(VARIANTS[architecture]))
    if architecture == "v3":
        poll = draw(st.sampled_from([None, 20.0, 300.0]))
        variant = replace(variant, poll_interval_seconds=poll)
    return Scenario(
        architecture=architecture,
        microservices=("users", "orders", "front-end")[: draw(st.integers(1, 3))],
        environments=tuple(Environment(p, not has_manual or p == places[0]) for p in places),
        variant=variant,
        replicas=draw(st.integers(1, 3)),
        executors=draw(st.integers(1, 3)),
        merge=draw(st.booleans()),
        next_push=draw(st.booleans()),
        profile=profile,
        seed=draw(st.integers(0, 10_000)),
    )


BY_ENVIRONMENT = ("serves_at_end", "replicas_at_end")


def agree(one: Mapping[str, Any], other: Mapping[str, Any], factor: float = 1.0) -> None:
    """Times by a factor, an average over them nearly, and all else but names exactly."""
    assert set(one) == set(other)
    for name, value in one.items():
        if value is not None and name.endswith("_seconds"):
            assert other[name] == pytest.approx(factor * value, abs=1e-4), name
        elif name in BY_ENVIRONMENT:
            assert list(other[name].values()) == list(value.values()), name
        elif name == "ssot_divergence" and value is not None:
            assert other[name] == pytest.approx(value, rel=1e-3), name
        else:
            assert other[name] == value, name


names = st.lists(st.from_regex(r"[a-z]{2,9}", fullmatch=True), min_size=6, max_size=6, unique=True)


@whole_runs
@given(scenarios("constant"), names)
def test_names_change_no_measure(what: Scenario, named: list[str]) -> None:
    """Of microservices and environments; bytes are those of other sources, and not compared."""
    n = len(what.microservices)
    pairs = zip(what.environments, named[n:], strict=False)
    places = tuple(replace(environment, name=name) for environment, name in pairs)
    renamed = replace(what, microservices=tuple(named[:n]), environments=places)
    one, other = (
        run_in(replace(simulated(each), look_phase=0.3), each) for each in (what, renamed)
    )
    none = {"registry_bytes": 0, "pulled_bytes": 0}
    agree(one.measures | none, other.measures | none)
    assert one.phases == other.phases


def shifted(history: History, by_us: int) -> History:
    """The same run, started later."""

    def later(event: Event) -> Event:
        return event._replace(t_us=event.t_us + by_us, began_us=event.began_us + by_us)

    return History(map(later, history))


@whole_runs
@given(scenarios(), st.integers(1, 10**12))
def test_when_a_run_starts_changes_no_measure(what: Scenario, by_us: int) -> None:
    """Every time is the difference of two."""
    history = run_in(simulated(what), what).history
    agree(measure(history), measure(shifted(history, by_us)))


def in_time(what: Scenario, factor: float) -> World:
    """A world in which everything takes *factor* times as long, also waiting and watching."""
    kernel, streams = Kernel(), RandomStreams(what.seed)
    costs = Costs(load_profile(what.profile), streams).scaled(factor)
    substrate = SimSubstrate(kernel, streams, costs, has_build_cache=what.variant.has_build_cache)
    pace = Pace(**{name: factor * seconds for name, seconds in asdict(SIMULATED_PACE).items()})
    return World(kernel=kernel, substrate=substrate, run="sim", pace=pace, look_phase=0.3)


def grows(what: Scenario, factor: float) -> None:
    """Whatever takes time takes *factor* times as long, and nothing else changes."""
    poll = what.variant.poll_interval_seconds
    slow = what
    if poll is not None:
        slow = replace(what, variant=replace(what.variant, poll_interval_seconds=poll * factor))
    once, more = run_in(in_time(what, 1), what), run_in(in_time(slow, factor), slow)
    agree(once.measures, more.measures, factor)


@whole_runs
@given(scenarios("constant"), st.sampled_from([0.5, 2.0, 3.0]))
def test_times_grow_with_every_duration_and_counts_do_not(what: Scenario, factor: float) -> None:
    """Not by more than 4: the progress deadline is the manifest's and does not grow along."""
    grows(what, factor)


def test_a_deploy_that_meets_a_look_for_drift_meets_it_in_slow_motion_too() -> None:
    """
    143 s become 429 s, and were 432 s where the looks at the cluster did not slow down as well.

    Then another look came first, and the deploy waited for its clone.
    """
    places = (Environment("dev"), Environment("staging"))
    what = Scenario(
        architecture="v3",
        environments=places,
        replicas=1,
        executors=1,
        variant=Variant(rollback="command"),
        profile="constant",
    )
    grows(what, 3.0)
    assert run_in(in_time(what, 3.0), what).measures["lead_time_seconds"] == 429
