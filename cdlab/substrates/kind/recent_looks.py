"""
Objects as they were a moment ago, for who compares many of them.

In: paths of objects. Out: the objects as the API server has them; None for one that is not there.
Who calls it: `applying.py`, in several threads. The first look at a collection asks for one object;
whoever goes on with a second one at once gets all of them in one answer. Whoever looks at the same
one again is told what is there by then; who looks at many of them again gets another list.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from cdlab.errors import WorkloadNotFound
from cdlab.substrates.kind.kubernetes_api import Json, KubernetesApi

FRESH_SECONDS = 1.0
"""How old what is handed out may be."""
FEW = 8
"""Objects that are asked for one by one, when they are looked at again: a list is no cheaper."""


@dataclass
class _Collection:
    """When one of its objects was looked at last, and all of them as they were listed last."""

    looked_at: float
    listed_at: float = float("-inf")
    objects: dict[str, Json] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)
    """Objects that were looked at: to who looks again, a list from before is no answer."""
    written: set[str] = field(default_factory=set)
    """Objects that the principal wrote to, and has not looked at since."""


class RecentLooks:
    """The looks of one principal at the collections of `listed`."""

    def __init__(self, listed: frozenset[str], now: Callable[[], float] = time.monotonic) -> None:
        """*listed*: names of collections that the principal may list, such as `deployments`."""
        self._listed = listed
        self._now = now
        self._collections: dict[str, _Collection] = {}
        self._looking = threading.Lock()
        """Whoever comes while all are listed takes what it wants out of that list."""
        self._looked: dict[str, tuple[float, Json | None]] = {}
        """Path -> when it was looked at last, and what was there."""
        self._unwritten: set[str] = set()

    def at(self, path: str, api: KubernetesApi) -> Json | None:
        """The object, at most `FRESH_SECONDS` old; out of a list it has no kind of its own."""
        with self._looking:
            return self._at(path, api)

    def _at(self, path: str, api: KubernetesApi) -> Json | None:
        folder, _, name = path.rpartition("/")
        now, known = self._now(), self._collections.get(folder)
        if known is None or now - known.looked_at > FRESH_SECONDS:
            known = self._collections[folder] = _Collection(now)
            found = _get(path, api)
        else:
            known.looked_at = now
            is_alone = len(known.objects) <= FEW or name in known.written
            is_one_by_one = self._is_recent(path) and is_alone
            if is_one_by_one or folder.rpartition("/")[2] not in self._listed:
                found = _get(path, api)
            else:
                found = self._out_of_list(known, folder, name, api)
        known.told.add(name)
        known.written.discard(name)
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
        folder, _, name = path.rpartition("/")
        if folder in self._collections:
            self._collections[folder].written.add(name)

    def _is_recent(self, path: str) -> bool:
        looked_at, _ = self._looked.get(path, (float("-inf"), None))
        return self._now() - looked_at <= FRESH_SECONDS

    def _out_of_list(
        self, known: _Collection, folder: str, name: str, api: KubernetesApi
    ) -> Json | None:
        now, is_again = self._now(), name in known.told
        if is_again or now - known.listed_at > FRESH_SECONDS:
            found, _ = api.list(folder)
            known.objects = {str(each["metadata"]["name"]): each for each in found}
            known.listed_at = now
        if is_again:  # a new round: the others' turn comes, too
            known.told.clear()
        return known.objects.get(name)


def _get(path: str, api: KubernetesApi) -> Json | None:
    try:
        return api.call("GET", path)
    except WorkloadNotFound:
        return None
