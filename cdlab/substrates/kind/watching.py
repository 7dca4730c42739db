"""
Watching a collection of objects in a thread, instead of asking again and again.

In: a namespace's connection. `Waiting` returns when the objects are as somebody wants them,
`Following` tells each change for as long as the run lasts. Who calls it: `cluster.py`, `pods.py`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from cdlab.errors import PortError
from cdlab.substrates.kind.kubernetes_api import Json, Watch, WatchExpired
from cdlab.substrates.kind.namespaces import Namespace

RECONNECT_SECONDS = 0.2


class Waiting:
    """Watches a collection in a thread until it is as somebody wants it."""

    def __init__(self, namespace: Namespace) -> None:
        """It waits as long as it takes, unless `limit` is called."""
        self.namespace = namespace
        self._is_stopped = False
        self._alarm: threading.Timer | None = None
        self._watch: Watch | None = None

    def stop(self) -> None:
        """End it from another thread."""
        self._is_stopped = True
        if self._alarm is not None:
            self._alarm.cancel()
        if self._watch is not None:
            self._watch.stop()

    def limit(self, seconds: float) -> None:
        """Wait no longer than that from now. Only the first limit counts."""
        if self._alarm is None:
            self._alarm = threading.Timer(seconds, self.stop)
            self._alarm.daemon = True
            self._alarm.start()

    def until(self, resource: str, check: Callable[[dict[str, Json]], bool]) -> None:
        """
        Return when *check* says yes to the objects by name; it may raise what it likes.

        TimeoutError when the limit has passed, or somebody stopped it.
        """
        while not self._is_stopped:
            try:
                if self._look(resource, check):
                    return
            except WatchExpired:
                continue
        raise TimeoutError(f"{resource} of {self.namespace.name}")

    def _look(self, resource: str, check: Callable[[dict[str, Json]], bool]) -> bool:
        api = "/api/v1" if resource == "pods" else "/apis/apps/v1"
        path = self.namespace.path(resource, api=api)
        objects, version = self.namespace.api.list(path)
        known = {str(each["metadata"]["name"]): each for each in objects}
        if check(known):
            return True
        self._watch = self.namespace.api.watch(path, version)
        if self._is_stopped:
            self._watch.stop()
        for kind, each in self._watch:
            name = str(each["metadata"].get("name", ""))
            if kind == "BOOKMARK":
                continue
            if kind == "DELETED":
                known.pop(name, None)
            else:
                known[name] = each
            if check(known):
                return True
        if not self._is_stopped:
            time.sleep(0.05)  # a server that ends each watch at once is not asked in a busy loop
        return False


class Following:
    """One thread that follows a collection, over lost connections, until it is stopped."""

    def __init__(
        self,
        namespace: Namespace,
        resource: str,
        tell: Callable[[str, Json], None],
        retell: Callable[[Mapping[str, Json]], None],
        selector: str = "",
    ) -> None:
        """
        *tell* gets the type and the object of each change, *retell* all objects by uid.

        The latter at the beginning, and whenever changes may have been missed.
        """
        self._namespace = namespace
        self._path = namespace.path(resource, api="/api/v1")
        self._query = {"fieldSelector": selector} if selector else {}
        self._tell, self._retell = tell, retell
        self._version: str | None = None
        self._watch: Watch | None = None
        self._is_stopped = threading.Event()
        name = f"cdlab {resource} of {namespace.name}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin; returns when what is there already has been told."""
        self._list()
        self._thread.start()

    def stop(self) -> None:
        """End the thread; returns when it has ended."""
        self._is_stopped.set()
        while self._thread.is_alive():
            if self._watch is not None:
                self._watch.stop()
            self._thread.join(0.05)

    def _list(self) -> str:
        objects, version = self._namespace.api.list(self._path, **self._query)
        self._retell({str(each["metadata"]["uid"]): each for each in objects})
        self._version = version
        return version

    def _run(self) -> None:
        while not self._is_stopped.is_set():
            try:
                self._follow(self._version or self._list())
            except WatchExpired:
                self._version = None
            except PortError:  # the API server is away; what it did meanwhile is told afterwards
                self._is_stopped.wait(RECONNECT_SECONDS)

    def _follow(self, version: str) -> None:
        self._watch = self._namespace.api.watch(self._path, version, **self._query)
        if self._is_stopped.is_set():
            self._watch.stop()
        for kind, each in self._watch:
            if kind != "BOOKMARK":
                self._tell(kind, each)
            self._version = str(each["metadata"]["resourceVersion"])
