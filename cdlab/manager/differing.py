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
from cdlab.syncs import Place, Workers

ABSENT = "absent"


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
        await self.workers.do(
            partial(self._compare, path, (environment, name), deviations) for path, _, name in found
        )
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

    async def _compare(self, path: str, place: Place, deviations: dict[str, Deviation]) -> None:
        """Note how a workload differs; nothing for one that was never released."""
        environment, name = place
        manifest = self.config.read(path)
        try:
            if is_released(manifest, name, path):
                deviations[name] = await self.ports.cluster.diff(manifest, environment)
        except (ManifestError, ManifestRejected):
            return  # the status says what is wrong with it

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
