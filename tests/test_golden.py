"""
Golden histories: whole runs on constant costs, byte for byte as they were when somebody read them.

A change that is meant is renewed with `python tests/test_golden.py` and read in the diff.
"""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest

from cdlab import worlds
from cdlab.scenario import load

ROOT = Path(__file__).parent.parent
GOLDEN = ROOT / "tests" / "golden"
SCENARIOS = ("v1/rollback", "v2/rollback", "v3/rollback", "v3/rollback-without-hold")


def history_of(name: str) -> str:
    """The run of a scenario file in which everything always takes the same time."""
    scenario = load(ROOT / "scenarios" / f"{name}.yaml")
    return worlds.run(replace(scenario, profile="constant")).history.to_jsonl()


def golden(name: str) -> Path:
    """`v1/rollback` -> `tests/golden/v1-rollback.jsonl`."""
    return GOLDEN / f"{name.replace('/', '-')}.jsonl"


def renew() -> None:
    """Write all golden histories anew, and none that is no longer asked for."""
    for path in GOLDEN.glob("*.jsonl"):
        path.unlink()
    for name in SCENARIOS:
        golden(name).write_text(history_of(name), encoding="utf-8")


def difference(expected: str, found: str) -> str:
    """The first event that differs, both sides, with what is unlike. Empty when nothing is."""
    sides = zip_longest(expected.splitlines(), found.splitlines())
    for number, (one, other) in enumerate(sides, start=1):
        if one != other:
            return "\n".join([f"line {number} differs:", *_unlike(one, other)])
    return "" if expected == found else "the ends of lines differ"


def _unlike(one: str | None, other: str | None) -> list[str]:
    if one is None or other is None:
        return [f"  golden: {_title(one)}", f"  found:  {_title(other)}"]
    ours, theirs = json.loads(one), json.loads(other)
    keys = [key for key in {**ours, **theirs} if ours.get(key) != theirs.get(key)]
    lines = [f"  golden: {_title(one)}", f"  found:  {_title(other)}"]
    for key in keys or ["the order of the fields"]:
        lines += [f"  {key}:", f"    golden: {ours.get(key)!r}", f"    found:  {theirs.get(key)!r}"]
    return lines


def _title(line: str | None) -> str:
    if line is None:
        return "nothing: the history is over"
    event: dict[str, Any] = json.loads(line)
    where = f"{event['component']} {event.get('resource', '')}".strip()
    return (
        f"{event['t_us'] / 1e6:.2f} s {event['kind']} in {where} {event.get('intent', '')}".strip()
    )


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_golden_history_is_still_the_same(name: str) -> None:
    """Byte for byte; a difference is shown at the first event that has one."""
    unlike = difference(golden(name).read_text(encoding="utf-8"), history_of(name))
    if unlike:
        pytest.fail(f"{name}: {unlike}\nrenew, if it is meant: python tests/test_golden.py",
                    pytrace=False)  # fmt: skip


def test_there_is_no_golden_history_that_nobody_compares() -> None:
    """And none is missing."""
    assert sorted(GOLDEN.glob("*.jsonl")) == sorted(map(golden, SCENARIOS))


def test_a_difference_shows_both_sides_of_the_first_event() -> None:
    """The field that differs and its two values, and what kind of event it is in."""
    text = golden("v3/rollback").read_text(encoding="utf-8")
    lines = text.splitlines(keepends=True)
    event = json.loads(lines[5])
    event["t_us"] += 1
    lines[5] = json.dumps(event, separators=(",", ":")) + "\n"
    lines[9] = lines[10]
    shown = difference(text, "".join(lines))
    assert shown.startswith("line 6 differs:")
    assert f"golden: {event['t_us'] - 1}" in shown
    assert f"found:  {event['t_us']}" in shown
    assert event["kind"] in shown
    assert "line 10" not in shown


def test_a_history_that_ends_early_differs_where_it_ends() -> None:
    """Whichever of the two is the shorter."""
    text = golden("v3/rollback").read_text(encoding="utf-8")
    shorter = "".join(text.splitlines(keepends=True)[:-1])
    assert "found:  nothing: the history is over" in difference(text, shorter)
    assert "golden: nothing: the history is over" in difference(shorter, text)
    assert difference(text, text) == ""


if __name__ == "__main__":
    renew()
