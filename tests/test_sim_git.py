"""The simulated git: ids, time, races, notes, the reflog and what must not leak out of a clone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from cdlab.errors import (
    FileMissing,
    Forbidden,
    MergeConflict,
    NothingToCommit,
    PushRejected,
    RevisionNotFound,
)
from cdlab.kernel import Kernel
from cdlab.model import Grant, Principal, Revision
from cdlab.substrates.sim.access import Credentials, Rights
from cdlab.substrates.sim.costs import Costs, load_profile
from cdlab.substrates.sim.git import Checkout, SimGitRepository
from cdlab.substrates.sim.git_objects import merge_lines
from cdlab.substrates.sim.git_server import GitServer

GRANTS = (
    Grant(principal="developer", runs="outside", code_repos="write"),
    Grant(principal="ci", runs="outside", code_repos="read"),
)


class NoStreams:
    """The profile is constant: nobody may draw."""

    def lognormal(self, purpose: str, entity: str, median: float, sigma: float) -> float:
        raise AssertionError(f"{purpose} of {entity} was drawn")

    def uniform(self, purpose: str, entity: str, low: float = 0.0, high: float = 1.0) -> float:
        raise AssertionError(f"{purpose} of {entity} was drawn")


class World:
    """One code repo called `users`, with clone 2 s, push 3 s and hint 1 s."""

    def __init__(self) -> None:
        self.kernel = Kernel()
        self.costs = Costs(load_profile("constant"), NoStreams())
        self.server = GitServer("users", "code_repos", self.kernel, self.costs)

    def repo(self, principal: Principal = "developer") -> SimGitRepository:
        return SimGitRepository(self.server, Credentials(principal, Rights(GRANTS)))

    def run(self, main: Callable[[], Awaitable[Any]]) -> Any:
        async def body() -> Any:
            return await main()

        return self.kernel.run(body())

    async def ship(self, text: str, path: str = "www/version") -> Revision:
        checkout = await self.repo().clone()
        return await self.ship_from(checkout, text, path)

    async def ship_from(self, checkout: Checkout, text: str, path: str) -> Revision:
        checkout.write(path, text)
        revision = await checkout.commit(f"{path} is {text}")
        await checkout.push()
        return revision


@pytest.fixture
def world() -> World:
    return World()


def test_a_clone_takes_as_long_as_the_profile_says_and_so_does_a_push(world: World) -> None:
    """Clone 2 s, commit 0 s, push 3 s: the branch moves at the end of the push."""
    world.run(lambda: world.ship("1"))
    assert [(update.time_us, update.old) for update in world.server.reflog] == [(5_000_000, None)]


def test_equal_runs_give_equal_revisions(world: World) -> None:
    """A revision is a hash of files, parents, message, author and virtual time: 40 hex digits."""
    first = world.run(lambda: world.ship("1"))
    other = World()
    assert other.run(lambda: other.ship("1")) == first
    assert len(first) == 40
    assert set(first) <= set("0123456789abcdef")


def test_the_first_of_two_pushes_wins(world: World) -> None:
    """Two clones of the same head push at once: one is accepted, one is told to clone again."""

    async def main() -> list[str]:
        await world.ship("1")
        results = []

        async def push(text: str) -> None:
            try:
                await world.ship(text)
                results.append("accepted")
            except PushRejected:
                results.append("rejected")

        actors = [world.kernel.spawn(push(text), name=text) for text in "23"]
        for actor in actors:
            await actor.join()
        return results

    assert world.run(main) == ["accepted", "rejected"]


def test_a_forced_push_is_in_the_reflog_with_what_it_lost(world: World) -> None:
    """The reflog is the witness of every history rewrite: who, when, and which commits."""

    async def main() -> None:
        first, second, third = [await world.ship(text) for text in "123"]
        checkout = await world.repo().clone()
        await checkout.reset(first)
        report = await checkout.push(force=True)
        assert (report.revision, report.previous) == (first, third)
        assert report.lost == (third, second)
        last = world.server.reflog[-1]
        assert (last.old, last.new, last.principal) == (third, first, "developer")
        assert last.is_forced
        assert last.lost == (third, second)

    world.run(main)


def test_force_that_was_not_needed_rewrites_nothing(world: World) -> None:
    """`--force` of a descendant is a fast-forward."""

    async def main() -> None:
        await world.ship("1")
        checkout = await world.repo().clone()
        checkout.write("a", "b")
        await checkout.commit("more")
        report = await checkout.push(force=True)
        assert report.lost == ()
        assert not report.is_rewrite

    world.run(main)


def test_pushing_nothing_new_changes_nothing(world: World) -> None:
    """`Everything up-to-date`: no line in the reflog, nobody is woken."""

    async def main() -> None:
        revision = await world.ship("1")
        report = await (await world.repo().clone()).push()
        assert (report.previous, report.revision) == (revision, revision)
        assert len(world.server.reflog) == 1

    world.run(main)


def test_nothing_can_be_pushed_before_the_first_commit(world: World) -> None:
    """As git: `src refspec main does not match any`."""

    async def main() -> None:
        checkout = await world.repo().clone()
        with pytest.raises(RevisionNotFound, match="no commit yet"):
            await checkout.push()
        with pytest.raises(RevisionNotFound, match="no commit yet"):
            await checkout.merge({"a": "b"}, "too early")

    world.run(main)


def test_a_watcher_sees_the_last_of_several_quick_pushes(world: World) -> None:
    """Hints coalesce: two pushes within the hint's delay are one answer, the newer revision."""

    async def main() -> tuple[list[Revision], list[Revision], float]:
        seen: list[Revision] = []

        async def watch() -> None:
            revision = None
            while True:
                revision = await world.repo("ci").wait_for_push(revision)
                seen.append(revision)

        world.kernel.spawn(watch(), name="watch")
        checkout = await world.repo().clone()
        world.costs = Costs(load_profile("constant").with_constants({"git_push": 0.4}), NoStreams())
        world.server.costs = world.costs
        pushed = [await world.ship_from(checkout, text, "www/version") for text in "12"]
        await world.kernel.sleep(0.5)
        nothing_yet = list(seen)
        await world.kernel.sleep(0.2)
        assert nothing_yet == []
        return seen, pushed, world.kernel.now()

    seen, pushed, _ = world.run(main)
    assert seen == pushed[1:]


