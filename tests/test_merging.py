"""One history out of several: nothing lost, nothing doubled, causes first, times in order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cdlab.history import Event, History
from cdlab.merging import ARTIFACT, REQUEST, ClockOffset, Merging, in_order_of_time
from cdlab.model import Context

ASKED = Context("rollback-1", (1,))
LATE = 10_000_000


def own() -> History:
    """What the run recorded itself: its start, and that somebody asked for a rollback."""
    return History(
        [
            Event(0, 0, 0, "RunStarted", "people", "notify", detail={"schema": "x"}),
            Event(1, 50, 50, "IntentDeclared", "people", "notify", intent="rollback-1"),
        ]
    )


def meaning(symbol: str) -> Context | None:
    return ASKED if symbol == f"{REQUEST}r1" else None


def decided(number: int, t_us: int, **fields: object) -> Event:
    return Event(number, t_us, t_us, "Decided", "manager", "decide", **fields)  # type: ignore[arg-type]


def test_a_request_is_joined_with_the_intent_it_was_sent_for() -> None:
    """The symbol becomes the intent, and the event that declared it the cause."""
    merging = Merging(own(), meaning)
    (event,) = merging.take(
        "a", [decided(0, 20, intent=f"{REQUEST}r1")], offset_us=100, now_us=LATE
    )
    assert (event.intent, event.causes, event.t_us) == ("rollback-1", (1,), 120)


def test_a_cause_in_the_other_process_is_numbered_anew() -> None:
    """A number of the producer becomes the number that the event has in the history."""
    merging = Merging(own(), meaning)
    symbol = f"{REQUEST}r1"
    events = [decided(0, 60, intent=symbol), decided(1, 70, intent=symbol, causes=(0,))]
    first, second = merging.take("a", events, offset_us=0, now_us=LATE)
    assert second.causes == (first.seq,)


def test_what_nobody_in_this_run_made_is_on_nobodys_behalf() -> None:
    """A push from elsewhere is followed by name, and the name means nothing here."""
    merging = Merging(own(), meaning)
    events = [decided(0, 60, intent=f"{ARTIFACT}{'a' * 40}")]
    (event,) = merging.take("a", events, offset_us=0, now_us=LATE)
    assert (event.intent, event.causes) == ("", ())


def test_an_intent_that_is_no_symbol_stays() -> None:
    """The manager repairs drift on behalf of nobody who asked, and says so."""
    merging = Merging(own(), meaning)
    events = [decided(0, 60, intent="drift repair")]
    assert merging.take("a", events, offset_us=0, now_us=LATE)[0].intent == "drift repair"


def test_nothing_happens_in_the_future_or_before_its_cause() -> None:
    """A clock that is off by more than the truth is put right by what is known."""
    merging = Merging(own(), meaning)
    early = decided(0, 0, intent=f"{REQUEST}r1")
    assert merging.take("a", [early], offset_us=0, now_us=LATE)[0].t_us == 50
    assert merging.take("a", [decided(1, 900)], offset_us=0, now_us=500)[0].t_us == 500


def test_the_shortest_round_trip_tells_the_time() -> None:
    """Its middle is the moment at which the other clock was read."""
    clock = ClockOffset()
    clock.observe(1000, 40, 1200)
    clock.observe(2000, 1000, 2010)
    clock.observe(3000, 1500, 3900)
    assert clock.us == 1005


@st.composite
def streams(draw: st.DrawFn) -> tuple[dict[str, list[Event]], list[tuple[str, list[Event]]]]:
    """Producers with their events, and batches that overlap, repeat and come in any order."""
    made: dict[str, list[Event]] = {}
    batches: list[tuple[str, list[Event]]] = []
    for producer in draw(st.sampled_from([("a",), ("a", "b"), ("a", "b", "c")])):
        times = sorted(draw(st.lists(st.integers(0, 1000), max_size=12)))
        made[producer] = events = [
            decided(
                number,
                t_us,
                intent=f"{REQUEST}r1",
                because=f"{producer}{number}",
                causes=(draw(st.integers(0, number - 1)),)
                if number and draw(st.booleans())
                else (),
            )
            for number, t_us in enumerate(times)
        ]
        cuts = draw(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=6))
        batches += [(producer, events[first:last]) for first, last in cuts]
        batches.append((producer, events))  # whoever reads asks until it has all
    return made, draw(st.permutations(batches))


@given(streams(), st.integers(-500, 500))
def test_every_event_is_there_once_after_its_causes(
    given_streams: tuple[dict[str, list[Event]], list[tuple[str, list[Event]]]], offset_us: int
) -> None:
    """Whatever the batches, and however often the process began anew under another name."""
    made, batches = given_streams
    history = own()
    merging = Merging(history, meaning)
    for number, (producer, events) in enumerate(batches):
        merging.take(producer, events, offset_us=offset_us, now_us=2000 + number)
    ordered = in_order_of_time(history)
    for found in (history, ordered):
        told = [event.because for event in found if event.kind == "Decided"]
        for producer, events in made.items():
            mine = [each for each in told if each.startswith(producer)]
            assert mine == [each.because for each in events]
        assert [event.seq for event in found] == list(range(len(found)))
        assert all(cause < event.seq for event in found for cause in event.causes)
    times = [event.t_us for event in ordered]
    assert times == sorted(times)


@given(streams())
def test_times_of_a_producer_never_go_back(
    given_streams: tuple[dict[str, list[Event]], list[tuple[str, list[Event]]]],
) -> None:
    """Also where the estimate of its clock is mended in between."""
    _, batches = given_streams
    history = own()
    merging = Merging(history, meaning)
    for number, (producer, events) in enumerate(batches):
        merging.take(producer, events, offset_us=700 - 150 * number, now_us=5000)
    for producer in "abc":
        times = [event.t_us for event in history if event.because.startswith(producer)]
        assert times == sorted(times)
    assert all(event.began_us <= event.t_us for event in history)


def test_a_history_of_one_process_is_in_order_already() -> None:
    """Nothing moves, and what is of one moment stays as it was."""
    history = own()
    assert list(in_order_of_time(history)) == list(history)
