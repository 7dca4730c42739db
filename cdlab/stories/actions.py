"""
What people do in stories: push, ship, promote, roll back, edit a manifest, use kubectl, watch.

Every story is put together from these, and the story `steps` takes them from a scenario file. All
that somebody asks for is declared as an intent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from cdlab import sample_services
from cdlab.errors import NoEarlierRollout, NothingToCommit, StoryFailed
from cdlab.model import Content, ImageRef, Outcome, Revision, RollbackRequest
from cdlab.releases import config_path
from cdlab.stories.lab import BAD_COLOUR, GOOD, GOOD_COLOUR, Lab, Shipped
from cdlab.stories.trying_again import insisting, patiently

MESSAGE = "it serves wrong content"


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What a developer pushes."""

    version: str
    is_bad: bool = False
    """Whether it changes the colour to the wrong one."""
    is_small: bool = False
    """The bad commit changes nothing but the colour, so that it can be reverted by itself."""
    has_merge: bool = False
    files: Mapping[str, str] = field(default_factory=dict)
    """Further files it writes."""
    provides: int = 0
    """The number of its interface; 0: nobody depends on it."""
    needs: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """Microservice -> the interfaces one of which it has to provide."""


async def bootstrap(lab: Lab) -> dict[str, Shipped]:
    """Push the first version of every microservice, and wait until it runs everywhere."""
    sources = {each.name: _source(lab, each.name) for each in lab.application.microservices}
    shipped = {}
    with lab.recorder.intent("bootstrap"):
        written = {name: files["service.yaml"] for name, files in sources.items()}
        with suppress(NothingToCommit):  # a push that got no answer had come through
            await patiently(lab, lambda: lab.delivery.prepare(written))
        for name, files in sources.items():
            if lab.architecture.has_config_repo:
                del files["service.yaml"]
            shipped[name] = await push(lab, name, files, "Add the first version")
            _note_shipped(lab, name, shipped[name].content, Change(version=GOOD))
        teams = [_first(lab, name, commit) for name, commit in shipped.items()]
        await lab.together(teams, "a team")
    return shipped


async def _first(lab: Lab, name: str, commit: Shipped) -> None:
    """One team sees its first version run everywhere, by hand where that is how it goes."""
    await lab.pipelines.finished(commit.revision)
    await patiently(lab, lambda: lab.delivery.first_deployment(name))
    await deliver(lab, name, commit.content)


def _source(lab: Lab, name: str) -> dict[str, str]:
    settings = lab.settings
    return sample_services.source(
        name, version=GOOD, colour=GOOD_COLOUR, run=settings.run, knobs=settings.knobs
    )


async def ship(lab: Lab, name: str, change: Change) -> Shipped:
    """Push a change and see it run in every environment, by promotion where it is needed."""
    shipped = await push_change(lab, name, change)
    await deliver(lab, name, shipped.content, is_declared=True)
    return shipped


async def push_change(lab: Lab, name: str, *changes: Change) -> Shipped:
    """Push one or more commits at once, as an intent of their own; the last is the head."""
    with lab.recorder.intent("deploy", workload=name, version=changes[-1].version):
        shipped, is_bad = await insisting(lambda: _commit_and_push(lab, name, changes))
        _note_shipped(lab, name, shipped.content, changes[-1], is_bad=is_bad)
    return shipped


async def _commit_and_push(lab: Lab, name: str, changes: Sequence[Change]) -> tuple[Shipped, bool]:
    checkout = await lab.ports("developer").code_repos[name].clone()
    before = {commit.revision for commit in checkout.log()}
    is_bad = False
    for change in changes:
        files = {path: checkout.read(path) for path in checkout.paths()}
        new = _edited(files, change)
        if change.has_merge:
            await checkout.merge(new, f"Serve {change.version}")
        else:
            for path, text in new.items():
                checkout.write(path, text)
            await checkout.commit(f"Serve {change.version}")
        is_bad = any(BAD_COLOUR in text for text in {**files, **new}.values())
    report = await checkout.push()
    revisions = tuple(c.revision for c in checkout.log() if c.revision not in before)
    return Shipped(report.revision, checkout.content, revisions), is_bad


def _edited(files: Mapping[str, str], change: Change) -> dict[str, str]:
    version = files["www/version"].strip() if change.is_small else change.version
    colour = BAD_COLOUR if change.is_bad else None
    return sample_services.changed(files, version=version, colour=colour) | dict(change.files)


def _note_shipped(
    lab: Lab, name: str, content: Content, change: Change, *, is_bad: bool = False
) -> None:
    detail = {"content": content, "version": change.version, "is_bad": is_bad}
    if change.provides:
        detail["provides"] = change.provides
    if change.needs:
        detail["needs"] = {callee: list(accepted) for callee, accepted in change.needs.items()}
    lab.recorder.mark("Shipped", name, detail=detail)


async def push(lab: Lab, name: str, files: Mapping[str, str], message: str) -> Shipped:
    """Commit files in a code repo, as a developer does, and push them."""

    async def work() -> Shipped:
        checkout = await lab.ports("developer").code_repos[name].clone()
        for path, text in files.items():
            checkout.write(path, text)
        await checkout.commit(message)
        report = await checkout.push()
        return Shipped(report.revision, checkout.content, (report.revision,))

    return await insisting(work)


async def deliver(lab: Lab, name: str, content: Content, *, is_declared: bool = False) -> None:
    """See *content* run in each environment in turn, and ask for it where one can be asked for."""
    before = ""
    for environment in lab.application.environments:
        wants_asking = not environment.is_automated
        if before and is_declared and not lab.architecture.has_manual_environments:
            wants_asking = True
        if wants_asking:
            await promote(lab, name, before, environment.name, is_declared=is_declared)
        await lab.until_serves(name, environment.name, content)
        before = environment.name


