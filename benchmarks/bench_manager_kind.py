"""
What V3's release manager, as a pod, does with many workloads and many commands on kind.

Workloads without pods (`replicas: 0`), so that it is the manager that is measured and not the
nodes. Prints medians and the longest; it judges nothing. Needs `cdlab up`.
Usage: bench_manager_kind.py [WORKLOADS] [ROUNDS]
"""

from __future__ import annotations

import http.client
import re
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, cast
from urllib.parse import urlsplit

from cdlab.config_layout import POLICY
from cdlab.errors import PushRejected, SubstrateUnavailable
from cdlab.inside_manager import InsideManager
from cdlab.manager.channel_client import HttpChannel
from cdlab.manager.client import HttpCommands
from cdlab.manager.commands import Ask
from cdlab.model import Environment, Variant
from cdlab.recorded_cluster import RecordingCluster
from cdlab.releases import config_path
from cdlab.runner import run_in
from cdlab.scenario import Scenario
from cdlab.statistics import median
from cdlab.stories import Lab
from cdlab.substrates.kind.cluster import KindCluster
from cdlab.substrates.kind.lifecycle import connect
from cdlab.substrates.kind.settings import KindSettings
from cdlab.substrates.kind.watching import Waiting
from cdlab.worlds import real

WHERE = "production"
IDLE_SECONDS, COMMANDS, PUSHERS = 60.0, 20, 20
QUIET_SECONDS = 10.0
"""Until what was asked before is over and done with."""
MANIFEST = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  replicas: 0
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      containers:
        - name: {name}
          image: {repository}:{tag}@sha256:{digest}
---
apiVersion: v1
kind: Service
metadata: {{name: {name}}}
spec:
  selector: {{app: {name}}}
  ports: [{{port: 80}}]
"""


def shown(what: str, seconds: list[float]) -> None:
    """A line for a list of durations."""
    print(f"{what:58} median {median(seconds):6.3f} s, longest {max(seconds):6.3f} s", flush=True)


class Bench:
    """One lab whose config repo has many workloads."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        channel = cast(HttpChannel, cast(InsideManager, lab.delivery)._channel)
        self.url = channel.url
        token = channel._headers["Authorization"].removeprefix("Bearer ")
        self.commands = HttpCommands(self.url, token, 60.0)
        self.names = [each.name for each in lab.application.microservices]
        self.kernel = lab.kernel
        self.operator = lab.ports("operator")

    def manifest(self, name: str, number: int) -> str:
        """The *number*-th release of a workload; no pod ever pulls it."""
        repository = self.lab.application.image_repositories[name]
        return MANIFEST.format(
            name=name, repository=repository, tag=f"{number:040x}", digest=f"{number:064x}"
        )

    async def write(self, number: int) -> float:
        """One commit that changes all workloads; returns when its push began."""
        config = await self.operator.config_repo.clone()
        for name in self.names:
            config.write(config_path(WHERE, name), self.manifest(name, number))
        config.write(config_path(WHERE, POLICY), "automated: false\n")
        await config.commit(f"Release {number} of everything")
        begin = self.kernel.now()
        await config.push()
        return begin

    async def until_all(self, number: int) -> None:
        """
        Return when the cluster has that release of every workload.

        It watches: asking again and again for all of them would cost the API server more than the
        manager does.
        """
        tag = f":{number:040x}@"
        cluster = cast(RecordingCluster, self.operator.cluster)
        waiting = Waiting(cast(KindCluster, cluster.inner).namespaces[WHERE])

        def is_there(found: dict[str, Any]) -> bool:
            pods = (each["spec"]["template"]["spec"] for each in found.values())
            is_new = all(tag in pod["containers"][0]["image"] for pod in pods)
            return is_new and len(found) == len(self.names)

        await self.kernel.offload(
            lambda: waiting.until("deployments", is_there), what=f"release {number} of everything"
        )

    async def repeat(self, rounds: int, work: Callable[[], Awaitable[Any]]) -> list[float]:
        """Seconds of each."""
        found = []
        for _ in range(rounds):
            begin = self.kernel.now()
            await work()
            found.append(self.kernel.now() - begin)
        return found

    async def get(self, path: str) -> str:
        """A page of the manager."""

        def read() -> str:
            where = urlsplit(self.url)
            connection = http.client.HTTPConnection(str(where.hostname), where.port, timeout=60)
            try:
                connection.request("GET", path)
                answer = connection.getresponse()
                assert answer.status == 200, answer.status
                return answer.read().decode()
            finally:
                connection.close()

        return await self.kernel.offload(read, what=path)

    async def number(self, name: str) -> float:
        """One of the manager's metrics."""
        found = re.search(rf"^{name} (\S+)$", await self.get("/metrics"), re.MULTILINE)
        assert found, name
        return float(found[1])


