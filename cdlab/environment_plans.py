"""
Plans of a change to the policy of a whole environment: one commit to its `policy.yaml`.

In: a request without a workload, and a checkout. Out: a `Plan`. Pure; called by the planner.
"""

from __future__ import annotations

from typing import Literal

from cdlab.environment_policies import environment_policy, settings_in, with_settings
from cdlab.errors import FileMissing, ManifestError
from cdlab.model import Outcome
from cdlab.ports import Checkout
from cdlab.reasons import Reason
from cdlab.release_commits import Change, commit_message
from cdlab.release_plans import FileChange, Plan, Released
from cdlab.release_requests import ReleaseRequest


def plan_environment(request: ReleaseRequest, checkout: Checkout) -> Plan:
    """
    Decide a change of policy. A lock does not stop it: it stops releases.

    Raises `ManifestError` where there is a policy already and it cannot be read.
    """
    assert request.edit, "a change of policy says what to change"
    path = request.path
    try:
        before = checkout.read(path)
    except FileMissing:
        before = ""
    now = settings_in(before, path)
    try:
        changes = request.edit.on_environment(now)
        after = with_settings(before, changes, path)
    except (ValueError, ManifestError) as error:
        why = error.message if isinstance(error, ManifestError) else error
        return _no("refused", f"{Reason.INVALID}: {why}")
    if not changes:
        return _no("skipped", Reason.UNCHANGED)
    policy = environment_policy(after, path)
    for key, stop in (("hold", policy.hold), ("lock", policy.lock)):
        if stop and key in changes and stop.is_over(request.now):
            return _no("refused", f"{Reason.INVALID}: {stop.until} is over")
    is_held = policy.hold and not policy.hold.is_over(request.now)
    change = Change(
        before=next((each.revision for each in checkout.log(path)), None),
        hold=policy.hold if is_held else None,
    )
    made = FileChange(path, before, after, commit_message(request, change))
    return Plan(Released("released", request.message, change=made))


def _no(status: Literal["skipped", "refused"], reason: str) -> Plan:
    return Plan(Outcome(status, str(reason)))
