"""
What every git repository promises, on every substrate.

`world.run(main)` runs a coroutine with `ports_of(principal)`, in a world of its own. Developers
write the code repos, CI reads them. Nothing is assumed about ids and times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cdlab.errors import (
    Forbidden,
    PushRejected,
    RevisionNotFound,
)
from cdlab.model import Revision
from cdlab.ports import Checkout, GitRepository, Ports

if TYPE_CHECKING:
    from tests.contracts.conftest import PortsOf, World


def repo_of(ports: Ports) -> GitRepository:
    """A code repo: one is like the other."""
    return ports.code_repos["users"]


async def ship(repo: GitRepository, *texts: str, path: str = "www/version") -> list[Revision]:
    """Push one commit for each text of a file."""
    checkout = await repo.clone()
    revisions = []
    for text in texts:
        checkout.write(path, text)
        revisions.append(await checkout.commit(f"{path} is {text}"))
    await checkout.push()
    return revisions


async def rewind(repo: GitRepository, revision: Revision) -> Checkout:
    """Force the branch back to a revision."""
    checkout = await repo.clone()
    await checkout.reset(revision)
    await checkout.push(force=True)
    return checkout


def test_a_new_repository_is_empty(world: World) -> None:
    """It has no head and no files, and its clone neither."""

    async def main(ports_of: PortsOf) -> None:
        repo = repo_of(ports_of("developer"))
        assert await repo.head() is None
        checkout = await repo.clone()
        assert checkout.head is None
        assert checkout.paths() == ()
        assert list(checkout.log()) == []

    world.run(main)


def test_nothing_is_seen_by_others_before_the_push(world: World) -> None:
    """A commit is private; a push makes it the head and tells what it did."""

    async def main(ports_of: PortsOf) -> None:
        repo = repo_of(ports_of("developer"))
        checkout = await repo.clone()
        checkout.write("www/version", "1")
        revision = await checkout.commit("the first")
        assert checkout.head == revision
        assert await repo.head() is None
        report = await checkout.push()
        assert (report.revision, report.previous, report.lost) == (revision, None, ())
        assert await repo.head() == revision
        assert (await repo.clone()).read("www/version") == "1"

    world.run(main)


def test_a_push_to_a_branch_that_moved_is_rejected(world: World) -> None:
    """The other one's commit stays the head, and the rejection is definite."""

    async def main(ports_of: PortsOf) -> None:
        repo = repo_of(ports_of("developer"))
        await ship(repo, "1")
        late = await repo.clone()
        (winner,) = await ship(repo, "2")
        late.write("other", "3")
        await late.commit("too late")
        with pytest.raises(PushRejected) as rejected:
            await late.push()
        assert rejected.value.definite
        assert await repo.head() == winner

    world.run(main)


def test_a_forced_push_loses_the_commits_that_only_the_branch_had(world: World) -> None:
    """They are reported, newest first, and cannot be cloned any more."""

    async def main(ports_of: PortsOf) -> None:
        repo = repo_of(ports_of("developer"))
        first, second, third = await ship(repo, "1", "2", "3")
        checkout = await repo.clone()
        await checkout.reset(first)
        with pytest.raises(PushRejected):
            await checkout.push()
        report = await checkout.push(force=True)
        assert (report.revision, report.previous) == (first, third)
        assert report.lost == (third, second)
        assert report.is_rewrite
        assert await repo.head() == first
        with pytest.raises(RevisionNotFound):
            await repo.clone(at=third)

    world.run(main)


def test_waiting_for_a_push_returns_at_once_when_there_was_one(world: World) -> None:
    """The head is compared with what the caller knows."""

    async def main(ports_of: PortsOf) -> None:
        first, second = await ship(repo_of(ports_of("developer")), "1", "2")
        watched = repo_of(ports_of("ci"))
        assert await watched.wait_for_push(None) == second
        assert await watched.wait_for_push(first) == second

    world.run(main)


def test_waiting_for_a_push_ends_when_it_comes(world: World) -> None:
    """A first push, a later push, and a forced push back to an older commit all count."""

    async def main(ports_of: PortsOf) -> None:
        repo, watched = repo_of(ports_of("developer")), repo_of(ports_of("ci"))
        waiting = world.kernel.spawn(watched.wait_for_push(None), name="the first push")
        (first,) = await ship(repo, "1")
        assert await waiting.join() == first
        waiting = world.kernel.spawn(watched.wait_for_push(first), name="the next push")
        (second,) = await ship(repo, "2")
        assert await waiting.join() == second
        waiting = world.kernel.spawn(watched.wait_for_push(second), name="the way back")
        await rewind(repo, first)
        assert await waiting.join() == first

    world.run(main)


def test_a_clone_at_a_revision_has_its_files(world: World) -> None:
    """Its head is that revision, whatever came later."""

    async def main(ports_of: PortsOf) -> None:
        repo = repo_of(ports_of("developer"))
        first, second = await ship(repo, "1", "2")
        checkout = await repo.clone(at=first)
        assert checkout.head == first
        assert checkout.read("www/version") == "1"
        assert [each.revision for each in checkout.log()] == [first]
        assert (await repo.clone()).head == second
        with pytest.raises(RevisionNotFound):
            await repo.clone(at=Revision("0" * 40))

    world.run(main)


def test_resetting_before_a_merge_and_forcing_loses_both_its_commits(world: World) -> None:
    """The merge and the commit on its branch are both gone."""

    async def main(ports_of: PortsOf) -> None:
        repo = repo_of(ports_of("developer"))
        (first,) = await ship(repo, "1")
        checkout = await repo.clone()
        merge = await checkout.merge({"added": "2"}, "a feature")
        branch = checkout.log()[0].parents[1]
        await checkout.push()
        await checkout.reset(first)
        assert (await checkout.push(force=True)).lost == (merge, branch)

    world.run(main)


def test_a_note_is_added_without_moving_the_branch(world: World) -> None:
    """Later clones see all its lines in the log; other commits have none."""

    async def main(ports_of: PortsOf) -> None:
        repo = repo_of(ports_of("developer"))
        first, second = await ship(repo, "1", "2")
        for environment in ("staging", "production"):
            await repo.annotate(first, f"{environment}/users healthy")
        assert await repo.head() == second
        log = (await repo.clone()).log()
        assert [each.revision for each in log] == [second, first]
        assert log[0].note == ""
        lines = [line for line in log[1].note.splitlines() if line]
        assert lines == ["staging/users healthy", "production/users healthy"]

    world.run(main)


def test_who_may_only_read_cannot_push(world: World) -> None:
    """The attempt is refused and nothing changes."""

    async def main(ports_of: PortsOf) -> None:
        (first,) = await ship(repo_of(ports_of("developer")), "1")
        repo = repo_of(ports_of("ci"))
        checkout = await repo.clone()
        checkout.write("www/version", "2")
        await checkout.commit("not allowed")
        for force in (False, True):
            with pytest.raises(Forbidden):
                await checkout.push(force=force)
        with pytest.raises(Forbidden):
            await repo.annotate(first, "staging/users healthy")
        clone = await repo.clone()
        assert clone.head == first
        assert clone.log()[0].note == ""

    world.run(main)


def test_repositories_are_independent(world: World) -> None:
    """A push to one code repo leaves the others and the config repo as they are."""

    async def main(ports_of: PortsOf) -> None:
        repos = list(ports_of("developer").code_repos.values())
        await ship(repos[0], "1")
        for other in repos[1:]:
            assert await other.head() is None
        assert await ports_of("operator").config_repo.head() is None

    world.run(main)
