"""
Since when each workload differs from the config repo, as far as anybody looked.

In: what a look found. Out: ages in seconds. Kept in memory: a manager that was started again counts
from its first look. Fed by the queue's syncs and by the desk; read by the desk.
"""

from __future__ import annotations

from collections.abc import Collection

from cdlab.kernel import Kernel


class Drift:
    """What is known of every environment."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self._since: dict[tuple[str, str], float] = {}
        """(environment, workload or object that is in no manifest) -> seconds since 1970."""

    def see(self, environment: str, name: str, *, differs: bool) -> float | None:
        """Note what a look found, and return the age; None where nothing differs."""
        if differs:
            self._since.setdefault((environment, name), self.kernel.timestamp())
        else:
            self._since.pop((environment, name), None)
        return self.age(environment, name)

    def see_strays(self, environment: str, found: Collection[str]) -> None:
        """Note the objects of an environment that are in no manifest, `kind/name`: these alone."""
        known = [name for where, name in self._since if where == environment and "/" in name]
        for name in dict.fromkeys([*known, *found]):
            self.see(environment, name, differs=name in found)

    def age(self, environment: str, name: str) -> float | None:
        """For how long it has differed; None where it does not, or nobody has looked."""
        since = self._since.get((environment, name))
        return None if since is None else self.kernel.timestamp() - since
