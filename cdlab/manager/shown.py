"""
Text from outside as people are shown it: names, tags, commit messages and diffs may be hostile.

In: any text. Out: the same, with what would steer a terminal or turn the direction of reading made
visible. Escaping for HTML comes after that. Called by the page and the command line.
"""

from __future__ import annotations

import re

UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
"""Control characters but tab and line feed; marks of direction and width; half characters."""


def visible(text: str) -> str:
    r"""`a<escape>[31m` -> `a\u001b[31m`."""
    return UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def one_line(text: str) -> str:
    """The first line of it, visible."""
    first, _, rest = text.strip().partition("\n")
    return visible(first.rstrip("\r") + (" …" if rest.strip() else ""))


SHA_1 = re.compile("[0-9a-f]{40}")
"""A tag that is a commit's id. Ten of its digits tell it from all others that people look at."""


def short_tag(tag: str) -> str:
    """A tag as it fits a cell."""
    return visible(tag[:10] if SHA_1.fullmatch(tag) else tag)


def short(image: str) -> str:
    """
    An image reference as it fits a cell: the tag, else the start of the digest.

    `registry/front-end:v3@sha256:0123…` -> `v3`.
    """
    name, _, digest = image.partition("@")
    last = name.rpartition("/")[2]
    tag = last.partition(":")[2]
    if image.startswith("sha256:"):
        return visible(image[:19])
    return short_tag(tag or digest[:19] or image)


def duration(seconds: float) -> str:
    """`75` -> `1 min`."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"
