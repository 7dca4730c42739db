"""
What the release manager tells the outside: a closed list of kinds, as plain values.

Made by `manager.noticing` out of what was recorded, passed on by `manager.notifier` to receivers: a
webhook, the events of a Kubernetes cluster. `docs/notifications.md` explains every field. Pure.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Protocol

from cdlab.model import ImageRef

SCHEMA = "cdlab-notification/1"


class Kind(StrEnum):
    """What one can be told of."""

    RELEASED = "released"
    ROLLED_BACK = "rolled back"
    HELD = "held"
    """A hold stops automated releases. The hold that a rollback sets is told with the rollback."""
    REFUSED = "refused"
    DRIFT = "drift"
    """The cluster differed from the config repo, and nobody had released anything."""
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Notification:
    """One thing that happened to one workload. What is not known is an empty text."""

    id: str
    """No other notification has it; one that is sent again has the same."""
    kind: Kind
    time: str
    """RFC 3339, UTC; in the simulator it is 1970."""
    environment: str
    microservice: str
    """
    Empty for what concerns a whole environment, such as its hold; both are for what concerns the
    whole config repo, such as a sync that failed.
    """
    cause: str
    """`automation`, `release`, `promotion`, `rollback`, `policy`, `sync` or `prune`."""
    image: str = ""
    """What the config repo names now: by digest, as soon as anything was released."""
    revision: str = ""
    """The commit of a release, or of the change of policy."""
    release: str = ""
    """The `Release-Id` in that commit."""
    user: str = ""
    reason: str = ""
    hold: str = ""
    """The hold that is in force afterwards, by whom and why; unknown where nothing was released."""

    @property
    def digest(self) -> str:
        """That of the image."""
        return ImageRef.parse(self.image).digest or ""

    @property
    def text(self) -> str:
        """The same in one line, for people."""
        image = ImageRef.parse(self.image)
        name = (image.tag or "")[:12] or (image.digest or "")[:19]  # a tag as in commits
        about = " in ".join(filter(None, (self.microservice, self.environment))) or "config repo"
        is_by_somebody = self.user not in ("", self.cause)
        who = f"{self.cause} by {self.user}" if is_by_somebody else self.cause
        parts = [about, name, who] if self.image else [about, who]
        why = " ".join(self.reason.split())
        return f"{self.kind}: {', '.join(parts)}" + (f": {why}" if why else "")

    def to_json(self) -> str:
        """The body that a webhook gets: every field, the empty ones too."""
        more = {"digest": self.digest, "text": self.text}
        return json.dumps({"schema": SCHEMA, **asdict(self), **more})


class Receiver(Protocol):
    """Passes notifications on to the outside."""

    name: str

    async def take(self, notification: Notification) -> None:
        """Pass one on, or raise `Undelivered`. The same one may come again."""
