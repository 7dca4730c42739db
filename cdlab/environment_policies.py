"""
The policy of a whole environment: `environments/<environment>/policy.yaml`.

A mapping of plain YAML with defaults for every workload of the environment, which the annotations
of a workload go before, and a lock and a hold that nothing goes before. Reading is strict: what is
not understood is refused with file and line. An edit changes only the bytes of the keys that it is
about. Pure; called by `policies` and the planner.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, NoReturn

from cdlab.errors import ManifestError
from cdlab.parsed_files import ParsedFile, parse
from cdlab.safe_yaml import Node, double_quoted, end_of, spliced
from cdlab.stops import Hold, Lock, stop_from
from cdlab.tag_patterns import NEWEST, TagPattern, glob, tag_pattern

DriftMode = Literal["repair", "report"]
_WORDS = ("repair", "report", "newest")
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
    hold: Hold | None = None
    """Stops automated releases in the environment."""
    said: frozenset[str] = field(default=frozenset(), compare=False)
    """The fields that the file names; the others are as they are by default."""


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
            _refuse(file, key, _NO_PART)
        name, make = read
        try:
            found[name] = make(value)
        except ValueError as error:
            _refuse(file, key, str(error))
    return EnvironmentPolicy(**found, said=frozenset(found))


def settings_in(text: str, path: str) -> dict[str, Any]:
    """The keys of the file with their plain values. Raises `ManifestError` as reading it does."""
    environment_policy(text, path)
    data = parse(text, path).data
    return dict(data[0]) if data else {}


def with_settings(text: str, changes: Mapping[str, Any], path: str) -> str:
    """
    Return the text with keys set, or taken out where None. New ones go to the end.

    Raises:
        ManifestError: What comes out would be no policy, or something else would change with it.
    """
    if unknown := [key for key in changes if key not in _KEYS]:
        raise ManifestError(path, 1, f'"{unknown[0]}": {_NO_PART}', help=HELP)
    for key, value in changes.items():
        before = settings_in(text, path)
        file = parse(text, path)
        text = _without(file, key) if value is None else _with(file, key, _written(value))
        after = {name: each for name, each in {**before, key: value}.items() if each is not None}
        if settings_in(text, path) != after:
            what = f'changing "{key}" here would change something else too'
            raise ManifestError(path, 1, what, help="Write each key on lines of its own.")
    return text


def _with(file: ParsedFile, key: str, value: str) -> str:
    text = file.text
    if file.data and key in file.data[0]:
        at, old = file.entry(0, (key,))
        colon = text.index(":", at.end_mark.index) + 1
        return spliced(text, colon, max(_end(text, old), colon), f" {value}")
    line_break = "" if text.endswith("\n") or not text else "\n"
    return f"{text}{line_break}{key}: {value}\n"


def _written(value: Any) -> str:
    """A value on one line. Words need no quotes, unless YAML would read something else."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {double_quoted(text)}' for key, text in value.items())}}}"
    return str(value) if value in _WORDS else double_quoted(value)


def _without(file: ParsedFile, key: str) -> str:
    at, old = file.entry(0, (key,))
    return file.without_lines(at, _end(file.text, old))


def _end(text: str, node: Node) -> int:
    """Where a value ends, without the comments that follow a block, which are not about it."""
    while node.id != "scalar" and node.value and not node.flow_style:
        last = node.value[-1]
        node = last[1] if node.id == "mapping" else last
    return end_of(text, node)


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


def _hold(value: Any) -> Hold:
    hold = stop_from(value, Hold)
    if hold.bad:
        raise ValueError("no image lifts a hold of a whole environment: it has several")
    return hold


_KEYS = {
    "automated": ("is_automated", _yes_or_no),
    "tag": ("tag", lambda value: tag_pattern(_text(value))),
    "branch": ("branch", lambda value: glob(_text(value))),
    "drift": ("drift", _drift),
    "lock": ("lock", lambda value: stop_from(value, Lock)),
    "hold": ("hold", _hold),
}
_NO_PART = f"is no part of a policy; there are {', '.join(_KEYS)}"
