"""
The one planner: what should an environment run, and may it.

An automated release, a release by hand, a promotion, a rollback and a change of policy are the same
request with other inputs. Out comes the edited manifest with the commit message, or a status with a
reason. Pure: it reads texts and returns texts; `architectures/v3.py` commits and applies them.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Literal

from cdlab import manifests
from cdlab.candidates import Look, choose
from cdlab.config_layout import config_path, health_note, is_something_to_run, policy_in
from cdlab.dates import rfc3339
from cdlab.environment_plans import plan_environment
from cdlab.errors import ManifestError
from cdlab.model import ImageRef, Outcome
from cdlab.parsed_files import KNOWN_FILES
from cdlab.policies import HOLD, LOCK, SKIP, Policy, ours, policy_of
from cdlab.policy_edits import skip
from cdlab.ports import Checkout
from cdlab.reasons import Reason
from cdlab.release_commits import Change, commit_message
from cdlab.release_plans import FileChange, Plan, Released
from cdlab.release_requests import NEWER, Cause, ReleaseRequest
from cdlab.rollback_targets import targets
from cdlab.stops import Hold, newer_than

__all__ = [
    "Cause", "Plan", "ReleaseRequest", "config_path", "health_note", "is_released", "plan_release",
]  # fmt: skip


def is_released(manifest: str, workload: str, path: str) -> bool:
    """
    Whether a manifest was ever released. Raises `ManifestError` for one without a workload.

    One that was put there and never released names no image: there is nothing to run yet.
    """
    return is_something_to_run(_image_of(manifest, workload, path))


def plan_release(request: ReleaseRequest, checkout: Checkout) -> Plan:
    """
    Decide a request against the config repo as *checkout* has it.

    Call it again after every fetch: the policy may have changed with it. Raises `FileMissing` for
    a workload that the config repo does not have and `ManifestError` for a file it cannot read.
    """
    if not request.workload:
        return plan_environment(request, checkout)
    planning = _Planning(request, checkout)
    if request.cause == "policy":
        return planning.edit()
    policy = planning.policy
    lock = policy.lock_at(request.now)
    if lock and not request.is_forced:
        return planning.no("refused", f"{Reason.LOCKED} by {lock.words}")
    if request.cause == "rollback":
        return planning.rollback()
    if request.image is None:
        return planning.newest(policy)
    return planning.image(request.image)


@lru_cache(maxsize=KNOWN_FILES)
def _image_of(manifest: str, workload: str, path: str) -> ImageRef:
    """What a manifest names. Every look at the registry asks the same of the same texts."""
    return ImageRef.parse(manifests.image_of(manifest, workload, path=path))


class _Planning:
    """One request and the texts that it is decided by."""

    def __init__(self, request: ReleaseRequest, checkout: Checkout) -> None:
        self.request, self.checkout = request, checkout
        self.current = checkout.read(request.path)
        self.defaults = policy_in(checkout, request.environment)
        self.running = self._image(self.current)

    @property
    def policy(self) -> Policy:
        return self._policy(self.current)

    def _policy(self, manifest: str) -> Policy:
        return policy_of(manifest, self.request.workload, self.request.path, self.defaults)

    def _image(self, manifest: str) -> ImageRef:
        return _image_of(manifest, self.request.workload, self.request.path)

    def newest(self, policy: Policy) -> Plan:
        """The newest image that is eligible, for automation or for somebody who asked for it."""
        request, is_automatic = self.request, self.request.cause == "automation"
        if request.is_forced:
            policy = replace(policy, lock=None, environment_lock=None)
        look = Look(
            policy=policy,
            running=self.running,
            repository=request.repository,
            tags=request.tags,
            now=request.now,
            is_automatic=is_automatic,
            most_new_tags=request.most_new_tags,
        )
        tag = choose(look)
        if isinstance(tag, str):
            is_alarm = tag.startswith(Reason.TOO_MANY)
            return self.no("refused" if is_alarm else "skipped", tag)
        manifest = self._with_image(ImageRef(request.repository, tag.name, tag.digest))
        if is_automatic and policy.hold:  # it was lifted, or nothing would have been chosen
            manifest = self._annotated(manifest, {HOLD: None})
        return self._yes(manifest)

    def image(self, image: ImageRef) -> Plan:
        """The image that somebody named."""
        request = self.request
        if image.digest is None:
            listed = (tag.digest for tag in request.tags if tag.name == image.tag)
            image = replace(image, digest=next(listed, None))
        is_elsewhere = request.repository and image.repository != request.repository
        if image.digest is None or is_elsewhere:
            return self.no("refused", f"{Reason.NO_IMAGE}: {image}")
        if image.digest == self.running.digest:
            return self.no("skipped", Reason.UP_TO_DATE)
        return self._yes(self._with_image(image))

    def rollback(self) -> Plan:
        """The earlier manifest, or its image alone, with today's policy and a hold."""
        request, running = self.request, self.running
        if running.digest is None and (request.is_bad or request.until == NEWER):
            return self.no("refused", Reason.NO_DIGEST)
        target = next(targets(request, self.checkout, self.current), None)
        if target is None:
            named = f"{Reason.NOT_EARLIER}: {request.to}" if request.to else Reason.NO_EARLIER
            return self.no("refused", named)
        today = manifests.annotations(self.current, request.workload)
        if request.image_only:
            then, base = self._with_image(self._image(target)), today
        else:
            then, base = target, manifests.annotations(target, request.workload)
        policy: dict[str, str | None] = dict.fromkeys(filter(ours, base))
        policy |= {key: text for key, text in today.items() if ours(key)}
        return self._checked(then, policy | self._stops(today))

    def _stops(self, today: dict[str, str]) -> dict[str, str | None]:
        """What a rollback adds to the policy."""
        request, running = self.request, self.running
        why = request.message or "rolled back"
        added: dict[str, str | None] = {}
        if request.has_hold:
            until = request.until
            if until == NEWER and running.digest:
                until = newer_than(running.digest)
            added[HOLD] = str(Hold(request.user, why, rfc3339(request.now), until))
        if request.is_bad:
            added |= skip(running, request.user, why, now=request.now).on(today)
        return added

    def edit(self) -> Plan:
        """The same manifest with another policy. A lock does not stop that: it stops releases."""
        edit, today = self.request.edit, manifests.annotations(self.current, self.request.workload)
        assert edit, "a change of policy says what to change"
        try:
            changes = edit.on(today)
        except ValueError as error:
            return self.no("refused", f"{Reason.INVALID}: annotation {SKIP}: {error}")
        if not changes:
            return self.no("skipped", Reason.UNCHANGED)
        foreign = [key for key in changes if not ours(key)]
        if foreign:
            return self.no("refused", f"{Reason.INVALID}: {foreign[0]} is no part of it")
        return self._checked(self.current, changes)

    def _checked(self, manifest: str, changes: dict[str, str | None]) -> Plan:
        """Change the policy of a manifest, if what comes out is one."""
        try:
            manifest = self._annotated(manifest, changes)
            policy = self._policy(manifest)
        except ManifestError as error:
            return self.no("refused", f"{Reason.INVALID}: {error.message}")
        for key, stop in ((HOLD, policy.hold), (LOCK, policy.lock)):
            if stop and key in changes and stop.is_over(self.request.now):
                return self.no("refused", f"{Reason.INVALID}: {stop.until} is over")
        return self._yes(manifest)

    def _with_image(self, image: ImageRef) -> str:
        name, path = self.request.workload, self.request.path
        return manifests.replace_image(self.current, name, str(image), path=path)

    def _annotated(self, manifest: str, changes: dict[str, str | None]) -> str:
        return manifests.annotate(manifest, self.request.workload, changes, self.request.path)

    def no(self, status: Literal["skipped", "refused"], reason: str) -> Plan:
        """Nothing changes, and why."""
        return Plan(Outcome(status, str(reason), image=self.running))

    def _yes(self, manifest: str) -> Plan:
        request, image = self.request, self._image(manifest)
        change = Change(
            before=self.checkout.log(request.path)[0].revision,
            running=self.running,
            image=image,
            hold=self._policy(manifest).hold_at(request.now),
        )
        runs = None if request.cause == "policy" else image
        made = FileChange(request.path, self.current, manifest, commit_message(request, change))
        return Plan(Released("released", request.message, image=runs, change=made))
