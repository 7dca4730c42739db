"""
Parsed manifests, and what is known of a text that an edit made.

In comes a text, out comes a `ParsedFile`. The simulator reads the same manifests thousands of times
and edits each of them some times, so values are kept by the text; nodes, which only an edit needs,
are made when they are asked for. `manifests` is its caller.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, NoReturn

from cdlab.errors import ManifestError
from cdlab.safe_yaml import (
    CACHED_FILES,
    Node,
    Steps,
    composed,
    spliced,
    with_value,
    without_value,
)

KNOWN_FILES = 8192
"""1,000 microservices in 3 environments have 3,000 current texts and as many earlier ones."""
LAYOUTS = 2048
"""One for each of 1,000 microservices, and one with a hold. At 50 kB each, 100 MB at most."""
_BLANK_OR_COMMENT = re.compile(r"[ \t]*(?:(?<=[ \t])#[^\r\n]*)?(?:\r\n|\n|\r|\Z)")
_FRESH = re.compile(":(?:[0-9a-f]{40,}|[0-9]{2}:[0-9]{2}Z)")
"""Revisions, digests and times of day: what differs between manifests that are otherwise alike."""


@dataclass(frozen=True, slots=True, eq=False)
class ParsedFile:
    """A file with one or more documents. Shared by all callers: read it, never change it."""

    text: str
    path: str
    data: tuple[dict[str, Any], ...]
    """One mapping per document; empty documents are left out."""
    lines: tuple[int, ...]
    """Where each document begins, from 1."""
    is_tame: bool
    """Whether what stands at a place means that place alone: see `safe_yaml.Composed`."""

    @property
    def roots(self) -> tuple[Node, ...]:
        """Where things stand in the same documents, as the parser's nodes."""
        return layout(self.text) if self.is_tame else composed(self.text).roots

    def refuse(self, where: int | Node, what: str, *, help: str = "") -> NoReturn:
        """Raise ManifestError for a line (from 1) or for the line on which a node begins."""
        line = where if isinstance(where, int) else where.start_mark.line + 1
        raise ManifestError(self.path, line, what, help=help)

    def reached(self, index: int, steps: Steps) -> list[tuple[Node, Node]]:
        """
        Follow steps into a document and return (key node, value node) for those that exist.

        The result is shorter than `steps` where the path ends early. The element of a sequence is
        its own key.
        """
        found: list[tuple[Node, Node]] = []
        node = self.roots[index]
        for step in steps:
            if node.id == "mapping":
                pairs = [pair for pair in node.value if pair[0].value == step]
                found += pairs[-1:]  # a merge key puts what it brings in first
            elif node.id == "sequence" and isinstance(step, int) and step < len(node.value):
                found.append((node.value[step], node.value[step]))
                pairs = found[-1:]
            if node.id == "scalar" or not pairs:
                return found
            node = found[-1][1]
        return found

    def line(self, index: int, steps: Steps = ()) -> int:
        """Return the line of a value, or of the innermost existing one around it."""
        found = self.reached(index, steps)
        return int((found[-1][0] if found else self.roots[index]).start_mark.line) + 1

    def entry(self, index: int, steps: Steps) -> tuple[Node, Node]:
        """Return the key node and the value node at a place, if they stand there and only there."""
        found = self.reached(index, steps)
        if len(found) < len(steps):
            what = f'"{steps[-1]}" comes from elsewhere, by a merge key or an alias'
            self.refuse(self.line(index, steps), what, help="Write it in place.")
        key, value = found[-1]
        if self.text[value.start_mark.index : value.end_mark.index].startswith(("&", "!")):
            what = f'"{steps[-1]}" has an anchor, an alias or a tag'
            self.refuse(key, what, help="Write the value in place.")
        return key, value

    def without_lines(self, key: Node, end: int, text: str | None = None) -> str:
        """
        Return the text without the lines from a key to `end`, if nothing else stands on them.

        A comment on them goes along. *text* is one in which all is as before up to `end`.
        """
        text = self.text if text is None else text
        start = key.start_mark.index - key.start_mark.column
        rest = _BLANK_OR_COMMENT.match(text, end)
        if rest is None or text[start : key.start_mark.index].strip(" "):
            self.refuse(key, "this line cannot be removed safely", help="Remove it by hand.")
        return spliced(text, start, rest.end(), "")

    def is_sure(self, index: int, steps: Steps) -> bool:
        """
        Whether an edit at a place cannot mean anything else.

        A scalar on the line of its key, or a new line in a mapping; in block style and a tame file.
        """
        found = self.reached(index, steps) if self.is_tame else []
        if not found:
            return False
        *_, around = [node for _, node in found[: len(steps) - 1]]
        if len(found) == len(steps):
            key, old = found[-1]
            lines = {key.start_mark.line, old.start_mark.line, old.end_mark.line}
            is_there = old.start_mark.index < old.end_mark.index and old.style not in ("|", ">")
            if not is_there or len(lines) > 1:
                return False
        return around.id == "mapping" and not around.flow_style

    def is_sure_to_go(self, index: int, steps: Steps) -> bool:
        """Whether to take out what stands at a place, with its line, cannot mean anything else."""
        has_block_scalars = "|" in self.text or ">" in self.text  # to which comments may fall
        return not has_block_scalars and self.is_sure(index, steps)


