"""
The article's own road: one application moves from V1 to V2 and on to V3 while it serves.

    V1 ──export what runs, other rights for CI──► V2 ──no cluster for CI, a manager──► V3

Nothing is deployed by a move: pods stay what and where they are, and the config repo says what
runs. `docs/how-to-move.md` is the same for a cluster of one's own.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from cdlab.config_layout import POLICY, config_path, workloads_in
from cdlab.errors import FileMissing, Forbidden, NotExportable, NothingToCommit, StoryFailed
from cdlab.exporting import ExportedFile, export
from cdlab.model import ImageRef
from cdlab.ports import Checkout, Ports
from cdlab.stories.accidents import load
from cdlab.stories.actions import Change, bootstrap, push_change, ship
from cdlab.stories.lab import BAD, NEXT, Lab
from cdlab.stories.rollbacks import back_and_watch, wanted
from cdlab.stories.trying_again import insisting

ROAD = ("v1", "v2", "v3")
AFTER_EXPORT = "from-v2"
"""The version that V2's CI deploys."""


async def move_from_v1(lab: Lab) -> None:
    """
    Move from V1 to V2 to V3 and work in each: push, be refused what was taken, roll back.

    In V1 a deploy that does not reach production leaves it on an earlier image than staging.
    """
    name = lab.workload
    await bootstrap(lab)
    await _deploy_as_far_as_it_goes(lab, name)
    v2 = await move(lab, "v2", export_what_runs)
    good = await ship(v2, name, Change(version=AFTER_EXPORT))
    v3 = await move(v2, "v3", hand_over)
    await _be_refused(v2.ports("ci"), name, v3)
    await automate(v3)
    bad = await ship(v3, name, Change(version=BAD, is_bad=True))
    await back_and_watch(v3, name, v3.production, wanted(v3, good, bad))


async def _deploy_as_far_as_it_goes(lab: Lab, name: str) -> None:
    """Push a change, and wait until CI is done with it and no rollout is under way."""
    shipped = await push_change(lab, name, Change(version=NEXT))
    await lab.pipelines.finished(shipped.revision)
    for environment in lab.application.everywhere:
        await lab.ports("operator").cluster.rollout_status(name, environment)


async def move(lab: Lab, to: str, prepare: Callable[[Lab], Awaitable[None]]) -> Lab:
    """Move on while requests come in, and find that nothing that runs has changed."""
    before = await _what_runs(lab)
    await lab.within_attempt(_until_seen(lab, before))
    await lab.within_attempt(_until_none_is_dropped(lab))
    counted = {"environment": lab.production, "sent": 0, "dropped": 0}
    users = lab.kernel.spawn(load(lab, lab.production, counted), name="users")
    with lab.recorder.intent("move", to=to):
        moved = await lab.move(to, prepare)
        lab.recorder.mark("MoveFinished", to)
    await lab.watch()
    users.cancel()
    lab.recorder.mark("RequestsSent", lab.workload, detail=counted)
    after = await _what_runs(moved)
    changed = sorted({key for key, _ in before.items() ^ after.items()})
    differing = await _differing(moved)
    lab.recorder.mark("MoveWatched", to, detail={"changed": changed, "differing": differing})
    return moved


async def _until_none_is_dropped(lab: Lab) -> None:
    """The end of the deploy before: while its last pods stop, a request may still be sent there."""
    while True:
        counted = {"environment": lab.production, "sent": 0, "dropped": 0}
        users = lab.kernel.spawn(load(lab, lab.production, counted), name="users")
        await lab.watch()
        users.cancel()
        if not counted["dropped"]:
            return


async def export_what_runs(lab: Lab) -> None:
    """Write everything that runs into the config repo."""

    async def work() -> None:
        config, _ = await _exported(lab)
        await config.commit("Export what runs")
        await config.push()

    await insisting(work)


