"""
The one planner: what should an environment run, and may it.

An automated release, a release by hand, a promotion and a rollback are the same request with other
inputs. Out comes the edited manifest with the commit message, or a status with a reason. Pure: it
reads texts and returns texts; `architectures/v3.py` commits and applies them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from operator import attrgetter
from typing import Literal

from cdlab import manifests
from cdlab.model import Commit, Decision, ImageRef, Outcome, Tag
from cdlab.policies import HOLD, PREFIX, Policy, Stop, policy_of
from cdlab.ports import Checkout

Cause = Literal["automation", "release", "promotion", "rollback"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseRequest:
    """What somebody, or automation, wants an environment to run."""

    cause: Cause
    workload: str
    environment: str
    user: str
    message: str = ""
    image: ImageRef | None = None
    """Release, promotion: the image, with its digest."""
    tags: tuple[Tag, ...] = ()
    """Automation: what the registry lists, oldest image first."""
    repository: str = ""
    """Automation: the image repository of those tags."""
    has_hold: bool = True
    """Rollback: whether to stop automation in the same commit. False is the naive variant."""
    is_forced: bool = False
    """Go past a lock. Recorded in the commit."""

    @property
    def path(self) -> str:
        """The file of the config repo that decides it."""
        return config_path(self.environment, self.workload)


@dataclass(frozen=True, slots=True)
class Plan:
    """The answer: an outcome, and where it is `released` the file and the commit that do it."""

    outcome: Outcome
    manifest: str = ""
    commit_message: str = ""

    def decision(self, request: ReleaseRequest) -> Decision:
        """What to tell the `Decisions` port."""
        return Decision(request.cause, request.workload, request.environment, self.outcome)


def config_path(environment: str, workload: str) -> str:
    """One file per workload and environment, so that two releases seldom touch the same one."""
    return f"environments/{environment}/{workload}.yaml"


def plan_release(request: ReleaseRequest, checkout: Checkout) -> Plan:
    """
    Decide a request against the config repo as *checkout* has it.

    Call it again after every fetch: the policy may have changed with it. Raises `FileMissing` for
    a workload that the config repo does not have and `ManifestError` for a file it cannot read.
    """
    current = checkout.read(request.path)
    policy = policy_of(current, request.workload, request.path)
    running = ImageRef.parse(manifests.image_of(current, request.workload, path=request.path))
    if policy.lock and not request.is_forced:
        return _no("refused", f"locked by {policy.lock.user}: {policy.lock.reason}", running)
    if request.cause == "rollback":
        return _plan_rollback(request, checkout, current, running)
    image = request.image
    if request.cause == "automation":
        chosen = _newest(request, policy, running)
        if isinstance(chosen, str):
            return _no("skipped", chosen, running)
        image = chosen
    assert image, "a release names an image"
    assert image.digest, "and names it by digest"
    if image.digest == running.digest:
        return _no("skipped", "up to date", running)
    manifest = manifests.replace_image(current, request.workload, str(image), path=request.path)
    return _yes(request, checkout, running, manifest, policy.hold)


def _newest(request: ReleaseRequest, policy: Policy, running: ImageRef) -> ImageRef | str:
    """The image that automation should release, or why none."""
    if not policy.is_automated:
        return "manual"
    if policy.hold:
        return f"held by {policy.hold.user}: {policy.hold.reason}"
    eligible = [tag for tag in request.tags if policy.admits(tag.name)]
    if not eligible:
        return "no tag matches"
    newest = max(reversed(eligible), key=attrgetter("created_us"))
    obstacle = _is_downgrade(newest, request, running)
    return obstacle or ImageRef(request.repository, newest.name, newest.digest)


def _is_downgrade(newest: Tag, request: ReleaseRequest, running: ImageRef) -> str:
    """Why automation must not go to *newest*: empty only if it is newer than what runs."""
    if running.digest is None and running.repository != request.repository:
        return ""  # nothing was released yet
    known = [
        tag
        for tag in request.tags
        if (tag.digest == running.digest if running.digest else tag.name == running.tag)
    ]
    if not known:
        return "the running image is not listed"
    if newest.digest == known[0].digest:
        return "up to date"
    return "older than current" if newest.created_us <= known[0].created_us else ""


def _plan_rollback(
    request: ReleaseRequest, checkout: Checkout, current: str, running: ImageRef
) -> Plan:
    target = next(_earlier_healthy(request, checkout, running), None)
    if target is None:
        return _no("refused", "no earlier healthy release", running)
    hold = Stop(request.user, request.message or "rolled back") if request.has_hold else None
    kept = {k: v for k, v in manifests.annotations(current, request.workload).items() if ours(k)}
    policy: dict[str, str | None] = dict.fromkeys(
        key for key in manifests.annotations(target, request.workload) if ours(key)
    )
    policy |= kept
    if hold:
        policy[HOLD] = str(hold)
    manifest = manifests.annotate(target, request.workload, policy)
    return _yes(request, checkout, running, manifest, hold)


def ours(annotation: str) -> bool:
    """Whether an annotation is policy. A rollback keeps today's policy, not that of back then."""
    return annotation.startswith(PREFIX)


