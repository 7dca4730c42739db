"""
A user outside the cluster who asks a microservice for its version all the time.

In: a run's substrate, a workload and an environment. Out: what was answered when. It gets in by a
Service of its own on a NodePort that the lab publishes, beside the microservice's own Service and
with the same selector, so that kube-proxy routes both alike. Who calls it: benchmarks.
"""

from __future__ import annotations

import http.client
import math
import threading
import time
from typing import TYPE_CHECKING

from cdlab.substrates.kind.kubernetes_api import APPLY, Json
from cdlab.substrates.kind.node_ports import first_free

if TYPE_CHECKING:
    from cdlab.substrates.kind.substrate import KindSubstrate

TIMEOUT_SECONDS = 1.0
"""After that a request counts as unanswered."""


class OutsideProbe:
    """
    One probe of one run, made by an actor of its kernel, whose clock it goes by.

    `start` and `stop` block; between them threads of its own ask.
    """

    def __init__(
        self, substrate: KindSubstrate, workload: str, environment: str, interval_seconds: float
    ) -> None:
        self.substrate = substrate
        self.workload = workload
        self.interval_seconds = interval_seconds
        self.path = f"/api/v1/namespaces/{substrate.namespace(environment)}/services"
        self._answers: list[tuple[int, str]] = []
        self.cpu_seconds = 0.0
        """What asking took of this machine's processors, without the answering."""
        self._origin_ns = time.monotonic_ns() - substrate.kernel.now_us * 1000
        self._ended = threading.Event()
        self._threads: list[threading.Thread] = []

    @property
    def answers(self) -> list[tuple[int, str]]:
        """Microseconds of the kernel's clock, and the version; empty for no answer."""
        return sorted(self._answers)

    def start(self) -> None:
        """Open the door and begin to ask."""
        port, begin = self._open_door(), time.monotonic()
        # So many that they keep the pace where each waits in vain, as for a pod that has ended.
        askers = math.ceil(TIMEOUT_SECONDS / self.interval_seconds) + 1
        every = askers * self.interval_seconds
        for number in range(askers):
            work = threading.Thread(
                target=self._ask_on,
                args=(port, begin + number * self.interval_seconds, every),
                daemon=True,
                name="cdlab outside probe",
            )
            self._threads.append(work)
            work.start()

    def stop(self) -> None:
        """Ask no more, and shut the door at once: the next run wants the port."""
        self._ended.set()
        for work in self._threads:
            work.join()
        if self._threads:
            self.substrate.administrator.call("DELETE", f"{self.path}/{self._name}")

    @property
    def _name(self) -> str:
        return f"{self.workload}-from-outside"

    def _open_door(self) -> int:
        """Make the Service on the first NodePort that nobody has."""
        return first_free(self.substrate.lab.settings.node_ports, self._put)

    def _put(self, port: int) -> None:
        self.substrate.administrator.call(
            "PATCH", f"{self.path}/{self._name}", self._service(port),
            content_type=APPLY, fieldManager="cdlab-probe", force="true",
        )  # fmt: skip

    def _service(self, port: int) -> Json:
        door = {"name": "http", "port": 80, "targetPort": "http", "nodePort": port}
        return {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": self._name, "labels": dict(self.substrate.labels)},
            "spec": {"type": "NodePort", "selector": {"app": self.workload}, "ports": [door]},
        }

    def _ask_on(self, port: int, due: float, every: float) -> None:
        """Ask again and again, in its turn among the others."""
        while not self._ended.wait(max(due - time.monotonic(), 0.0)):
            said = _version(port)
            self._answers.append(((time.monotonic_ns() - self._origin_ns) // 1000, said))
            due = max(due + every, time.monotonic())
        self.cpu_seconds += time.thread_time()


def _version(port: int) -> str:
    """Ask over a new connection, so that each request goes to an endpoint of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/version", headers={"Connection": "close"})
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace").strip()
        return text if answer.status == 200 else ""
    except (OSError, http.client.HTTPException):
        return ""
    finally:
        connection.close()
