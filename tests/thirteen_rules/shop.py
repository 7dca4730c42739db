"""
Where the thirteen rules are played: a lab with a desk in it, on either substrate.

A story takes a `Shop`, does what a rule is about, and asserts what must be so. `Rule.hold` plays it
and then holds the whole run to what must be so on every day. The stories are in `stories.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from cdlab import worlds
from cdlab.config_layout import POLICY, config_path, health_note
from cdlab.errors import FileMissing
from cdlab.history import Event, History
from cdlab.manager.commands import Answer, Ask, Command, WorkloadStatus
from cdlab.manager.desk import ManagerDesk
from cdlab.manager.queue import ReleaseQueue
from cdlab.manifests import annotate, image_of
from cdlab.model import Commit, Environment, ImageRef, Revision, Variant
from cdlab.ports import Checkout
from cdlab.release_commits import trailer
from cdlab.runner import run_in
from cdlab.scenario import Scenario
from cdlab.stories import Lab
from cdlab.stories.actions import Change, bootstrap, push_change
from cdlab.testing.failure_story import failure_story
from tests.desks import desk_of
from tests.properties import always
from tests.properties.days import Day, Landed
from tests.racing import Race, Racing

STAGING, PRODUCTION, NAME = "staging", "production", "users"
LOOK_SECONDS = 0.3
"""Between two looks whether something has happened."""
LONGEST_SECONDS = 20.0
"""What is slow or late is so by that on a real cluster, where a build takes some 3 s."""
EVERY_DAY: tuple[always.Rule, ...] = (
    always.one_release_is_one_commit,
    always.nothing_is_forced_into_the_config_repo,
    always.a_rollback_is_one_commit_with_a_hold,
    always.a_rollback_brings_back_a_whole_manifest_that_was_healthy,
    always.a_rollback_never_goes_to_what_was_rolled_back_from,
    always.nothing_is_applied_that_was_not_committed,
    always.automation_never_goes_back,
    always.nothing_is_released_past_a_lock_or_a_hold,
)
"""What holds whatever a story is about."""


@dataclass
class Shop:
    """What a story has: one lab, its desk, and short names for what people do."""

    lab: Lab
    landed: list[Landed] = field(default_factory=list)

    @property
    def queue(self) -> ReleaseQueue:
        assert isinstance(self.lab.delivery, ReleaseQueue)
        return self.lab.delivery

    @property
    def desk(self) -> ManagerDesk:
        lab = self.lab
        return desk_of(lab.kernel, lab.application, lab.ports("manager"), self.queue)

    async def ask(self, command: Command, environment: str = STAGING, **values: Any) -> Answer:
        """Ask at the desk, about users unless that is said."""
        asked = {"workload": NAME, "user": "ann", "message": "a test", **values}
        return await self.desk.ask(Ask(command=command, environment=environment, **asked))

    async def done(self, command: Command, environment: str = STAGING, **values: Any) -> Answer:
        """The same, where it has to be done."""
        answer = await self.ask(command, environment, **values)
        assert answer.status == "released", answer
        return answer

    async def push(self, version: str, name: str = NAME, **files: str) -> Revision:
        """Push a commit of code, and return its revision: the tag of its image."""
        return (await push_change(self.lab, name, Change(version=version, files=files))).revision

    async def revert(self) -> Revision:
        """Push a commit of code that takes the last one back."""
        with self.lab.recorder.intent("deploy", workload=NAME, version="revert"):
            checkout = await self.lab.ports("developer").code_repos[NAME].clone()
            await checkout.revert(checkout.log()[0].revision)
            return (await checkout.push()).revision

    async def is_released(self, tag: str) -> bool:
        return await self.runs() == {NAME: tag}

    async def ship(self, version: str, name: str = NAME) -> Revision:
        """The same, and wait until staging runs it and that is noted."""
        revision = await self.push(version, name)
        await self.until(lambda: self.is_noted(revision, name), f"{version} is healthy")
        return revision

    async def is_noted(self, tag: str, name: str = NAME, where: str = STAGING) -> bool:
        newest = (await self.log(where, name))[0]
        noted = health_note(where, name) in newest.note.splitlines()
        return noted and await self.tag(where, name) == tag

    async def until(self, is_so: Callable[[], Awaitable[bool]], what: str) -> None:
        """Look again and again until something has happened."""
        lab = self.lab
        end = lab.kernel.now() + lab.settings.attempt_seconds
        while not await is_so():
            assert lab.kernel.now() < end, f"in vain: {what}"
            await lab.kernel.sleep(LOOK_SECONDS)

    async def until_decided(self, what: str, because: str, after: int = 0) -> Event:
        """Wait for a decision of the manager with that reason."""

        def found() -> list[Event]:
            return [
                each
                for each in self.history.of("Decided")
                if each.seq >= after
                and each.detail["what"] == what
                and each.because.startswith(because)
            ]

        async def is_so() -> bool:
            return bool(found())

        await self.until(is_so, f"{what}, {because}")
        return found()[0]

    @property
    def history(self) -> History:
        return self.lab.recorder.history

    @property
    def now(self) -> int:
        """The number of the event that comes next."""
        return len(self.history)

    def image(self, tag: str) -> ImageRef:
        """An image of users, by its tag."""
        return ImageRef(self.lab.application.image_repositories[NAME], tag)

    async def config(self) -> Checkout:
        return await self.lab.ports("operator").config_repo.clone()

    async def write(self, path: str, text: str, message: str = "Edit by hand") -> Revision:
        """Somebody writes a file of the config repo, with git."""
        checkout = await self.config()
        checkout.write(path, text)
        await checkout.commit(message)
        return (await checkout.push()).revision

    async def annotate(self, key: str, value: str, name: str = NAME) -> None:
        path = config_path(STAGING, name)
        text = (await self.config()).read(path)
        await self.write(path, annotate(text, name, {key: value}))

    async def manifest(self, where: str = STAGING, name: str = NAME) -> str:
        return (await self.config()).read(config_path(where, name))

    async def log(self, where: str = STAGING, name: str = NAME) -> list[Commit]:
        return list((await self.config()).log(config_path(where, name)))

    async def tag(self, where: str = STAGING, name: str = NAME) -> str | None:
        """The tag that the config repo wants."""
        return ImageRef.parse(image_of(await self.manifest(where, name), name)).tag

    async def runs(self, where: str = STAGING) -> dict[str, str | None]:
        """Workload -> the tag that an environment was told to run."""
        found = await self.lab.ports("operator").cluster.running(where)
        return {each.name: each.desired.tag for each in found}

    async def released(self, where: str = STAGING, name: str = NAME) -> list[str | None]:
        """The tags of its releases, oldest first, from git alone."""
        images = [trailer(each, "To") for each in await self.log(where, name)]
        causes = [trailer(each, "Cause") for each in await self.log(where, name)]
        return [
            ImageRef.parse(image).tag
            for image, cause in zip(images, causes, strict=True)
            if cause not in ("", "policy")
        ][::-1]

    async def cell(self, where: str = STAGING) -> WorkloadStatus:
        found = await self.desk.status()
        return next(each for each in found if (each.workload, each.environment) == (NAME, where))

    def race(self, race: Race) -> None:
        """From now on somebody comes just before each push of the manager."""
        manager: Any = self.queue.manager
        repository = manager.manager.config_repo
        inner = repository.inner if isinstance(repository, Racing) else repository
        manager.manager = replace(manager.manager, config_repo=Racing(inner, race))


Story = Callable[[Shop], Awaitable[None]]


@dataclass(frozen=True)
class Rule:
    """A story with the settings of its scenario."""

    story: Story
    microservices: tuple[str, ...] = (NAME,)
    environments: tuple[Environment, ...] = (Environment(STAGING), Environment(PRODUCTION, False))
    faults: tuple[Mapping[str, Any], ...] = ()

    def hold(self, substrate: str) -> History:
        """Play it, and hold the run to what must be so on every day."""
        faults = tuple(
            {**each, "seconds": min(each["seconds"], LONGEST_SECONDS)}
            if substrate == "kind" and "seconds" in each
            else dict(each)
            for each in self.faults
        )
        scenario = Scenario(
            architecture="v3",
            microservices=self.microservices,
            environments=self.environments,
            profile="constant",
            replicas=1,
            variant=Variant(rollback="command"),
            faults=faults,
        )
        world = worlds.simulated(scenario) if substrate == "sim" else worlds.real(scenario)
        shops: list[Shop] = []

        async def play(lab: Lab) -> None:
            shop = Shop(lab)
            shops.append(shop)
            await bootstrap(lab)
            for name in self.microservices:
                await shop.until(partial(_is_first_noted, shop, name), f"{name} is healthy")
            await self.story(shop)
            shop.landed = landed(await shop.config(), lab.recorder.history)

        run = run_in(world, scenario, play)
        assert run.is_finished, failure_story(run.history)
        day = Day(run, tuple(shops[0].landed))
        broken = {rule.__name__: found for rule in EVERY_DAY if (found := list(rule(day)))}
        assert broken == {}, failure_story(run.history)
        return run.history


async def _is_first_noted(shop: Shop, name: str) -> bool:
    return await shop.is_noted(str(await shop.tag(name=name)), name)


def landed(config: Checkout, history: History) -> list[Landed]:
    """Every commit of the config repo, oldest first, with its files before and after."""
    made = {e.detail["revision"]: e for e in history.of("Committed", "Reverted")}
    paths = sorted({path for each in made.values() for path in each.detail["files"]})
    arrived = {e.detail["revision"]: e.t_us for e in history.of("CommitPushed")}
    found: list[Landed] = []
    for commit in reversed(config.log()):
        event = made[commit.revision]
        lines = commit.message.splitlines()
        trailers = dict(line.split(": ", 1) for line in lines if ": " in line)
        after = _files(config, paths, commit.revision)
        before = found[-1].after if found else {}
        t_us = arrived.get(commit.revision, event.t_us)
        found.append(Landed(event, t_us, before, after, trailers))
    return found


def _files(config: Checkout, paths: Iterable[str], revision: Revision) -> dict[str, str]:
    files = {}
    for path in paths:
        try:
            files[path] = config.read(path, at=revision)
        except FileMissing:
            continue
    return files


def policy_path(where: str = STAGING) -> str:
    """The policy of an environment."""
    return config_path(where, POLICY)


def renamed(manifest: str, name: str, other: str) -> str:
    """Another workload that runs the same image."""
    for key in ("name", "app"):
        manifest = manifest.replace(f"{key}: {name}\n", f"{key}: {other}\n")
    return manifest


def refused(answer: Answer, *, reason: str) -> None:
    """It was, for that reason."""
    assert (answer.status, answer.reason[: len(reason)]) == ("refused", reason), answer
