"""
The playground's forms: what one does to a simulated world beside releasing.

In: a posted form. Out: a redirect to the front page, which says what was done. Called by `site.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from cdlab.errors import CdlabError, NotFound, NotUnderstood
from cdlab.manager.asking import Form, check
from cdlab.manager.commands import About, Playground
from cdlab.manager.web.forms import posted
from cdlab.manager.web.guard import Refused
from cdlab.manager.web.rendering import Pages

CLOCK_SECONDS = {"60": "1 min", "300": "5 min", "3600": "1 h"}
"""How far the clock is turned at once."""
VERSION = Form(40, r"[A-Za-z0-9][A-Za-z0-9._-]*", "letters, digits, '-', '.', '_'")


class PlayingPages:
    """The handlers."""

    def __init__(self, pages: Pages) -> None:
        self._world = pages.world

    async def boxes(self, about: About) -> Mapping[str, bool]:
        """Box -> whether it is up; empty where this is no playground."""
        if not about.is_playground:
            return {}
        return await self._world.boxes()

    async def post(self, request: Request) -> Response:
        """Do it, and go back to the matrix."""
        self._world.refuse_if_read_only()
        given = await posted(request)
        sessions = self._world.sessions
        if (session := sessions.of(request)) is None:
            return RedirectResponse("/login", 303)
        if not sessions.is_from_our_form(request, given.get("csrf", "")):
            raise Refused(403, "the form is not ours, or too old", "load the page again")
        name = request.path_params["action"]
        if name not in ACTIONS:
            raise NotFound("the playground has nothing of that name")
        act, checked = ACTIONS[name], _checked(given)
        try:
            session.said = await self._world.play(lambda each: act(each, checked), name)
        except (NotFound, NotUnderstood):
            raise
        except CdlabError as error:
            session.said = error.message
        return RedirectResponse("/#playground", 303)


Given = Mapping[str, str]


async def _push(playground: Playground, given: Given) -> str:
    workload, version, is_bad = given["workload"], _version(given), given.get("quality") == "bad"
    revision = await playground.push(workload, version, is_bad=is_bad)
    kind = "a bad commit" if is_bad else "a commit"
    return f"Pushed {kind} to {workload}: {version}, {revision[:10]}."


async def _stop(playground: Playground, given: Given) -> str:
    await playground.stop(given["box"])
    return f"{given['box']} is down."


async def _restart(playground: Playground, given: Given) -> str:
    await playground.restart(given["box"])
    return f"{given['box']} is up again."


async def _edit(playground: Playground, given: Given) -> str:
    workload, environment, tag = given["workload"], given["environment"], given["tag"]
    if not tag:
        raise NotUnderstood("kubectl set image needs a tag")
    await playground.edit(workload, environment, tag)
    return f"kubectl set image of {workload} in {environment} to {tag}: done."


async def _undo(playground: Playground, given: Given) -> str:
    await playground.undo(given["workload"], given["environment"])
    return f"kubectl rollout undo of {given['workload']} in {given['environment']}: done."


async def _lose_node(playground: Playground, given: Given) -> str:
    node = await playground.lose_node(given["workload"], given["environment"])
    return f"The node {node} is lost."


async def _delete_cluster(playground: Playground, given: Given) -> str:
    await playground.delete_cluster()
    return "The cluster is lost; an empty one stands in its place."


async def _clock(playground: Playground, given: Given) -> str:
    seconds = given.get("seconds", "")
    if seconds not in CLOCK_SECONDS:
        raise NotUnderstood("the clock is turned by 1 min, 5 min or 1 h")
    await playground.turn_clock(float(seconds))
    return f"The clock went on by {CLOCK_SECONDS[seconds]}."


ACTIONS: dict[str, Callable[[Playground, Given], Coroutine[Any, Any, str]]] = {
    "push": _push,
    "stop": _stop,
    "restart": _restart,
    "edit": _edit,
    "undo": _undo,
    "lose-node": _lose_node,
    "delete-cluster": _delete_cluster,
    "clock": _clock,
}
"""What a form can do, and what it says then."""
CHECKED = {"workload": "workload", "environment": "environment", "box": "source", "tag": "image"}
"""Field -> the field of an `Ask` whose form it has."""


def _checked(given: Given) -> dict[str, str]:
    """The fields that there are, none of them hostile; what is not there is empty."""
    for name, like in CHECKED.items():
        check(like, given.get(name, ""))
    return {**dict.fromkeys(CHECKED, ""), **given}


def _version(given: Given) -> str:
    version = given.get("version", "")
    if not re.fullmatch(VERSION.pattern, version) or len(version) > VERSION.longest:
        raise NotUnderstood(f'"version" is not {VERSION.words}')
    return version
