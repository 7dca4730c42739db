"""
Where the cluster is not what the config repo says, with age and with what becomes of it.

In: a checkout of the config repo, the manager's boxes, what earlier looks found. Out: `Difference`
values. Nothing is written. Called by `manager.desk`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from functools import partial

from cdlab.config_layout import policy_in, workloads_in
from cdlab.environment_policies import DriftMode
from cdlab.errors import ManifestError, ManifestRejected
from cdlab.manager.commands import Difference
from cdlab.manager.drift import Drift
from cdlab.manifests import image_of
from cdlab.model import RunningWorkload
from cdlab.ports import Checkout, Deviation, Ports
from cdlab.releases import is_released
from cdlab.syncs import Workers

ABSENT = "absent"
TOGETHER = 25
"""Manifests that are compared as one: mostly none differs, and one question is enough."""
Group = list[tuple[str, str]]
"""Path and workload of each."""


def mode_of(config: Checkout, environment: str) -> DriftMode:
    """What becomes of drift there. Under a policy that cannot be read it is left alone."""
    try:
        return policy_in(config, environment).drift
    except ManifestError:
        return "report"


@dataclass(frozen=True, slots=True)
class Differing:
    """One look at everything."""

    config: Checkout
    ports: Ports
    drift: Drift
    workers: Workers

    async def everywhere(self, environments: Iterable[str]) -> tuple[Difference, ...]:
        """Each object that differs or is in no manifest, environment by environment."""
        return tuple([each for name in environments async for each in self._in(name)])

    async def _in(self, environment: str) -> AsyncIterator[Difference]:
        running: dict[str, RunningWorkload] | None = None
        deviations: dict[str, Deviation] = {}
        found = workloads_in(self.config, environment)
        released = [(path, name) for path, _, name in found if self._is_released(path, name)]
        groups = [released[i : i + TOGETHER] for i in range(0, len(released), TOGETHER)]
        await self._compare(groups, environment, deviations)
        left = [[each] for each in released if each[1] not in deviations]
        await self._compare(left, environment, deviations)
        for path, _, name in found:
            if name not in deviations:
                continue
            manifest = self.config.read(path)
            age = self.drift.see(environment, name, differs=bool(deviations[name]))
            if age is not None:
                if running is None:  # a page is looked at often, and mostly nothing differs
                    listed = await self.ports.cluster.running(environment)
                    running = {each.name: each for each in listed}
                yield Difference(
                    workload=name,
                    environment=environment,
                    desired=image_of(manifest, name, path=path),
                    actual=str(running[name].desired) if name in running else ABSENT,
                    since_seconds=age,
                    mode=mode_of(self.config, environment),
                )
        for stray in await self._strays(environment):
            yield Difference(
                workload=stray.partition("/")[2],
                environment=environment,
                desired=ABSENT,
                actual=stray,
                since_seconds=self.drift.age(environment, stray) or 0.0,
                mode="report",  # nothing is pruned that nobody asked for
            )

    def _is_released(self, path: str, name: str) -> bool:
        """False too for what cannot be read: the status says what is wrong with it."""
        try:
            return is_released(self.config.read(path), name, path)
        except ManifestError:
            return False

    async def _compare(
        self, groups: list[Group], environment: str, deviations: dict[str, Deviation]
    ) -> None:
        """Note how each differs, but for those of a group of several of which one does."""

        async def compare(group: Group) -> None:
            manifests = "\n---\n".join(self.config.read(path) for path, _ in group)
            try:
                found = await self.ports.cluster.diff(manifests, environment)
            except ManifestRejected:
                return  # the status says what is wrong with it
            if not found or len(group) == 1:
                deviations.update((name, found) for _, name in group)

        await self.workers.do(partial(compare, group) for group in groups)

    async def _strays(self, environment: str) -> tuple[str, ...]:
        """What a prune would delete."""
        manifests = [
            self.config.read(path) for path, _, _ in workloads_in(self.config, environment)
        ]
        try:
            found = await self.ports.cluster.prune(manifests, environment, is_dry_run=True)
        except ManifestRejected:  # until it is mended nobody knows what is in no manifest
            return ()
        self.drift.see_strays(environment, found)
        return found
