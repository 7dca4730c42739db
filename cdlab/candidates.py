"""
Which image a policy would have now: every tag, newest first, and what stands in its way.

In: a policy, what a registry lists in any order and perhaps not completely, what runs, the time.
Out: the image to release, or the reason why there is none. Nothing older than what runs is ever
eligible, whatever the list says. Pure; called by the planner and by whoever shows images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from operator import attrgetter
from typing import Any, NamedTuple, TypeAlias

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

Rank: TypeAlias = tuple[Any, ...]
"""
The greatest is the newest: an age, or where versions count whether it has one, that, and its age.
"""
_NO_AGE = (2**62, 0)
"""Of an image that is not listed: of two with the same version, none is then newer."""


class Look(NamedTuple):
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
    judge, stop = _Judge(look), _stop(look)
    for tag in judge.newest_first():
        yield Candidate(tag, judge.obstacle(tag) or stop or judge.held(tag) or judge.alarm)


def choose(look: Look) -> Tag | str:
    """The tag to release, or the reason why there is none."""
    stop = _stop(look)
    if stop:
        return stop
    judge = _Judge(look)
    first = unmatched = ""
    for tag in judge.newest_first():
        obstacle = judge.obstacle(tag) or judge.held(tag)
        if not obstacle:
            return judge.alarm or tag
        if judge.mismatch(tag):
            unmatched = unmatched or obstacle
            continue
        first = first or obstacle
        if judge.is_ordered and not judge.is_newer(tag):
            break  # and neither is what comes after it
    return first or unmatched or f"{Reason.NO_IMAGE}: no tag is listed"


def _stop(look: Look) -> str:
    """What stops every candidate."""
    policy = look.policy
    lock = policy.lock_at(look.now)
    if lock:
        return f"{Reason.LOCKED} by {lock.words}"
    if not look.is_automatic:
        return ""
    if not policy.is_automated:
        return Reason.MANUAL
    hold = policy.hold_at(look.now)
    if hold and not hold.bad:
        return f"{Reason.HELD} by {hold.words}"
    return ""


class _Judge:
    """What is the same for all tags of a look, found once."""

    def __init__(self, look: Look) -> None:
        self.look, self.policy, running = look, look.policy, look.running
        listed = [
            tag
            for tag in look.tags
            if (tag.digest == running.digest if running.digest else tag.name == running.tag)
        ]
        self.digest = running.digest or (listed[0].digest if listed else None)
        self.is_first = running.digest is None and running.repository != look.repository
        """Nothing was released yet."""
        self.by_version = look.policy.tag.is_by_version
        self.rank: Callable[[Tag], Rank] = _by_version if self.by_version else _by_age
        self.newness: Callable[[Tag], Rank] = _by_age
        self.floor: Rank | None = max(map(_by_age, listed), default=None)
        """What is newer is what has more of this than what runs; None where that is not listed."""
        if self.by_version:
            self._compare_versions(listed)
        self.is_ordered = self.newness is self.rank
        """Whether a tag that is not newer than what runs has none behind it that is."""
        hold = self.policy.hold if look.is_automatic else None
        self._hold = hold if hold and hold.bad else None

    def _compare_versions(self, listed: list[Tag]) -> None:
        """Where what runs has a version, the greatest of all its tags, that is what counts."""
        names = [self.look.running.tag or "", *(tag.name for tag in listed)]
        versions = (version_of(name) for name in names)
        version = max((each for each in versions if each is not None), default=None)
        if version is not None:
            self.newness, self.floor = _by_version, (True, version, self.floor or _NO_AGE)

    @cached_property
    def _bad(self) -> Rank | None:
        """Where the bad image of a hold stands; None where that cannot be told."""
        bad = self._hold.bad if self._hold else None
        ranks = [self.rank(tag) for tag in self.look.tags if tag.digest == bad]
        return max((each for each in ranks if each[0] or not self.by_version), default=None)

    def newest_first(self) -> list[Tag]:
        """The tags in the order of the policy; of the same rank, what was listed last first."""
        return sorted(self.look.tags, key=self.rank)[::-1]

    def mismatch(self, tag: Tag) -> str:
        """Why a tag is none of those that the policy means."""
        if not self.policy.tag.admits(tag.name):
            return Reason.TAG
        branch = self.policy.branch
        if branch and not (tag.branch and fnmatchcase(tag.branch, branch)):
            return Reason.BRANCH
        return ""

    def is_newer(self, tag: Tag) -> bool:
        """Whether an image is newer than what runs. What cannot be told is not."""
        return self.is_first or (self.floor is not None and self.newness(tag) > self.floor)

    def obstacle(self, tag: Tag) -> str:
        """What is in the way of one tag by itself."""
        mismatch = self.mismatch(tag)
        if mismatch:
            return mismatch
        skip = self.policy.skip_of(tag.digest) if self.policy.skips else None
        if skip:
            return f"{Reason.SKIPPED} by {skip.words}"
        if tag.digest == self.digest:
            return Reason.UP_TO_DATE
        if self.is_newer(tag):
            return ""
        return Reason.NOT_LISTED if self.floor is None else Reason.OLDER

    def held(self, tag: Tag) -> str:
        """Whether a hold is in force that only an image newer than the bad one lifts."""
        if self._hold is None or (self._bad and self.rank(tag) > self._bad):
            return ""
        return f"{Reason.HELD} by {self._hold.words}"

    @cached_property
    def alarm(self) -> str:
        """Whether so many tags are new that something must be wrong."""
        look, most = self.look, self.look.most_new_tags
        if not look.is_automatic or self.is_first or len(look.tags) <= most:
            return ""
        new = sum(self.is_newer(tag) and not self.mismatch(tag) for tag in look.tags)
        return f"{Reason.TOO_MANY}: {new}, more than {most}" if new > most else ""


_by_age = attrgetter("age")


def _by_version(tag: Tag) -> Rank:
    version = version_of(tag.name)
    return version is not None, version or (), tag.age
