"""A sync applies several workloads at a time, and leaves off for a rollback."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from cdlab.history import Event
from cdlab.kernel import Kernel
from cdlab.manager.commands import Answer
from cdlab.manager.watching import ManagerIntervals
from cdlab.manager.workers import SideBySide
from cdlab.manifests import replace_image, workloads
from cdlab.model import ImageRef, Revision
from cdlab.releases import config_path
from cdlab.syncs import Work
from tests.manager.conftest import LONG, LOOK, Lab

OTHERS = tuple(f"web-{number:02}" for number in range(12))
NAMES = ("users", *OTHERS)
SELDOM = ManagerIntervals(100 * LOOK, phase=0.9, sync_seconds=100 * LOOK)


async def change_all(lab: Lab, tag: str = "new", **texts: str) -> None:
    """One commit of a person that changes the image of all the others, or writes them anew."""
    checkout = await lab.substrate.ports("operator").config_repo.clone()
    for name in OTHERS:
        path = config_path("staging", name)
        image = ImageRef(lab.substrate.image_repository(name), tag)
        text = texts.get(name) or replace_image(checkout.read(path), name, str(image))
        checkout.write(path, text)
    await checkout.commit("Change all")
    await checkout.push()


def applied(lab: Lab) -> list[tuple[str, Event]]:
    """Each apply with the workload that it was of."""
    events = lab.history.of("ManifestsApplied")
    return [(workloads(event.detail["manifest"])[0].name, event) for event in events]


def most_at_once(events: list[Event]) -> int:
    """How many calls were under way at the same time."""
    return max(sum(b.began_us <= a.began_us < b.t_us for b in events) for a in events)


@pytest.mark.parametrize("at_once", [1, 4])
def test_so_many_workloads_are_applied_at_a_time(new_lab: type[Lab], at_once: int) -> None:
    """And no more. Each is applied once, and told of right after its own apply."""

    async def story(lab: Lab) -> None:
        await change_all(lab)
        await lab.kernel.sleep(30)

    lab, again = (
        new_lab(names=NAMES, api_call_seconds=0.1, at_once=at_once).play(story) for _ in range(2)
    )
    assert Counter(name for name, _ in applied(lab)) == Counter(OTHERS)
    assert most_at_once([event for _, event in applied(lab)]) == at_once
    for name, event in applied(lab):
        told = lab.history[event.seq + 1]
        assert (told.kind, told.detail["workload"]) == ("Decided", name)
        assert told.intent == event.intent
    assert [e.to_json() for e in lab.history] == [e.to_json() for e in again.history]


def test_a_file_that_cannot_be_read_stops_none_of_those_beside_it(new_lab: type[Lab]) -> None:
    """The one before it, those with it and those after it are applied."""

    async def story(lab: Lab) -> None:
        await change_all(lab, **{OTHERS[2]: "kind: [", OTHERS[3]: "kind: Deployment"})
        await lab.kernel.sleep(30)

    lab = new_lab(names=NAMES, api_call_seconds=0.1, at_once=4).play(story)
    assert {name for name, _ in applied(lab)} == {*OTHERS[:2], *OTHERS[4:]}
    failed = [e.detail["workload"] for e in lab.decided("sync") if e.outcome == "failed"]
    assert sorted(failed) == list(OTHERS[2:4])


@pytest.mark.parametrize("at_once", [1, 4])
def test_a_rollback_does_not_wait_for_the_rest_of_a_sync(new_lab: type[Lab], at_once: int) -> None:
    """The sync is made again behind it, on what it committed: all is applied, nothing twice."""

    async def story(lab: Lab) -> None:
        await lab.ship("a", "b")
        await change_all(lab)
        while not any(name in OTHERS for name, _ in applied(lab)):
            await lab.kernel.sleep(0.01)
        assert (await lab.roll_back()).is_released
        assert len(applied(lab)) <= 3 + 2 * at_once, "two releases, the rollback, what had begun"
        await lab.kernel.sleep(LONG)
        assert await lab.tag() == await lab.served() == "a"

    lab = new_lab(names=NAMES, api_call_seconds=0.1, at_once=at_once, intervals=SELDOM).play(story)
    assert Counter(n for n, _ in applied(lab)) == Counter({**dict.fromkeys(OTHERS, 1), "users": 3})


def test_who_asked_for_a_sync_hears_all_that_it_did(new_lab: type[Lab]) -> None:
    """Also what it had done before a rollback came."""
    answers: list[Answer] = []

    async def story(lab: Lab) -> None:
        await lab.ship("a", "b")
        operator = lab.substrate.ports("operator")
        await change_all(lab)
        await lab.kernel.sleep(LONG)
        for name in OTHERS:
            image = ImageRef(lab.substrate.image_repository(name), "older")
            await operator.cluster.set_image(name, image, "staging")
        asking = lab.kernel.spawn(lab.ask("sync", workload=""), name="ann")
        await lab.kernel.sleep(0.5)
        assert (await lab.roll_back()).is_released
        assert not asking.done
        answers.append(await asking.join())

    lab = new_lab(names=NAMES, api_call_seconds=0.1, intervals=SELDOM).play(story)
    (answer,) = answers
    assert answer.status == "released"
    assert sorted(answer.applied) == [f"{name} in staging" for name in OTHERS]
    assert len(lab.history.of("ManifestsCompared")) > len(NAMES)


def test_a_push_is_not_forgotten_for_a_release_right_behind_it(new_lab: type[Lab]) -> None:
    """Of the two that wait for one comparison, it is the other's that needs it."""

    async def story(lab: Lab) -> None:
        await lab.ship("a", "b")
        own = (await lab.log())[0].revision
        image = ImageRef(lab.substrate.image_repository("users"), "a")
        await lab.substrate.ports("operator").cluster.set_image("users", image, "staging")
        lab.queue.sync(own)
        await lab.kernel.sleep(20)
        assert await lab.served() == "a", "its own release was applied already"
        lab.queue.sync(Revision("f" * 40))
        lab.queue.sync(own)
        await lab.kernel.sleep(20)
        assert await lab.served() == "b"

    new_lab(intervals=SELDOM).play(story)


