"""
Files that appear whole or not at all.

In: a path and a text. Out: the file. Whoever looks at the path sees what was there before or all
of what is there now, also when the writing is interrupted or the disk is full. Called by whatever
writes a result.
"""

from __future__ import annotations

from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """
    Create or replace a file at once; what a link points at, where *path* is one.

    A pipe or a device takes what it gets: it cannot be replaced.
    """
    if path.exists() and not path.is_file():
        path.write_text(text, encoding="utf-8")
        return
    target = path.resolve()
    part = target.with_name(target.name + ".part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
