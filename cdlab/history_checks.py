"""
Whether a line of a file is an event that the rest of cdlab can read.

In: what JSON made of the line, and which one it is. Out: what is wrong with it, in a sentence.
Called by `history.py` for every line of a file that is loaded, so nothing here is asked twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cdlab.event_kinds import FIRST, INTENTS, KINDS, Needs, Types, failures

FIELDS: Mapping[str, type] = {
    "seq": int,
    "t_us": int,
    "began_us": int,
    "kind": str,
    "component": str,
    "op": str,
    "resource": str,
    "intent": str,
    "causes": list,
    "principal": str,
    "outcome": str,
    "bytes": int,
    "digest_after": str,
    "because": str,
    "detail": dict,
}
"""Field of an event -> its type in a file. `True` is no number here."""
NEEDED = frozenset(("seq", "t_us", "began_us", "kind", "component", "op"))
OPERATIONS = frozenset(
    ("read", "write", "exec", "notify", "wait", "apply", "decide", "observe"),
)
_NAMES = {
    int: "a whole number",
    str: "a text",
    list: "a list",
    dict: "a mapping",
    bool: "a yes or no",
}
_NEEDS: Mapping[str, tuple[tuple[str, Types], ...]] = {
    **{kind: tuple(needs.items()) for kind, needs in KINDS.items()},
    **dict.fromkeys(failures(), ()),
}
_NOTHING: Mapping[str, Any] = {}
MISSING = object()
"""Of no type that a detail may have, unlike None."""


def problem_of(fields: Any, seq: int) -> str:
    """What is wrong with one line; empty when nothing is. *seq* is the number it has to have."""
    if type(fields) is not dict or not fields.keys() >= NEEDED:
        return "not an event of a history"
    for key, value in fields.items():
        if type(value) is not FIELDS.get(key):
            return _wrong_field(key, value)
    problem = _problem_of_place(fields, seq)
    return problem or _problem_of_detail(fields["kind"], fields.get("detail", _NOTHING), seq)


def _problem_of_place(fields: Mapping[str, Any], seq: int) -> str:
    """Its number, its times and what set it off, against where it stands."""
    if fields["seq"] != seq:
        return f"event {fields['seq']} stands where {seq} belongs"
    if not 0 <= fields["began_us"] <= fields["t_us"]:
        return f"it began at {fields['began_us']} µs and was over at {fields['t_us']} µs"
    for cause in fields.get("causes", ()):
        if type(cause) is not int or not 0 <= cause < seq:
            return f"{cause!r} in its causes is no earlier event"
    if fields["op"] not in OPERATIONS:
        return f'"{fields["op"]}" is no op; there are {", ".join(sorted(OPERATIONS))}'
    return ""


def _problem_of_detail(kind: str, detail: Mapping[str, Any], seq: int) -> str:
    needs = _NEEDS.get(kind)
    if needs is None:
        return f'"{kind}" is no kind of event: from another version of cdlab, or no history'
    for key, types in needs:
        if type(detail.get(key, MISSING)) not in types:
            return _wrong_detail(kind, key, detail, types)
    if kind == "IntentDeclared":
        return _lack(f"{kind} of a {detail['intent']}", detail, INTENTS.get(detail["intent"], {}))
    if kind == FIRST:
        return _problem_of_settings(detail) if seq == 0 else f"{kind} stands within a run"
    return ""


def _lack(what: str, detail: Mapping[str, Any], needs: Needs) -> str:
    wrong = (key for key, types in needs.items() if type(detail.get(key, MISSING)) not in types)
    return next((_wrong_detail(what, key, detail, needs[key]) for key in wrong), "")


def _wrong_field(key: str, value: Any) -> str:
    if key not in FIELDS:
        return f'not an event of a history: "{key}" is no field of one'
    return f"not an event of a history: {key} is {value!r:.40} and not {_NAMES[FIELDS[key]]}"


def _wrong_detail(what: str, key: str, detail: Mapping[str, Any], types: Types) -> str:
    if key not in detail:
        return f'the detail of {what} lacks "{key}"'
    return f'"{key}" in the detail of {what} is {detail[key]!r:.40} and not {_NAMES[types[0]]}'


def _problem_of_settings(settings: Mapping[str, Any]) -> str:
    """The first event describes the run: its names are what everything else is about."""
    for key in ("microservices", "environments"):
        if not settings[key] or any(type(name) is not str for name in settings[key]):
            return f"{key} of the run are not one name or more"
    if any(how not in ("automated", "manual") for how in settings["environments"].values()):
        return "an environment of the run is neither automated nor manual"
    return ""