def test_going_back_to_the_watched_revision_is_no_push(world: World) -> None:
    """A branch that moved and came back within the hint's delay is not reported."""

    async def main() -> Revision:
        first = await world.ship("1")
        waiting = world.kernel.spawn(world.repo("ci").wait_for_push(first), name="watch")
        world.server.costs = Costs(
            load_profile("constant").with_constants({"git_push": 0.1}), NoStreams()
        )
        checkout = await world.repo().clone()
        await world.ship_from(checkout, "2", "a")
        await checkout.reset(first)
        await checkout.push(force=True)
        await world.kernel.sleep(5)
        assert not waiting.done
        third = await world.ship("3")
        assert await waiting.join() == third
        return third

    world.run(main)


def test_a_clone_does_not_see_what_is_pushed_later(world: World) -> None:
    """Neither the head nor the commits nor the notes: a clone is of its moment."""

    async def main() -> None:
        first = await world.ship("1")
        early = await world.repo().clone()
        second = await world.ship("2")
        await world.repo().annotate(first, "staging/users healthy")
        assert early.head == first
        assert early.read("www/version") == "1"
        assert early.log()[0].note == ""
        with pytest.raises(RevisionNotFound):
            await early.reset(second)
        with pytest.raises(RevisionNotFound):
            early.read("www/version", at=second)

    world.run(main)


def test_a_reader_may_not_push_or_annotate(world: World) -> None:
    """The refusal names who and what, comes before anything happens, and is definite."""

    async def main() -> None:
        revision = await world.ship("1")
        checkout = await world.repo("ci").clone()
        checkout.write("a", "b")
        await checkout.commit("not allowed")
        with pytest.raises(Forbidden, match="'ci' has no write access to the code repo 'users'"):
            await checkout.push()
        with pytest.raises(Forbidden):
            await world.repo("ci").annotate(revision, "a lie")
        assert world.server.head is not None
        assert world.server.head.revision == revision
        assert world.server.notes == {}

    world.run(main)


def test_somebody_without_a_grant_may_not_even_look(world: World) -> None:
    """No grant, no access."""

    async def main() -> None:
        stranger = world.repo("manager")
        for call in (stranger.head, stranger.clone, lambda: stranger.wait_for_push(None)):
            with pytest.raises(Forbidden, match="read access"):
                await call()

    world.run(main)


