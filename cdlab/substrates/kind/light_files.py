"""
Files that were written in a checkout without a working tree of its own.

In: a snapshot's working tree, in which nobody writes, paths and texts. Out: what a working tree
with them would hold, and what is new in it. Who calls it: `checkouts.py`. A release writes one file
of hundreds, and laying out the others takes longer than its commit.
"""

from __future__ import annotations

import os
from pathlib import Path

ATTRIBUTES = ".gitattributes"
"""Says that git is to change texts as it takes them."""


def clean(path: str) -> str | None:
    """The path as git has it; None if it leaves the checkout or enters `.git`."""
    if not path or path.endswith("/") or "\0" in path or "\\" in path:
        return None
    found = os.path.normpath(path)
    if found.startswith(("/", "../")) or found in (".", ".."):
        return None
    return None if any(part.lower() == ".git" for part in found.split("/")) else found


class LightFiles:
    """Texts over the files of a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.texts: dict[str, bytes] = {}
        """Everything that was written, by its clean path."""
        self._committed: dict[str, bytes] = {}

    def write(self, path: str, text: bytes) -> bool:
        """Keep a text; False, with nothing done, where only a working tree knows what it means."""
        file = self.folder / path
        if path.startswith('"') or "\n" in path or path.rpartition("/")[2] == ATTRIBUTES:
            return False
        if file.resolve() != self.folder.resolve() / path or file.is_dir():
            return False
        above = [parent.as_posix() for parent in Path(path).parents][:-1]
        if any(each in self.texts or (self.folder / each).is_file() for each in above):
            return False
        if any(each.startswith(f"{path}/") for each in self.texts):
            return False
        self.texts[path] = text
        return True

    def changes(self) -> dict[str, tuple[str, bytes]]:
        """Path -> (mode, text) of what differs from what is committed."""
        found = {}
        for path, text in self.texts.items():
            file = self.folder / path
            is_there = file.is_file()
            before = self._committed.get(path, file.read_bytes() if is_there else None)
            if before != text:
                is_executable = is_there and os.access(file, os.X_OK)
                found[path] = "100755" if is_executable else "100644", text
        return found

    def are_committed(self) -> None:
        """From here on all of them are what is committed."""
        self._committed = dict(self.texts)

    def lay_out(self, folder: Path) -> None:
        """Write what is not committed into a working tree that has the rest."""
        for path, (_, text) in self.changes().items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text)
