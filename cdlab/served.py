"""
What serves at the end of a run, in the words of its story: `good`, `bad`, `next`.

In: a history whose story marked what it shipped. Out: names of versions. Called by `measures`.
"""

from __future__ import annotations

from cdlab.history import OK, History
from cdlab.pod_timeline import contents, served_at, serving_at

NOTHING = "nothing"
REVERTED = "good without the bad"
"""A content that nobody shipped: what a revert left of good commits and a bad one."""


def is_finished(history: History) -> bool:
    """Whether the story came to its end before the deadline."""
    return history[-1].outcome == OK


def serves_at_end(history: History) -> dict[str, str]:
    """
    Environment -> the version of the story's microservice that serves when the run is over.

    Several at once, in a rollout that has not ended, are joined by ` and `.
    """
    name = history.settings["microservices"][0]
    versions = {e.detail["content"]: e.detail["version"] for e in history.of("Shipped")}
    source = contents(history)
    found = {}
    for environment in history.settings["environments"]:
        digests = served_at(history, environment, name, len(history))
        words = sorted({versions.get(source.get(each, ""), REVERTED) for each in digests})
        found[environment] = " and ".join(words) or NOTHING
    return found


def replicas_at_end(history: History) -> dict[str, int]:
    """Environment -> Ready pods of the story's microservice when the run is over."""
    name = history.settings["microservices"][0]
    return {
        environment: len(serving_at(history, environment, name, len(history)))
        for environment in history.settings["environments"]
    }