def _earlier_healthy(
    request: ReleaseRequest, checkout: Checkout, running: ImageRef
) -> Iterator[str]:
    """Manifests to go back to, newest first: noted healthy, never an image rolled back from."""
    commits = checkout.log(request.path)
    left_behind = {
        ImageRef.parse(_trailer(each, "From")).digest
        for each in commits
        if _is_rollback(each, request)
    }
    note = health_note(request.environment, request.workload)
    for commit in commits:
        if note not in commit.note.splitlines():
            continue
        manifest = checkout.read(request.path, at=commit.revision)
        image = ImageRef.parse(manifests.image_of(manifest, request.workload))
        if image.digest not in (running.digest, *left_behind):
            yield manifest


def health_note(environment: str, workload: str) -> str:
    """The line that the health note of a commit gets when its release became available."""
    return f"{environment}/{workload} healthy"


def _is_rollback(commit: Commit, request: ReleaseRequest) -> bool:
    return (
        _trailer(commit, "Cause") == "rollback"
        and _trailer(commit, "Environment") == request.environment
    )


def _trailer(commit: Commit, name: str) -> str:
    lines = [line for line in commit.message.splitlines() if line.startswith(f"{name}: ")]
    return lines[-1].partition(": ")[2] if lines else ""


def _no(status: Literal["skipped", "refused"], reason: str, running: ImageRef) -> Plan:
    return Plan(Outcome(status, reason, image=running))


def _yes(
    request: ReleaseRequest, checkout: Checkout, running: ImageRef, manifest: str, hold: Stop | None
) -> Plan:
    image = ImageRef.parse(manifests.image_of(manifest, request.workload, path=request.path))
    name = f"{request.workload} {(image.tag or str(image.digest))[:12]}"
    verb = "Roll back" if request.cause == "rollback" else "Release"
    trailers = {
        "Release-Id": _release_id(request, checkout, image),
        "Cause": request.cause,
        "User": request.user,
        "Environment": request.environment,
        "Workload": request.workload,
        "From": str(running),
        "To": str(image),
        "Digest": str(image.digest),
        "Hold": str(hold) if hold else "none",
    }
    if request.is_forced:
        trailers["Forced"] = "true"
    lines = "\n".join(f"{key}: {' '.join(value.split())}" for key, value in trailers.items())
    why = f"{' '.join(request.message.split())}\n\n" if request.message else ""
    text = f"{verb} {name} in {request.environment}\n\n{why}{lines}\n"
    return Plan(Outcome("released", request.message, image=image), manifest, text)


def _release_id(request: ReleaseRequest, checkout: Checkout, image: ImageRef) -> str:
    """The same for a repeated attempt, another one for every other change of the same workload."""
    before = checkout.log(request.path)[0].revision
    parts = (request.cause, request.environment, request.workload, before, str(image))
    return blake2b("\n".join(parts).encode(), digest_size=8).hexdigest()