async def measure(lab: Lab, rounds: int) -> None:
    """All of it, printed as it comes."""
    bench = Bench(lab)
    await bench.write(1)
    await bench.until_all(1)
    found = []
    for number in range(2, rounds + 2):
        begin = await bench.write(number)
        await bench.until_all(number)
        found.append(lab.kernel.now() - begin)
    shown(f"one commit that changes {len(bench.names)} workloads", found)
    shown("a sync that changes nothing", await bench.repeat(rounds, lambda: rebuilt(lab)))
    await lab.kernel.sleep(QUIET_SECONDS)
    shown("the status page", await bench.repeat(rounds, lambda: bench.get("/")))
    shown("the status as JSON", await bench.repeat(rounds, lambda: bench.get("/api/v1/status")))
    await idle(bench)
    await twenty_commands(bench)


async def rebuilt(lab: Lab) -> None:
    """Ask for a comparison of everything."""
    outcome = await lab.delivery.rebuild("alice")
    assert outcome.is_released, outcome


async def idle(bench: Bench) -> None:
    """Nothing happens but what the manager does by itself."""
    await bench.kernel.sleep(QUIET_SECONDS)
    begin, before = time.monotonic(), await bench.number("process_cpu_seconds_total")
    await bench.kernel.sleep(IDLE_SECONDS)
    used = await bench.number("process_cpu_seconds_total") - before
    share = used / (time.monotonic() - begin)
    memory = await bench.number("process_resident_memory_bytes") / (1 << 20)
    print(f"idle for {IDLE_SECONDS:.0f} s: {100 * share:.2f} % of a core, {memory:.0f} MiB")


async def twenty_commands(bench: Bench) -> None:
    """Commands for different workloads, and people who push to the config repo beside them."""
    kernel, took, pushes = bench.kernel, list[float](), list[float]()
    lost = 0

    async def command(name: str, what: str) -> None:
        ask = Ask(command=what, user="ana", workload=name, environment=WHERE, message="bench")
        begin = kernel.now()
        answer = await kernel.offload(lambda: bench.commands.ask(ask), what=what)
        took.append(kernel.now() - begin)
        assert answer.status == "released", answer

    async def pusher(number: int) -> None:
        nonlocal lost
        begin = kernel.now()
        while True:
            config = await bench.operator.config_repo.clone()
            config.write(f"notes/{number}.md", f"{begin}\n")
            await config.commit(f"Write note {number}")
            try:
                await config.push()
            except PushRejected:
                lost += 1
                continue
            pushes.append(kernel.now() - begin)
            return

    work = [command(name, "hold") for name in bench.names[:COMMANDS]]
    await bench.lab.together(work, "a command")
    shown(f"{COMMANDS} commands at once: until each was committed", took)
    took.clear()
    both = [command(name, "resume") for name in bench.names[:COMMANDS]]
    both += [pusher(number) for number in range(PUSHERS)]
    await bench.lab.together(both, "a command or a pusher")
    shown(f"{COMMANDS} commands beside {PUSHERS} pushers", took)
    shown(f"the pushers, who lost {lost} races", pushes)


def main() -> None:
    """Measure and print; without a lab, say so."""
    try:
        connect(KindSettings.here())
    except SubstrateUnavailable as missing:
        print(f"not measured: {missing.message}; {missing.help}")
        return
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 7
    names = tuple(f"service-{number}" for number in range(count))
    scenario = Scenario(
        architecture="v3", variant=Variant(rollback="command"), microservices=names,
        environments=(Environment(WHERE, is_automated=False),),
    )  # fmt: skip
    world = real(scenario, manager="inside")
    world = replace(
        world,
        pace=replace(world.pace, deadline_seconds=900.0, look_seconds=300.0, sync_seconds=300.0),
    )
    run = run_in(world, scenario, lambda lab: measure(lab, rounds))
    if not run.is_finished:
        raise SystemExit(run.history.of("RunStalled")[0].because)


if __name__ == "__main__":
    main()
