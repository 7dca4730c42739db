"""
What every git repository and checkout promises, on every substrate.

`world.run(main)` runs a coroutine with `ports_of(principal)`, in a world of its own. Developers
write the code repos, CI reads them. Nothing is assumed about ids and times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cdlab.errors import (
    FileMissing,
    Forbidden,
    MergeConflict,
    NothingToCommit,
    PushRejected,
    RevisionNotFound,
)
from cdlab.model import Revision
from cdlab.ports import Checkout, GitRepository, Ports

if TYPE_CHECKING:
    from tests.contracts.conftest import ContractWorld, PortsOf


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


def test_a_new_repository_is_empty(world: ContractWorld) -> None:
    """It has no head and no files, and its clone neither."""

    async def main(ports_of: PortsOf) -> None:
        repo = repo_of(ports_of("developer"))
        assert await repo.head() is None
        checkout = await repo.clone()
        assert checkout.head is None
        assert checkout.paths() == ()
        assert list(checkout.log()) == []

    world.run(main)


def test_nothing_is_seen_by_others_before_the_push(world: ContractWorld) -> None:
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


def test_a_push_to_a_branch_that_moved_is_rejected(world: ContractWorld) -> None:
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


def test_a_forced_push_loses_the_commits_that_only_the_branch_had(world: ContractWorld) -> None:
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


def test_waiting_for_a_push_returns_at_once_when_there_was_one(world: ContractWorld) -> None:
    """The head is compared with what the caller knows."""

    async def main(ports_of: PortsOf) -> None:
        first, second = await ship(repo_of(ports_of("developer")), "1", "2")
        watched = repo_of(ports_of("ci"))
        assert await watched.wait_for_push(None) == second
        assert await watched.wait_for_push(first) == second

    world.run(main)


def test_waiting_for_a_push_ends_when_it_comes(world: ContractWorld) -> None:
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


def test_a_clone_at_a_revision_has_its_files(world: ContractWorld) -> None:
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


def test_files_are_listed_read_and_replaced(world: ContractWorld) -> None:
    """Paths are sorted; a file can be read as it is now and as it was at a revision."""

    async def main(ports_of: PortsOf) -> None:
        checkout = await repo_of(ports_of("developer")).clone()
        for path in ("www/b", "a", "www/a", "wwwx"):
            checkout.write(path, f"text of {path}\n")
        first = await checkout.commit("four files")
        checkout.write("a", "uncommitted, ünicode")
        checkout.write("new", "")
        assert checkout.paths() == ("a", "new", "www/a", "www/b", "wwwx")
        assert checkout.paths("www") == ("www/a", "www/b")
        assert checkout.paths("nothing") == ()
        assert checkout.read("a") == "uncommitted, ünicode"
        assert checkout.read("new") == ""
        assert checkout.read("a", at=first) == "text of a\n"
        for path, at in (("missing", None), ("new", first), ("www", None)):
            with pytest.raises(FileMissing):
                checkout.read(path, at=at)
        with pytest.raises(RevisionNotFound):
            checkout.read("a", at=Revision("0" * 40))

    world.run(main)


@pytest.mark.parametrize("path", ["../outside", "/tmp/cdlab-outside", "a/../../b", ".git/config"])
def test_a_path_outside_the_checkout_is_refused(world: ContractWorld, path: str) -> None:
    """And `.git` counts as outside."""

    async def main(ports_of: PortsOf) -> None:
        checkout = await repo_of(ports_of("developer")).clone()
        with pytest.raises(FileMissing):
            checkout.write(path, "x")

    world.run(main)


def test_equal_files_are_equal_content_whatever_the_history(world: ContractWorld) -> None:
    """Content is that of the committed files: writing changes nothing until the commit."""

    async def main(ports_of: PortsOf) -> None:
        checkout = await repo_of(ports_of("developer")).clone()
        empty = checkout.content
        checkout.write("a", "1")
        assert checkout.content == empty
        await checkout.commit("one")
        one = checkout.content
        checkout.write("a", "2")
        await checkout.commit("two")
        two = checkout.content
        checkout.write("a", "1")
        await checkout.commit("one again")
        assert len({empty, one, two}) == 3
        assert checkout.content == one

    world.run(main)


def test_there_must_be_something_to_commit(world: ContractWorld) -> None:
    """Neither a clean checkout nor one with the same text written again has anything."""

    async def main(ports_of: PortsOf) -> None:
        repo = repo_of(ports_of("developer"))
        await ship(repo, "1")
        checkout = await repo.clone()
        with pytest.raises(NothingToCommit):
            await checkout.commit("nothing")
        checkout.write("www/version", "1")
        with pytest.raises(NothingToCommit):
            await checkout.commit("nothing")

    world.run(main)


def test_the_log_is_newest_first_and_can_be_of_one_path(world: ContractWorld) -> None:
    """With the parents and the message of every commit."""

    async def main(ports_of: PortsOf) -> None:
        repo = repo_of(ports_of("developer"))
        first, second = await ship(repo, "1", "2")
        (other,) = await ship(repo, "x", path="other")
        checkout = await repo.clone()
        log = checkout.log()
        assert [each.revision for each in log] == [other, second, first]
        assert [each.parents for each in log] == [(second,), (first,), ()]
        assert log[1].message.strip() == "www/version is 2"
        assert not any(each.is_merge for each in log)
        assert [each.revision for each in checkout.log("www/version")] == [second, first]
        assert [each.revision for each in checkout.log("other")] == [other]

    world.run(main)


def test_a_revert_undoes_a_commit_with_another_one(world: ContractWorld) -> None:
    """The files are as before it, later changes of other files stay, and nothing is lost."""

    async def main(ports_of: PortsOf) -> None:
        repo = repo_of(ports_of("developer"))
        first, second = await ship(repo, "1", "2")
        (other,) = await ship(repo, "x", path="other")
        checkout = await repo.clone()
        revert = await checkout.revert(second)
        assert checkout.head == revert
        assert checkout.read("www/version") == "1"
        assert checkout.read("other") == "x"
        assert (await checkout.push()).lost == ()
        revisions = [each.revision for each in (await repo.clone()).log()]
        assert revisions == [revert, other, second, first]

    world.run(main)


def test_a_reverted_commit_gives_the_content_before_it(world: ContractWorld) -> None:
    """So a rebuild after a rollback by revert may find everything in the cache."""

    async def main(ports_of: PortsOf) -> None:
        repo = repo_of(ports_of("developer"))
        await ship(repo, "1")
        checkout = await repo.clone()
        before = checkout.content
        checkout.write("www/version", "2")
        checkout.write("added", "2")
        bad = await checkout.commit("bad")
        await checkout.revert(bad)
        assert checkout.content == before
        assert checkout.paths() == ("www/version",)

    world.run(main)


def test_a_revert_that_later_commits_stand_in_the_way_of_conflicts(world: ContractWorld) -> None:
    """And leaves the checkout as it was, so that it can still be used."""

    async def main(ports_of: PortsOf) -> None:
        repo = repo_of(ports_of("developer"))
        _, second, third = await ship(repo, "1", "2", "3")
        checkout = await repo.clone()
        with pytest.raises(MergeConflict):
            await checkout.revert(second)
        assert checkout.head == third
        assert checkout.read("www/version") == "3"
        await checkout.revert(third)
        assert checkout.read("www/version") == "2"
        with pytest.raises(RevisionNotFound):
            await checkout.revert(Revision("0" * 40))

    world.run(main)


def test_changes_of_different_lines_do_not_conflict(world: ContractWorld) -> None:
    """A revert is a three-way merge of lines, not of files."""

    async def main(ports_of: PortsOf) -> None:
        repo = repo_of(ports_of("developer"))
        lines = [f"line {number}\n" for number in range(9)]
        await ship(repo, "".join(lines))
        (second,) = await ship(repo, "".join(["changed\n", *lines[1:]]))
        await ship(repo, "".join(["changed\n", *lines[1:-1], "changed too\n"]))
        checkout = await repo.clone()
        await checkout.revert(second)
        assert checkout.read("www/version") == "".join([*lines[:-1], "changed too\n"])

    world.run(main)


def test_a_merge_has_two_parents_and_a_revert_of_it_needs_a_mainline(world: ContractWorld) -> None:
    """The first parent is the branch that was merged into; keeping it undoes the merge."""

    async def main(ports_of: PortsOf) -> None:
        repo = repo_of(ports_of("developer"))
        (first,) = await ship(repo, "1")
        checkout = await repo.clone()
        merge = await checkout.merge({"www/version": "2", "added": "2"}, "a feature")
        assert checkout.head == merge
        assert checkout.read("added") == "2"
        newest = checkout.log()[0]
        assert (newest.revision, newest.is_merge) == (merge, True)
        assert newest.parents[0] == first
        assert newest.parents[1] in {each.revision for each in checkout.log()}
        with pytest.raises(MergeConflict):
            await checkout.revert(merge)
        await checkout.revert(merge, mainline=1)
        assert checkout.read("www/version") == "1"
        assert checkout.paths() == ("www/version",)
        await checkout.push()

    world.run(main)


def test_resetting_before_a_merge_and_forcing_loses_both_its_commits(world: ContractWorld) -> None:
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


def test_a_reset_drops_everything_after_a_revision(world: ContractWorld) -> None:
    """Commits and uncommitted changes alike; other checkouts are not touched."""

    async def main(ports_of: PortsOf) -> None:
        repo = repo_of(ports_of("developer"))
        first, second = await ship(repo, "1", "2")
        checkout = await repo.clone()
        checkout.write("www/version", "dirty")
        await checkout.reset(first)
        assert checkout.head == first
        assert checkout.read("www/version") == "1"
        assert [each.revision for each in checkout.log()] == [first]
        assert await repo.head() == second
        with pytest.raises(RevisionNotFound):
            await checkout.reset(Revision("0" * 40))

    world.run(main)


def test_a_note_is_added_without_moving_the_branch(world: ContractWorld) -> None:
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


def test_who_may_only_read_cannot_push(world: ContractWorld) -> None:
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


def test_repositories_are_independent(world: ContractWorld) -> None:
    """A push to one code repo leaves the others and the config repo as they are."""

    async def main(ports_of: PortsOf) -> None:
        repos = list(ports_of("developer").code_repos.values())
        await ship(repos[0], "1")
        for other in repos[1:]:
            assert await other.head() is None
        assert await ports_of("operator").config_repo.head() is None

    world.run(main)