@lru_cache(maxsize=CACHED_FILES)
def layout(text: str) -> tuple[Node, ...]:
    """
    The nodes of a tame text, for their places: keys are as they stand, values may be others.

    Texts that are alike but for revisions, digests and times have the same layout, so that only the
    first of them is parsed for it.
    """
    roots = _layout(_FRESH.sub(_alike, text))
    return composed(text).roots if roots is None else roots


def _alike(fresh: re.Match[str]) -> str:
    found = fresh.group()
    return ":00:00Z" if found.endswith("Z") else ":" + "a" * (len(found) - 1)


@lru_cache(maxsize=LAYOUTS)
def _layout(text: str) -> tuple[Node, ...] | None:
    """The nodes of a text without anything fresh; None if something fresh is part of a key."""
    try:
        roots = composed(text).roots
    except ManifestError:  # two keys are the same now
        return None
    is_in_key = any(_FRESH.search(key.value) for root in roots for key in _keys(root))
    return None if is_in_key else roots


def _keys(node: Node) -> Iterator[Node]:
    if node.id == "mapping":
        for key, value in node.value:
            yield key
            yield from _keys(value)
    elif node.id == "sequence":
        for each in node.value:
            yield from _keys(each)


def parse(text: str, path: str) -> ParsedFile:
    """Parse a file, or raise ManifestError with the line of what is refused."""
    place = _place(text)
    if path in place.by_path:
        return place.by_path[path]
    if place.known is None:
        try:
            found = composed(text)
        except ManifestError as error:  # remembered by nobody, and without the path
            raise ManifestError(path, error.line, error.what, help=error.help) from error.__cause__
        lines = tuple(root.start_mark.line + 1 for root in found.roots)
        place.known = ParsedFile(text, "", found.data, lines, found.is_tame)
    known = place.by_path[path] = replace(place.known, path=path)
    return known


def know(text: str, before: ParsedFile, index: int, steps: Steps, value: object) -> None:
    """
    Keep what an edit of one value made without parsing it: it cannot have meant anything else.

    Only for tame files, and for edits that write one safe scalar or one line of its own, or take
    such a line out. A mapping goes with the last that was in it.
    """
    document = before.data[index]
    is_gone = value == {}
    edited = without_value(document, steps) if is_gone else with_value(document, steps, value)
    added = text.count("\n") - before.text.count("\n")
    lines = (line + added * (at > index) for at, line in enumerate(before.lines))
    data = (edited if at == index else each for at, each in enumerate(before.data))
    _place(text).known = ParsedFile(text, "", tuple(data), tuple(lines), is_tame=True)


@dataclass(slots=True)
class _Place:
    """For what is known of one text."""

    known: ParsedFile | None = None
    by_path: dict[str, ParsedFile] = field(default_factory=dict)
    """The same for everybody who calls the text by a path of their own: a few."""


def forget() -> None:
    """Know nothing any more, for tests."""
    _place.cache_clear()


@lru_cache(maxsize=KNOWN_FILES)
def _place(text: str) -> _Place:
    return _Place()
