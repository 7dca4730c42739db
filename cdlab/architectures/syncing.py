"""
How V3's release manager compares the environments with the config repo, and repairs them.

Where a policy says that drift is only reported, nothing is written that nobody asked for: only what
is new in the config repo is applied there. One file that cannot be read stops no other. In: a
checkout, a request, and who does the work: several workloads may be compared and applied at a time.
Out: what was found and done. Called by V3's page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from cdlab.config_layout import policy_in, workloads_in
from cdlab.errors import CdlabError, ManifestError, PortError
from cdlab.manifests import documents
from cdlab.model import Decision, Outcome
from cdlab.ports import Checkout, Ports
from cdlab.releases import is_released
from cdlab.syncs import Place, Synced, SyncRequest, Workers

DIFFERED = "it differed from the config repo"
REPORTED = "it differs from the config repo, and drift is only reported here"
STRAY = "it is in no manifest of the config repo"
CUT_OFF = Outcome("superseded", "something came that must not wait for a sync")


async def make_equal(
    config: Checkout,
    asked: SyncRequest,
    everywhere: Sequence[str],
    manager: Ports,
    workers: Workers,
) -> Synced:
    """Apply what differs and may be repaired, delete what is asked for, and tell of all of it."""
    syncing = _Syncing(config, asked, manager)
    for environment in asked.environments or everywhere:
        if not await syncing.compare(environment, workers):
            return replace(syncing.result, outcome=CUT_OFF)
        if asked.has_prune:
            await syncing.prune(environment)
    return syncing.result


class _Syncing:
    """One comparison, and what it has found so far."""

    def __init__(self, config: Checkout, asked: SyncRequest, manager: Ports) -> None:
        self.config, self.asked, self.manager = config, asked, manager
        self.differs: dict[Place, bool] = {}
        self.applied: list[Place] = []
        self.pruned: list[Place] = []
        self.failures: list[str] = []

    @property
    def result(self) -> Synced:
        """All of it. Who asked hears of a failure; nobody waits for what the clock began."""
        outcome = Outcome("released", "as the config repo says")
        if self.asked.user and self.failures:
            outcome = Outcome("failed", "; ".join(self.failures))
        return Synced(
            outcome=outcome,
            differs=self.differs,
            applied=tuple(self.applied),
            pruned=tuple(self.pruned),
        )

    async def compare(self, environment: str, workers: Workers) -> bool:
        """Every workload of an environment that was released once; False if that was cut off."""
        is_repaired = await self._is_repaired(environment)
        return await workers.do(
            partial(self._look_at, path, (environment, name), is_repaired=is_repaired)
            for path, _, name in workloads_in(self.config, environment)
        )

    async def _look_at(self, path: str, place: Place, *, is_repaired: bool) -> None:
        try:
            manifest = self.config.read(path)
            if is_released(manifest, place[1], path):
                await self._compare(manifest, place, is_repaired=is_repaired)
        except (ManifestError, PortError) as error:
            await self._fail("sync", place, error)

    async def _is_repaired(self, environment: str) -> bool:
        """Whether drift is: who asks has it repaired, and under a broken policy it is not."""
        try:
            return bool(self.asked.user) or policy_in(self.config, environment).drift == "repair"
        except ManifestError as error:
            await self._fail("sync", (environment, ""), error)
            return False

    async def _compare(self, manifest: str, place: Place, *, is_repaired: bool) -> None:
        environment, _ = place
        deviation = await self.manager.cluster.diff(manifest, environment)
        is_new = deviation == "not applied" or place in self.asked.owed
        if deviation and (is_repaired or is_new):
            if not self.asked.is_dry_run:
                await self.manager.cluster.apply(manifest, environment)
            self.applied.append(place)
            self.differs[place] = False
            await self._tell("sync", place, Outcome("released", DIFFERED, self.config.head))
            return
        self.differs[place] = bool(deviation)
        if deviation:
            await self._tell("sync", place, Outcome("skipped", REPORTED, self.config.head))

    async def prune(self, environment: str) -> None:
        """What no manifest has. While one of them cannot be read, nobody knows what that is."""
        try:
            manifests = []
            for path, _, _ in workloads_in(self.config, environment):
                manifests.append(self.config.read(path))
                documents(manifests[-1], path)
            gone = await self.manager.cluster.prune(
                manifests, environment, is_dry_run=self.asked.is_dry_run
            )
        except (ManifestError, PortError) as error:
            await self._fail("prune", (environment, ""), error)
            return
        for each in gone:
            self.pruned.append((environment, each))
            outcome = Outcome("released", STRAY, self.config.head)
            await self._tell("prune", (environment, each), outcome)

    async def _fail(self, what: str, place: Place, error: CdlabError) -> None:
        environment, name = place
        self.failures.append(f"{' in '.join(filter(None, (name, environment)))}: {error.message}")
        reason = f"{type(error).__name__}: {error.message}"
        await self._tell(what, place, Outcome("failed", reason))

    async def _tell(self, what: str, place: Place, outcome: Outcome) -> None:
        if not self.asked.is_dry_run:
            environment, name = place
            decision = Decision(what, name, environment, outcome, self.asked.user)
            await self.manager.decisions.record(decision)
