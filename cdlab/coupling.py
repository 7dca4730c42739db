"""
What is tied to what: a vector of counts, never one score.

A *cone* is everything done on behalf of one intent. The static measures come from the grants alone.
All counts are by kind of box: two code repos written are one kind. Sources of the definitions:
association confidence, Zimmermann et al. 2004; the vector, `docs/measures.md`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cdlab.grants import grants_in
from cdlab.history import OK, Event, History
from cdlab.model import Grant
from cdlab.pod_timeline import contents, served_at, serving_at, steps
from cdlab.rollback_time import asked, done, known_good

WRITES = ("write", "apply")
EXECUTES = ("exec", "decide")
ACTS = (*WRITES, *EXECUTES)
ASKS = (*ACTS, "read")
COUNTED = ("deploy", "rollback", "promote")
CHANGES = ("ManifestsApplied", "ImageSet", "RolloutUndone")
"""Events that change what an environment is asked to run, where `changed` does not deny it."""


def cones(history: History, *intents: str) -> list[list[Event]]:
    """The cone of every intent of these kinds, in the order they were declared."""
    return [
        history.cone(event.intent)
        for event in history.of("IntentDeclared")
        if event.detail["intent"] in intents
    ]


def written(cone: Iterable[Event]) -> set[str]:
    """The kinds of box that were durably written."""
    return {event.component for event in cone if event.op in WRITES and event.outcome == OK}


def touched(cone: Iterable[Event]) -> set[str]:
    """Those, and the ones that executed something: CI, the release manager."""
    events = list(cone)
    return written(events) | {event.component for event in events if event.op in EXECUTES}


def needed(cone: Iterable[Event]) -> set[str]:
    """Every box that was asked for anything, also by reading: it has to be up."""
    return {event.component for event in cone if event.op in ASKS and event.component != "people"}


def concerns(event: Event, name: str) -> bool:
    """Whether a change of the cluster is one of this workload."""
    manifest = event.detail.get("manifest")
    if manifest is not None:
        return f"name: {name}\n" in manifest
    return bool(event.detail.get("workload") == name)


def changed_workloads(cone: Iterable[Event], names: Sequence[str]) -> set[tuple[str, str]]:
    """(environment, workload) of those whose wanted state in the cluster was changed."""
    return {
        (event.resource, name)
        for event in cone
        if event.kind in CHANGES and event.detail.get("changed", True)
        for name in names
        if concerns(event, name)
    }


def code_coupling(history: History) -> float | None:
    """Of the intents that changed an environment, the share that also changed a code repo."""
    changing = [w for w in map(written, cones(history, *COUNTED)) if "environment" in w]
    return sum("code-repo" in w for w in changing) / len(changing) if changing else None


def _of_rollback(history: History) -> list[Event] | None:
    ask = asked(history)
    return None if ask is None else history.cone(ask.intent)


def write_touch_of_a_rollback(history: History) -> int | None:
    """Kinds of box that a rollback writes."""
    cone = _of_rollback(history)
    return None if cone is None else len(written(cone))


def touch_of_a_rollback(history: History) -> int | None:
    """Kinds of box that a rollback writes or executes."""
    cone = _of_rollback(history)
    return None if cone is None else len(touched(cone))


def touch_of_a_deploy(history: History) -> int | None:
    """Kinds of box that a push writes or executes until it runs in an automatic environment."""
    found = [touched(cone) for cone in cones(history, "deploy")]
    return len(found[0]) if found else None


def touch_of_a_manual_release(history: History) -> int | None:
    """The same for a promotion. None where there is none."""
    found = [touched(cone) for cone in cones(history, "promote") if "environment" in written(cone)]
    return len(found[0]) if found else None


def components_to_roll_back(history: History) -> int | None:
    """Kinds of box that were asked for anything during the rollback, the image on the node."""
    cone = _of_rollback(history)
    return None if cone is None else len(needed(cone))


def components_to_roll_back_cold(history: History) -> int | None:
    """The same with the image on no node any more, so that the pods have to pull it."""
    cone = _of_rollback(history)
    return None if cone is None else len(needed(cone) | {"registry"})


def components_to_deploy(history: History) -> int | None:
    """The same for a push until it runs in an automatic environment."""
    found = [needed(cone) for cone in cones(history, "deploy")]
    return len(found[0]) if found else None


def rebuilds(history: History) -> int | None:
    """Builds on behalf of the rollback."""
    cone = _of_rollback(history)
    return None if cone is None else sum(event.kind == "ImageBuilt" for event in cone)


def artifact_fidelity(history: History) -> float | None:
    """Share of the replicas that run the very digest that was known to be good. 0 to 1."""
    ask, end = asked(history), done(history)
    if ask is None or end is None:
        return None
    where, name = ask.detail["environment"], ask.detail["workload"]
    source, wanted = contents(history), ask.detail["good"] or known_good(history, ask)
    good = {
        digest
        for step in steps(history, where, name)
        if step.event.seq < ask.seq
        for digest in step.serving.values()
        if source.get(digest) == wanted
    }
    after = serving_at(history, where, name, end.seq).values()
    return sum(digest in good for digest in after) / len(after)


def history_rewrites(history: History) -> int | None:
    """Non-fast-forward updates of a repository on behalf of the rollback."""
    cone = _of_rollback(history)
    return None if cone is None else len(_rewrites(cone))


def good_commits_lost(history: History) -> int | None:
    """Commits other than the bad one that the rollback made unreachable."""
    ask, cone = asked(history), _of_rollback(history)
    if ask is None or cone is None:
        return None
    lost = [revision for event in _rewrites(cone) for revision in event.detail["lost"]]
    return sum(revision not in ask.detail.get("bad_revisions", ()) for revision in lost)


def _rewrites(cone: Iterable[Event]) -> list[Event]:
    return [event for event in cone if event.kind == "CommitPushed" and event.detail["lost"]]


def collateral(history: History) -> float | None:
    """Other workloads whose digest the rollback changed, of all others. 0 to 1."""
    ask = asked(history)
    if ask is None or done(history) is None:
        return None
    until = next((e.seq for e in history.of("ObservationEnded")), len(history))
    names = history.settings["microservices"]
    others = len(names) * len(history.settings["environments"]) - 1
    touched_others = changed_workloads(history.cone(ask.intent), names) - {
        (ask.detail["environment"], ask.detail["workload"])
    }
    changed = sum(
        served_at(history, *other, ask.seq) != served_at(history, *other, until)
        for other in sorted(touched_others)
    )
    return changed / others if others else 0.0


def _automation(history: History) -> list[Grant]:
    return [grant for grant in grants_in(history.settings) if grant.is_automation]


def resources_of(grant: Grant, environments: int) -> int:
    """How many kinds of resource a principal can write, environments counted one by one."""
    return (
        (grant.code_repos == "write")
        + (grant.config_repo == "write")
        + (grant.registry == "write")
        + (can_change_workloads(grant)) * environments
    )


def can_change_workloads(grant: Grant) -> bool:
    """Whether its own credentials can change what runs."""
    return grant.environments in ("set-image", "apply", "prune", "admin")


def writable_resources(history: History) -> dict[str, int]:
    """Principal -> resources it can write, for all that acts by itself, and the maximum."""
    m = len(history.settings["environments"])
    counts: dict[str, int] = {g.principal: resources_of(g, m) for g in _automation(history)}
    return {**counts, "maximum": max(counts.values())}


def privilege_concentration(history: History) -> dict[str, float | None]:
    """
    Herfindahl index of the writable resources over automation's principals. 1/k to 1 for k of them.

    `one_manager` is what `grants.toml` says. `one_manager_per_environment` is the same architecture
    with a release manager in each environment, which writes that one and the config repo; None
    where there is no manager to divide.
    """
    m, automation = len(history.settings["environments"]), _automation(history)
    one = herfindahl([resources_of(grant, m) for grant in automation])
    if not any(grant.principal == "manager" for grant in automation):
        return {"one_manager": one, "one_manager_per_environment": None}
    divided = [
        resources
        for grant in automation
        for resources in (
            [resources_of(grant, 1)] * m
            if grant.principal == "manager"
            else [resources_of(grant, m)]
        )
    ]
    return {"one_manager": one, "one_manager_per_environment": herfindahl(divided)}


def herfindahl(sizes: Sequence[int]) -> float:
    """The sum of the squared shares: 1 when one has it all, 1/k when k have the same. 0 of none."""
    total = sum(sizes)
    return sum(size * size for size in sizes) / total**2 if total else 0.0


def cluster_credentials_outside(history: History) -> int:
    """Environments' credentials that lie outside the cluster they open."""
    m = len(history.settings["environments"])
    return sum(m for g in _automation(history) if can_change_workloads(g) and g.runs == "outside")


def blast_radius(history: History) -> dict[str, float]:
    """Principal -> share of all workloads its own credentials can change, and the maximum."""
    return blast_radius_of(_automation(history))


def blast_radius_of(grants: Iterable[Grant]) -> dict[str, float]:
    """The same for any grants; several of one principal add up."""
    shares: dict[str, float] = {}
    for grant in grants:
        share = float(can_change_workloads(grant))
        shares[grant.principal] = max(share, shares.get(grant.principal, 0.0))
    return {**shares, "maximum": max(shares.values(), default=0.0)}
