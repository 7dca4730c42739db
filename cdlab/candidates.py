"""
Which image a policy would have now: every tag, newest first, and what stands in its way.

In: a policy, what a registry lists in any order and perhaps not completely, what runs, the time.
Out: the image to release, or the reason why there is none. Nothing older than what runs is ever
eligible, whatever the list says. Pure; called by the planner and by whoever shows images.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any, TypeAlias

from cdlab.model import ImageRef, Tag
from cdlab.policies import Policy
from cdlab.reasons import Reason
from cdlab.tag_patterns import version_of

MOST_NEW_TAGS = 100
"""
More tags than that which are newer than what runs are no stream of releases.

Spinnaker's poller does nothing when more than 1,000 are new at once, since then it has probably
lost its cache. That is for a whole account; one microservice is pushed a hundred times in no
interval between two looks.
"""

Age: TypeAlias = tuple[int, int]
Rank: TypeAlias = tuple[bool, Any, Age]
"""Whether it is ordered as a version, its precedence, its age. The greatest is the newest."""
_NO_AGE: Age = (2**62, 0)
"""Of an image that is not listed: of two with the same version, none is then newer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """What there is to decide with."""

    policy: Policy
    running: ImageRef
    """What the manifest names."""
    repository: str
    """The image repository of the tags."""
    tags: tuple[Tag, ...]
    now: float
    """Seconds since 1970. It lifts some locks and holds."""
    is_automatic: bool = True
    """Whether nobody asked. A person who asks for the newest image is not stopped by a hold."""
    most_new_tags: int = MOST_NEW_TAGS


@dataclass(frozen=True, slots=True)
class Candidate:
    """A tag, and why it is not released."""

    tag: Tag
    reason: str = ""
    """Begins with a `Reason`; empty where it is eligible."""


def candidates(look: Look) -> Iterator[Candidate]:
    """Every tag, newest first. The first that is eligible is the one that would be released."""
    judge = _Judge(look)
    for tag in judge.newest_first():
        yield Candidate(tag, judge.obstacle(tag) or judge.stop or judge.held(tag) or judge.alarm)


def choose(look: Look) -> Tag | str:
    """The tag to release, or the reason why there is none."""
    judge = _Judge(look)
    if judge.stop:
        return judge.stop
    first = unmatched = ""
    for tag in judge.newest_first():
        obstacle = judge.obstacle(tag) or judge.held(tag)
        if not obstacle:
            return judge.alarm or tag
        if not judge.matches(tag):
            unmatched = unmatched or obstacle
            continue
        first = first or obstacle
        if judge.is_ordered and not judge.is_newer(tag):
            break  # and neither is what comes after it
    return first or unmatched or f"{Reason.NO_IMAGE}: no tag is listed"


class _Judge:
    """What is the same for all tags of a look, found once."""

    def __init__(self, look: Look) -> None:
        self.look, self.policy = look, look.policy
        self.by_version = look.policy.tag.is_by_version
        running = look.running
        listed = [
            tag
            for tag in look.tags
            if (tag.digest == running.digest if running.digest else tag.name == running.tag)
        ]
        self.digest = running.digest or (listed[0].digest if listed else None)
        self.age = max((tag.age for tag in listed), default=None)
        self.is_first = running.digest is None and running.repository != look.repository
        """Nothing was released yet."""
        version = self._version(running, listed)
        self.floor = None if version is None else (True, version, self.age or _NO_AGE)
        self.is_ordered = not self.by_version or self.floor is not None
        """Whether a tag that is not newer than what runs has none behind it that is."""
        self.stop = self._stop()
        hold = look.policy.hold if look.is_automatic else None
        self._hold = hold if hold and hold.bad else None

    def _version(self, running: ImageRef, listed: list[Tag]) -> Any:
        """What runs as a version: the greatest of all the tags it has."""
        if not self.by_version:
            return None
        names = [running.tag or "", *(tag.name for tag in listed)]
        versions = (version_of(name) for name in names)
        return max((each for each in versions if each is not None), default=None)

    def _stop(self) -> str:
        """What stops every candidate."""
        policy, now = self.policy, self.look.now
        lock = policy.lock_at(now)
        if lock:
            return f"{Reason.LOCKED} by {lock.words}"
        if not self.look.is_automatic:
            return ""
        if not policy.is_automated:
            return Reason.MANUAL.value
        hold = policy.hold
        if hold and not hold.bad and not hold.is_over(now):
            return f"{Reason.HELD} by {hold.words}"
        return ""

    @cached_property
    def _bad(self) -> Rank | None:
        """Where the bad image of a hold stands; None where that cannot be told."""
        bad = self._hold.bad if self._hold else None
        ranks = [self.rank(tag) for tag in self.look.tags if tag.digest == bad]
        return max((each for each in ranks if each[0] == self.by_version), default=None)

    def newest_first(self) -> list[Tag]:
        """The tags in the order of the policy; of the same rank, what was listed last first."""
        return sorted(self.look.tags, key=self.rank)[::-1]

    def rank(self, tag: Tag) -> Rank:
        version = version_of(tag.name) if self.by_version else None
        return version is not None, version or (), tag.age

    def matches(self, tag: Tag) -> bool:
        return not self._mismatch(tag)

    def _mismatch(self, tag: Tag) -> str:
        if not self.policy.tag.admits(tag.name):
            return Reason.TAG.value
        branch = self.policy.branch
        if branch and not (tag.branch and fnmatchcase(tag.branch, branch)):
            return Reason.BRANCH.value
        return ""

    def is_newer(self, tag: Tag) -> bool:
        """Whether an image is newer than what runs. What cannot be told is not."""
        if self.is_first:
            return True
        if self.floor:
            return self.rank(tag) > self.floor
        return self.age is not None and tag.age > self.age

    def obstacle(self, tag: Tag) -> str:
        """What is in the way of one tag by itself."""
        mismatch = self._mismatch(tag)
        if mismatch:
            return mismatch
        skip = self.policy.skip_of(tag.digest)
        if skip:
            return f"{Reason.SKIPPED} by {skip.words}"
        if tag.digest == self.digest:
            return Reason.UP_TO_DATE.value
        if self.is_newer(tag):
            return ""
        is_known = self.floor or self.age is not None
        return (Reason.OLDER if is_known else Reason.NOT_LISTED).value

    def held(self, tag: Tag) -> str:
        """Whether a hold is in force that only an image newer than the bad one lifts."""
        if self._hold is None or (self._bad and self.rank(tag) > self._bad):
            return ""
        return f"{Reason.HELD} by {self._hold.words}"

    @cached_property
    def alarm(self) -> str:
        """Whether so many tags are new that something must be wrong."""
        if not self.look.is_automatic or self.is_first:
            return ""
        new = sum(self.is_newer(tag) and self.matches(tag) for tag in self.look.tags)
        most = self.look.most_new_tags
        return f"{Reason.TOO_MANY}: {new}, more than {most}" if new > most else ""
