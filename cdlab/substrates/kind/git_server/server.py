"""
The git server: git over smart HTTP, the administration of repositories, and the hint hub's door.

In: a folder for bare repositories, and a JSON file `{principal: sha256 of its password, in hex}`.
Out: HTTP. `/git/<run>/<name>.git` for git itself, `/repositories/…` to administer (login
`runner`), `/hints/registry` to post hints, `/after/<n>` to wait for them and for those of pushes,
`/healthz`. Who calls it: the container `<cluster>-git` that `cdlab up` starts, and
`tests/test_git_server.py`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO, ClassVar, cast
from urllib.parse import parse_qs, urlsplit

from .exchange import Answer, Exchange, Refusal
from .hub import Hub, moved_refs, pushed_tags
from .repositories import Repositories

NAME = r"[a-z0-9][a-z0-9-]{0,62}"
LONGEST_WAIT_SECONDS = 60.0


class Handler(Exchange):
    """One connection: finds the route, checks the login, answers."""

    hub: Hub
    backend: str
    """Path of `git-http-backend`."""
    repositories: Repositories
    environment: ClassVar[dict[str, str]]
    """What git's CGI program gets, beside what a request adds."""
    routes: ClassVar[list[tuple[str, re.Pattern[str], str]]] = [
        (method, re.compile(path), action)
        for method, path, action in (
            ("GET", "/healthz", "health"),
            ("GET", r"/after/(\d{1,15})", "wait_for_hints"),
            ("POST", "/hints/registry", "take_registry_hints"),
            ("PUT", f"/repositories/({NAME})/({NAME})", "create_repository"),
            ("GET", f"/repositories/({NAME})/({NAME})/reflog", "show_reflog"),
            ("DELETE", f"/repositories/({NAME})", "remove_run"),
            ("GET", rf"/git/({NAME})/({NAME})\.git/(info/refs)", "serve_git"),
            ("POST", rf"/git/({NAME})/({NAME})\.git/(git-(?:upload|receive)-pack)", "serve_git"),
        )
    ]

    def answer(self) -> None:
        """Run the route's action and send what it returns, or the refusal that it raises.

        None means that the action has sent its answer itself.
        """
        self.body_is_read = False
        url = urlsplit(self.path)
        self.query = {key: values[-1] for key, values in parse_qs(url.query).items()}
        try:
            for method, pattern, action in self.routes:
                match = pattern.fullmatch(url.path)
                if match and method == self.command:
                    result: Answer | None = getattr(self, action)(*match.groups())
                    break
            else:
                raise Refusal(404, f"there is no {self.command} {url.path}")
        except Refusal as refusal:
            result = refusal.status, {"error": str(refusal)}
        if result is not None:
            self.send_json(*result)

    do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 - names of http.server

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log requests, but not those that come all the time."""
        if not self.path.startswith(("/after/", "/healthz")):
            super().log_request(code, size)

    def health(self) -> Answer:
        """Say that the server runs."""
        return 200, {"state": "ok"}

    def wait_for_hints(self, number: str) -> Answer:
        """Wait for hints numbered above `number`."""
        try:
            timeout = min(float(self.query.get("timeout", 25)), LONGEST_WAIT_SECONDS)
        except ValueError:
            raise Refusal(400, f'timeout "{self.query["timeout"]}" is not a number') from None
        return 200, self.hub.after(int(number), self.query.get("topic"), timeout)

    def take_registry_hints(self) -> Answer:
        """Take a notification of the registry. Anybody may post it."""
        for repository, what in pushed_tags(self.read_json()):
            self.hub.post("registry", repository, [what])
        return 202, {}

    def create_repository(self, run: str, name: str) -> Answer:
        """Create a repository, or change the writers of one."""
        self.require("runner")
        wanted = self.read_json()
        writers = wanted.get("writers") if isinstance(wanted, dict) else None
        if not isinstance(writers, list) or not set(map(str, writers)) <= set(
            self.users_and_digests
        ):
            known = ", ".join(self.users_and_digests)
            raise Refusal(400, f'the body is {{"writers": [of {known}]}}')
        is_new = self.repositories.create(run, name, writers)
        return (201 if is_new else 200), {"repository": f"{run}/{name}", "writers": writers}

    def show_reflog(self, run: str, name: str) -> Answer:
        """Show every ref update of a repository."""
        self.require("runner")
        self.require_repository(run, name)
        return 200, self.repositories.reflog(run, name)

    def remove_run(self, run: str) -> Answer:
        """Remove the repositories of a run; no error where there are none."""
        self.require("runner")
        return 200, {"removed": self.repositories.remove_run(run)}

    def serve_git(self, run: str, name: str, service: str) -> None:
        """Hand the request to git's own CGI program, both ways as a stream."""
        principal = self.require()
        self.require_repository(run, name)
        environment = {
            **self.environment,
            "PATH_INFO": f"/{run}/{name}.git/{service}",
            "QUERY_STRING": urlsplit(self.path).query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REMOTE_USER": principal,
            "REMOTE_ADDR": str(self.client_address[0]),
            "CDLAB_REPOSITORY": f"{run}/{name}",
        }
        with tempfile.NamedTemporaryFile(prefix="cdlab-moved-") as moved:
            try:
                self.run_git({**environment, "CDLAB_MOVED": moved.name})
            finally:  # who pushed may have gone away meanwhile
                self.hub.post("git", f"{run}/{name}", moved_refs(moved.read(), principal))
        self.close_connection |= not self.body_is_read

    def run_git(self, environment: dict[str, str]) -> None:
        """Run the CGI program, with the request as its input and its output as the answer."""
        with subprocess.Popen(
            [self.backend], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
        ) as backend:
            feeder = threading.Thread(target=self.feed, args=(backend.stdin,), daemon=True)
            feeder.start()
            self.relay(cast(BinaryIO, backend.stdout))
            feeder.join()

    def require_repository(self, run: str, name: str) -> None:
        """404 unless the repository exists."""
        if not self.repositories.path(run, name).is_dir():
            raise Refusal(404, f'there is no repository "{run}/{name}"')

    def feed(self, stdin: BinaryIO) -> None:
        """Copy the request's body to the CGI program; stop where it stops reading."""
        try:
            with stdin:
                for block in self.blocks():
                    stdin.write(block)
        except (OSError, ValueError) as error:
            self.log_error("the body was not read to its end: %s", error)

    def relay(self, stdout: BinaryIO) -> None:
        """Send the CGI program's answer, chunked: its length is not known beforehand."""
        status, headers = 200, []
        while line := stdout.readline().decode("latin-1").strip():
            key, value = line.split(": ", 1)
            if key == "Status":
                status = int(value.split()[0])
            else:
                headers.append((key, value))
        self.send_response(status if headers else 500)
        for key, value in headers:
            self.send_header(key, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while block := stdout.read1(1 << 16):  # type: ignore[attr-defined]
            self.wfile.write(b"%x\r\n%b\r\n" % (len(block), block))
        self.wfile.write(b"0\r\n\r\n")


class Server(ThreadingHTTPServer):
    """A thread for each connection; many consumers may wait at once."""

    daemon_threads = True
    request_queue_size = 512

    def handle_error(self, request: object, client_address: object) -> None:
        """Report what broke, unless it is that a client went away, which is its right."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


def serve(root: Path, users: Path, address: tuple[str, int]) -> Server:
    """Return a server that listens already; port 0 takes a free one. `serve_forever()` runs it."""
    listing = subprocess.run(["git", "--exec-path"], capture_output=True, text=True, check=True)
    server = Server(address, Handler)

    class BoundHandler(Handler):
        hub = Hub()
        repositories = Repositories(root, Path(__file__).parent / "hooks")
        users_and_digests: ClassVar[dict[str, str]] = json.loads(users.read_text())
        backend = str(Path(listing.stdout.strip()) / "git-http-backend")
        environment: ClassVar[dict[str, str]] = {
            "PATH": os.environ["PATH"],
            "HOME": str(root),
            "GIT_PROJECT_ROOT": str(root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GATEWAY_INTERFACE": "CGI/1.1",
        }

    server.RequestHandlerClass = BoundHandler
    return server


def main() -> None:
    """Serve until the process is stopped. The first line on standard output is the address."""
    arguments = argparse.ArgumentParser(description="git over HTTP, and a hint hub")
    arguments.add_argument("--root", type=Path, required=True)
    arguments.add_argument("--users", type=Path, required=True)
    arguments.add_argument("--host", default="127.0.0.1")
    arguments.add_argument("--port", type=int, default=0)
    options = arguments.parse_args()
    server = serve(options.root, options.users, (options.host, options.port))
    sys.stdout.write(f"http://{options.host}:{server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
