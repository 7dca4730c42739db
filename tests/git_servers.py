"""The git server as a process of the tests: on loopback, with the real git and no Docker."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cdlab.substrates.kind.credentials import connections
from cdlab.substrates.kind.git_server import server as git_server


@dataclass
class GitServer:
    """A running server, and what a client does with it."""

    port: int
    folder: Path

    def call(
        self, method: str, path: str, body: Any = None, user: str = "runner"
    ) -> tuple[int, Any]:
        """Return the status and the JSON of one request."""
        login = base64.b64encode(f"{user}:{user}-password".encode()).decode()
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            headers = {"Authorization": f"Basic {login}"}
            connection.request(method, path, sent if body is not None else None, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def url(self, user: str, repository: str = "r1/code") -> str:
        """Return the address of a repository with a login in it."""
        return f"http://{user}:{user}-password@127.0.0.1:{self.port}/git/{repository}.git"

    def git(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run git in the clone, whether it succeeds or not."""
        environment = {
            **os.environ,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            **{f"GIT_{role}_NAME": "somebody" for role in ("AUTHOR", "COMMITTER")},
            **{f"GIT_{role}_EMAIL": "somebody@example.org" for role in ("AUTHOR", "COMMITTER")},
        }
        return subprocess.run(
            ["git", *arguments],
            check=False,
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def commit(self, content: bytes) -> str:
        """Commit a file in the clone and return the revision."""
        (self.folder / "file").write_bytes(content)
        self.git("add", "file")
        done = self.git("commit", "--quiet", "--message=change")
        assert done.returncode == 0, done.stderr
        return self.git("rev-parse", "HEAD").stdout.strip()


@contextmanager
def serving(tmp_path: Path) -> Iterator[GitServer]:
    """A server with one repository that "developer" may write, and an empty clone."""
    users = tmp_path / "users.json"
    names = ("runner", "ci", "developer")
    digests = {name: hashlib.sha256(f"{name}-password".encode()).hexdigest() for name in names}
    users.write_text(json.dumps(digests))
    running = git_server.serve(tmp_path / "root", users, ("127.0.0.1", 0))
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    clone = tmp_path / "clone"
    clone.mkdir()
    found = GitServer(running.server_address[1], clone)
    assert found.call("PUT", "/repositories/r1/code", {"writers": ["developer"]})[0] == 201
    found.git("init", "--quiet", "--initial-branch=main")
    yield found
    connections.cache_clear()
    running.shutdown()
    running.server_close()
    thread.join()
