"""
The recorder: turns what happens into events, with the intent and the trigger of whoever did it.

`recorded_ports` wraps the adapters around it, the pipelines and the pod observer call it too. It
draws no random number, makes no call of its own and never changes an order.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from sys import intern
from typing import Any, NamedTuple, TypeVar

from cdlab.errors import PortError
from cdlab.history import OK, Event, History, Operation
from cdlab.kernel import Kernel
from cdlab.model import Content, Context, Digest, ImageRef, PodChange, Principal, Revision

T = TypeVar("T")
NOBODY = Context("")
"""On behalf of whom is done what nobody asked for."""
MOST_SAID = 10_000
"""Details that are kept for events that say the same."""
POD_EVENTS = {
    "created": "PodCreated",
    "scheduled": "PodScheduled",
    "pulled": "ImagePulled",
    "started": "ContainerStarted",
    "ready": "PodReady",
    "unready": "PodBecameUnready",
    "stopping": "PodStopping",
}


class Call(NamedTuple):
    """What a port is about to be asked."""

    kind: str
    component: str
    op: Operation
    resource: str
    principal: Principal


class Recorder:
    """Writes the history of one run, and knows which intent an artifact came from."""

    def __init__(self, kernel: Kernel, history: History) -> None:
        self.kernel = kernel
        self.history = history
        self.listeners: list[Callable[[Event], None]] = []
        """Told of every event but the pods'. They must be quick and raise nothing."""
        self.contents: dict[Digest, Content] = {}
        """The source each pushed image was built from."""
        self._origins: dict[str, Context] = {}
        self._intents: dict[str, int] = {}
        self._pods: dict[str, tuple[ImageRef, dict[str, str]]] = {}
        """Pods that are there, each with its image and the detail that its events share."""
        self._said: dict[tuple[tuple[str, Any], ...], dict[str, Any]] = {}

    def append(self, call: Call, began_us: int | None = None, **fields: Any) -> int:
        """Add an event on behalf of the running actor, and return its number."""
        kernel, history = self.kernel, self.history
        context = kernel.current.context if kernel.current else None
        now, seq = kernel.now_us, len(history)
        intent, causes = "", tuple[int, ...]()
        if isinstance(context, Context):
            intent, causes = context.intent, context.causes
        start = now if began_us is None else began_us
        kind, component, op, resource, principal = call
        event = Event(
            seq, now, start, kind, component, op, resource, intent, causes, principal, **fields
        )
        history.append(event)
        for listener in self.listeners:
            listener(event)
        return seq

    async def record(
        self, call: Call, work: Awaitable[T], tell: Callable[[T], Mapping[str, Any]] | None = None
    ) -> T:
        """Await a port's answer and add it, or the error that it was, to the history."""
        began = self.kernel.now_us
        try:
            result = await work
        except PortError as error:
            outcome = "failed" if error.definite else "unknown"
            failed = call._replace(kind=type(error).__name__)
            self.append(failed, began, outcome=outcome, because=error.message)
            raise
        self.append(call, began, **(tell(result) if tell else {}))
        return result

    @contextmanager
    def intent(self, what: str, **target: Any) -> Iterator[str]:
        """Declare what somebody asks for. All that the running actor does inside is part of it."""
        number = self._intents[what] = self._intents.get(what, 0) + 1
        name = f"{what}-{number}"
        actor = self.kernel.current
        assert actor is not None, "an intent belongs to an actor"
        before, actor.context = actor.context, Context(name)
        declared = Call("IntentDeclared", "people", "notify", target.get("workload", ""), "user")
        seq = self.append(declared, detail={"intent": what, **target})
        actor.context = Context(name, (seq,))
        try:
            yield name
        finally:
            actor.context = before

    def shared(self, **detail: Any) -> dict[str, Any]:
        """A detail whose values can be hashed: events that say the same share it."""
        if len(self._said) == MOST_SAID:  # a manager may stand for months
            self._said.clear()
        return self._said.setdefault(tuple(detail.items()), detail)

    def said(self, **detail: Any) -> dict[str, dict[str, Any]]:
        """The same, as the field of an event."""
        return {"detail": self.shared(**detail)}

    def remember(self, artifact: str, seq: int) -> None:
        """Note which event made an artifact, so that whoever finds it later knows its intent."""
        self._origins[artifact] = Context(self.history[seq].intent, (seq,))

    def announce(self, artifact: str) -> None:
        """
        Note that the running actor is about to make an artifact.

        On a real substrate others see it before its maker hears that it is there; they work on
        the same behalf, with the maker's own trigger as theirs.
        """
        context = self.kernel.current.context if self.kernel.current else None
        # What nobody asked for is told as that: who finds it would go on for its last finding.
        self._origins[artifact] = context if isinstance(context, Context) else NOBODY

    def origin(self, artifact: str) -> Context | None:
        """Who made an artifact; None for one that nobody recorded made."""
        return self._origins.get(artifact)

    def follow(self, artifact: str) -> None:
        """From here on the running actor works on behalf of whoever made *artifact*."""
        if self.kernel.current and artifact in self._origins:
            self.kernel.current.context = self._origins[artifact]

    def pod_changed(self, change: PodChange) -> None:
        """The observer of the substrate's pods. Pods act on nobody's behalf."""
        seq, now = len(self.history), self.kernel.now_us
        detail = self._detail_of(change)
        if change.phase == "scheduled":
            detail = {**detail, "node": change.node}
        event = Event(
            seq,
            now,
            now,
            POD_EVENTS[change.phase],
            "environment",
            "observe",
            change.environment,
            digest_after=change.digest or "",
            detail=detail,
        )
        self.history.append(event)

    def _detail_of(self, change: PodChange) -> dict[str, str]:
        """What all events of a pod say: one mapping, since most events of a history are these."""
        pod, image = change.pod, change.image
        seen, detail = self._pods.get(pod, (None, {}))
        if seen is not image:
            detail = {"workload": change.workload, "pod": pod, "image": intern(str(image))}
            self._pods[pod] = image, detail
        if change.phase == "stopping":
            del self._pods[pod]
        return detail

    def pipeline_changed(self, kind: str, name: str, revision: Revision, because: str) -> None:
        """The CI system's log."""
        self.append(
            Call(kind, "ci", "exec", name, "ci"),
            outcome="failed" if because else OK,
            because=because,
            detail=self.shared(revision=revision),
        )

    def fault_happened(self, what: str, where: str, meaning: str) -> None:
        """What was planned went wrong, in the call that the running actor makes."""
        call = Call("FaultHappened", "world", "notify", where, "observer")
        self.append(call, because=meaning, detail={"what": what})

    def mark(self, kind: str, resource: str, **fields: Any) -> None:
        """Something that the people of a story saw or were told."""
        self.append(Call(kind, "people", "notify", resource, "user"), **fields)
