"""
Templates, with everything that comes from outside escaped and made visible.

In: a template's name and values. Out: HTML. Called by the pages.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from cdlab.manager.shown import duration, one_line, short, visible
from cdlab.manager.views import TONES, ago, clock, diff_lines
from cdlab.manager.web.world import World

LONGEST_SHOWN = 20_000
"""Characters of one text. A diff of ten thousand lines helps nobody."""

KEPT_CELLS = 2000
"""What a page shows of a workload in an environment, 4 KiB each; from one look to the next, most
have not changed."""


@cache
def _templates() -> Environment:
    made = Environment(
        loader=PackageLoader("cdlab.manager.web"),
        autoescape=True,
        finalize=_inert,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    made.filters.update(
        short=short, duration=duration, clock=clock, ago=ago, one_line=one_line, diff=diff_lines
    )
    icons: Any = made.get_template("icons.html").module
    made.globals.update(tones=TONES, icon=cache(icons.icon))
    cells: Any = made.get_template("cell.html").module
    made.globals.update(cell_content=lru_cache(KEPT_CELLS)(cells.content))
    return made


def _inert(value: Any) -> Any:
    """Texts without what steers a terminal or turns the direction of reading; HTML as it is."""
    if not isinstance(value, str) or hasattr(value, "__html__"):
        return value
    cut = f"{value[:LONGEST_SHOWN]} …" if len(value) > LONGEST_SHOWN else value
    return visible(cut)


def local_path(text: str) -> str:
    """A path of this site to go on to, else the front page: no other site, no new header line."""
    is_local = text.startswith("/") and not text.startswith(("//", "/\\"))
    is_plain = text.isascii() and text.isprintable() and "\\" not in text
    return text if is_local and is_plain and len(text) < 2000 else "/"


class Pages:
    """What all pages share."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def render(
        self, request: Request, template: str, status: int = 200, **values: Any
    ) -> HTMLResponse:
        """A whole page, with what its frame needs and a number in the cookie for its forms."""
        sessions = self.world.sessions
        number, session = sessions.number_of(request), sessions.of(request)
        about = values.pop("about", None) or await self.world.about()
        html = (
            _templates()
            .get_template(template)
            .render(
                about=about,
                path=_path(request),
                csrf=sessions.csrf(number),
                user=session.user if session else "",
                is_logged_in=session is not None,
                can_change=not about.is_read_only,
                **values,
            )
        )
        response = HTMLResponse(html, status)
        if request.cookies.get(sessions.cookie) != number:
            sessions.set_cookie(response, number)
        return response

    async def render_error(
        self, request: Request, status: int, error: str, help: str
    ) -> HTMLResponse:
        """A page for an error; it needs no answer of the world, which may be what fails."""
        html = _templates().get_template("error.html").render(status=status, error=error, help=help)
        return HTMLResponse(html, status)


def _path(request: Request) -> str:
    query = request.url.query
    return local_path(request.url.path + (f"?{query}" if query else ""))
