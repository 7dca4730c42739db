"""
Many laptops at once: what is missing where, from what `cdlab doctor --json` wrote on each.

In: report files, one a laptop; the file's name is the laptop's. Out: a row for each laptop, and for
each thing that some lack, who lacks it and what mends it. Called by `cdlab doctor FILE...`.
"""

from __future__ import annotations

import json
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cdlab.errors import NotUnderstood


@dataclass(frozen=True, slots=True)
class Laptop:
    """What one laptop's doctor said."""

    name: str
    version: str
    """Of cdlab."""
    verdicts: tuple[tuple[str, str], ...]
    """Substrate and "go" or "no-go"."""
    missing: tuple[str, ...]
    """Names of findings that stand in the way, each once."""
    warnings: tuple[str, ...]
    mends: tuple[tuple[str, str], ...]
    """Name of a finding that is not ok, and the command that mends it."""


@dataclass(frozen=True, slots=True)
class Want:
    """One thing that some laptops lack."""

    what: str
    laptops: tuple[str, ...]
    is_in_the_way: bool
    mend: str
    """The help that the first of them got: others may have other paths in theirs."""


def load(path: Path) -> Laptop:
    """Read a report, or raise `NotUnderstood` with the command that writes one."""
    try:
        written = path.read_bytes()
        # Where `>` of an older PowerShell wrote it, it is UTF-16.
        encoding = "utf-16" if written.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig"
        return _laptop(path.stem, json.loads(written.decode(encoding)))
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise NotUnderstood(
            f'"{path}" is no report of a doctor: {error!r}',
            help=f"on that laptop: cdlab doctor --json > {path.name}",
        ) from error


def _laptop(name: str, said: Any) -> Laptop:
    substrates = {key: each for key, each in said.items() if key != "cdlab"}
    findings = [each for substrate in substrates.values() for each in substrate["findings"]]
    return Laptop(
        name,
        str(said["cdlab"]),
        tuple((key, str(each["verdict"])) for key, each in substrates.items()),
        _names(findings, "missing"),
        _names(findings, "warn"),
        tuple((each["name"], each["help"]) for each in findings if each["state"] != "ok"),
    )


def _names(findings: Iterable[Any], state: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each["name"] for each in findings if each["state"] == state))


def wants(laptops: Sequence[Laptop]) -> list[Want]:
    """What is lacking, first what stands in the way, then what most of the room lacks."""
    names = {name for laptop in laptops for name in (*laptop.missing, *laptop.warnings)}
    found = [_want(name, laptops) for name in sorted(names)]
    return sorted(found, key=lambda each: (not each.is_in_the_way, -len(each.laptops)))


def _want(name: str, laptops: Sequence[Laptop]) -> Want:
    lacking = [each for each in laptops if name in (*each.missing, *each.warnings)]
    return Want(
        name,
        tuple(each.name for each in lacking),
        any(name in each.missing for each in lacking),
        dict(lacking[0].mends)[name],
    )