@pytest.mark.parametrize(
    "path", ["", ".", "..", "/etc/passwd", "../other", "a/../../b", ".git/config", "a/.GIT/x", "a/"]
)
def test_a_path_outside_the_checkout_is_refused(world: World, path: str) -> None:
    """Also `.git`: a commit must not be able to change the repository that holds it."""

    async def main() -> None:
        checkout = await world.repo().clone()
        with pytest.raises(FileMissing):
            checkout.write(path, "x")
        with pytest.raises(FileMissing):
            checkout.read(path)

    world.run(main)


def test_a_file_cannot_be_a_folder_too(world: World) -> None:
    """As in a file system, in both directions."""

    async def main() -> None:
        checkout = await world.repo().clone()
        checkout.write("a/b", "x")
        for path in ("a", "a/b/c"):
            with pytest.raises(FileMissing, match="in the way"):
                checkout.write(path, "x")
        checkout.write("./a//b", "y")
        assert checkout.paths() == ("a/b",)

    world.run(main)


def test_a_merge_that_changes_nothing_is_refused_and_leaves_nothing(world: World) -> None:
    """The working tree is as it was before."""

    async def main() -> None:
        await world.ship("1")
        checkout = await world.repo().clone()
        with pytest.raises(NothingToCommit):
            await checkout.merge({"www/version": "1"}, "the same")
        with pytest.raises(FileMissing):
            await checkout.merge({"a": "b", "../c": "d"}, "outside")
        assert checkout.paths() == ("www/version",)

    world.run(main)


def test_a_revert_needs_a_clean_checkout_and_a_parent_that_exists(world: World) -> None:
    """Both are conflicts, with a sentence that says so."""

    async def main() -> None:
        await world.ship("1")
        second = await world.ship("2")
        checkout = await world.repo().clone()
        with pytest.raises(MergeConflict, match="no parent number 2"):
            await checkout.revert(second, mainline=2)
        checkout.write("www/version", "dirty")
        with pytest.raises(MergeConflict, match="not committed"):
            await checkout.revert(second)

    world.run(main)


def test_reverting_twice_has_nothing_to_commit(world: World) -> None:
    """What is undone already is not undone again."""

    async def main() -> None:
        await world.ship("1")
        second = await world.ship("2")
        checkout = await world.repo().clone()
        await checkout.revert(second)
        with pytest.raises(NothingToCommit, match="undone already"):
            await checkout.revert(second)

    world.run(main)


@pytest.mark.parametrize("mainline", [None, 1])
def test_the_first_commit_can_be_reverted_to_nothing(world: World, mainline: int | None) -> None:
    """As in git, the parent of the first commit is the empty tree, with a mainline or without."""

    async def main() -> None:
        empty = (await world.repo().clone()).content
        first = await world.ship("1")
        checkout = await world.repo().clone()
        await checkout.revert(first, mainline)
        assert checkout.paths() == ()
        assert checkout.content == empty

    world.run(main)


@pytest.mark.parametrize(
    ("ours", "merged"),
    [
        ("A\nb\nc\nd\n", "A\nb\nc\nD\n"),
        ("a\nb\nc\nD\n", "a\nb\nc\nD\n"),
        ("a\nb\nC\nd\n", None),
        ("a\nb\nc\nx\n", None),
        ("", None),
        ("new\na\nb\nc\nd\n", "new\na\nb\nc\nD\n"),
        ("a\nc\nd\n", "a\nc\nD\n"),
    ],
)
def test_changes_of_different_lines_combine(ours: str, merged: str | None) -> None:
    """The other side turns d into D. Neighbouring lines meet, as in git."""
    assert merge_lines("a\nb\nc\nd\n", ours, "a\nb\nc\nD\n") == merged


def test_the_log_of_a_path_leaves_out_merges_that_only_brought_it(world: World) -> None:
    """`git log -- path` shows the commit on the side branch, not the merge; folders work too."""

    async def main() -> None:
        await world.ship("1")
        checkout = await world.repo().clone()
        merge = await checkout.merge({"www/index.html": "x"}, "a feature")
        branch = checkout.log()[0].parents[1]
        assert checkout.log()[0].revision == merge
        assert [each.revision for each in checkout.log("www/index.html")] == [branch]
        assert len(checkout.log("www")) == 2
        assert checkout.log("nothing") == []

    world.run(main)
