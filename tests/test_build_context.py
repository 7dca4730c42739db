"""The files that a build on the real engine gets, without the engine."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from cdlab.substrates.kind.builder import _extract
from cdlab.substrates.kind.git_commands import GitCommands


def before_filters(self: tarfile.TarFile, path: str = ".") -> None:
    """`extractall` of Python 3.11.0 to 3.11.3, which knows no `filter`."""
    for member in self.getmembers():
        self.extract(member, path)


@pytest.mark.filterwarnings("ignore:Python 3.14:DeprecationWarning")  # of the old way, in 3.12
@pytest.mark.parametrize("is_old", [False, True], ids=["this Python", "before 3.11.4"])
def test_a_build_gets_the_committed_files(
    is_old: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With their modes, and nothing that was not committed."""
    source, context = tmp_path / "source", tmp_path / "context"
    (source / "www").mkdir(parents=True)
    (source / "run").write_text("#!/bin/sh\n")
    (source / "run").chmod(0o755)
    (source / "www/version").write_text("1\n")
    git = GitCommands("ci", None, source / ".git", source)
    git("init", "--quiet", "--initial-branch=main")
    git("add", "--all")
    git("commit", "--quiet", "--message=One")
    (source / "secret").write_text("not committed")
    if is_old:
        monkeypatch.delattr(tarfile, "tar_filter", raising=False)
        monkeypatch.setattr(tarfile.TarFile, "extractall", before_filters)
    _extract(git, "HEAD", str(context))
    found = {str(each.relative_to(context)) for each in context.rglob("*")}
    assert found == {"run", "www", "www/version"}
    assert (context / "run").stat().st_mode & 0o111
    assert (context / "www/version").read_text() == "1\n"
