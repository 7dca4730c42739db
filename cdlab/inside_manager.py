"""
The release manager of a run whose process is not this one: asked over a channel, heard as a stream.

In: how a world installs it, and the recorder of the run. Out: a `Delivery` that can be stopped and
started, and its events in the history, with the intents of this run. Called by the runner.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Protocol

from cdlab.architectures import Delivery
from cdlab.errors import ManagerUnavailable
from cdlab.history import Event
from cdlab.kernel import Actor
from cdlab.manager.messages import Body, Channel
from cdlab.manager.remote import RemoteDelivery
from cdlab.merging import ARTIFACT, REQUEST, START, ClockOffset, Merging
from cdlab.model import Context, Outcome, RollbackRequest, Variant
from cdlab.recording import Recorder

WAIT_SECONDS = 5.0
"""How long one question for events may stay without an answer."""
RETRY_SECONDS = 0.2
GATHER_SECONDS = 0.05
"""Between two questions for events: a manager that is busy is not to be asked for each of them."""
CLOCK_LOOKS = 5
"""Round trips of which the shortest tells the time."""


class Installation(Protocol):
    """How a world gives a release manager its place, its credentials and its application."""

    async def start(self) -> Channel:
        """Put up all of it, or what is missing; returns when it answers."""

    async def stop(self) -> None:
        """End its process and keep the rest. It may be gone with its cluster already."""


class InsideManager:
    """One release manager, through stops and starts."""

    def __init__(
        self, installation: Installation, recorder: Recorder, people: Delivery, variant: Variant
    ) -> None:
        """*people* is the architecture's page with the credentials of people alone."""
        self.installation = installation
        self.recorder = recorder
        self.kernel = recorder.kernel
        self.people = people
        self.variant = variant
        self.merging = Merging(recorder.history, self._meaning)
        self._offsets: dict[str, ClockOffset] = {}
        self._asked: dict[str, Context] = {}
        """Request -> on whose behalf it was sent."""
        self._started: dict[str, Context] = {}
        """Producer -> on whose behalf it was started. One that was restarted has none."""
        self._count = 0
        self._channel: Channel | None = None
        self._listening: Actor | None = None
        self._producer = ""

    async def start(self) -> None:
        """Install it, or put back what is missing of it, and listen to what it does."""
        self._end_listening()
        self._channel = await self.installation.start()
        producer = await self._learn_clock(self._channel)
        actor = self.kernel.current
        if producer not in self._started and actor and isinstance(actor.context, Context):
            self._started[producer] = actor.context
        self._listening = self.kernel.spawn(
            self._listen(self._channel), name="hears the release manager"
        )

    async def stop(self) -> None:
        """End it, wherever it is, and hear what it had done until then."""
        await self.installation.stop()
        await self.finish()
        self._channel = None

    async def finish(self) -> None:
        """Hear what it has done so far, and listen no longer."""
        self._end_listening()
        if self._channel is not None:
            with suppress(ManagerUnavailable):
                await self._hear(self._channel, 0.0)
            self._channel.hang_up()

    def _end_listening(self) -> None:
        if self._listening is not None and self._channel is not None:
            self._listening.cancel()
            self._channel.hang_up()
        self._listening = None

    async def _listen(self, channel: Channel) -> None:
        while True:
            try:
                await self._hear(channel, WAIT_SECONDS)
                await self.kernel.sleep(GATHER_SECONDS)
            except ManagerUnavailable:  # it ends, or begins again
                await self.kernel.sleep(RETRY_SECONDS)

    async def _hear(self, channel: Channel, seconds: float) -> None:
        after = self.merging.seen(self._producer)
        asked = {"producer": self._producer, "after": after, "seconds": seconds}
        answer = await channel.ask("events", asked)
        if answer["producer"] not in self._offsets:
            await self._learn_clock(channel)
        self._take(answer)

    def _take(self, answer: Body) -> None:
        events = [event for each in answer["events"] if (event := Event.of(each)) is not None]
        producer = self._producer = str(answer["producer"])
        offset = self._offsets.get(producer)
        if offset is None:  # it was replaced between two questions; the next one asks from its 0
            return
        now_us = self.kernel.now_us
        for event in self.merging.take(producer, events, offset_us=offset.us, now_us=now_us):
            if event.kind == "CommitPushed":
                self.recorder.remember(event.detail["revision"], event.seq)

    async def _learn_clock(self, channel: Channel) -> str:
        producer = ""
        for _ in range(CLOCK_LOOKS):
            sent_us = self.kernel.now_us
            answer = await channel.ask("clock", {})
            producer = str(answer["producer"])
            offset = self._offsets.setdefault(producer, ClockOffset())
            offset.observe(sent_us, int(answer["now_us"]), self.kernel.now_us)
        return producer

    def _meaning(self, symbol: str) -> Context | None:
        """What the manager's symbols stand for in this run."""
        if symbol.startswith(REQUEST):
            return self._asked.get(symbol.removeprefix(REQUEST))
        if symbol.startswith(START):
            return self._started.get(symbol.removeprefix(START))
        return self.recorder.origin(symbol.removeprefix(ARTIFACT))

    def _new_request(self) -> str:
        self._count += 1
        request = f"request-{self._count}"
        actor = self.kernel.current
        if actor is not None and isinstance(actor.context, Context):
            self._asked[request] = actor.context
        return request

    @property
    def _delivery(self) -> RemoteDelivery:
        if self._channel is None:
            raise ManagerUnavailable("the release manager is not running", help="start it again")
        return RemoteDelivery(self._channel, self.people, self.variant, self._new_request)

    async def prepare(self, manifests: Mapping[str, str]) -> None:
        """Put the manifests into the config repo, as people do."""
        await self.people.prepare(manifests)

    async def first_deployment(self, name: str) -> None:
        """What a first deployment needs beyond a release."""
        await self.people.first_deployment(name)

    async def promote(self, name: str, source: str, target: str, user: str) -> Outcome:
        """Ask it to promote."""
        return await self._delivery.promote(name, source, target, user)

    async def rollback(self, request: RollbackRequest) -> Outcome:
        """Ask it to roll back."""
        return await self._delivery.rollback(request)

    async def rebuild(self, user: str) -> Outcome:
        """Ask it to apply the config repo; where it was lost with its cluster, install it first."""
        delivery = self._delivery
        try:
            return await delivery.rebuild(user)
        except ManagerUnavailable:
            await self.start()
            return await self._delivery.rebuild(user)
