"""Commits and pushes without a working tree: what git makes of the same, in fewer processes."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import urllib3

from cdlab.errors import (
    FileMissing,
    Forbidden,
    NothingToCommit,
    PushRejected,
    RepositoryUnavailable,
)
from cdlab.live_kernel import LiveKernel
from cdlab.substrates.kind.checkouts import KindCheckout
from cdlab.substrates.kind.git import KindGitRepository
from cdlab.substrates.kind.git_commands import GitCommands
from tests.git_servers import GitServer, serving
from tests.test_kind_git import folders, repository

Story: TypeAlias = Callable[[KindGitRepository], Coroutine[Any, Any, None]]
FIRST = {"file": "one", "same": "same\n", "run.sh": "echo old\n", "folder/deep/file": "deep"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    """A server whose repository has some files, one of them a program."""
    with serving(tmp_path) as found:
        for path, text in FIRST.items():
            file = found.folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        (found.folder / "run.sh").chmod(0o755)
        push(found)
        yield found


def push(server: GitServer) -> None:
    """Commit and push all that is in the clone of the tests."""
    server.git("add", "--all")
    server.git("commit", "--quiet", "--message=First")
    done = server.git("push", "--quiet", server.url("developer"), "main")
    assert done.returncode == 0, done.stderr


def play(server: GitServer, folder: Path, story: Story) -> None:
    """Run a story with the repository as a developer reaches it."""
    kernel = LiveKernel()
    kernel.run(story(repository(kernel, server, folder)))


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the git commands that are run from here on."""
    run, found = GitCommands.__call__, list[str]()

    def noted(self: GitCommands, *arguments: str) -> str:
        found.append(arguments[0])
        return run(self, *arguments)

    monkeypatch.setattr(GitCommands, "__call__", noted)
    return found


MESSAGES = ["One line", "Two\n\n\nparts  \n\n\n  of it\t\r\n \n\n", "\n\n late, # and odd\n#", "ü"]


@pytest.mark.parametrize("message", MESSAGES)
@pytest.mark.parametrize("attributes", ["", "* text=auto\n"])
def test_it_is_the_commit_that_git_makes(
    server: GitServer, tmp_path: Path, message: str, attributes: str
) -> None:
    """Tree, modes, parent, author and message; also where git changes the texts."""
    if attributes:
        (server.folder / ".gitattributes").write_text(attributes)
        push(server)
    found: list[tuple[str, str]] = []

    async def story(mine: KindGitRepository) -> None:
        for is_light in (True, False):
            checkout = await mine.clone()
            if not is_light:
                checkout._have_own()
            for path in ("run.sh", "folder/new one", "a/b/c", "file"):
                checkout.write(path, f"new text of {path}, ünicode\r\n")
            checkout.write("same", FIRST["same"])
            made = await checkout.commit(message)
            assert checkout.log()[0].revision == checkout.head == made
            tree = checkout.git("rev-parse", f"{made}^{{tree}}").strip()
            assert checkout.content == tree
            text = checkout.git("cat-file", "commit", made)
            modes = checkout.git("ls-tree", "-r", made)
            found.append((re.sub(r"\d{10} [+-]\d{4}", "when", text), modes))

    play(server, tmp_path / "mine", story)
    assert found[0] == found[1]


def test_it_takes_no_working_tree_and_no_push_of_gits_own(
    server: GitServer, tmp_path: Path, commands: list[str]
) -> None:
    """Commit, push, and again from the same clone; others see it, and so does the next clone."""

    async def story(mine: KindGitRepository) -> None:
        checkout = await mine.clone()
        before = len(folders(mine))
        commands.clear()
        heads = [checkout.head]
        for text in ("two", "three"):
            checkout.write("file", text)
            heads.append(await checkout.commit(text))
            report = await checkout.push()
            assert (report.previous, report.revision, report.lost) == (*heads[-2:], ())
            assert await mine.head() == heads[-1]
        assert commands == []
        assert len(folders(mine)) == before
        again = await mine.clone()
        assert (again.head, again.read("file")) == (heads[-1], "three")
        assert [each.message for each in again.log("file")] == ["three", "two", "First"]
        assert (again.read("file", at=heads[1]), again.read("file", at=heads[0])) == ("two", "one")

    play(server, tmp_path / "mine", story)
    theirs = server.git("ls-remote", server.url("developer"), "main").stdout.split()[0]
    server.git("fetch", "--quiet", server.url("developer"), "main")
    assert server.git("rev-parse", "FETCH_HEAD").stdout.strip() == theirs


