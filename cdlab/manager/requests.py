"""
What somebody asked for, as the request that the planner decides.

In: an `Ask`, and the boxes that have to be looked at for it. Out: a `ReleaseRequest`, or an
`Outcome` where there is nothing to plan. Called by `manager.desk`, for real and for a dry run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from cdlab import policy_edits as edits
from cdlab.architectures.config_writing import healthy_image
from cdlab.dates import rfc3339
from cdlab.errors import ImageNotFound
from cdlab.manager.commands import Ask
from cdlab.model import Application, Digest, ImageRef, Outcome
from cdlab.policies import AUTOMATED, BRANCH, TAG
from cdlab.policy_edits import PolicyEdit
from cdlab.ports import Ports
from cdlab.reasons import Reason
from cdlab.release_requests import ReleaseRequest

SETTINGS = {"automated": AUTOMATED, "tag": TAG, "branch": BRANCH, "drift": edits.DRIFT}
"""Name of a setting -> the annotation that says it; drift is of whole environments alone."""


async def request_of(ask: Ask, application: Application, ports: Ports) -> ReleaseRequest | Outcome:
    """What the planner is to decide."""
    repository = application.image_repositories.get(ask.workload, "")
    request = ReleaseRequest(
        cause="policy",
        workload=ask.workload,
        environment=ask.environment,
        user=ask.user,
        message=ask.message,
        now=ports.clock.timestamp(),
        repository=repository,
        is_forced=ask.is_forced,
    )
    if ask.command == "release":
        return await _release(replace(request, cause="release"), ask, ports)
    if ask.command == "promote":
        return await _promotion(replace(request, cause="promotion"), ask.source, ports)
    if ask.command == "rollback":
        return replace(
            request,
            cause="rollback",
            to=ask.to or None,
            until=_until(ask, ports),
            image_only=ask.is_image_only,
            is_bad=ask.is_bad,
        )
    if ask.command in ("skip", "unskip"):
        found = await _named(ask.image, repository, ports)
        if isinstance(found, Outcome):
            return found
        is_skip = ask.command == "skip"
        now = ports.clock.timestamp()
        edit = edits.skip(found, ask.user, ask.message, now=now) if is_skip else None
        return replace(request, edit=edit or edits.unskip(found))
    return replace(request, edit=_EDITS[ask.command](ask, ports))


async def _release(request: ReleaseRequest, ask: Ask, ports: Ports) -> ReleaseRequest | Outcome:
    tags = await ports.registry.list_tags(request.repository)
    if not ask.image:
        return replace(request, tags=tags)
    found = await _named(ask.image, request.repository, ports)
    return found if isinstance(found, Outcome) else replace(request, image=found, tags=tags)


async def _promotion(
    request: ReleaseRequest, source: str, ports: Ports
) -> ReleaseRequest | Outcome:
    image = await healthy_image(ports, request.workload, source)
    if image is None:
        return Outcome("refused", f"{Reason.NOT_HEALTHY} {source}")
    return replace(request, image=image)


async def _named(text: str, repository: str, ports: Ports) -> ImageRef | Outcome:
    """An image that somebody named by tag, digest or whole reference, if the registry has it."""
    if text.startswith("sha256:"):
        image = ImageRef(repository, digest=Digest(text))
    else:
        image = ImageRef.parse(text) if "/" in text else ImageRef(repository, text)
    try:
        digest = await ports.registry.resolve(image)
    except ImageNotFound:
        return Outcome("refused", f"{Reason.NO_IMAGE}: {text}")
    if image.repository != repository:
        return Outcome("refused", f"{Reason.NO_IMAGE}: {text} is not in {repository}")
    if image.tag is None:
        listed = await ports.registry.list_tags(repository)
        image = replace(image, tag=next((t.name for t in listed if t.digest == digest), None))
    return replace(image, digest=digest)


def _until(ask: Ask, ports: Ports) -> str:
    """A lift rule as it stands in the repo: `2 h` and `30 min` are counted from now."""
    number, _, unit = ask.until.partition(" ")
    if unit in SECONDS and number.isdigit():
        return rfc3339(ports.clock.timestamp() + int(number) * SECONDS[unit])
    return ask.until or ("unlocked" if ask.command == "lock" else "resumed")


SECONDS = {"min": 60, "h": 3600, "d": 86400}
"""Units of a lift rule that says how long."""


def _settings(ask: Ask, ports: Ports) -> PolicyEdit:
    changes = {SETTINGS[name]: value or None for name, value in ask.settings.items()}
    return PolicyEdit(annotations=changes)


def _stop(ask: Ask, ports: Ports) -> PolicyEdit:
    now, until = ports.clock.timestamp(), _until(ask, ports)
    make = edits.lock if ask.command == "lock" else edits.hold
    return make(ask.user, ask.message, now=now, until=until)


_EDITS: Mapping[str, Callable[[Ask, Ports], PolicyEdit]] = {
    "lock": _stop,
    "unlock": lambda ask, ports: edits.unlock(),
    "hold": _stop,
    "resume": lambda ask, ports: edits.resume(),
    "automate": lambda ask, ports: edits.automate(),
    "deautomate": lambda ask, ports: edits.deautomate(),
    "policy": _settings,
}
