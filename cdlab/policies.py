"""
What may be released where: the scroll in the article's last picture, as values.

A policy lives in annotations of the workload's manifest in the config repo, so that it is versioned
with what it governs; what they leave open is the environment's. Reading is strict: an annotation
that cannot be understood is refused with file and line and never read as "match everything". Pure;
called by the planner and by V3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from cdlab import manifests
from cdlab.environment_policies import NO_DEFAULTS, EnvironmentPolicy
from cdlab.errors import ManifestError
from cdlab.model import Digest
from cdlab.parsed_files import KNOWN_FILES, parse
from cdlab.stops import Hold, Lock, Skip, parsed, skips_from, stop_from
from cdlab.tag_patterns import NEWEST, TagPattern, glob, tag_pattern

PREFIX = "cdlab.dev/"
AUTOMATED = PREFIX + "automated"
TAG = PREFIX + "tag"
BRANCH = PREFIX + "branch"
LOCK = PREFIX + "lock"
HOLD = PREFIX + "hold"
SKIP = PREFIX + "skip"


@dataclass(frozen=True, slots=True)
class Policy:
    """How one workload may change in one environment."""

    is_automated: bool = False
    """Whether a new image is released with no further decision."""
    tag: TagPattern = NEWEST
    """Which tags count as new images."""
    branch: str = ""
    """A glob of the branches that images must come from; empty: any."""
    lock: Lock | None = None
    """Refuses every release."""
    hold: Hold | None = None
    """Stops automated releases only. A rollback sets it."""
    skips: tuple[Skip, ...] = ()
    """Images that are never chosen, only released by name."""
    environment_lock: Lock | None = None
    """Refuses every release in the environment."""
    environment_hold: Hold | None = None
    """Stops automated releases in the environment."""
    conflicts: tuple[str, ...] = ()
    """Where the workload says something else than its environment, in words."""

    def lock_at(self, now: float) -> Lock | None:
        """The lock that is in force at that time, in seconds since 1970."""
        locks = [each for each in (self.lock, self.environment_lock) if each]
        return next((each for each in locks if not each.is_over(now)), None)

    def hold_at(self, now: float) -> Hold | None:
        """The hold that is in force at that time; one that an image can lift comes last."""
        holds = [each for each in (self.hold, self.environment_hold) if each]
        found = sorted((each for each in holds if not each.is_over(now)), key=_is_for_newer)
        return found[0] if found else None

    def skip_of(self, image: Digest) -> Skip | None:
        """Who marked an image as one not to choose, and why."""
        return next((each for each in self.skips if each.image == image), None)


def policy_of(
    manifest: str,
    workload: str,
    path: str = "manifest",
    defaults: EnvironmentPolicy = NO_DEFAULTS,
) -> Policy:
    """
    Read the policy from a manifest. Raises `ManifestError` for anything it does not know.

    What the manifest does not say is as the environment says, whose lock and hold stay its own.
    """
    policy, said = _own_policy(manifest, workload, path)
    if defaults is NO_DEFAULTS:
        return policy
    return replace(
        policy,
        is_automated=policy.is_automated if "is_automated" in said else defaults.is_automated,
        tag=policy.tag if "tag" in said else defaults.tag,
        branch=policy.branch if "branch" in said else defaults.branch,
        environment_lock=defaults.lock,
        environment_hold=defaults.hold,
        conflicts=tuple(_conflicts(policy, said & defaults.said, defaults)),
    )


def _conflicts(policy: Policy, said: frozenset[str], general: EnvironmentPolicy) -> Iterator[str]:
    """What both say, and not the same."""
    parts: Mapping[str, Callable[[Policy | EnvironmentPolicy], str]] = {
        "is_automated": lambda each: "automated" if each.is_automated else "manual",
        "tag": lambda each: f"tag {each.tag}",
        "branch": lambda each: f"branch {each.branch}",
    }
    for name, words in parts.items():
        if name in said and getattr(policy, name) != getattr(general, name):
            yield f"{words(policy)} here, {words(general)} in the environment"


def _is_for_newer(hold: Hold) -> bool:
    return hold.bad is not None


@lru_cache(maxsize=KNOWN_FILES)
def _own_policy(manifest: str, workload: str, path: str) -> tuple[Policy, frozenset[str]]:
    """What the manifest says, and which parts of a policy those are."""
    found: dict[str, Any] = {}
    for key, text in manifests.annotations(manifest, workload, path).items():
        if not ours(key):
            continue
        if key not in _ANNOTATIONS:
            raise _refusal(manifest, workload, path, key, "no policy has that name")
        name, make = _ANNOTATIONS[key]
        try:
            found[name] = make(text)
        except ValueError as error:
            raise _refusal(manifest, workload, path, key, str(error)) from error
    return Policy(**found), frozenset(found)


def ours(annotation: str) -> bool:
    """Whether an annotation is policy. A rollback keeps today's policy, not that of back then."""
    return annotation.startswith(PREFIX)


def _yes_or_no(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(f'"{text[:80]}" is neither "true" nor "false"')
    return text == "true"


_ANNOTATIONS: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    AUTOMATED: ("is_automated", _yes_or_no),
    TAG: ("tag", tag_pattern),
    BRANCH: ("branch", glob),
    LOCK: ("lock", lambda text: stop_from(parsed(text), Lock)),
    HOLD: ("hold", lambda text: stop_from(parsed(text), Hold)),
    SKIP: ("skips", skips_from),
}


def _refusal(manifest: str, workload: str, path: str, key: str, what: str) -> ManifestError:
    """The error with the line of the annotation, or of the manifest where a merge brings it in."""
    file = parse(manifest, path)
    begins = next(each.line for each in manifests.workloads(manifest) if each.name == workload)
    index = file.lines.index(begins)
    return ManifestError(
        path,
        file.line(index, ("metadata", "annotations", key)),
        f"annotation {key}: {what}",
        help="mend the annotation in the config repo; until then this workload is left alone",
    )