async def promote(
    lab: Lab, name: str, source: str, target: str, *, is_declared: bool = True
) -> None:
    """Ask for a promotion, once the rollout it comes from is complete."""
    await lab.ports("operator").cluster.rollout_status(name, source)
    if not is_declared:
        await lab.delivery.promote(name, source, target, "alice")
        return
    with lab.recorder.intent("promote", workload=name, environment=target):
        outcome = await lab.delivery.promote(name, source, target, "alice")
        note_outcome(lab, "PromotionAccepted", name, outcome)


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What a rollback is to bring back, and what it is to undo."""

    good: Content | None = None
    bad: Content | None = None
    bad_revisions: tuple[Revision, ...] = ()
    undo: Revision | None = None
    to: Revision | None = None

    def described(self) -> dict[str, Any]:
        """What an intent says of it."""
        good, bad = self.good or "", self.bad or ""
        return {"good": good, "bad": bad, "bad_revisions": self.bad_revisions}


async def roll_back(lab: Lab, name: str, environment: str, wanted: Wanted) -> Content:
    """Ask for a rollback, and return the content that has to serve when it is done."""
    with lab.recorder.intent(
        "out-of-band edit" if lab.settings.is_out_of_band else "rollback",
        workload=name,
        environment=environment,
        **wanted.described(),
    ):
        if lab.settings.is_out_of_band:
            outcome = await _undo(lab, name, environment)
        else:
            request = RollbackRequest(
                workload=name,
                environment=environment,
                message=MESSAGE,
                undo=wanted.undo,
                to=wanted.to,
            )
            outcome = await insisting(lambda: lab.delivery.rollback(request))
        content = pushed_content(lab, outcome.revision) or wanted.good or Content("")
        note_outcome(lab, "RollbackAccepted", name, outcome, good=content)
        await _approve(lab, name, environment, outcome, content)
    return content


async def _undo(lab: Lab, name: str, environment: str) -> Outcome:
    """Have Kubernetes go back a rollout. That there is none is an answer and ends no story."""
    try:
        await lab.ports("operator").cluster.rollout_undo(name, environment)
    except NoEarlierRollout as error:
        return Outcome("not expressible", f"nothing to undo: {error.message}")
    return Outcome("released", "kubectl rollout undo")


def pushed_content(lab: Lab, revision: Revision | None) -> Content | None:
    """What a push to a code repo made of it: a revert on top of good commits is a new content."""
    for event in lab.recorder.history.of("CommitPushed")[::-1]:
        if event.component == "code-repo" and event.detail["revision"] == revision:
            return Content(event.detail["content"])
    return None


async def _approve(
    lab: Lab, name: str, environment: str, outcome: Outcome, content: Content
) -> None:
    """Approve a rollback by code in each gated environment on its way to the one that needs it."""
    if lab.architecture.has_manual_environments or pushed_content(lab, outcome.revision) is None:
        return
    before = ""
    for each in lab.application.environments:
        if not each.is_automated:
            await lab.until_serves(name, before, content)
            await promote(lab, name, before, each.name, is_declared=False)
            lab.recorder.mark("GateApproved", name, detail={"environment": each.name})
        if each.name == environment:
            return
        before = each.name


async def edit_manifest(lab: Lab, name: str, replicas: int) -> Revision:
    """
    Change a manifest where this architecture keeps it, and bring it in as people do there.

    Beside the code it is a commit in the code repo, and in the config repo one there; unless a
    release manager watches that, somebody applies it by hand.
    """
    operator = lab.ports("operator")
    repository = operator.config_repo
    if lab.architecture.has_config_repo:
        paths = {e: config_path(e, name) for e in lab.application.everywhere}
    else:
        repository = lab.ports("developer").code_repos[name]
        paths = dict.fromkeys(lab.application.everywhere, "service.yaml")
    checkout = await repository.clone()
    for path in dict.fromkeys(paths.values()):
        checkout.write(path, sample_services.scaled(checkout.read(path), replicas))
    await checkout.commit(f"Run {replicas} of {name}")
    report = await checkout.push()
    if not lab.architecture.has_config_repo:
        _note_shipped(lab, name, checkout.content, Change(version="edited"))
        await lab.pipelines.finished(report.revision)
        await lab.delivery.first_deployment(name)
    elif not lab.architecture.has_manual_environments:
        for environment, path in paths.items():
            await operator.cluster.apply(checkout.read(path), environment)
    return report.revision


async def set_image(lab: Lab, name: str, environment: str, image: ImageRef, wanted: Wanted) -> None:
    """Use kubectl past everything else."""
    with lab.recorder.intent(
        "out-of-band edit", workload=name, environment=environment, **wanted.described()
    ):
        await lab.ports("operator").cluster.set_image(name, image, environment)


def note_outcome(lab: Lab, kind: str, name: str, outcome: Outcome, **detail: str) -> None:
    """Write down the answer, and end the story where it cannot go on without a yes."""
    lab.recorder.mark(
        kind if outcome.is_released else kind.replace("Accepted", "Refused"),
        name,
        outcome="ok" if outcome.is_released else outcome.status,
        because=outcome.reason,
        detail=detail,
    )
    if outcome.status in ("refused", "failed"):
        raise StoryFailed(
            f'alice asked for a {kind.removesuffix("Accepted").lower()} of "{name}" and got: '
            f"{outcome.status}, {outcome.reason}",
            help="read the history up to here: --history FILE",
        )
