"""
Numbers about the release manager, in the text format of Prometheus.

In: a function that returns them now. Out: the text of `/metrics`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Literal, Protocol

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Metric:
    """One number."""

    name: str
    """As Prometheus names them: `cdlab_queue_length`, `cdlab_commit_seconds_sum`."""
    value: float
    help: str
    kind: Literal["gauge", "counter"] = "gauge"
    labels: Mapping[str, str] = field(default_factory=dict)


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
            labels = ",".join(f'{key}="{_escaped(text)}"' for key, text in each.labels.items())
            lines.append(f"{name}{f'{{{labels}}}' * bool(labels)} {each.value:.10g}")
    return "".join(f"{line}\n" for line in lines)


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
