"""
What the cluster can say about a run that failed, asked before the run is removed.

In: a lab, the name of a run. Out: file name -> text: events, descriptions and logs of its pods. Who
calls it: the runner, through the world that `world` in `__init__.py` makes. A question that fails
is answered with the reason; it never hides the failure that it was asked about.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

from cdlab.errors import SubstrateUnavailable
from cdlab.substrates.kind import nodes
from cdlab.substrates.kind.builder import RUN_LABEL
from cdlab.substrates.kind.lab import Lab

SECONDS = 15.0
"""How long each question may take; the API server may be what failed."""


def evidence(lab: Lab, run: str) -> dict[str, str]:
    """The texts, by the names of the files to keep them in."""
    return dict(_texts(lab, run))


def _texts(lab: Lab, run: str) -> Iterator[tuple[str, str]]:
    found = _ask(lab, "get", "namespaces", f"--selector={RUN_LABEL}={run}", "--output=name")
    if "namespace/" not in found:
        yield "cluster.txt", found or f"no namespace is labelled {RUN_LABEL}={run}\n"
        return
    for namespace in (line.rpartition("/")[2] for line in found.splitlines()):
        here = f"--namespace={namespace}"
        by_age = "--sort-by=.metadata.creationTimestamp"
        yield f"{namespace}/events.txt", _ask(lab, "get", "events", here, by_age)
        yield f"{namespace}/pods.txt", _ask(lab, "describe", "deployments,pods", here)
        for pod in _ask(lab, "get", "pods", here, "--output=name").splitlines():
            name = pod.rpartition("/")[2]
            yield f"{namespace}/{name}.log", _ask(lab, "logs", here, name, "--all-containers")
            previous = _ask(lab, "logs", here, name, "--all-containers", "--previous")
            yield f"{namespace}/{name}.previous.log", previous


def _ask(lab: Lab, *arguments: str) -> str:
    try:
        return nodes.kubectl(nodes.kind_cluster(lab.settings), *arguments, seconds=SECONDS)
    except subprocess.CalledProcessError as error:
        return f"kubectl {' '.join(arguments)}: {error.stderr or error}"
    except (subprocess.TimeoutExpired, SubstrateUnavailable, OSError) as error:
        return f"kubectl {' '.join(arguments)}: {error}\n"
