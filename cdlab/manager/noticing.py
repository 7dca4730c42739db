"""
What of all that is recorded the outside is told of, and as what.

In: the events of one process of the release manager, in order. Out: notifications: one for each
release, one for each other answer that is not the same as the last one to the same question. Pure;
called by `manager.notifier`.

A process remembers what it told and keeps nothing when it ends. So what it finds standing when it
begins (a hold, a lock, a release of its predecessor that was not applied) is no news to it: it may
have been told, and nothing is told twice.
"""

from __future__ import annotations

from cdlab.dates import seconds_of
from cdlab.history import OK, Event
from cdlab.manager.watching import DRIFT_REPAIR
from cdlab.manifests import image_of
from cdlab.merging import START
from cdlab.model import Commit, Revision
from cdlab.notifications import Kind, Notification
from cdlab.reasons import Reason
from cdlab.release_commits import trailer
from cdlab.stops import Hold, parsed, stop_from

PRINCIPAL = "manager"
RELEASES = {
    "automation": Kind.RELEASED,
    "release": Kind.RELEASED,
    "promotion": Kind.RELEASED,
    "rollback": Kind.ROLLED_BACK,
}
LOOKS = ("automation", "sync")
"""What is decided again and again, and nobody has asked for."""
Place = tuple[str, str]
"""Environment and workload."""


class Noticing:
    """The news of one process."""

    def __init__(self, producer: str, began: float) -> None:
        """*producer* is the name of the process, which no other has; *began* is since 1970."""
        self.producer, self.began = producer, int(began)
        self._commit = Commit(Revision(""), (), "")
        """The last one that was made: the release that the next decision tells of."""
        self._manifest = ""
        """The last one that was applied."""
        self._applying: Place | None = None
        """Whose manifest is the next to be applied."""
        self._unapplied: set[Place] = set()
        """Where a release was told of that the cluster did not take yet: that is no drift."""
        self._images: dict[Place, str] = {}
        """What the config repo names, as far as anybody looked."""
        self._answers: dict[tuple[str, Place], tuple[str, str]] = {}
        """The last answer to each question."""
        self._differing: set[Place] = set()
        """Where the sync under way found something."""
        self._holds: dict[Place, str] = {}
        """The hold that was seen last, by whom and why; empty where there is none. That of a whole
        environment stands at no workload."""

    def see(self, event: Event, time: str) -> Notification | None:
        """What an event is told as, if at all. *time* is when it was over."""
        if event.principal != PRINCIPAL:
            return None
        if event.kind == "Committed":
            made = event.detail
            self._commit = Commit(made["revision"], (), made["message"])
        elif event.op == "apply" or event.kind == "ManifestsCompared":
            self._apply(event)
        elif event.kind == "Decided":
            return self._decided(event, time)
        return None

    def end_sync(self) -> None:
        """A sync came to its end: what it did not decide about is as the config repo says."""
        syncs = [place for what, place in self._answers if what == "sync"]
        for place in syncs:
            if place not in self._differing:
                del self._answers["sync", place]
        failed = {place for place in self._differing if self._answers["sync", place][0] == "failed"}
        self._unapplied &= failed
        self._differing.clear()

    def _apply(self, event: Event) -> None:
        """A release is applied right after its decision; a sync compares before."""
        if event.kind == "ManifestsApplied":
            self._manifest = event.detail["manifest"]
            if self._applying:
                self._unapplied.discard(self._applying)
        self._applying = None

    def _decided(self, event: Event, time: str) -> Notification | None:
        what, place = event.detail["what"], _place(event)
        before = self._answers.get((what, place))
        self._answers[what, place] = answer = event.detail["status"], event.because
        if what == "sync":
            self._differing.add(place)
        if event.outcome != OK:
            self._images.setdefault(place, event.detail["image"])
            if what in LOOKS and answer == before:
                return None
            kind = self._not_released(event, is_first=before is None)
            more = {"hold": self._holds[place]} if kind is Kind.HELD else {}
            return self._notification(event, kind, time, image=event.detail["image"], **more)
        if what == "sync":
            image = image_of(self._manifest, place[1])
            kind = self._synced(event, image)
            return self._notification(event, kind, time, image=image)
        if what not in RELEASES and what != "policy":
            return None
        kind = self._released(what, place)
        return self._notification(
            event, kind, time, image=self._images[place], revision=self._commit.revision,
            release=trailer(self._commit, "Release-Id"), hold=self._holds[place],
        )  # fmt: skip

    def _released(self, what: str, place: Place) -> Kind | None:
        """A release of the manager's own: the commit before the decision says what it is."""
        self._applying = place
        self._unapplied.add(place)
        self._images[place] = trailer(self._commit, "To")
        text = trailer(self._commit, "Hold")
        hold = None if text == "none" else stop_from(parsed(text), Hold)
        before = self._holds.get(place, "")
        self._holds[place] = words = hold.words if hold else ""
        if what in RELEASES:
            return RELEASES[what]
        # Another part of the policy may have changed, beside a hold from before this process.
        is_new = hold and words != before and (seconds_of(hold.since) or 0.0) >= self.began
        return Kind.HELD if is_new else None

    def _synced(self, event: Event, image: str) -> Kind | None:
        """What was applied because it differed: by drift, or because people had pushed it."""
        place = _place(event)
        before, self._images[place] = self._images.get(place), image
        if place in self._unapplied:
            self._unapplied.discard(place)
            return None
        if event.intent.startswith(START):
            return None
        if event.intent == DRIFT_REPAIR.intent or event.detail["user"]:
            return Kind.DRIFT
        return Kind.RELEASED if image != before else None

    def _not_released(self, event: Event, *, is_first: bool) -> Kind | None:
        status, reason, place = event.detail["status"], Reason.of(event.because), _place(event)
        if status == "failed":
            if event.intent.startswith(START):
                self._unapplied.add(place)
            return Kind.FAILED
        if status == "refused":
            is_standing = is_first and event.detail["what"] in LOOKS and reason is Reason.LOCKED
            return None if is_standing else Kind.REFUSED
        if event.detail["what"] == "sync":  # the policy has it reported
            return Kind.DRIFT
        if reason is not Reason.HELD:
            return None
        words = event.because.removeprefix(f"{Reason.HELD} by ")
        before = self._holds.get(place)
        self._holds[place] = words
        is_everywhere = words == self._holds.get((place[0], ""))  # and was told as that
        return None if before in (None, words) or is_everywhere else Kind.HELD

    def _notification(
        self, event: Event, kind: Kind | None, time: str, **more: str
    ) -> Notification | None:
        if kind is None:
            return None
        environment, microservice = _place(event)
        return Notification(
            id=f"{self.producer}-{event.seq}",
            kind=kind,
            time=time,
            environment=environment,
            microservice=microservice,
            cause=event.detail["what"],
            user=event.detail["user"],
            reason=event.because,
            **more,
        )


def _place(event: Event) -> Place:
    return event.resource, event.detail["workload"]
