"""
The policy of a whole environment: `environments/<environment>/policy.yaml`.

A mapping of plain YAML with defaults for every workload of the environment, which the annotations
of a workload go before, and a lock that nothing goes before. Reading is strict: what is not
understood is refused with file and line. Pure; called by `policies` and the planner.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, NoReturn

from cdlab.errors import ManifestError
from cdlab.parsed_files import ParsedFile, parse
from cdlab.stops import Lock, stop_from
from cdlab.tag_patterns import NEWEST, TagPattern, glob, tag_pattern

DriftMode = Literal["repair", "report"]
HELP = "mend the file in the config repo; until then this environment is left alone"


@dataclass(frozen=True, slots=True)
class EnvironmentPolicy:
    """What holds for every workload of an environment that does not say otherwise."""

    is_automated: bool = False
    tag: TagPattern = NEWEST
    branch: str = ""
    """A glob of the branches that images must come from; empty: any."""
    drift: DriftMode = "repair"
    """What to do where the cluster differs from the config repo and nobody released."""
    lock: Lock | None = None
    """Refuses every release in the environment."""


NO_DEFAULTS = EnvironmentPolicy()
"""What an environment without the file has: nothing is automated."""


@lru_cache(maxsize=1024)
def environment_policy(text: str, path: str) -> EnvironmentPolicy:
    """Read the file. Raises `ManifestError` for anything it does not know."""
    try:
        file = parse(text, path)
    except ManifestError as error:
        error.help = error.help or HELP
        raise
    if len(file.data) > 1:
        file.refuse(file.lines[1], "a second document; the policy is one", help=HELP)
    found: dict[str, Any] = {}
    for key, value in (file.data[0] if file.data else {}).items():
        read = _KEYS.get(key)
        if read is None:
            _refuse(file, key, f"is no part of a policy; there are {', '.join(_KEYS)}")
        name, make = read
        try:
            found[name] = make(value)
        except ValueError as error:
            _refuse(file, key, str(error))
    return EnvironmentPolicy(**found)


def _refuse(file: ParsedFile, key: Any, what: str) -> NoReturn:
    file.refuse(file.line(0, (key,)), f'"{key}": {what}', help=HELP)


def _yes_or_no(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("is neither true nor false")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("is not text: put it in quotes")
    return value


def _drift(value: Any) -> str:
    if value not in ("repair", "report"):
        raise ValueError("is neither repair nor report")
    return str(value)


_KEYS = {
    "automated": ("is_automated", _yes_or_no),
    "tag": ("tag", lambda value: tag_pattern(_text(value))),
    "branch": ("branch", lambda value: glob(_text(value))),
    "drift": ("drift", _drift),
    "lock": ("lock", lambda value: stop_from(value, Lock)),
}
