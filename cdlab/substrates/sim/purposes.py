"""
What the costs of the simulator are costs of: the entries of a profile.

Read by `costs.py`, which has the numbers.
"""

from __future__ import annotations

from collections.abc import Mapping

PURPOSES = {
    "git_clone": "clone a repository",
    "git_clone_known": "the same for who has its head already, from a clone or from pushing it",
    "git_push": "push a branch or notes; the branch moves at the end of it",
    "git_commit": "commit, revert or merge in a checkout",
    "git_head": "ask a git server for the head",
    "hint": "a notification of a push or a tag, from the server to whoever waits",
    "build": "a CI workflow up to the image, nothing of it cached",
    "build_changed": "the same when the cache has what an earlier source of it shares with it",
    "build_cached": "the same when every layer is in the cache",
    "image_push": "push an image whose layers the registry does not have",
    "image_push_known": "push an image that the registry has already",
    "registry_read": "list or resolve tags",
    "api_call": "one request to the API server",
    "reconcile": "a controller to take its next step: pods made, pods stopped",
    "schedule": "bind a pod to a node",
    "pod_sandbox": "give a pod its network and its volumes, before its first image",
    "crowding": "give that to one of many: the part that every other one at the same time adds",
    "pull": "pull an image to a node that does not have it",
    "pod_start": "from the image on the node to a running container",
    "pod_stop": "from the request to stop to the container's end",
    "node_monitor_grace": "notice that a node is gone",
    "listen": "from a running container to one that answers, where no probe waits for that",
    "endpoint_update": "from a change of a pod to every node that routes to it",
    "readiness_phase": "reach the first readiness probe, as a share of the probe's period",
}
"""Every purpose that a profile gives a duration to, and what it covers."""

SHARES = frozenset({"crowding", "readiness_phase"})
"""Purposes whose numbers are no seconds but shares in [0, 1], which no factor applies to."""

UNLESS_TOLD_APART: Mapping[str, str] = {"build_changed": "build", "git_clone_known": "git_clone"}
"""Purposes that a profile may leave out, and as what they then count, in its numbers and draws."""

BUILDS = ("build", "build_changed", "build_cached")
"""Purposes that get longer together."""
