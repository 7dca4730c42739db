"""
Numbers about the release manager, in the text format of Prometheus.

In: a function that returns them now. Out: the text of `/metrics`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Literal, Protocol

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Metric:
    """One number."""

    name: str
    """As Prometheus names them: `cdlab_queue_length`, `cdlab_commit_duration_seconds`."""
    value: float
    help: str
    kind: Literal["gauge", "counter", "histogram"] = "gauge"
    labels: Mapping[str, str] = field(default_factory=dict)
    suffix: str = ""
    """Of a histogram, which is several numbers: `_bucket`, `_sum`, `_count`."""


class Metrics(Protocol):
    """Called from the web server's thread at every scrape; must not wait for anything."""

    def __call__(self) -> Iterable[Metric]:
        """The numbers as they are now; those of one name behind each other."""


def text_of(metrics: Iterable[Metric]) -> str:
    """The exposition format, version 0.0.4."""
    lines = []
    for name, group in groupby(metrics, key=lambda each: each.name):
        same = list(group)
        lines += [f"# HELP {name} {_escaped(same[0].help)}", f"# TYPE {name} {same[0].kind}"]
        for each in same:
            labels = ",".join(f'{key}="{_quoted(text)}"' for key, text in each.labels.items())
            braces = f"{{{labels}}}" * bool(labels)
            lines.append(f"{name}{each.suffix}{braces} {number_of(each.value)}")
    return "".join(f"{line}\n" for line in lines)


def number_of(value: float) -> str:
    """A number as the format has it. Whole ones have no fraction, so that counts stay exact."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) else repr(float(value))


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")


def _quoted(text: str) -> str:
    return _escaped(text).replace('"', r"\"")
