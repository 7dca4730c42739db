"""
Rolling back with git, the same in V1 and V2: what people do before CI goes to work again.

Called by both pages. Out: the answer, with the revision that was pushed.
"""

from __future__ import annotations

import re

from cdlab.manifests import image_of
from cdlab.model import Outcome, RollbackRequest
from cdlab.ports import Checkout, GitRepository
from cdlab.releases import config_path

REVERT = re.compile(r"^This reverts commit ([0-9a-f]{40})\.", re.MULTILINE)
"""What git writes into the message of a revert."""


async def change_back(code_repo: GitRepository, request: RollbackRequest, how: str) -> Outcome:
    """
    Undo a commit and push that.

    By `revert` with a new one on top; by `force-push` as if it and all that came after had never
    been. A merge is reverted with its first parent as the mainline, the branch it was merged into.
    """
    checkout = await code_repo.clone()
    bad = next((each for each in checkout.log() if request.undo in (None, each.revision)), None)
    if bad is None:
        return Outcome("not expressible", "what is to be undone is no commit of the code repo")
    if how == "force-push":
        if not bad.parents:
            return Outcome("refused", "it is the first commit: there is nothing before it")
        await checkout.reset(bad.parents[0])
    else:
        await checkout.revert(bad.revision, mainline=1 if bad.is_merge else None)
    pushed = await checkout.push(force=how == "force-push")
    return Outcome("released", request.message, pushed.revision)


async def revert_config(config_repo: GitRepository, request: RollbackRequest) -> Checkout:
    """
    Revert the last change of the manifest that still counts, push that, and return what is there.

    A revert does not count, nor what it undid: rolling back twice goes further back. So does a
    request that names what to go back to, until that is there.
    """
    config, path = await config_repo.clone(), config_path(request.environment, request.workload)
    while True:
        log = config.log(path)
        undone = {found[1] for each in log if (found := REVERT.search(each.message))}
        last = next(c for c in log if not REVERT.search(c.message) and c.revision not in undone)
        await config.revert(last.revision)
        if request.to is None or request.to in image_of(config.read(path), request.workload):
            await config.push()
            return config