async def hand_over(lab: Lab) -> None:
    """
    See that the config repo says what runs, and note what is healthy under which digest.

    The manifests stay as they are, with tags: a digest in them would be another pod template. The
    note lets a rollback go back to what ran before the manager came. No policy is written yet, so
    that nothing is automated: an image that somebody rolled back is the newest one all the same.
    """

    async def work() -> tuple[Checkout, tuple[ExportedFile, ...]]:
        config, files = await _exported(lab)
        with suppress(NothingToCommit):  # as it should be
            await config.commit("Export what runs")
            await config.push()
        return config, files

    config, files = await insisting(work)
    for each in (file for file in files if file.note):
        revision = config.log(each.path)[0].revision
        await lab.ports("operator").config_repo.annotate(revision, each.note)
    lab.recorder.mark("ArrangementChanged", "v3", detail={"what": "notes"})


async def automate(lab: Lab) -> None:
    """Write the policy of each environment into which new images are to go by themselves."""

    async def work() -> None:
        config = await lab.ports("operator").config_repo.clone()
        for environment in lab.application.automated:
            config.write(config_path(environment, POLICY), "automated: true\n")
        await config.commit("Release new images by themselves")
        await config.push()

    with lab.recorder.intent("policy change", workload=""):
        await insisting(work)


async def _exported(lab: Lab) -> tuple[Checkout, tuple[ExportedFile, ...]]:
    """The config repo with every file that it lacks. `NotExportable` if one of them lies."""
    config = await lab.ports("operator").config_repo.clone()
    files = await _files(lab, config)
    for each in (file for file in files if not file.is_same):
        config.write(each.path, each.export.text)
    return config, files


async def _files(
    lab: Lab, config: Checkout, *, has_overwrite: bool = False
) -> tuple[ExportedFile, ...]:
    cluster, everywhere = lab.ports("operator").cluster, lab.application.everywhere
    return await export(cluster, everywhere, partial(text_of, config), has_overwrite=has_overwrite)


def text_of(config: Checkout, path: str) -> str | None:
    """What stands in a file; None where there is none."""
    try:
        return config.read(path)
    except FileMissing:
        return None


async def _differing(lab: Lab) -> list[str]:
    """The files of the config repo that do not say what runs, and what runs and is in none."""
    config = await lab.ports("operator").config_repo.clone()
    try:
        files = await _files(lab, config, has_overwrite=True)
    except NotExportable as error:
        return list(error.troubles)
    same = {each.path for each in files if each.is_same}
    return sorted(same ^ {path for path, *_ in workloads_in(config)})


async def _what_runs(lab: Lab) -> dict[str, str]:
    """Every pod with its identity and restarts, and every pod template, byte for byte."""
    found = {}
    for environment in lab.application.everywhere:
        for each in await lab.ports("operator").cluster.get(environment):
            metadata: dict[str, Any] = each["metadata"]
            name = f"{environment}: {each['kind']} {metadata['name']}"
            if each["kind"] == "Deployment":
                found[name] = json.dumps(each["spec"]["template"], sort_keys=True)
            elif each["kind"] == "Pod" and "deletionTimestamp" not in metadata:
                statuses = each["status"].get("containerStatuses") or []
                restarts = sum(status["restartCount"] for status in statuses)
                found[name] = f"{metadata['uid']}, {restarts} restarts"
    return found


async def _until_seen(lab: Lab, running: Mapping[str, str]) -> None:
    """Wait until who watches the pods has heard of all of them, and of the end of all others."""
    pods = {each for each in running if ": Pod " in each}
    while pods != {
        f"{environment}: Pod {pod}"
        for environment in lab.application.everywhere
        for each in lab.application.microservices
        for pod in lab.observed.pods(each.name, environment)
    }:
        await lab.observed.until_changed()


async def _be_refused(ci: Ports, name: str, lab: Lab) -> None:
    """Have CI try with its old credentials what it could do before."""
    (running,) = await lab.ports("operator").cluster.running(lab.production, name)
    if await _may(_set_image(ci, name, running.desired, lab)) or await _may(_push_config(ci)):
        raise StoryFailed("CI can still do what was taken from it", help="cdlab doctor")


async def _may(attempt: Awaitable[None]) -> bool:
    try:
        await attempt
    except Forbidden:
        return False
    return True


async def _set_image(ci: Ports, name: str, image: ImageRef, lab: Lab) -> None:
    await ci.cluster.set_image(name, image, lab.production)


async def _push_config(ci: Ports) -> None:
    config = await ci.config_repo.clone()
    config.write("attempt", "1\n")
    await config.commit("Attempt")
    await config.push()
