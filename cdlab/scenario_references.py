"""
What steps, faults and expectations name, against what the rest of the file says there is.

In: their nodes, and the names of the file. Out: every name of which there is nothing, with its line
and those that there are. Called by `scenario.py`, whatever else is wrong with the file: what is
malformed is left out here, since another check has said so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from cdlab.architectures import Architecture
from cdlab.expected_keys import KEYS
from cdlab.fault_checks import FAULT_SETTINGS
from cdlab.recorded_incidents import ACTORS, BOXES
from cdlab.step_checks import STEP_SETTINGS
from cdlab.stories.lab import GOOD
from cdlab.value_checks import Mistake, entries, line_of, meant, read


class Names(NamedTuple):
    """What a file says there is. None where it says that wrongly: nothing is held against that."""

    architecture: Architecture | None
    microservices: tuple[str, ...] | None
    environments: tuple[str, ...] | None
    attempt: tuple[str, ...] | None
    """What is attempted while a box is down, `rollback without ci`; empty in another story."""


REFERENCES: Mapping[str, tuple[str, Callable[[Names], tuple[str, ...] | None]]] = {
    "microservice": ("microservice", lambda names: names.microservices),
    "environment": ("environment", lambda names: names.environments),
    "source": ("environment", lambda names: names.environments),
    "target": ("environment", lambda names: names.environments),
}
"""Setting of a step or a fault -> what it names, and of which."""
VERSIONS = ("version", "to")
"""Settings of a step that name what was pushed, where the step is no push."""

NO_ANSWER = (None, "== null", "!= null")
"""What can be expected of a measure with keys as a whole."""
ALONE = "only the story outage has an answer"


def boxes_of(architecture: Architecture) -> tuple[str, ...]:
    """The boxes that can be stopped in an architecture."""
    lacks = {
        "manager": architecture.manager is None,
        "config-repo": not architecture.has_config_repo,
    }
    return tuple(box for box in (*BOXES, *ACTORS) if not lacks.get(box))


def of_faults(node: Any, names: Names) -> list[Mistake]:
    """Every name in `faults:` of which there is nothing."""
    faults = node.value if isinstance(read(node), list) else []
    return [
        (line, f"faults: {what}")
        for fault in faults
        if isinstance(read(fault), dict)
        for line, what in _unknown(fault, names, FAULT_SETTINGS)
    ]


def of_steps(node: Any, names: Names) -> list[Mistake]:
    """The same in `steps:`, and every version that no earlier step has pushed."""
    pushed: dict[str, list[str]] = {}
    found: list[Mistake] = []
    for step, settings in _told(node):
        found += _unknown(settings, names, STEP_SETTINGS)
        found += _no_such_box(settings, names)
        told = {key: (line_of(at), read(value)) for key, at, value in entries(settings)}
        name = str(told["microservice"][1]) if "microservice" in told else ""
        versions = pushed.setdefault(name, [GOOD])
        for key in VERSIONS:
            line, version = told.get(key, (0, None))
            if not isinstance(version, str):
                continue
            if step == "push":
                versions.append(version)
            elif version not in versions:
                what = f'no earlier step pushed "{version}" of "{name}"'
                found.append((line, what + meant(version, dict.fromkeys(versions))))
        if step == "promote" and "source" in told and "target" in told:
            (_, source), (line, target) = told["source"], told["target"]
            if source == target:
                found.append((line, f'a promotion from "{source}" goes to another environment'))
    return [(line, f"steps: {what}") for line, what in found]


def of_expectations(node: Any, names: Names) -> list[Mistake]:
    """Every key that a measure of this scenario will not have, and what expects none or too few."""
    found: list[Mistake] = []
    for measure, at, expected in entries(node) if isinstance(read(node), dict) else ():
        value, line = read(expected), line_of(at)
        keys = KEYS[measure](names) if measure in KEYS else ()
        if keys is None:
            continue
        if not isinstance(value, dict):
            if measure in KEYS and value not in NO_ANSWER:
                wants = f"name some of its keys, {', '.join(keys)}" if keys else ALONE
                found.append((line, f"{measure}: {value!r} is no answer: {wants}"))
        elif not keys:
            what = ALONE if measure in KEYS else "it is one value and has no keys"
            found.append((line, f"{measure}: {what}"))
        else:
            found += [
                (line_of(at), f'{measure}: it has no "{key}"{meant(key, dict.fromkeys(keys))}')
                for key, at, _ in entries(expected)
                if key not in keys
            ]
    return [(line, f"expect: {what}") for line, what in found]


def _told(node: Any) -> Iterator[tuple[str, Any]]:
    """The name of each step and the node of its settings, where it has some."""
    for each in node.value if isinstance(read(node), list) else ():
        step = read(each)
        if isinstance(step, dict) and len(each.value) == 1:
            ((name, settings),) = step.items()
            if isinstance(settings, dict):
                yield str(name), each.value[0][1]


def _unknown(node: Any, names: Names, known: Mapping[str, Any]) -> Iterator[Mistake]:
    for key, key_node, value_node in entries(node):
        if key not in REFERENCES or key not in known:
            continue
        (what, of_which), value = REFERENCES[key], read(value_node)
        right = of_which(names)
        if right is not None and isinstance(value, str) and value and value not in right:
            hint = meant(value, dict.fromkeys(right))
            yield line_of(key_node), f'there is no {what} "{value}"{hint}'


def _no_such_box(node: Any, names: Names) -> Iterator[Mistake]:
    for key, key_node, value_node in entries(node):
        box = read(value_node)
        if key != "box" or names.architecture is None or box not in (*BOXES, *ACTORS):
            continue
        if box not in (right := boxes_of(names.architecture)):
            what = f"{names.architecture.name} has no {box}; there are {', '.join(right)}"
            yield line_of(key_node), what
