"""
The stories that a benchmark plays: those of the scenarios, and a rollback in mid-rollout.

Called by `playing.py`.
"""

from __future__ import annotations

from cdlab.bench.variants import is_mid_rollout
from cdlab.scenario import Scenario
from cdlab.stories import STORIES, Lab, Story
from cdlab.stories.actions import Change, bootstrap, promote, push_change, roll_back
from cdlab.stories.lab import BAD, Shipped
from cdlab.stories.rollbacks import wanted


def story_of(scenario: Scenario, cell: str) -> Story:
    """What people do in a run of this cell."""
    return mid_rollout if is_mid_rollout(cell) else STORIES[scenario.story]


async def mid_rollout(lab: Lab) -> None:
    """Ship bad on good, and ask for the rollback while only a part of production serves it."""
    name, production = lab.workload, lab.production
    good = (await bootstrap(lab))[name]
    bad = await push_change(lab, name, Change(version=BAD, is_bad=True))
    await _release(lab, name, bad)
    while not _serves_any(lab, name, bad):
        await lab.observed.until_changed()
    # New pods say nothing of who wanted them: those of the bad release may still be made.
    content = await roll_back(lab, name, production, wanted(lab, good, bad))
    if not await lab.within_attempt(lab.until_serves(name, production, content)):
        lab.recorder.mark("RollbackMissed", name)
    await lab.watch()
    lab.recorder.mark("ObservationEnded", name)


async def _release(lab: Lab, name: str, bad: Shipped) -> None:
    """See it on its way to production, and promote it where somebody has to."""
    if lab.architecture.has_manual_environments:
        staging = lab.application.environments[0].name
        await lab.until_serves(name, staging, bad.content)
        await promote(lab, name, staging, lab.production)


def _serves_any(lab: Lab, name: str, bad: Shipped) -> bool:
    served = lab.observed.serving(name, lab.production)
    return bad.content in [lab.observed.contents.get(digest) for digest in served]
