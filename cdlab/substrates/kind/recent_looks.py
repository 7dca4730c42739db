"""
Objects as they were a moment ago, for who compares many of them one after the other.

In: paths of objects. Out: the objects as the API server has them; None for one that is not there.
Who calls it: `cluster.py`, in threads. The first look at a collection asks for one object; whoever
goes on with a second one at once gets all of them in one answer. Whoever looks at the same one
again is told what is there by then.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from cdlab.errors import WorkloadNotFound
from cdlab.substrates.kind.kubernetes_api import Json, KubernetesApi

FRESH_SECONDS = 1.0
"""How old what is handed out may be."""


@dataclass
class _Collection:
    """When one of its objects was looked at last, and all of them as they were listed last."""

    looked_at: float
    listed_at: float = float("-inf")
    objects: dict[str, Json] = field(default_factory=dict)


class RecentLooks:
    """The looks of one principal at the collections of `listed`."""

    def __init__(self, listed: frozenset[str], now: Callable[[], float] = time.monotonic) -> None:
        """*listed*: names of collections that the principal may list, such as `deployments`."""
        self._listed = listed
        self._now = now
        self._collections: dict[str, _Collection] = {}
        self._looked: dict[str, tuple[float, Json | None]] = {}
        """Path -> when it was looked at last, and what was there."""
        self._unwritten: set[str] = set()

    def at(self, path: str, api: KubernetesApi) -> Json | None:
        """The object, at most `FRESH_SECONDS` old; out of a list it has no kind of its own."""
        found = _get(path, api) if self._is_recent(path) else self._listed_or_got(path, api)
        self._looked[path] = self._now(), found
        self._unwritten.add(path)
        return found

    def once_more(self, path: str, api: KubernetesApi) -> Json | None:
        """What `at` said a moment ago, to who now writes to it; once. Else as it is now."""
        is_told = path in self._unwritten and self._is_recent(path)
        self._unwritten.discard(path)
        return self._looked[path][1] if is_told else _get(path, api)

    def wrote(self, path: str, written: Json) -> None:
        """Remember what the principal has written itself: a list from before it counts no more."""
        self._looked[path] = self._now(), written

    def _is_recent(self, path: str) -> bool:
        looked_at, _ = self._looked.get(path, (float("-inf"), None))
        return self._now() - looked_at <= FRESH_SECONDS

    def _listed_or_got(self, path: str, api: KubernetesApi) -> Json | None:
        folder, _, name = path.rpartition("/")
        now = self._now()
        known = self._collections.get(folder)
        if known is None or now - known.looked_at > FRESH_SECONDS:
            self._collections[folder] = _Collection(now)
            return _get(path, api)
        known.looked_at = now
        if folder.rpartition("/")[2] not in self._listed:
            return _get(path, api)
        if now - known.listed_at > FRESH_SECONDS:
            found, _ = api.list(folder)
            known.objects = {str(each["metadata"]["name"]): each for each in found}
            known.listed_at = now
        return known.objects.get(name)


def _get(path: str, api: KubernetesApi) -> Json | None:
    try:
        return api.call("GET", path)
    except WorkloadNotFound:
        return None
