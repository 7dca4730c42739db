"""
Stories of people who use kubectl past everything else.
"""

from __future__ import annotations

from cdlab.model import ImageRef
from cdlab.stories.actions import Change, Wanted, bootstrap, push_change, set_image, ship
from cdlab.stories.lab import BAD, NEXT, Lab


async def out_of_band(lab: Lab) -> None:
    """
    Set production back to the first image by hand, watch, then push once more.

    Nobody is told. What ends the divergence, if anything does, is the architecture's affair.
    """
    name, production = lab.workload, lab.production
    good = (await bootstrap(lab))[name]
    shipped = await ship(lab, name, Change(version=NEXT))
    repository = lab.application.image_repositories[name]
    back = Wanted(good=good.content, bad=shipped.content, bad_revisions=shipped.revisions)
    before = lab.observed.pods(name, production)
    await set_image(lab, name, production, ImageRef(repository, tag=good.revision), back)
    await lab.observed.until_rolled_back(name, production, good.content, lab.replicas, before)
    await lab.within_attempt(lab.until_serves(name, production, shipped.content))
    lab.recorder.mark("ObservationEnded", name)
    newer = await push_change(lab, name, Change(version="newer"))
    await lab.until_serves(name, lab.application.environments[0].name, newer.content)
    await lab.watch()


async def image_patch(lab: Lab) -> None:
    """
    Ship a bad release and patch production's image back by hand: nothing but what Kubernetes takes.

    No CI, no repo and no manager has a part in it, so that it is the least that any rollback costs.
    Where a manager repairs what it did not release, it may undo that on the way.
    """
    name, production = lab.workload, lab.production
    good = (await bootstrap(lab))[name]
    bad = await ship(lab, name, Change(version=BAD, is_bad=True))
    repository = lab.application.image_repositories[name]
    back = Wanted(good=good.content, bad=bad.content, bad_revisions=bad.revisions)
    before = lab.observed.pods(name, production)
    await set_image(lab, name, production, ImageRef(repository, tag=good.revision), back)
    is_back = await lab.within_attempt(
        lab.observed.until_rolled_back(name, production, good.content, lab.replicas, before)
    )
    lab.recorder.mark("RollbackSeen" if is_back else "RollbackUndone", name)
    await lab.watch()
    lab.recorder.mark("ObservationEnded", name)
