"""
A team in a short TOML file: how it works, and what it cannot do without.

In: a file. Out: a `Team`, or one `ScenarioError` with all mistakes and their lines. Called by
`cdlab advise`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

from cdlab.advice.needs import NEEDS
from cdlab.errors import ScenarioError
from cdlab.value_checks import meant


@dataclass(frozen=True, kw_only=True, slots=True)
class Team:
    """What counts of a team. Every field has a default, which is an assumption."""

    microservices: int = 3
    environments: int = 2
    """The last one is production."""
    replicas: int = 2
    """Pods of each microservice in each environment."""
    build_minutes: float = 4.0
    """Median of a pipeline until the image is built, nothing of it cached."""
    cached_build_minutes: float = 0.4
    """Median of a pipeline that has built the same before."""
    build_cache: bool = True
    """Whether CI's executors keep what they have built."""
    poll_seconds: float = 0.0
    """How often V3's manager would look for new images; 0: it is told of them."""
    commits_on_top: int = 0
    """Good commits that are shipped on top of a bad one before it is rolled back."""
    pushes_a_day: float = 10.0
    bad_release_rate: float = 0.05
    """Share of the pushes that have to be rolled back."""
    worth_minutes_a_month: float = 30.0
    """Minutes of bad releases in production a month for which you would run one box more."""
    needs: tuple[str, ...] = ()
    """What the team cannot do without, by the names of `NEEDS`."""

    @property
    def rollbacks_a_month(self) -> float:
        """Of 30 days."""
        return 30 * self.pushes_a_day * self.bad_release_rate


LIMITS: Mapping[str, tuple[float, float]] = {
    "microservices": (1, 30),
    "environments": (2, 5),
    "replicas": (1, 20),
    "build_minutes": (0.01, 600),
    "cached_build_minutes": (0.01, 600),
    "poll_seconds": (0, 86_400),
    "commits_on_top": (0, 20),
    "pushes_a_day": (0, 10_000),
    "bad_release_rate": (0, 1),
    "worth_minutes_a_month": (0, 43_200),
}
"""Number of a team -> least and greatest."""

EXAMPLE = """\
# A team, for `cdlab advise`. Take out what you do not know: it is then assumed, and said so.
microservices = 8
environments = 2               # the last one is production
replicas = 2
build_minutes = 6.0            # median, nothing cached
cached_build_minutes = 1.5     # the same when CI has built it before
build_cache = true             # false: CI's executors start empty
poll_seconds = 0               # of a release manager; 0: it is told of new images
commits_on_top = 1             # good commits shipped on top of a bad one before it is rolled back
pushes_a_day = 12
bad_release_rate = 0.05        # share of the pushes that have to be rolled back
worth_minutes_a_month = 30     # minutes of bad releases a month that are worth one box more
needs = ["only-production"]    # docs/advise.md has all of them
"""


class Told(NamedTuple):
    """What a file says of a team."""

    team: Team
    assumed: tuple[str, ...]
    """The fields that it does not name."""


def load_team(path: Path) -> Told:
    """Read a team. Raises one `ScenarioError` with all mistakes of its file."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise _error(path, [(0, f"cannot be read: {error.strerror or error}")]) from error
    except UnicodeDecodeError as error:
        raise _error(path, [(0, f"not TOML: {error}")]) from error
    return team_of(text, path)


def team_of(text: str, path: Path) -> Told:
    """
    The team of a file's text. Raises one `ScenarioError` with all mistakes of it.

    What CI has built before takes a tenth of a build where the file does not say it, as in the
    profile `lean-ci`.
    """
    import tomllib

    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _error(path, [(0, f"not TOML: {error}")]) from error
    known: dict[str, Any] = {each.name: each.default for each in fields(Team)}
    mistakes = []
    for name, value in values.items():
        is_known = name in known
        what = mistake(name, value) if is_known else f"nothing{meant(name, known)}"
        if what:
            mistakes.append((_line(text, name), f"{name} is {what}"))
    if mistakes:
        raise _error(path, sorted(mistakes))
    assumed = tuple(name for name in known if name not in values)
    if "build_minutes" in values:
        values.setdefault("cached_build_minutes", max(0.01, values["build_minutes"] / 10))
    typed = {name: type(known[name])(value) for name, value in values.items()}
    return Told(Team(**typed), assumed)


def _error(path: Path, mistakes: list[tuple[int, str]]) -> ScenarioError:
    return ScenarioError(
        str(path), mistakes, help="`cdlab advise` without a file prints an example"
    )


def _line(text: str, name: str) -> int:
    for number, line in enumerate(text.splitlines(), start=1):
        if re.match(rf"\s*\[*\s*[\"']?{re.escape(name)}\b", line):
            return number
    return 0


def mistake(name: str, value: Any) -> str:
    """What is wrong with the value of a field, as the end of a sentence; empty if nothing is."""
    default = next(each.default for each in fields(Team) if each.name == name)
    if isinstance(default, tuple):
        if not isinstance(value, list):
            return f'{value!r}: expected a list, as ["record"]'
        unknown = [each for each in value if each not in NEEDS]
        return f"a list with {unknown[0]!r}{meant(str(unknown[0]), NEEDS)}" if unknown else ""
    if isinstance(default, bool):
        return "" if isinstance(value, bool) else f"{value!r}: expected true or false"
    least, greatest = LIMITS[name]
    numbers = (int,) if isinstance(default, int) else (int, float)
    is_number = isinstance(value, numbers) and not isinstance(value, bool)
    if is_number and least <= value <= greatest:
        return ""
    kind = "a whole number" if isinstance(default, int) else "a number"
    return f"{value!r}: expected {kind} from {least:g} to {greatest:g}"
