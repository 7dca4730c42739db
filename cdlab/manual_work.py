"""
What people have to do by hand: the steps of a deploy, a rollback and a promotion.

A *step* is what somebody does in one go: a write, an apply or a decision of a developer, operator
or user. The same command from the same repository counts once however many environments or files
it goes to, because a shell loop or `apply -R` does that. To approve a gate is one, so is to change
rights, pipeline or manager when an application moves to another architecture, and to have CI
run a step again, which shows as a write of CI outside any run of a pipeline. Where nobody did
anything by hand and a program acted, the command that told it to is the step. To install a program
that was lost is one more, whatever it is told then. Looking, waiting and local commits are none.
"""

from __future__ import annotations

from collections.abc import Iterable

from cdlab.coupling import ACTS, cones, written
from cdlab.history import Event, History

PEOPLE = ("developer", "operator", "user")


def steps_by_hand(cone: Iterable[Event]) -> int:
    """How many steps people took in a cone."""
    source: dict[str, str] = {}
    taken: set[tuple[str, ...]] = set()
    installed: set[str] = set()
    is_told = is_run_again = False
    events = list(cone)
    has_run = any(event.kind == "PipelineRunStarted" for event in events)
    for event in events:
        who, about = event.principal, event.detail.get("workload") or event.resource
        if event.kind == "RepositoryCloned":
            source[who] = event.resource
        elif event.kind == "GateApproved":
            taken.add((who, event.kind, event.detail["environment"]))
        elif event.kind == "ArrangementChanged":
            taken.add((who, event.kind, event.detail["what"]))
        elif event.kind == "Reinstalled":
            installed.add(event.resource)
        elif event.op not in ACTS:
            continue
        elif who in PEOPLE:
            is_applied = event.kind == "ManifestsApplied"
            taken.add((who, event.kind, source.get(who, about) if is_applied else about))
        else:
            is_told = True
            is_run_again |= who == "ci" and event.op == "apply" and not has_run
    return len(installed) + (len(taken) + is_run_again or int(is_told))


def first_deployment_steps(history: History) -> int | None:
    """Steps by hand until everything runs everywhere for the first time. None if nobody asked."""
    found = cones(history, "bootstrap")
    return steps_by_hand(found[0]) if found else None


def manual_steps(history: History) -> dict[str, int | None]:
    """
    Steps by hand of the first `deploy`, `rollback` and `promote`; None for what nobody asked for.

    Only of what changed the cluster, so that a refused promotion counts as none. A deploy is over
    in the environments that its push reaches: where production is manual, a promotion comes on top.
    """
    kinds = {
        "deploy": ("deploy",),
        "rollback": ("rollback", "out-of-band edit"),
        "promote": ("promote",),
    }
    steps: dict[str, int | None] = dict.fromkeys(kinds)
    for name, intents in kinds.items():
        changing = (each for each in cones(history, *intents) if "environment" in written(each))
        cone = next(changing, None)
        steps[name] = None if cone is None else steps_by_hand(cone)
    return steps
