"""
How far a change reaches when nobody has to agree: boxes that follow from other boxes.

In: the edges of `grants.toml` and the settings of a run. Out: shares from 0 to 1. Source of the
propagation cost: MacCormack, Rusnak and Baldwin 2006. Nothing here asks what happened.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

from cdlab.grants import BOXES, grants_of, influence_of
from cdlab.history import History

Edges = Collection[tuple[str, str]]


def reached(edges: Edges, start: str) -> frozenset[str]:
    """The boxes that a change of one box changes in the end, itself among them."""
    found, new = {start}, [start]
    while new:
        box = new.pop()
        following = [other for one, other in edges if one == box and other not in found]
        found.update(following)
        new += following
    return frozenset(found)


def density(edges: Edges) -> float:
    """Share of all pairs of boxes in which the first reaches the second. From 1/N to 1."""
    return sum(len(reached(edges, box)) for box in BOXES) / len(BOXES) ** 2


@cache
def _reaches(architecture: str, start: str) -> bool:
    return "workloads" in reached(influence_of(architecture), start)


@cache
def _density(architecture: str) -> float:
    return density(influence_of(architecture))


def propagation_cost(history: History) -> float:
    """
    Density of the transitive closure of ungated influence. A share, from 1/7 to 1.

    Over the same seven boxes for every architecture, those that it lacks among them. It counts
    boxes: what a change may do there, how many credentials that takes and how likely it is are all
    the same to it, and another choice of boxes gives other numbers. Do not rank by it alone.
    """
    return _density(history.settings["architecture"])


def reach(history: History) -> dict[str, float]:
    """
    Workloads that a push of one code repo can change with no further decision, of all. 0 to 1.

    `one_identity`: all pipelines act with one CI identity, so that a pipeline can do what any other
    one may. `one_each`: every code repo has its own.
    """
    settings = history.settings
    environments = settings["environments"].values()
    following = sum(how == "automated" for how in environments) / len(environments)
    share = following if _reaches(settings["architecture"], "code-repos") else 0.0
    return {"one_identity": share, "one_each": share / len(settings["microservices"])}


def mediated_blast_radius(history: History) -> float | None:
    """
    Share of the workloads that whoever can write the config repo changes through automation.

    0 where somebody else has to do something first: in V2 CI applies it after a push of code. None
    without a config repo.
    """
    architecture = history.settings["architecture"]
    if not _has_config_repo(architecture):
        return None
    return float(_reaches(architecture, "config-repo"))


@cache
def _has_config_repo(architecture: str) -> bool:
    return any(grant.config_repo == "write" for grant in grants_of(architecture))