def test_what_is_written_is_read_and_listed(server: GitServer, tmp_path: Path) -> None:
    """Before a commit, after it, and when something else needs a working tree after all."""

    async def story(mine: KindGitRepository) -> None:
        checkout = await mine.clone()
        first = checkout.head
        assert first is not None
        checkout.write("file", "two")
        checkout.write("new/file", "new")
        assert (checkout.read("file"), checkout.read("new/file")) == ("two", "new")
        assert checkout.read("file", at=first) == "one"
        everything = tuple(sorted({*FIRST, "new/file"}))
        assert checkout.paths() == everything
        assert checkout.paths("new") == ("new/file",)
        second = await checkout.commit("Two")
        checkout.write("file", "three")
        assert checkout.read("file", at=second) == "two"
        await checkout.commit("Three")
        checkout.write("file", "uncommitted")
        await checkout.reset(second)
        assert (checkout.read("file"), checkout.paths()) == ("two", everything)
        await checkout.revert(second)
        assert (checkout.read("file"), checkout.paths()) == ("one", tuple(sorted(FIRST)))
        await checkout.push()
        assert (await mine.clone()).content == checkout.content

    play(server, tmp_path / "mine", story)


def test_what_a_working_tree_refuses_is_refused(server: GitServer, tmp_path: Path) -> None:
    """A path below a file, a file in the place of a folder, nothing to commit."""

    async def story(mine: KindGitRepository) -> None:
        checkout: KindCheckout
        for path in ("file/below", "folder", "folder/deep"):
            checkout = await mine.clone()
            with pytest.raises(FileMissing):
                checkout.write(path, "x")
        for first, second in (("new", "new/below"), ("new/below", "new")):
            checkout = await mine.clone()
            checkout.write(first, "x")
            with pytest.raises(FileMissing):
                checkout.write(second, "x")
        checkout = await mine.clone()
        checkout.write("same", FIRST["same"])
        with pytest.raises(NothingToCommit):
            await checkout.commit("nothing")

    play(server, tmp_path / "mine", story)


def test_a_push_that_lost_a_race_is_rejected_and_changes_nothing(
    server: GitServer, tmp_path: Path
) -> None:
    """As ever: the server compares what the branch was with what it is."""

    async def story(mine: KindGitRepository) -> None:
        late, early = await mine.clone(), await mine.clone()
        for each, text in ((early, "early"), (late, "late")):
            each.write("file", text)
            await each.commit(text)
        report = await early.push()
        with pytest.raises(PushRejected):
            await late.push()
        assert await mine.head() == report.revision

    play(server, tmp_path / "mine", story)


def test_who_may_not_write_is_told_so(server: GitServer, tmp_path: Path) -> None:
    """With the sentence of the server's hook."""
    server.call("PUT", "/repositories/r1/code", {"writers": ["ci"]})

    async def story(mine: KindGitRepository) -> None:
        checkout = await mine.clone()
        checkout.write("file", "two")
        await checkout.commit("Two")
        with pytest.raises(Forbidden, match="may not write"):
            await checkout.push()
        assert await mine.head() != checkout.head

    play(server, tmp_path / "mine", story)


def test_a_push_without_an_answer_may_have_happened(
    server: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not tried again: the first one may be at work. Nobody there is certain."""

    async def story(mine: KindGitRepository) -> None:
        checkout = await mine.clone()
        checkout.write("file", "two")
        await checkout.commit("Two")

        def silent(*arguments: Any, **more: Any) -> None:
            raise urllib3.exceptions.ReadTimeoutError(None, "", "silence")  # type: ignore[arg-type]

        with monkeypatch.context() as patched:
            patched.setattr(urllib3.PoolManager, "request", silent)
            with pytest.raises(RepositoryUnavailable) as unknown:
                await checkout.push()
        assert not unknown.value.definite
        url, checkout.url = checkout.url, "http://127.0.0.1:9/git/r1/code.git"
        with pytest.raises(RepositoryUnavailable) as certain:
            await checkout.push()
        assert certain.value.definite
        checkout.url = url
        assert (await checkout.push()).revision == await mine.head()

    play(server, tmp_path / "mine", story)
