"""
What developers and operators do, written once for every architecture and both substrates.

A story knows no version: it pushes code, asks for promotions and rollbacks, uses kubectl, and waits
until it sees in the pods what it asked for. Everything it asks for is declared as an intent.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from cdlab import sample_services
from cdlab.architectures import Architecture, Delivery
from cdlab.errors import StoryFailed
from cdlab.kernel import Kernel
from cdlab.model import Application, Content, Outcome, Principal, Revision
from cdlab.observed import Observed
from cdlab.pipelines import Pipelines
from cdlab.ports import Ports
from cdlab.recording import Recorder

GOOD, BAD, NEXT = "good", "bad", "next"
GOOD_COLOUR, BAD_COLOUR = "seagreen", "crimson"
"""The bad change is a colour, so that it can still be seen after later pushes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StorySettings:
    """What a story can be told."""

    run: str
    """Written into every source, so that two runs never share a layer cache."""
    replicas: int = 2
    is_out_of_band: bool = False
    """Roll back with `kubectl rollout undo` instead of asking the architecture."""
    has_next_push: bool = False
    """Push once more after the rollback, to see what that does to it."""
    has_merge: bool = False
    """Ship the bad release as a merge commit."""
    observation_seconds: float = 900.0
    """How long to watch that the rollback stays. 900 s are three looks of Flux v1."""
    payload_kib: int = 0
    """Bytes that are added to each image."""
    build_work: int = 0
    """Rounds of hashing that are added to each build."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lab:
    """Everything that the people of a story can see and use."""

    kernel: Kernel
    application: Application
    architecture: Architecture
    ports: Callable[[Principal], Ports]
    delivery: Delivery
    pipelines: Pipelines
    observed: Observed
    recorder: Recorder
    settings: StorySettings


@dataclass(frozen=True, slots=True)
class Shipped:
    """A pushed commit."""

    revision: Revision
    content: Content
    revisions: tuple[Revision, ...]
    """All commits of the push; a merge brings two."""


async def rollback(lab: Lab) -> None:
    """Ship good to everywhere, ship bad, roll production back, and watch that it stays."""
    name = lab.application.microservices[0].name
    production = lab.application.environments[-1].name
    good = (await bootstrap(lab))[name]
    bad = await ship(lab, name, version=BAD, has_merge=lab.settings.has_merge)
    before = lab.observed.pods(name, production)
    with lab.recorder.intent(
        "out-of-band edit" if lab.settings.is_out_of_band else "rollback",
        workload=name,
        environment=production,
        good=good.content,
        bad=bad.content,
        bad_revisions=bad.revisions,
    ):
        outcome = await _go_back(lab, name, production)
        _note_outcome(lab, "RollbackAccepted", name, outcome)
    is_back = await lab.observed.until_rolled_back(
        name, production, good.content, lab.settings.replicas, before
    )
    lab.recorder.mark("RollbackSeen" if is_back else "RollbackUndone", name)
    await lab.kernel.sleep(lab.settings.observation_seconds)
    lab.recorder.mark("ObservationEnded", name)
    if lab.settings.has_next_push:
        await _push_once_more(lab, name)


async def _push_once_more(lab: Lab, name: str) -> None:
    """Push a harmless change on top of what the code repo holds, and watch; ask for nothing."""
    shipped = await _change(lab, name, version=NEXT)
    first = lab.application.environments[0].name
    await lab.observed.until_serves(name, first, shipped.content, lab.settings.replicas)
    await lab.kernel.sleep(lab.settings.observation_seconds)


async def _go_back(lab: Lab, name: str, environment: str) -> Outcome:
    if lab.settings.is_out_of_band:
        await lab.ports("operator").cluster.rollout_undo(name, environment)
        return Outcome("released", "kubectl rollout undo")
    return await lab.delivery.rollback(name, environment, "alice", "it serves wrong content")


async def first_deployment(lab: Lab) -> None:
    """Bring every microservice into every environment for the first time."""
    await bootstrap(lab)


Story = Callable[[Lab], Awaitable[None]]

STORIES: Mapping[str, Story] = {
    "rollback": rollback,
    "first-deployment": first_deployment,
}


async def bootstrap(lab: Lab) -> dict[str, Shipped]:
    """Push the first version of every microservice, and wait until it runs everywhere."""
    sources = {each.name: _source(lab, each.name) for each in lab.application.microservices}
    shipped = {}
    with lab.recorder.intent("bootstrap"):
        await lab.delivery.prepare({n: files["service.yaml"] for n, files in sources.items()})
        for name, files in sources.items():
            if lab.architecture.has_config_repo:
                del files["service.yaml"]
            shipped[name] = await push(lab, name, files, "Add the first version")
        teams = [
            lab.kernel.spawn(_first(lab, name, commit), name=f"the team of {name}")
            for name, commit in shipped.items()
        ]
        for team in teams:
            await team.join()
    return shipped


async def _first(lab: Lab, name: str, commit: Shipped) -> None:
    """One team sees its first version run everywhere, by hand where that is how it goes."""
    await lab.pipelines.finished(commit.revision)
    await lab.delivery.first_deployment(name)
    await _deliver(lab, name, commit.content)


async def ship(lab: Lab, name: str, *, version: str, has_merge: bool = False) -> Shipped:
    """Push a change and see it run in every environment, by promotion where it is needed."""
    shipped = await _change(lab, name, version=version, has_merge=has_merge)
    await _deliver(lab, name, shipped.content, is_declared=True)
    return shipped


async def _change(lab: Lab, name: str, *, version: str, has_merge: bool = False) -> Shipped:
    with lab.recorder.intent("deploy", workload=name, version=version):
        checkout = await lab.ports("developer").code_repos[name].clone()
        files = {path: checkout.read(path) for path in checkout.paths()}
        colour = BAD_COLOUR if version == BAD else None
        changes = sample_services.changed(files, version=version, colour=colour)
        shipped = await push(lab, name, changes, f"Serve {version}", has_merge=has_merge)
        is_bad = any(BAD_COLOUR in text for text in {**files, **changes}.values())
        lab.recorder.mark("Shipped", name, detail={"content": shipped.content, "is_bad": is_bad})
    return shipped


async def push(
    lab: Lab, name: str, files: Mapping[str, str], message: str, *, has_merge: bool = False
) -> Shipped:
    """Commit files in a code repo, as a developer does, and push them."""
    checkout = await lab.ports("developer").code_repos[name].clone()
    before = {commit.revision for commit in checkout.log()} if checkout.head else set()
    if has_merge:
        await checkout.merge(files, message)
    else:
        for path, text in files.items():
            checkout.write(path, text)
        await checkout.commit(message)
    report = await checkout.push()
    new = tuple(c.revision for c in checkout.log() if c.revision not in before)
    return Shipped(report.revision, checkout.content, new)


async def _deliver(lab: Lab, name: str, content: Content, *, is_declared: bool = False) -> None:
    """See *content* run in each environment in turn, and ask for it where one can be asked for."""
    before = ""
    for environment in lab.application.environments:
        wants_asking = not environment.is_automated
        if before and is_declared and not lab.architecture.has_manual_environments:
            wants_asking = True
        if wants_asking:
            await _promote(lab, name, before, environment.name, is_declared)
        await lab.observed.until_serves(name, environment.name, content, lab.settings.replicas)
        before = environment.name


async def _promote(lab: Lab, name: str, source: str, target: str, is_declared: bool) -> None:
    """Ask for a promotion, once the rollout it comes from is complete."""
    await lab.ports("operator").cluster.rollout_status(name, source)
    if not is_declared:
        await lab.delivery.promote(name, source, target, "alice")
        return
    with lab.recorder.intent("promote", workload=name, environment=target):
        outcome = await lab.delivery.promote(name, source, target, "alice")
        _note_outcome(lab, "PromotionAccepted", name, outcome)


def _source(lab: Lab, name: str) -> dict[str, str]:
    settings = lab.settings
    return sample_services.source(
        name,
        version=GOOD,
        colour=GOOD_COLOUR,
        run=settings.run,
        knobs=sample_services.Knobs(
            payload_kib=settings.payload_kib,
            build_work=settings.build_work,
            replicas=settings.replicas,
        ),
    )


def _note_outcome(lab: Lab, kind: str, name: str, outcome: Outcome) -> None:
    """Write down the answer, and end the story where it cannot go on without a yes."""
    lab.recorder.mark(
        kind if outcome.is_released else kind.replace("Accepted", "Refused"),
        name,
        outcome="ok" if outcome.is_released else outcome.status,
        because=outcome.reason,
    )
    if outcome.status in ("refused", "failed"):
        raise StoryFailed(
            f'alice asked for a {kind.removesuffix("Accepted").lower()} of "{name}" and got: '
            f"{outcome.status}, {outcome.reason}",
            help="read the history up to here: --history FILE",
        )
