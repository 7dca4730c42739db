"""
Whether a file answers an exercise: it is played in the simulator, and the run is looked at.

In: an exercise and a participant's file. Out: an answer with what is still missing and why. The
text of the file is never looked at, so any file whose run has the figures is right. Called by
`cdlab learn check`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cdlab import worlds
from cdlab.event_kinds import KINDS
from cdlab.expectations import Verdict, judge
from cdlab.learning.exercises import Exercise
from cdlab.learning.own_page import run_own
from cdlab.runner import Run
from cdlab.scenario import load


@dataclass(frozen=True, slots=True)
class Answer:
    """What a run says to an exercise."""

    verdicts: tuple[Verdict, ...]
    """One for each figure of the goal."""
    explanation: str
    """Why it is solved, or what the mistake is; empty for a mistake that nobody foresaw."""
    is_solved: bool

    def to_dict(self) -> dict[str, Any]:
        """The answer as plain values."""
        return asdict(self)


def check(exercise: Exercise, path: Path) -> Answer:
    """Play a file and answer. Raises `ScenarioError` with the mistakes of one that cannot run."""
    found = figures(play(exercise, path))
    verdicts = tuple(judge(exercise.goal, found))
    if all(each.holds for each in verdicts):
        return Answer(verdicts, exercise.explanation, is_solved=True)
    for mistake in exercise.mistakes:
        if all(each.holds for each in judge(mistake.found, found)):
            return Answer(verdicts, mistake.says, is_solved=False)
    return Answer(verdicts, "", is_solved=False)


def play(exercise: Exercise, path: Path) -> Run:
    """Run a participant's file in the simulator: a scenario, or an architecture in one of ours."""
    if exercise.suffix == ".py":
        return run_own(path, load(exercise.folder / "played.yaml"))
    return worlds.run(load(path))


def figures(run: Run) -> dict[str, Any]:
    """The measures of a run, its `settings` (of a list, how many) and its `events` by kind."""
    counted = Counter(event.kind for event in run.history)
    return {
        **run.measures,
        "settings": {name: _count(value) for name, value in run.history.settings.items()},
        "events": {kind: counted[kind] for kind in KINDS},
    }


def _count(value: Any) -> Any:
    return len(value) if isinstance(value, (list, tuple)) else value


def missing(answer: Answer) -> Mapping[str, str]:
    """Figure -> what it is and what it has to be, for all that do not hold."""
    return {
        each.measure: f"{each.found}, and has to be {each.expected}"
        for each in answer.verdicts
        if not each.holds
    }
