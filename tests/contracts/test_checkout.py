"""
What every checkout promises, on every substrate.

`world.run(main)` runs a coroutine with `ports_of(principal)`, in a world of its own. Developers
write the code repos. Nothing is assumed about ids and times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cdlab.errors import (
    FileMissing,
    MergeConflict,
    NothingToCommit,
    RevisionNotFound,
)
from cdlab.model import Revision
from cdlab.ports import GitRepository, Ports

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


def test_files_are_listed_read_and_replaced(world: World) -> None:
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
def test_a_path_outside_the_checkout_is_refused(world: World, path: str) -> None:
    """And `.git` counts as outside."""

    async def main(ports_of: PortsOf) -> None:
        checkout = await repo_of(ports_of("developer")).clone()
        with pytest.raises(FileMissing):
            checkout.write(path, "x")

    world.run(main)


def test_equal_files_are_equal_content_whatever_the_history(world: World) -> None:
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


def test_there_must_be_something_to_commit(world: World) -> None:
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


def test_the_log_is_newest_first_and_can_be_of_one_path(world: World) -> None:
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


def test_a_revert_undoes_a_commit_with_another_one(world: World) -> None:
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


def test_a_reverted_commit_gives_the_content_before_it(world: World) -> None:
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


def test_a_revert_that_later_commits_stand_in_the_way_of_conflicts(world: World) -> None:
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


def test_changes_of_different_lines_do_not_conflict(world: World) -> None:
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


def test_a_merge_has_two_parents_and_a_revert_of_it_needs_a_mainline(world: World) -> None:
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


def test_a_reverted_branch_does_not_land_again(world: World) -> None:
    """
    It is merged already: a revert undoes what it did and not that.

    Reverting the revert brings it back. What the head does not have is merged.
    """

    async def main(ports_of: PortsOf) -> None:
        repo = repo_of(ports_of("developer"))
        (first,) = await ship(repo, "1")
        checkout = await repo.clone()
        merge = await checkout.merge({"www/version": "2"}, "a feature")
        branch = checkout.log()[0].parents[1]
        undone = await checkout.revert(merge, mainline=1)
        with pytest.raises(NothingToCommit):
            await checkout.merge_again(branch)
        assert checkout.head == undone
        assert checkout.read("www/version") == "1"
        await checkout.revert(undone)
        assert checkout.read("www/version") == "2"
        await checkout.reset(first)
        again = await checkout.merge_again(branch)
        assert checkout.read("www/version") == "2"
        assert checkout.log()[0].parents == (first, branch)
        assert checkout.head == again
        with pytest.raises(RevisionNotFound):
            await checkout.merge_again(Revision("0" * 40))

    world.run(main)


def test_a_reset_drops_everything_after_a_revision(world: World) -> None:
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
