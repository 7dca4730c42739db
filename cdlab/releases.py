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
from cdlab.model import Commit, Decision, ImageRef, Outcome, Revision, RollbackRequest, Tag
from cdlab.policies import HOLD, PREFIX, Policy, Stop, policy_of
from cdlab.ports import Checkout

NO_EARLIER = "no earlier healthy release"
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
    to: Revision | None = None
    """Rollback: the tag to go back to. None: the last healthy release before this one."""

    @classmethod
    def rollback(cls, asked: RollbackRequest, *, has_hold: bool) -> ReleaseRequest:
        """A release of something earlier, as somebody asked for it."""
        return cls(
            cause="rollback",
            workload=asked.workload,
            environment=asked.environment,
            user=asked.user,
            message=asked.message,
            to=asked.to,
            has_hold=has_hold,
        )

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


def released(checkout: Checkout, environment: str) -> Iterator[tuple[str, Decision]]:
    """
    Each manifest of an environment that names an image by digest, and how to tell of its sync.

    A manifest that was put there and never released names none: there is nothing to run yet.
    """
    folder = config_path(environment, "")[: -len(".yaml")]
    outcome = Outcome("released", "it differed from the config repo", checkout.head)
    for path in checkout.paths(folder):
        name, manifest = path.removeprefix(folder).removesuffix(".yaml"), checkout.read(path)
        if ImageRef.parse(manifests.image_of(manifest, name, path=path)).digest:
            yield manifest, Decision("sync", name, environment, outcome)


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
    newest = max(reversed(eligible), key=attrgetter("age"))
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
    return "older than current" if newest.age <= known[0].age else ""


def _plan_rollback(
    request: ReleaseRequest, checkout: Checkout, current: str, running: ImageRef
) -> Plan:
    target = next(_earlier_healthy(request, checkout, current), None)
    if target is None:
        what = f"{request.to} is no earlier healthy release" if request.to else NO_EARLIER
        return _no("refused", what, running)
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


def _earlier_healthy(request: ReleaseRequest, checkout: Checkout, current: str) -> Iterator[str]:
    """
    Manifests to go back to, newest first: noted healthy, and never what was rolled back from.

    That is an image, or a manifest where the rollback kept the image. Policy does not count: two
    manifests that differ in it alone run the same.
    """
    name, commits = request.workload, checkout.log(request.path)
    left_behind = {_without_policy(current, name)}
    bad_images = set()
    for commit in commits:
        if _is_rollback(commit, request):
            before = checkout.read(request.path, at=commit.parents[0])
            left_behind.add(_without_policy(before, name))
            if _trailer(commit, "From") != _trailer(commit, "To"):
                bad_images.add(ImageRef.parse(_trailer(commit, "From")).digest)
    note = health_note(request.environment, name)
    for commit in commits:
        if note not in commit.note.splitlines():
            continue
        manifest = checkout.read(request.path, at=commit.revision)
        image = ImageRef.parse(manifests.image_of(manifest, name))
        is_left_behind = _without_policy(manifest, name) in left_behind
        if is_left_behind or image.digest in bad_images or request.to not in (None, image.tag):
            continue
        yield manifest


def _without_policy(manifest: str, workload: str) -> str:
    found = manifests.annotations(manifest, workload)
    return manifests.annotate(manifest, workload, dict.fromkeys(filter(ours, found)))


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
