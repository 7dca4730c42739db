"""
What can go wrong, and when it is due: the data of `faults:` in a scenario file.

    faults:
      - {what: build-fails, microservice: front-end, during: rollback}

In: a list from a scenario file, which `fault_checks.py` has found to be right. Out: a `Plan` that
says which call goes wrong.
Which one is decided by count, for each fault by itself and among the calls that it is about:
nothing here draws a random number. Each that happens is told to whoever writes the history.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields

from cdlab.kernel import Kernel
from cdlab.model import Context

CATALOGUE: Mapping[str, str] = {
    "build-fails": "the image cannot be built",
    "build-slow": "the build takes `seconds` longer",
    "code-push-rejected": "somebody else's push to the code repo came first",
    "config-push-rejected": "somebody else's push to the config repo came first",
    "config-push-unknown": "the push to the config repo happens, and its answer is lost",
    "registry-down": "the registry does not answer",
    "registry-slow": "the registry answers `seconds` later",
    "tags-partial": "every second tag is missing from the registry's list, the newest among them",
    "tags-reordered": "the registry lists the newest tag first",
    "hint-lost": "nobody is told of a new tag",
    "hint-doubled": "a new tag is told twice",
    "hint-late": "a new tag is told `seconds` later",
    "hint-reordered": "a new tag is told after the one that comes next",
    "apply-fails": "the API server does not answer",
    "apply-unknown": "an apply or a set image happens, and its answer is lost",
}
"""What can go wrong, and what that means."""
INTENTS = (
    "bootstrap", "deploy", "rollback", "promote", "policy change", "drift repair",
    "out-of-band edit", "rebuild", "move",
)  # fmt: skip
"""What somebody can ask for: on whose behalf a call is made."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """One thing that goes wrong, and which calls it is about."""

    what: str
    microservice: str = ""
    """Empty: any."""
    environment: str = ""
    """Empty: any. Only for faults of the cluster."""
    during: str = ""
    """
    The kind of intent on whose behalf the call is made: `rollback`. Empty: any.

    Nobody asks for what the registry tells by itself, so there it is whoever made the newest tag.
    """
    nth: int = 1
    """The first of those calls that goes wrong, from 1."""
    times: int = 1
    """How many in a row go wrong."""
    seconds: float = 60.0
    """For what is slow or late."""


SELECTORS = tuple(each.name for each in fields(Fault))
WITH_ENVIRONMENT = ("apply-fails", "apply-unknown")
"""What happens in an environment, and so may be told of one."""


class Plan:
    """The faults of one run, and how many calls each of them has seen."""

    def __init__(
        self,
        kernel: Kernel,
        faults: Sequence[Fault],
        tell: Callable[[str, str, str], None] = lambda what, where, meaning: None,
    ) -> None:
        self.kernel = kernel
        self.faults = tuple(faults)
        self._tell = tell
        """Hears of each fault that happens: its name, where, and what that means."""
        self._seen = [0] * len(self.faults)
        self._makers: dict[str, str] = {}

    def due(
        self, what: str, microservice: str, environment: str = "", *, artifact: str = ""
    ) -> Fault | None:
        """
        The fault that this call meets. Every call that a fault is about counts.

        One that tells of an *artifact* is made on behalf of whoever made that.
        """
        intent = self._makers.get(artifact, "") if artifact else self._intent()
        hit = None
        for number, fault in enumerate(self.faults):
            is_meant = (
                fault.what == what
                and fault.microservice in ("", microservice)
                and fault.environment in ("", environment)
                and intent.startswith(fault.during)
            )
            if is_meant:
                self._seen[number] += 1
                if fault.nth <= self._seen[number] < fault.nth + fault.times:
                    hit = fault
        if hit:
            self._tell(what, environment or microservice, CATALOGUE[what])
        return hit

    def made(self, artifact: str) -> None:
        """Note on whose behalf the running actor makes an artifact."""
        self._makers[artifact] = self._intent()

    def _intent(self) -> str:
        actor = self.kernel.current
        context = actor.context if actor else None
        return context.intent if isinstance(context, Context) else ""

    async def delay(self, what: str, microservice: str, *, artifact: str = "") -> None:
        """Wait if this call is one that takes longer."""
        if fault := self.due(what, microservice, artifact=artifact):
            await self.kernel.sleep(fault.seconds)
