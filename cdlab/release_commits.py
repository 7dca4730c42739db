"""
What the commit of a release says, and how it is read again: the history of releases is git's log.

The subject is for people, the trailers are for programs. In: a request and what was planned. Out: a
message whose trailers nobody can forge by a name or a message. Pure; called by the planner.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

from cdlab.model import Commit, ImageRef, Revision
from cdlab.release_requests import ReleaseRequest
from cdlab.stops import Hold


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What a commit changes."""

    before: Revision | None
    """The last commit that changed the same file; None where it is new."""
    running: ImageRef | None = None
    image: ImageRef | None = None
    """Of a workload: before and after."""
    hold: Hold | None
    """The hold that is in force afterwards."""


def commit_message(request: ReleaseRequest, change: Change) -> str:
    """The message of the commit that does it, and nothing in it that depends on when."""
    trailers = {
        "Release-Id": _release_id(request, change),
        "Cause": request.cause,
        "User": request.user,
        "Environment": request.environment,
    }
    if change.image:
        trailers |= {
            "Workload": request.workload,
            "From": str(change.running),
            "To": str(change.image),
            "Digest": change.image.digest or "none",
        }
    trailers["Hold"] = str(change.hold) if change.hold else "none"
    if request.is_forced:
        trailers["Forced"] = "true"
    lines = "\n".join(f"{key}: {_one_line(value)}" for key, value in trailers.items())
    why = f"{_one_line(request.message)}\n\n" if request.message else ""
    return f"{_one_line(_subject(request, change.image))}\n\n{why}{lines}\n"


def trailer(commit: Commit, name: str) -> str:
    """The value of a trailer, which stands in the last paragraph; empty where there is none."""
    paragraph = commit.message.rstrip("\n").rpartition("\n\n")[2]
    lines = [line for line in paragraph.splitlines() if line.startswith(f"{name}: ")]
    return lines[-1].partition(": ")[2] if lines else ""


def _subject(request: ReleaseRequest, image: ImageRef | None) -> str:
    if request.edit:
        return request.edit.subject(request.workload, request.environment)
    assert image, "only a change of policy is about none"
    verb = "Roll back" if request.cause == "rollback" else "Release"
    name = f"{request.workload} {(image.tag or str(image.digest))[:12]}"
    return f"{verb} {name} in {request.environment}"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _release_id(request: ReleaseRequest, change: Change) -> str:
    """
    The same for a repeated attempt, another one for every other change of the same workload.

    So it holds what was asked for and what it was asked of, and neither the time nor the text.
    """
    asked = (request.until, request.image_only, request.is_bad, request.has_hold)
    parts: list[object] = [request.cause, request.environment, request.workload]
    parts += [change.before, change.image]
    parts += asked if request.cause == "rollback" else ()
    parts += [request.edit.identity] if request.edit else []
    return blake2b("\n".join(map(str, parts)).encode(), digest_size=8).hexdigest()
