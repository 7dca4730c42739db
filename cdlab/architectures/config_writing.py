"""
What the release manager does so that nothing it accepted is lost when an answer is.

Called by V3's page. The commit is the point of no return: from then on the config repo says what
should run, and whatever was not applied is applied by a later sync.
"""

from __future__ import annotations

from dataclasses import replace

from cdlab.errors import PortError
from cdlab.model import ImageRef, Revision
from cdlab.ports import Checkout, GitRepository, Ports


def now(manager: Ports) -> float:
    """When something is decided, in seconds since 1970: time lifts locks and holds."""
    return manager.clock.timestamp()


async def healthy_image(ports: Ports, workload: str, environment: str) -> ImageRef | None:
    """What an environment runs on every replica, by digest; None while that is not so."""
    found = next(iter(await ports.cluster.running(environment, workload)), None)
    if found is None or not found.is_available or not found.digests:
        return None
    return replace(found.desired, digest=found.digests[0])


async def publish(config: Checkout, message: str, repository: GitRepository) -> Revision:
    """
    Commit and push. After a push without an answer, look whether the commit arrived.

    Trying again blindly would roll back twice. Raises what the push raised if it did not arrive.
    """
    revision = await config.commit(message)
    try:
        await config.push()
    except PortError as error:
        if error.definite:
            raise
        now = await repository.clone()
        if all(each.revision != revision for each in now.log()):
            raise
    return revision
