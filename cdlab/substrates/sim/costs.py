"""
How long things take in the simulator: profiles of distributions, each number with its source.

In: a TOML file from `profiles/` or of the reader's own, and the run's random streams. Out: seconds
per purpose and entity. Asked by every adapter of this folder. A profile that extends another one
only says what is different.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import lru_cache
from math import isfinite
from pathlib import Path
from typing import Any, Protocol

from cdlab.errors import CdlabError
from cdlab.substrates.sim.purposes import BUILDS, PURPOSES, SHARES, UNLESS_TOLD_APART

FIELDS = {
    "constant": ("value",),
    "lognormal": ("median", "sigma"),
    "uniform": ("low", "high"),
    "either": ("value", "other", "chance"),
}
"""
The numbers that each distribution needs. All are seconds but sigma, which is of log(seconds), and
the chance of the other value, a share.
"""

PROFILES = Path(__file__).with_name("profiles")


class Streams(Protocol):
    """What is needed of `RandomStreams`: the n-th call per purpose and entity is the n-th draw."""

    def lognormal(self, purpose: str, entity: str, median: float, sigma: float) -> float:
        """A positive number, half of the time below the median."""

    def uniform(self, purpose: str, entity: str, low: float = 0.0, high: float = 1.0) -> float:
        """A number in [low, high)."""


@dataclass(frozen=True, slots=True)
class Cost:
    """How long one purpose takes."""

    distribution: str
    numbers: tuple[float, ...]
    """In the order of `FIELDS`."""
    source: str
    """Where the numbers come from; begins with `assumption` where nobody measured them."""

    def scaled(self, factor: float) -> Cost:
        """The same distribution, *factor* times as long."""
        kept = ("sigma", "chance")
        pairs = zip(FIELDS[self.distribution], self.numbers, strict=True)
        numbers = tuple(each if name in kept else each * factor for name, each in pairs)
        return replace(self, numbers=numbers)

    @property
    def median(self) -> float:
        """The middle of the distribution."""
        if self.distribution == "uniform":
            return sum(self.numbers) / 2
        if self.distribution == "either":
            value, other, chance = self.numbers
            return other if chance > 0.5 else value
        return self.numbers[0]

    def sampler(self, streams: Streams, purpose: str) -> Callable[[str], float]:
        """A function from an entity to seconds. A constant draws nothing."""
        if self.distribution == "constant":
            (value,) = self.numbers
            return lambda entity: value
        if self.distribution == "either":
            value, other, chance = self.numbers
            return lambda entity: other if streams.uniform(purpose, entity) < chance else value
        draw = streams.lognormal if self.distribution == "lognormal" else streams.uniform
        first, second = self.numbers
        return lambda entity: draw(purpose, entity, first, second)


@dataclass(frozen=True, slots=True)
class Profile:
    """One cost for each purpose."""

    name: str
    description: str
    costs: Mapping[str, Cost]
    made_from: tuple[str, ...] = ()
    """Fingerprints of the histories that it was calibrated from, see `calibration.py`."""

    def scaled(self, factor: float) -> Profile:
        """A profile in which everything takes *factor* times as long."""
        costs = {
            purpose: cost if purpose in SHARES else cost.scaled(factor)
            for purpose, cost in self.costs.items()
        }
        return replace(self, name=f"{self.name} x {factor:g}", costs=costs)

    def with_constants(self, seconds: Mapping[str, float]) -> Profile:
        """A profile in which some purposes take a given time: for sweeps and break-even points."""
        tables = {
            purpose: {"distribution": "constant", "value": value, "source": "set by the caller"}
            for purpose, value in seconds.items()
        }
        changed, mistakes = _read_costs(tables)
        _refuse(self.name, mistakes)
        settings = ", ".join(f"{purpose} {value:g} s" for purpose, value in seconds.items())
        return replace(self, name=f"{self.name} ({settings})", costs={**self.costs, **changed})

    def with_build(self, seconds: float) -> Profile:
        """
        A profile whose builds take *seconds* in the median, with the same spread as here.

        A build from the cache keeps its share of that, and is a constant where builds are one.
        """
        known = self.costs["build"].median
        if not seconds or not known:
            return self.with_constants(dict.fromkeys(BUILDS, seconds))
        scaled = {
            each: self.costs[each].scaled(seconds / known) for each in BUILDS if each in self.costs
        }
        return replace(
            self, name=f"{self.name} (build {seconds:g} s)", costs={**self.costs, **scaled}
        )


class Costs:
    """A profile whose numbers are drawn from the streams of one run."""

    def __init__(self, profile: Profile, streams: Streams) -> None:
        self.profile = profile
        self.streams = streams
        self._samplers = {
            purpose: cost.sampler(streams, purpose) for purpose, cost in profile.costs.items()
        }
        for purpose, other in UNLESS_TOLD_APART.items():
            self._samplers.setdefault(purpose, self._samplers[other])

    def duration(self, purpose: str, entity: str) -> float:
        """Seconds that it takes this time; *entity* names what is built, pushed, started."""
        return self._samplers[purpose](entity)

    def share(self, purpose: str, entity: str) -> float:
        """A number in [0, 1] for one of the purposes that are no durations."""
        return self._samplers[purpose](entity)

    def scaled(self, factor: float) -> Costs:
        """The same draws, *factor* times as long. Use it instead of the original, not beside it."""
        return Costs(self.profile.scaled(factor), self.streams)


def profile_names() -> tuple[str, ...]:
    """The profiles that come with cdlab, sorted."""
    return tuple(sorted(path.stem for path in PROFILES.glob("*.toml")))


@lru_cache(maxsize=64)
def load_profile(name: str) -> Profile:
    """
    Load a profile by its name, or from the path of a `.toml` file.

    Raises:
        CdlabError: The file is missing, is not TOML, or is wrong: with all its mistakes at once.
    """
    document = _read_toml(name)
    costs: dict[str, Cost] = {}
    mistakes = []
    parent = document.pop("extends", None)
    description = document.pop("description", "")
    made_from = document.pop("made_from", [])
    if parent is not None:
        if parent not in profile_names() or parent == name or "extends" in _read_toml(parent):
            mistakes.append(
                f"extends = {parent!r}: expected a profile of cdlab that extends no other one"
            )
        else:
            costs.update(load_profile(parent).costs)
    if not isinstance(description, str) or not description:
        mistakes.append("description: expected a sentence that says whom this profile describes")
    if not (isinstance(made_from, list) and all(isinstance(each, str) for each in made_from)):
        mistakes.append("made_from: expected a list of texts, as `cdlab calibrate` writes it")
    own, wrong = _read_costs(document)
    mistakes += wrong
    costs.update(own)
    missing = [
        each
        for each in PURPOSES
        if each not in costs and each not in document and each not in UNLESS_TOLD_APART
    ]
    mistakes += [
        f"[{each}] is missing: expected the seconds it takes to {PURPOSES[each]}"
        for each in missing
        if parent is None
    ]
    _refuse(name, mistakes)
    return Profile(Path(name).stem, description, costs, tuple(made_from))


def _read_toml(name: str) -> dict[str, Any]:
    import tomllib

    path = Path(name) if name.endswith(".toml") else PROFILES / f"{name}.toml"
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        names = ", ".join(profile_names())
        raise CdlabError(
            f"there is no costs profile '{name}'",
            help=f"expected one of {names}, or the path of a .toml file",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CdlabError(f"costs profile '{name}' is not TOML: {error}") from error


def _refuse(name: str, mistakes: list[str]) -> None:
    if mistakes:
        lines = "\n".join(f"  {each}" for each in mistakes)
        raise CdlabError(
            f"costs profile '{name}':\n{lines}",
            help=f"compare with {PROFILES / 'lean-ci.toml'}",
        )


def _read_costs(tables: Mapping[str, Any]) -> tuple[dict[str, Cost], list[str]]:
    """Read every entry, as far as it can be read, and collect what is wrong."""
    costs: dict[str, Cost] = {}
    mistakes: list[str] = []
    for purpose, table in tables.items():
        if purpose not in PURPOSES:
            close = get_close_matches(purpose, PURPOSES, 1)
            expected = f"did you mean '{close[0]}'?" if close else f"known: {', '.join(PURPOSES)}"
            mistakes.append(f"[{purpose}] is not a purpose: {expected}")
        elif not isinstance(table, dict):
            mistakes.append(f"{purpose} = {table!r}: expected a table [{purpose}]")
        else:
            wrong = _mistakes_of(table, is_share=purpose in SHARES)
            mistakes += [f"[{purpose}] {each}" for each in wrong]
            if not wrong:
                kind = table["distribution"]
                numbers = tuple(float(table[field]) for field in FIELDS[kind])
                costs[purpose] = Cost(kind, numbers, table["source"])
    return costs, mistakes


def _mistakes_of(table: Mapping[str, Any], *, is_share: bool) -> list[str]:
    """Say of every field that is wrong what would be right."""
    wrong = []
    source = table.get("source")
    if not isinstance(source, str) or not source.strip():
        wrong.append('source: expected where the number comes from, or "assumption: why"')
    kind = table.get("distribution")
    known = [each for each in FIELDS if not (is_share and each == "lognormal")]
    if kind not in known:
        return [*wrong, f"distribution = {kind!r}: expected one of {', '.join(known)}"]
    numbers = [_mistake_of(field, table.get(field), is_share) for field in FIELDS[kind]]
    wrong += filter(None, numbers)
    if kind == "uniform" and not any(numbers) and table["high"] < table["low"]:
        wrong.append(f"high = {table['high']}: expected at least low, {table['low']}")
    extra = sorted(set(table) - {"distribution", "source", *FIELDS[kind]})
    wrong += [f"{each}: a {kind} distribution has {', '.join(FIELDS[kind])}" for each in extra]
    return wrong


def _mistake_of(field: str, value: object, is_share: bool) -> str:
    """What is wrong with a number; empty if nothing is."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    number = float(value) if isinstance(value, int | float) else -1.0
    if not is_number or not isfinite(number) or number < 0:
        return f"{field} = {value!r}: expected a finite number from 0 up"
    if field == "median" and number == 0:
        return "median = 0: expected more than 0; use the constant distribution for 0"
    if number > 1 and (is_share or field == "chance"):
        return f"{field} = {value!r}: expected a share, from 0 to 1"
    return ""
