"""
How things stand: what the config repo wants, what the cluster runs, and what could be released.

In: a checkout of the config repo, what the cluster said, the tags that were last listed. Out:
`WorkloadStatus` and `Candidate` values. Pure; called by `manager.desk`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cdlab.candidates import Look, candidates
from cdlab.config_layout import config_path, is_something_to_run, policy_in
from cdlab.dates import rfc3339
from cdlab.environment_policies import DriftMode
from cdlab.errors import FileMissing, ManifestError
from cdlab.manager.commands import Candidate, Stopped, WorkloadStatus
from cdlab.manifests import image_of
from cdlab.model import ImageRef, RunningWorkload, Tag
from cdlab.policies import Policy, policy_of
from cdlab.ports import Checkout
from cdlab.reasons import Reason
from cdlab.stops import Stop

NO_CANDIDATE = (Reason.UP_TO_DATE, Reason.TAG, Reason.BRANCH, Reason.OLDER, Reason.SKIPPED)
"""An image with one of these in its way is not the next one that anybody would release."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """All that is known of one workload in one environment."""

    workload: str
    environment: str
    repository: str
    config: Checkout
    running: RunningWorkload | None
    tags: Sequence[Tag]
    now: float
    """Seconds since 1970."""

    @property
    def manifest(self) -> str:
        """The text in the config repo. `FileMissing` where there is none."""
        return self.config.read(config_path(self.environment, self.workload))

    @property
    def policy(self) -> Policy:
        """Raises `ManifestError` with path and line for one that cannot be read."""
        path = config_path(self.environment, self.workload)
        defaults = policy_in(self.config, self.environment)
        return policy_of(self.manifest, self.workload, path, defaults)

    @property
    def desired(self) -> ImageRef:
        """The image that the config repo names."""
        path = config_path(self.environment, self.workload)
        return ImageRef.parse(image_of(self.manifest, self.workload, path=path))

    def look(self) -> Look:
        """What automation would decide with."""
        return Look(
            policy=self.policy,
            running=self.desired,
            repository=self.repository,
            tags=tuple(self.tags),
            now=self.now,
        )


def status_of(seen: Seen, drift_seconds: float | None, drift_mode: DriftMode) -> WorkloadStatus:
    """One cell of the matrix. A file that cannot be read is told as its trouble."""
    running = seen.running
    digests = tuple(str(each) for each in running.digests) if running else ()
    try:
        policy, desired = seen.policy, seen.desired
    except (ManifestError, FileMissing) as error:
        return WorkloadStatus(
            workload=seen.workload,
            environment=seen.environment,
            running=digests,
            is_available=bool(running and running.is_available),
            trouble=str(error),
        )
    lock = policy.lock_at(seen.now)
    candidate, why = _candidate(seen)
    hold = policy.hold_at(seen.now)
    return WorkloadStatus(
        workload=seen.workload,
        environment=seen.environment,
        desired=str(desired) if is_something_to_run(desired) else "",
        running=digests,
        running_tag=_tag_of(digests, desired, seen.tags),
        is_available=bool(running and running.is_available),
        is_automated=policy.is_automated,
        pattern=str(policy.tag),
        branch=policy.branch,
        conflicts=_conflicts(policy, seen.now),
        lock=_stopped(lock, is_whole_environment=lock is policy.environment_lock),
        hold=_stopped(hold, is_whole_environment=hold is policy.environment_hold),
        skipped=tuple(each.image for each in policy.skips),
        candidate=candidate,
        candidate_reason=why,
        drift_seconds=drift_seconds,
        drift_mode=drift_mode,
    )


def _conflicts(policy: Policy, now: float) -> tuple[str, ...]:
    """Where workload and environment say different things, or say the same twice."""
    doubled = [
        f"the whole environment is {word}, too: {general.words}"
        for word, own, general in (
            ("locked", policy.lock, policy.environment_lock),
            ("held", policy.hold, policy.environment_hold),
        )
        if own and general and not (own.is_over(now) or general.is_over(now))
    ]
    return (*policy.conflicts, *doubled)


def _stopped(stop: Stop | None, *, is_whole_environment: bool = False) -> Stopped | None:
    if stop is None:
        return None
    return Stopped(
        user=stop.user,
        reason=stop.reason,
        since=stop.since,
        until=stop.until,
        is_whole_environment=is_whole_environment,
    )


def _candidate(seen: Seen) -> tuple[str, str]:
    for each in candidates(seen.look()):
        if Reason.of(each.reason) not in NO_CANDIDATE:
            return each.tag.name, each.reason
    return "", ""


def _tag_of(digests: Sequence[str], desired: ImageRef, tags: Sequence[Tag]) -> str:
    if len(set(digests)) != 1:
        return ""
    if desired.digest == digests[0] and desired.tag:
        return desired.tag
    return next((tag.name for tag in tags if tag.digest == digests[0]), "")


def images_of(seen: Seen) -> tuple[Candidate, ...]:
    """Every image, newest first, with what is in its way."""
    return tuple(
        Candidate(
            tag=each.tag.name,
            digest=each.tag.digest,
            created=rfc3339(each.tag.created_us / 1_000_000),
            is_eligible=not each.reason,
            reason=each.reason,
        )
        for each in candidates(seen.look())
    )
