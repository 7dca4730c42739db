"""
Stories of ordinary work: first deployments, promotions, teams that push at the same time.
"""

from __future__ import annotations

from cdlab.stories.actions import Change, bootstrap, promote, push_change, ship
from cdlab.stories.lab import NEXT, Lab


async def first_deployment(lab: Lab) -> None:
    """Bring every microservice into every environment for the first time."""
    await bootstrap(lab)


async def promotion(lab: Lab) -> None:
    """Ship a change through every environment, one after the other."""
    await bootstrap(lab)
    await ship(lab, lab.workload, Change(version=NEXT))


async def different_versions(lab: Lab) -> None:
    """Push a change that only the first environment is meant to run, and see what runs where."""
    await bootstrap(lab)
    first = lab.application.environments[0].name
    shipped = await push_change(lab, lab.workload, Change(version=NEXT))
    await lab.until_serves(lab.workload, first, shipped.content)
    await lab.pipelines.finished(shipped.revision)
    await lab.watch()
    lab.recorder.mark("ObservationEnded", lab.workload)


async def promote_one_of_two(lab: Lab) -> None:
    """Ship two versions to the first environment and promote while the second one arrives."""
    await bootstrap(lab)
    first = lab.application.environments[0].name
    shipped = await push_change(lab, lab.workload, Change(version=NEXT))
    await lab.until_serves(lab.workload, first, shipped.content)
    newer = await push_change(lab, lab.workload, Change(version="newer"))
    await promote(lab, lab.workload, first, lab.production)
    await lab.until_serves(lab.workload, lab.production, shipped.content)
    await lab.until_serves(lab.workload, first, newer.content)


async def two_teams(lab: Lab) -> None:
    """Have the teams of all microservices push at the same moment."""
    await bootstrap(lab)
    names = [each.name for each in lab.application.microservices]
    await lab.together([ship(lab, name, Change(version=NEXT)) for name in names], "a team")


async def older_build_last(lab: Lab) -> None:
    """Push twice in a row; the build of the first commit, a slow one, ends after the second's."""
    await bootstrap(lab)
    first = lab.application.environments[0].name
    older = await push_change(lab, lab.workload, Change(version="older"))
    await lab.pipelines.started(older.revision)
    newer = await push_change(lab, lab.workload, Change(version=NEXT))
    await lab.until_serves(lab.workload, first, newer.content)
    await lab.pipelines.finished(older.revision)
    await lab.watch()
    lab.recorder.mark("ObservationEnded", lab.workload)