@pytest.mark.parametrize(("at_once", "seconds"), [(1, 1.2), (4, 0.3)])
def test_a_look_at_everything_compares_several_at_a_time(
    new_lab: type[Lab], at_once: int, seconds: float
) -> None:
    """A person waits for it. What differs is told in the order of the config repo."""

    async def story(lab: Lab) -> None:
        await change_all(lab)
        await lab.kernel.sleep(LONG)
        operator = lab.substrate.ports("operator").cluster
        for name in OTHERS[1:3]:
            image = ImageRef(lab.substrate.image_repository(name), "older")
            await operator.set_image(name, image, "staging")
        found = await lab.desk.diff()
        assert [each.workload for each in found] == list(OTHERS[1:3])
        compared = lab.history.of("ManifestsCompared")[-len(OTHERS) :]
        took = (compared[-1].t_us - compared[0].began_us) / 1e6
        assert took == pytest.approx(seconds)

    new_lab(names=NAMES, api_call_seconds=0.1, at_once=at_once, intervals=SELDOM).play(story)


def test_a_look_at_everything_asks_once_where_nothing_differs(new_lab: type[Lab]) -> None:
    """Each by itself where one does: the others are not called drift for it."""

    async def story(lab: Lab) -> None:
        await change_all(lab)
        await lab.kernel.sleep(LONG)
        before = len(lab.history.of("ManifestsCompared"))
        assert await lab.desk.diff() == ()
        assert len(lab.history.of("ManifestsCompared")) == before + 1
        image = ImageRef(lab.substrate.image_repository(OTHERS[5]), "older")
        await lab.substrate.ports("operator").cluster.set_image(OTHERS[5], image, "staging")
        assert [each.workload for each in await lab.desk.diff()] == [OTHERS[5]]
        assert len(lab.history.of("ManifestsCompared")) == before + 2 + len(OTHERS)

    new_lab(names=NAMES, intervals=SELDOM).play(story)


def work_of(kernel: Kernel, seconds: list[float], ended: list[float]) -> Iterator[Work]:
    """Pieces that take so long; a negative time is one that fails."""

    def piece(each: float) -> Work:
        async def work() -> None:
            await kernel.sleep(abs(each))
            if each < 0:
                raise RuntimeError(f"after {-each} s")
            ended.append(each)

        return work

    return map(piece, seconds)


@pytest.mark.parametrize("at_once", [1, 2])
def test_a_mistake_in_one_piece_ends_all_and_is_raised(at_once: int) -> None:
    """What had begun is finished, and nothing else is begun."""
    kernel, ended = Kernel(), list[float]()
    workers = SideBySide(kernel, at_once, lambda: False)
    with pytest.raises(RuntimeError, match=r"after 2\.0 s"):
        kernel.run(workers.do(work_of(kernel, [1.0, -2.0, 3.0, 4.0], ended)))
    assert ended == [1.0, 3.0][:at_once]


def test_who_is_cancelled_takes_the_others_along() -> None:
    """A manager that is stopped in the middle of a sync applies nothing more."""
    kernel, ended = Kernel(), list[float]()
    do: Callable[[Iterator[Work]], object] = SideBySide(kernel, 2, lambda: False).do

    async def main() -> None:
        asked = kernel.spawn(do(work_of(kernel, [1.0] * 9, ended)), name="sync")  # type: ignore[arg-type]
        await kernel.sleep(2.5)
        asked.cancel()
        await kernel.sleep(9.0)

    kernel.run(main())
    assert ended == [1.0] * 4
