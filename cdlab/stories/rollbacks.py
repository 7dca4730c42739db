"""
Stories of a bad release and the way back: once, twice, in a race with newer commits and images.
"""

from __future__ import annotations

from collections.abc import Collection, Coroutine
from dataclasses import replace
from typing import Any

from cdlab import sample_services
from cdlab.model import Content, Revision
from cdlab.stories.actions import (
    Change,
    Wanted,
    bootstrap,
    deliver,
    edit_manifest,
    push_change,
    roll_back,
    ship,
)
from cdlab.stories.lab import BAD, NEXT, Lab, Shipped

NEVER_SERVES = {
    "never-ready": sample_services.NEVER_READY,
    "crashing": sample_services.CRASHING,
}
"""Badness -> the files that make it."""


async def rollback(lab: Lab) -> None:
    """Ship good to everywhere, ship bad, roll production back, and watch that it stays."""
    name = lab.workload
    # What never becomes Ready is promoted nowhere: it is rolled back where a push took it.
    where = lab.application.automated[-1] if lab.settings.bad in NEVER_SERVES else lab.production
    good = (await bootstrap(lab))[name]
    await lab.random_moment("push")
    bad = await _ship_bad(lab, name, where)
    for number in range(lab.settings.commits_on_top):
        await ship(lab, name, Change(version=f"top-{number + 1}"))
    await lab.random_moment("rollback")
    await back_and_watch(lab, name, where, wanted(lab, good, bad))
    if lab.settings.has_next_push:
        await _push_once_more(lab, name)


def wanted(lab: Lab, good: Shipped, bad: Shipped) -> Wanted:
    """What to bring back. Good commits that came in the same push are no reason to."""
    bad_revisions = bad.revisions[lab.settings.batch - 1 :]
    return Wanted(
        good=good.content,
        bad=bad.content,
        bad_revisions=bad_revisions,
        undo=bad_revisions[0],
        to=target(lab, good, is_last=lab.settings.commits_on_top == 0),
    )


def target(lab: Lab, good: Shipped, *, is_last: bool = True) -> Revision | None:
    """
    What to go back to, where it has to be said.

    A release manager knows what ran last. CI has to be told, and so has a manager when more than
    one release is to be undone.
    """
    is_known = is_last and lab.architecture.has_manual_environments
    return None if is_known else good.revision


async def back_and_watch(lab: Lab, name: str, environment: str, what: Wanted) -> None:
    """Roll back, wait until that is done or undone, and watch for a while."""
    before = lab.observed.pods(name, environment)
    content = await roll_back(lab, name, environment, what)
    is_back = await _until_back_or_undone(lab, name, environment, content, before)
    lab.recorder.mark("RollbackSeen" if is_back else "RollbackUndone", name)
    await lab.watch()
    lab.recorder.mark("ObservationEnded", name)


async def _until_back_or_undone(
    lab: Lab, name: str, environment: str, content: Content, before: Collection[str]
) -> bool:
    """
    Return True when every replica serves *content*, False when that was undone on the way.

    Pods tell of it, unless automation released another image before the rollback made any: who
    has waited for as long as an attempt may take asks for its decisions.
    """
    asked = len(lab.recorder.history)

    def is_replaced() -> bool:
        return any(
            event.seq >= asked
            and (event.resource, event.detail["workload"]) == (environment, name)
            and (event.detail["what"], event.detail["status"]) == ("automation", "released")
            for event in lab.recorder.history.of("Decided")
        )

    async def ask() -> None:
        while not is_undone:
            await lab.kernel.sleep(lab.settings.attempt_seconds)
            if is_replaced():
                is_undone.append(True)
                lab.observed.look_again(name, environment)

    is_undone: list[bool] = []
    asking = lab.kernel.spawn(ask(), name="somebody who asks for decisions", daemon=True)
    try:
        return await lab.observed.until_rolled_back(
            name, environment, content, lab.replicas, before, is_undone=lambda: bool(is_undone)
        )
    finally:
        asking.cancel()


async def _ship_bad(lab: Lab, name: str, environment: str) -> Shipped:
    """Ship the bad release as the settings say, and see it serve, or see that it cannot."""
    settings, kind = lab.settings, lab.settings.bad
    is_small = settings.batch > 1 or settings.commits_on_top > 0
    files = NEVER_SERVES.get(kind, {})
    first = Change(
        version=BAD, is_bad=True, is_small=is_small, has_merge=settings.has_merge, files=files
    )
    rest = (Change(version=f"batch-{number + 1}") for number in range(settings.batch - 1))
    before = lab.observed.pods(name, environment)
    shipped = await push_change(lab, name, first, *rest)
    if files:
        await lab.observed.until_tried(name, environment, before)
    else:
        await deliver(lab, name, shipped.content, is_declared=True)
    return shipped


