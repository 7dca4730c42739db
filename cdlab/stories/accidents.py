"""
Stories of what breaks: a cluster, a registry, a node, a box; and of requests meanwhile.
"""

from __future__ import annotations

from typing import Any

from cdlab.errors import CdlabError, PortError
from cdlab.model import RollbackRequest
from cdlab.stories.actions import Change, Wanted, bootstrap, deliver, push_change, ship
from cdlab.stories.lab import BAD, NEXT, Lab, Shipped


async def cluster_deleted(lab: Lab) -> None:
    """
    Lose the cluster, and with it whatever is nowhere else; bring everything back.

    CI is down meanwhile, and so are the code repos where there is a config repo: what comes back
    then comes from that.
    """
    await bootstrap(lab)
    await ship(lab, lab.workload, Change(version=NEXT))
    before = _running(lab)
    down = ["ci", *(["code-repo"] if lab.architecture.has_config_repo else [])]
    for box in [*down, *lab.incidents.inside]:
        await lab.incidents.stop(box)
    await lab.incidents.delete_cluster()
    if lab.settings.has_registry_loss:
        await lab.incidents.empty_registry()
    with lab.recorder.intent("rebuild"):
        for box in lab.incidents.inside:
            await lab.incidents.restart(box)
            lab.recorder.mark("Reinstalled", box)
        await lab.delivery.rebuild("alice")
        is_back = await lab.within_attempt(_until_runs(lab, before))
        lab.recorder.mark(
            "RebuildFinished",
            outcome="ok" if is_back else "failed",
            resource="cluster",
            detail={"before": before, "after": _running(lab)},
        )


def _running(lab: Lab) -> dict[str, list[str]]:
    """`environment/workload` -> the digests that serve."""
    return {
        f"{environment}/{each.name}": sorted(
            dict.fromkeys(lab.observed.serving(each.name, environment))
        )
        for environment in lab.application.everywhere
        for each in lab.application.microservices
    }


async def _until_runs(lab: Lab, before: dict[str, list[str]]) -> None:
    for environment in lab.application.everywhere:
        for each in lab.application.microservices:
            await lab.observed.until_ready(each.name, environment, lab.replicas)
    while _running(lab) != before:
        await lab.observed.until_changed()


async def node_lost(lab: Lab) -> None:
    """Lose the machine that runs most pods of production, wait for others in their place."""
    shipped = await bootstrap(lab)
    content, before = shipped[lab.workload].content, _running(lab)
    node = await lab.incidents.lose_node(lab.workload, lab.production)
    while lab.serves(lab.workload, lab.production, content):
        await lab.observed.until_changed()
    lab.recorder.mark("PodsMissing", lab.workload)
    await _until_runs(lab, before)
    lab.recorder.mark("PodsRestored", lab.workload)
    await lab.incidents.restore_node(node)


async def under_load(lab: Lab) -> None:
    """Ship a change while requests go through the Service, and count those without an answer."""
    await bootstrap(lab)
    first = lab.application.environments[0].name
    counted = {"environment": first, "sent": 0, "dropped": 0}
    users = lab.kernel.spawn(load(lab, first, counted), name="users")
    shipped = await push_change(lab, lab.workload, Change(version=NEXT))
    await lab.until_serves(lab.workload, first, shipped.content)
    await lab.ports("operator").cluster.rollout_status(lab.workload, first)
    users.cancel()
    lab.recorder.mark("RequestsSent", lab.workload, detail=counted)


async def load(lab: Lab, environment: str, counted: dict[str, Any]) -> None:
    """Send requests through the Service of the story's microservice, and count them."""
    while True:
        is_answered = await lab.incidents.request(lab.workload, environment)
        counted["sent"] += 1
        counted["dropped"] += not is_answered
        await lab.kernel.sleep(lab.settings.request_seconds)


async def outage(lab: Lab) -> None:
    """Take a box down and attempt a deploy, a rollback or a rebuild without it."""
    name, operation = lab.workload, lab.settings.operation
    good = (await bootstrap(lab))[name]
    if operation == "rollback":
        await ship(lab, name, Change(version=BAD, is_bad=True))
    before = _running(lab)
    if operation == "rebuild":
        await lab.incidents.delete_cluster()
    await lab.incidents.stop(lab.settings.outage)
    because = ""
    try:
        if operation == "deploy":
            work = _deploy(lab, name)
        elif operation == "rollback":
            work = _roll_back(lab, name, good)
        else:
            work = _rebuild(lab, before)
        succeeded = await lab.within_attempt(work)
    except CdlabError as error:
        succeeded, because = False, f"{type(error).__name__}: {error.message}"
    lab.recorder.mark(
        "OutageAttempted",
        lab.settings.outage,
        outcome="ok" if succeeded else "failed",
        because=because,
        detail={"operation": operation, "succeeded": succeeded},
    )
    await lab.incidents.restart(lab.settings.outage)


async def _deploy(lab: Lab, name: str) -> None:
    shipped = await push_change(lab, name, Change(version=NEXT))
    await deliver(lab, name, shipped.content)


async def _roll_back(lab: Lab, name: str, good: Shipped) -> None:
    request = RollbackRequest(workload=name, environment=lab.production, to=good.revision)
    with lab.recorder.intent(
        "rollback",
        workload=name,
        environment=lab.production,
        **Wanted(good=good.content).described(),
    ):
        outcome = await lab.delivery.rollback(request)
    if not outcome.is_released:
        raise PortError(f"{outcome.status}: {outcome.reason}")
    await lab.until_serves(name, lab.production, good.content)


async def _rebuild(lab: Lab, before: dict[str, list[str]]) -> None:
    with lab.recorder.intent("rebuild"):
        outcome = await lab.delivery.rebuild("alice")
    if not outcome.is_released:
        raise PortError(f"{outcome.status}: {outcome.reason}")
    await _until_runs(lab, before)
