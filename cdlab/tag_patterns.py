"""
Which tags a policy means: newest, a glob, a range of semantic versions, or a regular expression.

In comes the text of a policy, out comes whether a tag matches and, for semver, where it stands.
What cannot be understood is a ValueError that says why; nothing is ever read as "match everything".
Pure; called by `policies`, `environment_policies` and `candidates`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any, Literal, get_args

Kind = Literal["newest", "glob", "semver", "regexp"]
LIMIT = 200
"""Characters of a pattern. A tag has 128 at most, so a longer one is no pattern of tags."""
KNOWN_TAGS = 32_768
"""Versions that are read once: a look goes through all tags of a repository again and again."""

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_GLOB = re.compile(r"(?:[^\[\]\s]|\[!?[^\[\]!\s][^\[\]\s]*\])+")
_NUMBER = "(?:0|[1-9][0-9]{0,17})"
_PRERELEASE = "-[0-9A-Za-z-]+(?:[.][0-9A-Za-z-]+)*"
_WHOLE = rf"{_NUMBER}(?:[.]{_NUMBER}){{2}}"
_VERSION = re.compile(rf"v?({_WHOLE}(?:{_PRERELEASE})?)")
_PARTIAL = rf"[*xX]|{_NUMBER}(?:[.]{_NUMBER})?(?:[.][*xX]){{0,2}}"
_COMPARATOR = re.compile(rf"(<=|>=|<|>|=|\^|~|)v?({_PARTIAL}|{_WHOLE})")
_FROM_PRERELEASE = re.compile(rf"(>=|\^|~)v?({_WHOLE}{_PRERELEASE})")


@dataclass(frozen=True, slots=True)
class TagPattern:
    """The tags that count as new images. `str` gives the text of the policy."""

    kind: Kind = "newest"
    pattern: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.pattern}" if self.pattern else self.kind

    @property
    def is_by_version(self) -> bool:
        """Whether the greatest version is the newest; else it is the image made last."""
        return self.kind == "semver"

    def admits(self, tag: str) -> bool:
        """Whether the whole tag matches. What no registry would take as a tag never does."""
        return bool(_TAG.fullmatch(tag)) and _matchers[self.kind](self.pattern, tag)


NEWEST = TagPattern()


def tag_pattern(text: str) -> TagPattern:
    """Read `newest`, `glob:P`, `semver:RANGE` or `regexp:RE`."""
    kind, colon, pattern = text.partition(":")
    if kind not in get_args(Kind) or bool(colon) == (kind == "newest"):
        what = "neither newest nor glob:PATTERN, semver:RANGE or regexp:EXPRESSION"
        raise ValueError(f'"{text[:LIMIT]}" is {what}')
    if colon and not pattern.strip():
        raise ValueError(f"{kind}: has no pattern")
    if len(pattern) > LIMIT:
        raise ValueError(f"a pattern of more than {LIMIT} characters")
    if kind == "glob":
        glob(pattern)
    elif kind == "semver":
        _range(pattern)
    elif kind == "regexp":
        _expression(pattern)
    return TagPattern(kind, pattern)  # type: ignore[arg-type]


def glob(pattern: str) -> str:
    """Return a glob as it is, if it is one: of tags, or of branches."""
    if not _GLOB.fullmatch(pattern) or len(pattern) > LIMIT:
        raise ValueError(f'"{pattern[:LIMIT]}" is not a glob: no spaces, and every [ has its ]')
    return pattern


@lru_cache(maxsize=KNOWN_TAGS)
def version_of(tag: str) -> Any:
    """
    What a tag is ordered by among versions; None for one that is no complete semantic version.

    A leading v is left out. Registries allow no `+` in tags, so there is no build to compare.
    """
    found = _VERSION.fullmatch(tag)
    if not found or len(tag) > 128:
        return None
    try:
        return _semantic_version().Version(found[1]).precedence_key
    except ValueError:  # a pre-release with leading zeros
        return None


def _semantic_version() -> Any:
    import semantic_version

    return semantic_version


@lru_cache(maxsize=1024)
def _range(text: str) -> tuple[tuple[tuple[Any, bool], ...], ...]:
    """
    A range in npm's syntax: alternatives, each of comparators that all have to match.

    The library is asked about one comparator at a time, since in a list with a pre-release it
    forgets the others; and only about what means the same to it and to npm.
    """
    found = []
    for alternative in text.split("||"):
        low, is_span, high = alternative.partition(" - ")
        blocks = [f">={low.strip()}", f"<={high.strip()}"] if is_span else alternative.split()
        found.append(tuple(part for each in blocks for part in _comparators(each)))
        if not blocks:
            raise ValueError(f'"{text}" has an empty alternative')
    return tuple(found)


def _comparators(text: str) -> tuple[tuple[Any, bool], ...]:
    """
    What the library reads of one comparator, each with whether it names a pre-release.

    After ^ and ~ it takes the end of the range for that of the pre-release's own version, so it is
    asked for the beginning and the end in turn.
    """
    from_prerelease = _FROM_PRERELEASE.fullmatch(text)
    found = from_prerelease or _COMPARATOR.fullmatch(text)
    if not found:
        advice = "; a pre-release may stand after >=, ^ and ~" if "-" in text else ""
        raise ValueError(f'"{text}" is no range of semantic versions{advice}')
    try:
        spec, (operator, version) = _semantic_version().NpmSpec, found.groups()
        if not from_prerelease:
            return ((spec(operator + version), False),)
        end = operator + version.partition("-")[0]
        return (spec(f">={version}"), True), (spec(end), False)
    except ValueError as error:
        raise ValueError(f'"{text}" is no range of semantic versions') from error


@lru_cache(maxsize=1024)
def _expression(text: str) -> Any:
    """A regular expression of RE2, which takes linear time whatever is asked of it."""
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(text, options)
    except (re2.error, ValueError) as error:
        raise ValueError(f'"{text}" is not a regular expression of RE2') from error


def _matches_version(pattern: str, tag: str) -> bool:
    if version_of(tag) is None:
        return False
    version = _semantic_version().Version(tag.removeprefix("v"))
    final = version.truncate()
    return any(
        (not version.prerelease or any(names_prerelease for _, names_prerelease in alternative))
        and all(each.match(version if names else final) for each, names in alternative)
        for alternative in _range(pattern)
    )


_matchers: dict[str, Callable[[str, str], bool]] = {
    "newest": lambda _, tag: True,
    "glob": lambda pattern, tag: fnmatchcase(tag, pattern),
    "semver": lru_cache(maxsize=KNOWN_TAGS)(_matches_version),
    "regexp": lambda pattern, tag: _expression(pattern).fullmatch(tag) is not None,
}
