"""
A run told for somebody who has to find out what went wrong, and the command that plays it again.

In: a history. Out: plain text: the sentences of `narration` with the bootstrap included, and what
each environment served. Called where a test failed and by `failure_folder`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from cdlab.history import History
from cdlab.pod_timeline import steps
from cdlab.report.narration import tell


def failure_story(history: History) -> str:
    """One line for each main event, and for each change of what an environment serves."""
    told = sorted([*_doings(history), *_serving(history)])
    return "\n".join(f"{t_us / 1e6:9.2f} s  {intent:12} {what}" for _, t_us, intent, what in told)


def _doings(history: History) -> Iterator[tuple[int, int, str, str]]:
    """What people and programs did. What a manager skips at every look is said once."""
    known: set[tuple[str, str]] = set()
    for event in history:
        line = tell(event)
        if line is None or (event.outcome == "skipped" and (event.intent, line.what) in known):
            continue
        known.add((event.intent, line.what))
        yield event.seq, event.t_us, event.intent, f"{line.who} {line.what}"


def _serving(history: History) -> Iterator[tuple[int, int, str, str]]:
    """`staging: users serves 2 × 75687466`, at each change."""
    for environment in history.settings["environments"]:
        for workload in history.settings["microservices"]:
            for event, serving in steps(history, environment, workload):
                counts = Counter(digest.removeprefix("sha256:")[:7] for digest in serving.values())
                shown = ", ".join(f"{n} × {digest}" for digest, n in counts.items())
                what = f"  {environment}: {workload} serves {shown or 'nothing'}"
                yield event.seq, event.t_us, "", what


def replay_line(history: History, path: str) -> str:
    """The command that plays the scenario file once more, with the same seed."""
    settings = history.settings
    where = f" --manager {settings['manager']}" if "manager" in settings else ""
    return f"cdlab run {path} --substrate {settings['substrate']}{where} --seed {settings['seed']}"
