"""
A strict reader of Prometheus' text format 0.0.4, for tests: anything that is not right is an error.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

import re
from collections import defaultdict

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\n"])*)"(,|$)')
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? ([^ ]+)")
Samples = dict[tuple[tuple[str, str], ...], float]


def read(text: str) -> dict[str, Samples]:
    """Name of a sample -> its labels -> its value. Raises ValueError."""
    if not text.endswith("\n"):
        raise ValueError("the last line does not end")
    found: defaultdict[str, Samples] = defaultdict(dict)
    kinds: dict[str, str] = {}
    family = ""
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            family = _help(line, kinds)
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            if name != family or name in kinds or kind not in ("gauge", "counter", "histogram"):
                raise ValueError(f"a TYPE that is not right: {line}")
            kinds[name] = kind
        else:
            name, labels, value = _sample(line)
            if kinds.get(family) is None or not _belongs(name, family, kinds[family]):
                raise ValueError(f"a sample that is of no family, or not of {family}: {line}")
            if labels in found[name]:
                raise ValueError(f"it stands twice: {line}")
            found[name][labels] = value
    for name, kind in kinds.items():
        _check(name, kind, found)
    return dict(found)


def _help(line: str, kinds: dict[str, str]) -> str:
    match = re.fullmatch(rf"# HELP ({NAME}) ((?:[^\\]|\\[\\n])+)", line)
    if match is None or match[1] in kinds:
        raise ValueError(f"a HELP that is not right: {line}")
    return match[1]


def _sample(line: str) -> tuple[str, tuple[tuple[str, str], ...], float]:
    match = SAMPLE.fullmatch(line)
    if match is None:
        raise ValueError(f"no sample: {line!r}")
    labels, rest = [], match[2] or ""
    while rest:
        label = LABEL.match(rest)
        if label is None or (label[3] and label.end() == len(rest)):
            raise ValueError(f"labels that are not right: {line}")
        unescaped = re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], label[2])
        labels.append((label[1], unescaped))
        rest = rest[label.end() :]
    if len({name for name, _ in labels}) < len(labels):
        raise ValueError(f"a label twice: {line}")
    return match[1], tuple(labels), float(match[3])


def _belongs(name: str, family: str, kind: str) -> bool:
    if kind == "histogram":
        return name in {f"{family}{each}" for each in ("_bucket", "_sum", "_count")}
    return name == family


def _check(name: str, kind: str, found: dict[str, Samples]) -> None:
    if kind == "counter" and not all(value >= 0 for value in found[name].values()):
        raise ValueError(f"{name} is a counter below 0")
    if (kind == "counter") is not name.endswith("_total"):
        raise ValueError(f"{name} is called like what it is not")
    if kind != "histogram":
        return
    for labels, count in found[f"{name}_count"].items():
        buckets = {
            float(dict(each)["le"]): value
            for each, value in found[f"{name}_bucket"].items()
            if tuple(pair for pair in each if pair[0] != "le") == labels
        }
        values = [buckets[bound] for bound in sorted(buckets)]
        if values != sorted(values) or buckets[float("inf")] != count:
            raise ValueError(f"the buckets of {name} do not grow to its count")
        if labels not in found[f"{name}_sum"]:
            raise ValueError(f"{name} has no sum")
