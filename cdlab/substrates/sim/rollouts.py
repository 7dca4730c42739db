"""
How many pods each ReplicaSet of a Deployment should have next: the controller's arithmetic.

The rules are those of Kubernetes' `rolling.go`, `recreate.go` and `sync.go`. Each function makes
one step of them: it sets `replicas` of some ReplicaSets, by what their pods are now, and touches no
pod. `deployments.py` settles the pods and calls again until nothing moves. ReplicaSets come in the
order of their creation, and the Deployment's current one is called *new*.
"""

from __future__ import annotations

from collections.abc import Sequence

from cdlab.substrates.sim.replica_sets import ReplicaSet
from cdlab.substrates.sim.workload_specs import DeploymentSpec


def is_scaled(spec: DeploymentSpec, replica_sets: Sequence[ReplicaSet]) -> bool:
    """Whether `spec.replicas` was changed since an active ReplicaSet was last scaled."""
    return any(each.replicas and each.scaled_for != spec.replicas for each in replica_sets)


def roll(spec: DeploymentSpec, new: ReplicaSet, replica_sets: Sequence[ReplicaSet]) -> None:
    """Go one step on with a rolling update: scale the new ReplicaSet up, or else the old down."""
    if not _scale_up_new(spec, new, replica_sets):
        _scale_down_old(spec, new, replica_sets)


def recreate(
    spec: DeploymentSpec, new: ReplicaSet | None, replica_sets: Sequence[ReplicaSet]
) -> bool:
    """Scale every old ReplicaSet to zero; tell whether the new one may have its pods already."""
    old = [each for each in replica_sets if each is not new]
    for each in old:
        if each.replicas:
            _scale(spec, each, 0)
    if any(each.pods or each.leaving for each in old):
        return False
    if new is not None:
        _scale(spec, new, spec.replicas)
    return True


def rescale(
    spec: DeploymentSpec, new: ReplicaSet | None, replica_sets: Sequence[ReplicaSet]
) -> None:
    """Follow a change of `spec.replicas`: in mid-rollout every ReplicaSet gets its share of it."""
    active = [each for each in replica_sets if each.replicas]
    if len(active) == 1:
        _scale(spec, active[0], spec.replicas)
    elif new is not None and _is_saturated(spec, new):
        for each in active:
            if each is not new:
                _scale(spec, each, 0)
    elif spec.strategy == "RollingUpdate":
        _rescale_in_proportion(spec, active)


def _scale_up_new(
    spec: DeploymentSpec, new: ReplicaSet, replica_sets: Sequence[ReplicaSet]
) -> bool:
    if new.replicas >= spec.replicas:
        return _scale(spec, new, spec.replicas)
    room = spec.replicas + spec.surge - sum(each.replicas for each in replica_sets)
    step = max(0, min(room, spec.replicas - new.replicas))
    return _scale(spec, new, new.replicas + step)


def _scale_down_old(
    spec: DeploymentSpec, new: ReplicaSet, replica_sets: Sequence[ReplicaSet]
) -> None:
    """
    Scale old ReplicaSets down, first by their pods that are not available.

    New pods that are not available yet hold back as many old ones, so that a release that never
    comes up leaves the old one standing.
    """
    old = [each for each in replica_sets if each is not new and each.replicas]
    if not old:
        return
    new_unavailable = new.replicas - new.available
    total = sum(each.replicas for each in replica_sets)
    allowed = total - spec.min_available - new_unavailable
    if allowed <= 0:
        return
    for each in old:
        step = min(allowed, each.replicas - each.available)
        if step > 0:
            _scale(spec, each, each.replicas - step)
            allowed -= step
    # Counted by pods and not by `replicas`: those just given up were not among the available.
    allowed = sum(each.available for each in replica_sets) - spec.min_available
    for each in old:
        step = min(allowed, each.replicas)
        if step > 0:
            _scale(spec, each, each.replicas - step)
            allowed -= step


def _is_saturated(spec: DeploymentSpec, new: ReplicaSet) -> bool:
    return new.replicas == new.scaled_for == new.available == spec.replicas


def _rescale_in_proportion(spec: DeploymentSpec, active: Sequence[ReplicaSet]) -> None:
    total = sum(each.replicas for each in active)
    to_add = (spec.replicas + spec.surge if spec.replicas else 0) - total
    # The largest first; among equals the newest when scaling up and the oldest when scaling down.
    order = sorted(reversed(active) if to_add > 0 else active, key=lambda each: -each.replicas)
    sizes, added = [], 0
    for each in order:
        share, rest = _share(spec, each), to_add - added
        step = min(share, rest) if to_add > 0 else max(share, rest)
        if rest == 0:
            step = 0
        sizes.append(each.replicas + step)
        added += step
    if order and to_add:
        sizes[0] = max(0, sizes[0] + to_add - added)
    for each, size in zip(order, sizes, strict=True):
        _scale(spec, each, size)


def _share(spec: DeploymentSpec, each: ReplicaSet) -> int:
    """By how much one ReplicaSet grows or shrinks when the whole does, rounded half up."""
    if spec.replicas == 0:
        return -each.replicas
    size = each.replicas * (spec.replicas + spec.surge) / each.scaled_within
    return int(size + 0.5) - each.replicas


def _scale(spec: DeploymentSpec, each: ReplicaSet, replicas: int) -> bool:
    each.scaled_for, each.scaled_within = spec.replicas, spec.replicas + spec.surge
    is_changed = each.replicas != replicas
    each.replicas = replicas
    return is_changed
