"""
Files and folders that appear whole or not at all.

In: a path and a text, or whoever fills it. Out: the file or folder. Whoever looks at the path sees
what was there before or all of what is there now, also when the writing is interrupted or the disk
is full. Called by whatever writes a result.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory


def write_whole(path: Path, text: str) -> None:
    """
    Create or replace a file at once; what a link points at, where *path* is one.

    It is written in a folder beside its place that nobody else has, so that no file of somebody's
    is in the way and two processes that write the same path do not meet: the later one wins. It has
    the permissions of any new file. A pipe or a device takes what it gets: it cannot be replaced.
    """
    if path.exists() and not path.is_file():
        path.write_text(text, encoding="utf-8")
        return
    target = path.resolve()
    # A folder rather than `mkstemp`, whose files nobody else may read whatever the umask says.
    with TemporaryDirectory(prefix=".cdlab-", dir=target.parent) as folder:
        part = Path(folder, "part")
        part.write_text(text, encoding="utf-8")
        part.replace(target)


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """
    Yield a place beside *path* to make a file or a folder in, and put it there at the end.

    Nothing happens to *path* when the block ends with an error. A folder that is replaced is away
    for the moment between two renames; it comes back where the second one fails.
    """
    with TemporaryDirectory(prefix=".cdlab-", dir=path.parent) as folder:
        part, before = Path(folder, "part"), Path(folder, "before")
        yield part
        if path.is_dir():
            path.rename(before)
        try:
            part.replace(path)
        except BaseException:
            if before.exists():
                before.rename(path)
            raise
