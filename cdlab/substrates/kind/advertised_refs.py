"""
The refs that a repository of the git server has, asked over a connection that stays open.

In: a URL and a login. Out: {ref: commit id}. Who calls it: `git.py`, before it starts a git that
would find nothing new, which is most of the time and costs ten times as much.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from cdlab.substrates.kind.credentials import connections

SERVICE = "git-upload-pack"
WANTED = ("refs/heads/", "refs/notes/")
"""What a clone fetches; the rest of an advertisement is HEAD and tags."""


@dataclass(frozen=True)
class AdvertisedRefs:
    """One repository as one principal sees it."""

    url: str
    login: tuple[str, str] | None = field(repr=False)

    def read(self) -> dict[str, str] | None:
        """Return the branches and notes; None if anything is amiss, of which git tells more."""
        import urllib3

        try:
            answer = connections(self.login).request(
                "GET", f"{self.url}/info/refs?service={SERVICE}"
            )
            return refs_in(answer.data) if answer.status == 200 else None
        except (urllib3.exceptions.HTTPError, ValueError):
            return None


def refs_in(advertisement: bytes) -> dict[str, str]:
    """
    Read the answer to `info/refs` in version 0 of git's protocol (gitprotocol-http).

    `ValueError` for anything else.
    """
    lines = _lines(advertisement)
    if next(lines, b"").strip() != f"# service={SERVICE}".encode():
        raise ValueError("it is no advertisement of refs")
    found = {}
    for line in lines:
        revision, _, name = line.partition(b"\0")[0].strip().decode().partition(" ")
        if name.startswith(WANTED):
            found[name] = revision
    return found


def _lines(data: bytes) -> Iterator[bytes]:
    """The lines of a stream, each after its length in four hexadecimal digits; 0000 is none."""
    while data:
        size = int(data[:4], 16)
        if size > len(data) or 0 < size < 4:
            raise ValueError("it is cut short")
        if size:
            yield data[4:size]
        data = data[max(size, 4) :]