async def _push_once_more(lab: Lab, name: str) -> None:
    """Push a harmless change on top of what the code repo holds, and watch; ask for nothing."""
    shipped = await push_change(lab, name, Change(version=NEXT))
    await lab.until_serves(name, lab.application.environments[0].name, shipped.content)
    await lab.watch()


async def roll_back_twice(lab: Lab) -> None:
    """Ship two bad releases on a good one, roll back, find that it is bad too, roll back again."""
    name, production = lab.workload, lab.production
    good = (await bootstrap(lab))[name]
    first = await ship(lab, name, Change(version=BAD, is_bad=True))
    second = await ship(lab, name, Change(version="worse"))
    await back_and_watch(lab, name, production, _one_back(lab, second, first))
    content = await roll_back(lab, name, production, _one_back(lab, first, good))
    await _see(lab, lab.until_serves(name, production, content))
    await lab.watch()
    lab.recorder.mark("ObservationEnded", name)


async def _see(lab: Lab, coming: Coroutine[Any, Any, Any]) -> None:
    """Wait until what was rolled back to is there, and note it where an attempt is over first."""
    if not await lab.within_attempt(coming):
        lab.recorder.mark("RollbackMissed", lab.workload)


def _one_back(lab: Lab, bad: Shipped, good: Shipped) -> Wanted:
    return Wanted(
        good=good.content,
        bad=bad.content,
        bad_revisions=bad.revisions,
        undo=bad.revision,
        to=target(lab, good),
    )


async def newer_commit(lab: Lab) -> None:
    """Roll back while a newer commit, harmless by itself, is being built on top of the bad one."""
    name, production = lab.workload, lab.production
    good = (await bootstrap(lab))[name]
    bad = await ship(lab, name, Change(version=BAD, is_bad=True, is_small=True))
    newer = await push_change(lab, name, Change(version=NEXT))
    content = await roll_back(lab, name, production, _one_back(lab, bad, good))
    await _see(lab, lab.until_serves(name, production, content))
    await lab.pipelines.finished(newer.revision)
    await lab.watch()
    lab.recorder.mark("ObservationEnded", name)


async def newer_image(lab: Lab) -> None:
    """Roll back, and have a newer image arrive before the release manager looks again."""
    name, production = lab.workload, lab.production
    good = (await bootstrap(lab))[name]
    bad = await ship(lab, name, Change(version=BAD, is_bad=True, is_small=True))
    content = await roll_back(lab, name, production, _one_back(lab, bad, good))
    newer = await push_change(lab, name, Change(version=NEXT))
    await _see(lab, lab.until_serves(name, production, content))
    await lab.pipelines.finished(newer.revision)
    await lab.watch()
    lab.recorder.mark("ObservationEnded", name)


async def bad_manifest(lab: Lab) -> None:
    """Run a replica too many by mistake, with a bad image or without, and roll back."""
    name, production = lab.workload, lab.production
    good = (await bootstrap(lab))[name]
    bad = good
    if lab.settings.bad == "manifest-and-image":
        bad = await ship(lab, name, Change(version=BAD, is_bad=True))
    with lab.recorder.intent("policy change", workload=name):
        edited = await edit_manifest(lab, name, lab.replicas + 1)
    await lab.observed.until_ready(name, production, lab.replicas + 1)
    back = replace(_one_back(lab, bad, good), to=good.revision)
    if bad is good:
        back = replace(back, undo=edited, to=None)
    content = await roll_back(lab, name, production, back)
    await _see(lab, _restored(lab, content))
    lab.recorder.mark("ObservationEnded", name)


async def _restored(lab: Lab, content: Content) -> None:
    await lab.until_serves(lab.workload, lab.production, content)
    await lab.observed.until_ready(lab.workload, lab.production, lab.replicas)


async def incompatible_services(lab: Lab) -> None:
    """
    Change the interface of a microservice that another one calls, then roll that one back.

    The first microservice is called, and the last one calls it. A compatible caller works with the
    interface before the new one as well.
    """
    callee, caller = lab.workload, lab.application.microservices[-1].name
    good = (await bootstrap(lab))[callee]
    interface = {"www/provides": "2\n"}
    bad = await ship(
        lab, callee, Change(version="new-api", is_bad=True, files=interface, provides=2)
    )
    accepted = (1, 2) if lab.settings.is_compatible else (2,)
    files = {"www/needs": " ".join(map(str, accepted)) + "\n"}
    await ship(lab, caller, Change(version="new-caller", files=files, needs={callee: accepted}))
    await back_and_watch(lab, callee, lab.production, wanted(lab, good, bad))
