"""
When users saw the bad content for the last time.

Pure. In: the answers of a probe that asks the Service all the time, or the pods of a simulated
history, and when the rollback was asked for. Out: seconds. Called by `playing.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from cdlab.history import History
from cdlab.pod_timeline import contents, steps
from cdlab.rollback_time import asked

Answers = Sequence[tuple[int, str]]
"""Microseconds of the run's clock at which an answer was there, and what it said. Empty: none."""


def recovery_seconds(answers: Answers, asked_us: int, bad: str) -> float | None:
    """
    Asked to the last answer with the bad content; 0 where none came after that.

    None where nobody answered afterwards, or the last one who did still answered with it. A probe
    sees this at its own interval, and of several pods that answer in turn only one each time.
    """
    said = [(t_us, text) for t_us, text in answers if text and t_us >= asked_us]
    if not said or said[-1][1] == bad:
        return None
    return max((t_us - asked_us for t_us, text in said if text == bad), default=0) / 1e6


def recovery_by_pods(history: History) -> float | None:
    """The same from what the pods of a history served, for a world that nobody can probe."""
    ask = asked(history)
    if ask is None:
        return None
    source, bad = contents(history), ask.detail["bad"]
    is_bad, last_us = False, ask.t_us
    for step in steps(history, ask.detail["environment"], ask.detail["workload"]):
        was_bad, is_bad = is_bad, bad in [source.get(each) for each in step.serving.values()]
        if was_bad and not is_bad:
            last_us = max(step.event.t_us, ask.t_us)
    return None if is_bad else (last_us - ask.t_us) / 1e6


def told(answers: Answers, asked_us: int, cpu_seconds: float) -> dict[str, float]:
    """What a probe did: how often it asked for how long, and how long it was without an answer."""
    times = [t_us for t_us, _ in answers]
    heard = [asked_us, *(t_us for t_us, text in answers if text and t_us > asked_us)]
    return {
        "requests": len(answers),
        "unanswered": sum(not text for _, text in answers),
        "seconds": round((max(times, default=0) - min(times, default=0)) / 1e6, 3),
        "longest_gap_seconds": round(max((b - a for a, b in pairwise(heard)), default=0) / 1e6, 3),
        "cpu_seconds": round(cpu_seconds, 4),
    }
