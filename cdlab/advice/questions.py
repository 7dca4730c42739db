"""
A team by questions, for who has no file yet: one for each of its fields.

In: somebody who answers. Out: the text of a file as `team.py` reads it, without what was not known.
Called by `cdlab advise --ask`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from cdlab.advice.needs import NEEDS
from cdlab.advice.team import Team, mistake

QUESTIONS: Mapping[str, str] = {
    "microservices": "How many microservices does the application have?",
    "environments": "How many environments, production among them?",
    "replicas": "How many pods does each microservice have in an environment?",
    "build_minutes": "How many minutes does CI take until an image is built, nothing cached?",
    "cached_build_minutes": "And for what it has built before?",
    "build_cache": "Do CI's executors keep what they have built?",
    "poll_seconds": "How often would a release manager look for images, in seconds; 0 if told?",
    "commits_on_top": "How many good commits follow a bad one before it is rolled back?",
    "pushes_a_day": "How many pushes are there a day?",
    "bad_release_rate": "Which share of them has to be rolled back, from 0 to 1?",
    "worth_minutes_a_month": "How many minutes of bad releases a month are worth one box more?",
    "needs": "What can the team not do without?",
}
"""Field of `Team` -> what is asked for it, in this order."""
WORDS: Mapping[str, bool] = {"yes": True, "y": True, "no": False, "n": False}

Answer = Callable[[str, str], str]
"""Asks a question, with what is assumed where the answer is empty, and returns the answer."""


def team_text(answer: Answer, say: Callable[[str], None]) -> str:
    """Ask for everything, each until it can be understood; what is not known is left out."""
    lines = []
    for name, question in QUESTIONS.items():
        if name == "needs":
            say("needs: " + "; ".join(f"{each} ({need.asks})" for each, need in NEEDS.items()))
        while text := answer(question, assumed(name)).strip():
            value = _value(name, text)
            if not (what := mistake(name, value)):
                lines.append(f"{name} = {json.dumps(value)}\n")
                break
            say(f"{name} is {what}")
    return "".join(lines)


def assumed(name: str) -> str:
    """What is assumed of a field, as one would answer it."""
    default = getattr(Team(), name)
    if isinstance(default, tuple):
        return "none"
    if isinstance(default, bool):
        return "yes" if default else "no"
    return "a tenth of that" if name == "cached_build_minutes" else f"{default:g}"


def _value(name: str, text: str) -> Any:
    """An answer as the file's value; text that cannot be read stays text, which is a mistake."""
    default = getattr(Team(), name)
    if isinstance(default, tuple):
        return [each for each in text.replace(",", " ").split() if each != "none"]
    if isinstance(default, bool):
        return WORDS.get(text.lower(), text)
    try:
        number = float(text)
    except ValueError:
        return text
    return int(number) if isinstance(default, int) and number.is_integer() else number
