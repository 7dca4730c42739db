"""
Which release management the commands talk to, and with which token.

In: `--server`, CDLAB_SERVER, CDLAB_TOKEN, and the file that a dashboard or the installed manager
leaves in the lab's state folder. Out: a client. Called by every release command, and by `status`.
"""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cdlab.errors import ManagerUnavailable, NotUnderstood

if TYPE_CHECKING:
    from cdlab.manager.client import HttpCommands

FILE = "server.json"
OTHERS = 0o077
"""Permission bits of everybody but the owner."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where release management answers."""

    url: str
    token: str = ""


def state_folder() -> Path:
    """The same as `KindSettings.state_folder`, which this must not import."""
    given = {key: value for key, value in os.environ.items() if value}
    home = Path(given["HOME"]) if "HOME" in given else Path.home()
    cache = Path(given.get("XDG_CACHE_HOME", home / ".cache"))
    return cache.absolute() / "cdlab" / given.get("CDLAB_CLUSTER_NAME", "cdlab")


def server_file() -> Path:
    """Where the server that runs is written down."""
    return state_folder() / FILE


def write_server(server: Server) -> Path:
    """Write down where it answers, for nobody but this user."""
    path = server_file()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_name(f".{FILE}.{os.getpid()}")
    part.unlink(missing_ok=True)
    text = json.dumps({"url": server.url, "token": server.token})
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    part.replace(path)
    return path


def forget_server(server: Server) -> None:
    """Remove the file, unless it names another server by now."""
    try:
        found = read_server()
    except NotUnderstood:
        return
    if found == server:
        server_file().unlink(missing_ok=True)


def read_server() -> Server | None:
    """The server that was written down. Raises NotUnderstood where others could have done it."""
    path = server_file()
    try:
        with path.open(encoding="utf-8") as file:
            about = os.fstat(file.fileno())
            text = file.read(65536)
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise NotUnderstood(f'"{path}" cannot be read: {error}', help=f"rm {path}") from error
    if stat.S_IMODE(about.st_mode) & OTHERS or about.st_uid != os.getuid():
        raise NotUnderstood(
            f'"{path}" holds a token and is not yours alone', help=f"chmod 600 {path}"
        )
    try:
        found = json.loads(text)
        return Server(str(found["url"]), str(found["token"]))
    except (ValueError, KeyError, TypeError) as error:
        raise NotUnderstood(f'"{path}" cannot be read: {error!r}', help=f"rm {path}") from error


def find_server(option: str | None) -> Server:
    """
    `--server`, else CDLAB_SERVER, else the file. Raises ManagerUnavailable where none is named.

    The token in the file goes to the server in the file and to no other.
    """
    url = (option or os.environ.get("CDLAB_SERVER", "")).rstrip("/")
    known = None if url and os.environ.get("CDLAB_TOKEN") else read_server()
    if not url and known is None:
        raise ManagerUnavailable(
            "no release management is running here",
            help="cdlab dashboard --substrate sim, or --server URL",
        )
    if known is not None and url in ("", known.url):
        return Server(known.url, os.environ.get("CDLAB_TOKEN") or known.token)
    return Server(url, os.environ.get("CDLAB_TOKEN", ""))


def client(option: str | None, timeout_seconds: float | None = None) -> HttpCommands:
    """A client of it."""
    from cdlab.manager.client import QUESTION_SECONDS, HttpCommands

    server = find_server(option)
    return HttpCommands(server.url, server.token, timeout_seconds or QUESTION_SECONDS)
