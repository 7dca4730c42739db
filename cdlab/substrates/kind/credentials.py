"""
The logins of a lab: one password for each principal, and the files that the services read.

In: the state folder. Out: `{principal: password}`, an htpasswd file for the registry, digests for
the git server, and connections with a login. Who calls it: `lifecycle.py` when a lab starts,
`lab.py` and what talks to the services when one is used.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import urllib3

TIMEOUT_SECONDS = 10.0
"""For an answer of the git server or the registry."""
PRINCIPALS = ("ci", "manager", "developer", "operator", "node", "runner")
"""`node` pulls images for the cluster's nodes; `runner` administers the lab."""
REGISTRY_ONLY = ("node",)
"""Every node holds this login in clear text, so it opens nothing but the registry."""


def load(folder: Path) -> dict[str, str] | None:
    """Return the passwords kept in `folder`; None when they are missing or unreadable."""
    try:
        passwords = json.loads((folder / "logins.json").read_text())
    except (OSError, ValueError):
        return None
    is_whole = isinstance(passwords, dict) and set(passwords) == set(PRINCIPALS)
    return passwords if is_whole else None


def load_or_create(folder: Path) -> dict[str, str]:
    """Return the passwords kept in `folder`, made up where there are none. Mode 600."""
    kept = load(folder)
    if kept is not None:
        return kept
    passwords = {principal: secrets.token_urlsafe(32) for principal in PRINCIPALS}
    write_private(folder / "logins.json", json.dumps(passwords, indent=1) + "\n")
    return passwords


def write_private(path: Path, content: str) -> None:
    """Write a file that only its owner may read; it appears whole or not at all."""
    unfinished = path.with_name(path.name + ".new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
    unfinished.replace(path)


def registry_htpasswd(passwords: dict[str, str]) -> str:
    """Return one bcrypt line a principal, as the registry wants them.

    The cheapest cost is enough for passwords of 256 random bits, and the registry computes the
    hash anew for every request: 1 ms instead of 60.
    """
    import bcrypt

    lines = (
        f"{principal}:{bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()}\n"
        for principal, password in passwords.items()
    )
    return "".join(lines)


def git_users(passwords: dict[str, str]) -> str:
    """Return the git server's JSON file: principal -> sha256 of the password, in hex."""
    return json.dumps(
        {
            principal: hashlib.sha256(password.encode()).hexdigest()
            for principal, password in passwords.items()
            if principal not in REGISTRY_ONLY
        }
    )


def basic(user: str, password: str) -> str:
    """Return the value of an HTTP Authorization header."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@lru_cache(maxsize=32)
def connections(login: tuple[str, str] | None) -> urllib3.PoolManager:
    """Connections of one login, which stay open; enough of them for the threads of a run."""
    import urllib3

    headers = {"Authorization": basic(*login)} if login else {}
    return urllib3.PoolManager(maxsize=8, headers=headers, timeout=TIMEOUT_SECONDS, retries=False)


def fingerprint(*parts: str) -> str:
    """Return a short digest that tells one configuration from another."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
