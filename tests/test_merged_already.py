"""Real git, with nothing of ours: a reverted branch does not land again."""

from __future__ import annotations

import subprocess
from pathlib import Path


def git(folder: Path, *arguments: str) -> str:
    """What git says."""
    settings = ("-c", "user.name=alice", "-c", "user.email=alice@example.org")
    done = subprocess.run(
        ["git", *settings, *arguments],
        cwd=folder,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def commit(folder: Path, text: str) -> None:
    """A commit of the one file."""
    (folder / "version").write_text(text)
    git(folder, "add", "version")
    git(folder, "commit", "--message", f"version {text}")


def test_git_has_merged_a_reverted_branch_already(tmp_path: Path) -> None:
    """Merging it once more says so and changes nothing; reverting the revert brings it back."""
    git(tmp_path, "init", "--initial-branch=main")
    commit(tmp_path, "1")
    git(tmp_path, "switch", "--create", "feature")
    commit(tmp_path, "2")
    git(tmp_path, "switch", "main")
    git(tmp_path, "merge", "--no-ff", "--no-edit", "feature")
    assert (tmp_path / "version").read_text() == "2"
    assert "no -m option was given" in git(tmp_path, "revert", "--no-edit", "HEAD")
    git(tmp_path, "revert", "--no-edit", "--mainline=1", "HEAD")
    assert "Already up to date" in git(tmp_path, "merge", "--no-ff", "--no-edit", "feature")
    assert (tmp_path / "version").read_text() == "1"
    git(tmp_path, "revert", "--no-edit", "HEAD")
    assert (tmp_path / "version").read_text() == "2"
