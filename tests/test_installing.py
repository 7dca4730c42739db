"""What installs an extra: from where this cdlab came, and never by its name from an index."""

from __future__ import annotations

import json
import re
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from cdlab import installing
from cdlab.installing import address, install_command

ROOT = Path(__file__).parents[1]


def noted(monkeypatch: pytest.MonkeyPatch, text: str | None) -> None:
    """As if pip had written *text* down when it installed cdlab."""
    found = SimpleNamespace(read_text=lambda name: text if name == "direct_url.json" else None)
    monkeypatch.setattr(metadata, "distribution", lambda name: found)


def test_a_checkout_installs_itself(tmp_path: Path) -> None:
    """Wherever pip thinks that it came from."""
    (tmp_path / "pyproject.toml").touch()
    assert install_command("kind", tmp_path / "cdlab") == '.venv/bin/pip install -e ".[kind]"'


def test_what_came_from_a_stick_is_completed_from_a_stick(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Pip notes nothing about wheels in a folder, so the folder has to be named."""
    noted(monkeypatch, None)
    command = install_command("notebooks", tmp_path / "cdlab")
    assert command.startswith('pip install --no-index --find-links DIR/wheels "cdlab[notebooks]" ')
    assert "cdlab prefetch" in command


def test_what_came_from_a_file_is_completed_from_that_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The wheel that somebody sent; what the extra needs comes from the index."""
    wheel = "file:///home/ana/cdlab-0.1.0-py3-none-any.whl"
    noted(monkeypatch, json.dumps({"url": wheel, "archive_info": {}}))
    assert install_command("kind", tmp_path / "cdlab") == f'pip install "cdlab[kind] @ {wheel}"'


def test_a_repository_is_named_with_its_revision() -> None:
    """As pip wants it; what is no note is no address."""
    git = {"url": "https://git.example/cdlab", "vcs_info": {"vcs": "git", "commit_id": "4f2"}}
    assert address(git) == "git+https://git.example/cdlab@4f2"
    assert address({}) == ""


def test_without_metadata_there_is_no_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder on the path that was never installed."""

    def nothing(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", nothing)
    assert installing.origin() == ""


def test_nobody_is_sent_to_the_index_for_cdlab() -> None:
    """Neither by a message nor by a page: what is there under its name is somebody else's."""
    texts = {
        path: path.read_text(encoding="utf-8")
        for folder in ("cdlab", "docs", "notebooks")
        for path in (ROOT / folder).rglob("*.*")
        if path.suffix in (".py", ".md", ".toml")
    }
    for path, text in texts.items():
        assert not re.search(r"pip install [\"']?cdlab(\[[a-z,]+\])?[\"'`\s]", text), path
