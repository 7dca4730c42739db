"""A webhook and a scrape inside the cluster: from the manager's pod to another one, and back."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from cdlab.cli import main
from cdlab.cli.servers import read_server
from cdlab.errors import ClusterUnavailable, WorkloadNotFound
from cdlab.manager.client import HttpCommands
from cdlab.manager.commands import Ask
from cdlab.manager.webhook import SIGNATURE
from cdlab.substrates.kind.engine import wait_until
from cdlab.substrates.kind.kubernetes_api import APPLY, KubernetesApi
from cdlab.substrates.kind.lab import Lab
from cdlab.substrates.kind.manager_image import ensure_image
from cdlab.substrates.kind.manager_installation import namespace_of
from cdlab.substrates.kind.manager_objects import NAME
from cdlab.substrates.kind.namespaces import environment_namespace
from tests.prometheus_text import read

RUN, SECRET = "told-test", "between-us"
SCENARIO = Path(__file__).parents[2] / "scenarios" / "v3" / "rollback.yaml"
EARS = """
import http.server, json, sys, urllib.request
heard = []
class Ears(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        heard.append({"body": body, "headers": dict(self.headers)})
        self.say(200, {})
    def do_GET(self):
        if self.path == "/heard":
            return self.say(200, {"heard": heard})
        with urllib.request.urlopen(sys.argv[1], timeout=5) as answer:
            self.say(200, {"type": answer.headers["Content-Type"], "text": answer.read().decode()})
    def say(self, status, value):
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
http.server.ThreadingHTTPServer(("", 8080), Ears).serve_forever()
"""

pytestmark = [pytest.mark.kind, pytest.mark.usefixtures("cdlab_lab")]


def test_another_pod_hears_of_a_failure_and_reads_the_metrics(
    cdlab_lab: Lab, tmp_path: Path
) -> None:
    """What is signed with the secret comes through; Prometheus would ask by the Service's name."""
    host = f"{NAME}.{namespace_of(RUN)}.svc"
    staging = environment_namespace(RUN, "staging")
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    api = KubernetesApi.as_administrator(cdlab_lab.kubeconfig, cdlab_lab.context)
    try:
        command(
            "manager", "install", str(SCENARIO), "--run", RUN, "--allowed-host", host,
            "--webhook", f"http://ears.{staging}.svc/", "--webhook-secret", str(secret),
        )  # fmt: skip
        put_ears(cdlab_lab, api, staging, f"http://{host}/metrics")
        heard = until_heard(api, staging)
        said = json.loads(heard["body"])
        assert (said["kind"], said["microservice"], said["user"]) == ("failed", "users", "ana")
        signed = hmac.new(SECRET.encode(), heard["body"].encode(), hashlib.sha256).hexdigest()
        assert {k.lower(): v for k, v in heard["headers"].items()}[SIGNATURE.lower()] == (
            f"sha256={signed}"
        )
        scraped = through(api, staging, "scrape")
        assert scraped["type"].startswith("text/plain")
        assert "cdlab_queue_length" in read(scraped["text"])
    finally:
        command("manager", "uninstall", "--run", RUN, "--with-application")
        api.close()


def command(*arguments: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main.main(arguments)
    assert ended.value.code == 0


def fail(ask: Ask) -> None:
    """Ask for what cannot be done: the config repo is empty."""
    server = read_server()
    assert server
    answer = HttpCommands(server.url, server.token, 60.0).ask(ask)
    assert (answer.status, "FileMissing" in answer.reason) == ("failed", True)


def put_ears(lab: Lab, api: KubernetesApi, namespace: str, url: str) -> None:
    """A pod that hears, and its Service."""
    container = {
        "name": "ears",
        "image": ensure_image(lab, lambda line: None),
        "command": ["python3", "-c", EARS, url],
        "readinessProbe": {"httpGet": {"path": "/heard", "port": 8080}, "periodSeconds": 1},
    }
    labels = {"app": "ears"}
    for kind, spec in (
        ("Pod", {"containers": [container], "terminationGracePeriodSeconds": 0}),
        ("Service", {"selector": labels, "ports": [{"port": 80, "targetPort": 8080}]}),
    ):
        path = f"/api/v1/namespaces/{namespace}/{kind.lower()}s/ears"
        metadata = {"name": "ears", "labels": labels}
        document = {"apiVersion": "v1", "kind": kind, "metadata": metadata, "spec": spec}
        api.call("PATCH", path, document, content_type=APPLY, fieldManager="test", force="true")
    until(lambda: through(api, namespace, "heard"), "the pod that hears is not ready")


def through(api: KubernetesApi, namespace: str, path: str) -> Any:
    """What the pod answers, through the API server."""
    return api.call("GET", f"/api/v1/namespaces/{namespace}/services/ears:80/proxy/{path}")


def until_heard(api: KubernetesApi, namespace: str) -> dict[str, Any]:
    """
    The first that was heard of a failure, which is asked for until then.

    A notification is sent once, and a node learns of a Service some time after the API server does.
    """

    def look() -> Any:
        fail(Ask(command="rollback", user="ana", workload="users", environment="staging"))
        return through(api, namespace, "heard")["heard"]

    first: dict[str, Any] = until(look, "nothing was heard")[0]
    return first


def until(look: Callable[[], Any], trouble: str) -> Any:
    """What *look* finds at last; a Service without a ready pod is an answer of the API server."""
    found: list[Any] = []

    def has_found() -> bool:
        with suppress(ClusterUnavailable, WorkloadNotFound):
            found.append(look())
        return bool(found and found[-1])

    wait_until(trouble, has_found, 60.0)
    return found[-1]
