"""A repository as a principal reaches it from a run: clones, pushes and hints, without Docker."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from cdlab.errors import RepositoryUnavailable
from cdlab.live_kernel import LiveKernel
from cdlab.substrates.kind.advertised_refs import AdvertisedRefs
from cdlab.substrates.kind.git import KindGitRepository
from cdlab.substrates.kind.git_commands import GitCommands, GitFailed
from cdlab.substrates.kind.hints import Hints
from cdlab.substrates.kind.lab import Services
from tests.git_servers import GitServer, serving


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    """A server with one repository that "developer" may write, and an empty clone."""
    with serving(tmp_path) as found:
        yield found


def repository(kernel: LiveKernel, server: GitServer, folder: Path) -> KindGitRepository:
    """The repository as a developer reaches it from a run."""
    services = SimpleNamespace(
        git_url=f"http://127.0.0.1:{server.port}/git",
        passwords={"developer"},
        login=lambda principal: (principal, f"{principal}-password"),
    )
    hints = Hints(kernel, f"http://127.0.0.1:{server.port}")
    return KindGitRepository(cast(Services, services), hints, "r1/code", "developer", folder=folder)


def test_a_lost_hint_costs_the_interval_between_two_looks() -> None:
    """Nobody tells that there is something new: it is found by looking, and not before."""
    kernel = LiveKernel()
    hints = Hints(kernel, "http://127.0.0.1:9", look_seconds=0.2)
    looked: list[float] = []

    async def look() -> str | None:
        looked.append(kernel.now())
        return "found" if len(looked) == 3 else None

    async def main() -> None:
        assert await hints.until(("git", "r1/code"), look) == "found"

    kernel.run(main())
    assert all(later - earlier >= 0.2 for earlier, later in pairwise(looked))


def test_a_clone_is_of_what_the_server_has_and_leaves_nothing(
    server: GitServer, tmp_path: Path
) -> None:
    """Its own push, somebody else's, a note; the folder of each goes with it."""
    kernel = LiveKernel()
    mine = repository(kernel, server, tmp_path / "mine")
    theirs = repository(kernel, server, tmp_path / "theirs")

    async def main() -> None:
        first = await mine.clone()
        first.write("file", "one")
        await first.commit("One")
        await first.push()
        second = await theirs.clone()
        assert second.head == first.head
        second.write("file", "two")
        await second.commit("Two")
        await second.push()
        for _ in range(3):
            third = await mine.clone()
            assert (third.head, third.read("file")) == (second.head, "two")
            assert [each.note for each in third.log()] == ["", ""]
        await mine.annotate(second.head, "healthy")
        await theirs.annotate(second.head, "and fast")
        for each in (mine, theirs, mine):
            assert [c.note for c in (await each.clone()).log()] == ["healthy\nand fast", ""]
        await second.reset(first.head)
        await second.push(force=True)
        assert (await mine.clone()).head == await mine.head() == first.head
        assert len(folders(mine)) == 4, "of the first, its own too; of the third; of the last"

    kernel.run(main())
    assert len(folders(mine)) == len(folders(theirs)) == 1, "of the last clone of each"


def test_a_repository_that_became_empty_and_a_tree_that_cannot_be_laid_out(
    server: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both are errors of the port or an empty clone, and no folder is left of what failed."""
    kernel = LiveKernel()
    mine = repository(kernel, server, tmp_path / "mine")

    async def main() -> None:
        first = await mine.clone()
        first.write("file", "one")
        await first.commit("One")
        await first.push()
        assert (await mine.clone()).head == first.head
        second, before = await mine.clone(), len(folders(mine))

        def fail(self: GitCommands, *arguments: str) -> str:
            raise GitFailed(128, "", "no space left on device")

        with monkeypatch.context() as patched:
            patched.setattr(GitCommands, "__call__", fail)
            with pytest.raises(RepositoryUnavailable, match="no space left"):
                second.write(".gitattributes", "* text\n")
        assert len(folders(mine)) == before
        with monkeypatch.context() as patched:
            patched.setattr(AdvertisedRefs, "read", lambda self: {})
            assert (await mine.clone()).head == first.head, "it asks git, which knows better"

    kernel.run(main())


def test_clones_of_one_state_read_each_file_once(server: GitServer, tmp_path: Path) -> None:
    """A page about two hundred workloads reads each of them several times."""
    kernel = LiveKernel()
    mine = repository(kernel, server, tmp_path / "mine")

    async def main() -> None:
        first = await mine.clone()
        first.write("file", "one")
        await first.commit("One")
        await first.push()
        second = await mine.clone()
        assert (second.read("file"), second.paths()) == ("one", ("file",))
        (second.folder / "file").unlink()
        third = await mine.clone()
        assert (third.read("file"), third.paths()) == ("one", ("file",))
        third.write("file", "two")
        assert (third.read("file"), second.read("file")) == ("two", "one")

    kernel.run(main())


def folders(of: KindGitRepository) -> list[Path]:
    return list(of.folder.glob("checkout-*"))
