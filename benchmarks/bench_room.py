"""
How long a click takes when a room of people plays in simulated dashboards on one machine.

Everybody has a world of their own, and so a process of their own, as `cdlab dashboard` is. People
read before they click: the pauses are drawn between 2 and 8 s. A click is what a browser does from
the button to the page that follows, redirects included. What the page loads by itself after a
change is load, too, and not counted as a click. The clients are this process, on the same machine.
Usage: bench_room.py [PEOPLE] [SECONDS]; 30 people and 60 s by default. With --quick: 2 people who
do not read, for 1 s.
"""

from __future__ import annotations

import os
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from statistics import quantiles
from urllib.parse import urlencode

from measuring import is_quick

CDLAB = str(Path(sys.executable).with_name("cdlab"))
PAUSE_SECONDS = (0.0, 0.05) if is_quick() else (2.0, 8.0)
LIMIT_SECONDS = 0.2
"""What p95 has to stay below."""
CLICKS = {
    "look at the matrix": 4,
    "look at a workload": 2,
    "look at the releases": 1,
    "turn the clock by 5 min": 3,
    "push a commit": 2,
    "preview a rollback": 2,
    "roll back": 1,
}
"""What people click -> how often, in shares."""


@dataclass
class Person:
    """Somebody with a dashboard of their own."""

    number: int
    server: subprocess.Popen[str]
    port: int
    token: str
    found: list[tuple[str, float]] = field(default_factory=list)
    """What was clicked, and the seconds until the page was there."""

    def __post_init__(self) -> None:
        self.chance = random.Random(self.number)
        self.connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        self.cookie = self.csrf = ""

    def get(self, path: str) -> str:
        """A page, with its cookie and its form's token taken over."""
        return self._ask("GET", path, None)

    def post(self, path: str, **given: str) -> str:
        """The page that follows a form."""
        return self._ask("POST", path, urlencode({"csrf": self.csrf, **given}))

    def _ask(self, method: str, path: str, body: str | None) -> str:
        headers = {"Cookie": self.cookie, "Origin": f"http://127.0.0.1:{self.port}"}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        text = answer.read().decode()
        if set_cookie := answer.getheader("Set-Cookie"):
            self.cookie = set_cookie.partition(";")[0]
        if answer.status == 303:
            return self._ask("GET", (answer.getheader("Location") or "/").partition("#")[0], None)
        if answer.status != 200:
            raise RuntimeError(f"{method} {path}: {answer.status}: {text[:300]}")
        if found := re.search(r'name="csrf" value="([^"]+)"', text):
            self.csrf = found[1]
        return text

    def log_in(self) -> None:
        """As a participant does first."""
        self.get("/login")
        self.post("/login", token=self.token, user=f"person-{self.number}", next="/")
        self.connection.close()

    def play(self, until: float) -> None:
        """Click until it is late."""
        time.sleep(self.chance.uniform(0, PAUSE_SECONDS[1]))
        while time.monotonic() < until:
            (what,) = self.chance.choices(list(CLICKS), list(CLICKS.values()))
            if what == "roll back":
                seal = self._sealed()
            begin = time.monotonic()
            if what == "roll back":
                self._rollback(step="do", seal=seal)
            else:
                self._click(what)
            self.found.append((what, time.monotonic() - begin))
            if not what.startswith("look"):
                self.get("/")  # the page updates itself
            self.connection.close()  # the server does so while somebody reads
            time.sleep(self.chance.uniform(*PAUSE_SECONDS))

    def _click(self, what: str) -> None:
        if what == "look at a workload":
            self.get("/workloads/front-end/production")
        elif what == "look at the releases":
            self.get("/releases")
        elif what == "turn the clock by 5 min":
            self.post("/playground/clock", seconds="300")
        elif what == "push a commit":
            version = f"v{len(self.found)}"
            self.post("/playground/push", workload="front-end", version=version, quality="good")
        elif what == "preview a rollback":
            self._rollback(step="preview")
        else:
            self.get("/")

    def _sealed(self) -> str:
        found = re.search(r'name="seal" value="([^"]+)"', self._rollback(step="preview"))
        return found[1] if found else ""

    def _rollback(self, **more: str) -> str:
        where = {"workload": "front-end", "environment": "production"}
        user = f"person-{self.number}"
        return self.post("/ask/rollback", **where, user=user, message="a try", **more)


def open_dashboard(number: int, folder: str) -> Person:
    """A process of its own, with a place of its own to write down where it listens."""
    environment = {**os.environ, "XDG_CACHE_HOME": f"{folder}/{number}"}
    command = [CDLAB, "dashboard", "--port", "0", "--seed", str(number)]
    server = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    said = ""
    for line in server.stderr:
        said += line
        if line.startswith("Ctrl-C"):
            break
    found = re.search(r"http://127\.0\.0\.1:(\d+)/login#(\S+)", said)
    if not found:
        raise RuntimeError(f"the dashboard did not start: {said}")
    return Person(number, server, int(found[1]), found[2])


def measure(people: list[Person], seconds: float) -> None:
    """Let all of them click at once."""
    until = time.monotonic() + seconds
    with ThreadPoolExecutor(len(people)) as pool:
        for done in [pool.submit(each.play, until) for each in people]:
            done.result()


def line(name: str, times: list[float]) -> str:
    """Percentiles in milliseconds."""
    cuts = quantiles(times, n=100, method="inclusive") if len(times) > 1 else times * 99
    p50, p95, p99 = (cuts[at - 1] * 1000 for at in (50, 95, 99))
    return (
        f"{name:24} {len(times):5}   {p50:6.0f}  {p95:6.0f}  {p99:6.0f}  {max(times) * 1000:6.0f}"
    )


def main() -> None:
    """Measure and print."""
    given = [each for each in sys.argv[1:] if each != "--quick"]
    number = int(given[0]) if given else 2 if is_quick() else 30
    seconds = float(given[1]) if len(given) > 1 else 1.0 if is_quick() else 60.0
    people: list[Person] = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            for each in range(1, number + 1):
                people.append(open_dashboard(each, folder))
                people[-1].log_in()
            busy, before = os.getloadavg()[0], processor_seconds(people)
            measure(people, seconds)
            used = processor_seconds(people) - before
        finally:
            for person in people:
                person.server.send_signal(signal.SIGINT)
            for person in people:
                person.server.communicate()
    found = [each for person in people for each in person.found]
    print(f"{number} dashboards, {seconds:.0f} s, {os.cpu_count()} cores, load before {busy:.1f}")
    print(f"{'click':24} count   p50 ms  p95 ms  p99 ms  max ms")
    for what in CLICKS:
        if times := [took for name, took in found if name == what]:
            print(line(what, times))
    print(line("all", [took for _, took in found]))
    report(found, used)


def processor_seconds(people: list[Person]) -> float:
    """What the dashboards have used so far; 0 where there is no /proc."""
    ticks = 0
    for person in people:
        file = Path(f"/proc/{person.server.pid}/stat")
        if file.exists():
            ticks += sum(map(int, file.read_text().rpartition(")")[2].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def report(found: list[tuple[str, float]], used: float) -> None:
    """Whether it holds, and what the processes took altogether."""
    print(f"processor time of the dashboards: {used / len(found) * 1000:.0f} ms a click")
    late = sum(took > LIMIT_SECONDS for _, took in found)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"slower than {LIMIT_SECONDS * 1000:.0f} ms: {late} of {len(found)}")
    print(f"largest process: {usage.ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
