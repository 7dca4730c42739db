"""
The witnesses of a run on a lab: everybody who counts without being told by us.

In: a run's substrate and when it began. Out: counts in the words of `cdlab/witnesses.py`. Who calls
it: `worlds.py` hands it to the runner, which asks before it removes the run.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cdlab.substrates.kind import kind_config, nodes
from cdlab.substrates.kind.engine import open_engine

if TYPE_CHECKING:
    from cdlab.substrates.kind.substrate import KindSubstrate

SETTLE_SECONDS = 3.0
"""How long the registry may take to deliver its last notification."""
VERBS = ("create", "patch", "update", "delete")
ACCOUNT = "system:serviceaccount:"


def testimony(substrate: KindSubstrate, since: float) -> dict[str, dict[str, int]]:
    """What each of them counted. *since* is when the run began, in seconds since 1970."""
    substrate.incidents.mend()  # who is down cannot be asked
    found = {
        "builds": _builds(substrate, since),
        "image pushes": _image_pushes(substrate),
        "ref updates": _ref_updates(substrate),
    }
    if not substrate.incidents.has_lost_cluster:  # its audit log is gone with it
        found["cluster writes"] = _cluster_writes(substrate)
    return found


def _builds(substrate: KindSubstrate, since: float) -> dict[str, int]:
    """
    Every name that the engine gave to what a build made, also to a cached one.

    It says so more than once for a build, so a second build under the same name is not seen.
    """
    found: dict[str, int] = {}
    prefix = f"{substrate.lab.registry_host}/{substrate.run}/"
    wanted = {"type": "image", "event": "tag"}
    with open_engine() as engine:
        for event in engine.events(
            since=int(since), until=int(time.time()) + 1, filters=wanted, decode=True
        ):
            name = str(event["Actor"]["Attributes"].get("name", ""))
            if name.startswith(prefix):
                found[name] = 1
    return found


def _image_pushes(substrate: KindSubstrate) -> dict[str, int]:
    """Every image of the run that the registry notified a push of; it may notify twice."""
    import urllib3

    host = substrate.lab.registry_host
    deadline = time.monotonic() + SETTLE_SECONDS
    before = -1
    while True:
        with urllib3.PoolManager(retries=False, timeout=10.0) as pool:
            url = f"{substrate.lab.hub_url}/after/0?topic=registry&timeout=0"
            hints = json.loads(pool.request("GET", url).data)["hints"]
        found = {
            f"{host}/{each['repository']}:{each['what']['tag']} {each['what']['digest']}": 1
            for each in hints
            if each["repository"].startswith(f"{substrate.run}/") and each["what"].get("tag")
        }
        if len(found) == before or time.monotonic() > deadline:
            return found
        before = len(found)
        time.sleep(0.3)


def _ref_updates(substrate: KindSubstrate) -> dict[str, int]:
    """Moves of `main` in each repository's reflog."""
    names = (*substrate.repositories("code-repo"), *substrate.repositories("config-repo"))
    counts = {
        name: sum(each["ref"] == "refs/heads/main" for each in substrate.reflog(name))
        for name in names
    }
    return {name: count for name, count in counts.items() if count}


def _cluster_writes(substrate: KindSubstrate) -> dict[str, int]:
    """Writes of Deployments that succeeded, by the ServiceAccount that made them."""
    found: Counter[str] = Counter()
    environments = {substrate.namespace(each): each for each in substrate.environments}
    for event in _audit_log(substrate):
        reference = event.get("objectRef", {})
        environment = environments.get(str(reference.get("namespace")))
        name = str(event["user"]["username"])
        is_write = event["verb"] in VERBS and reference.get("resource") == "deployments"
        is_done = int(event.get("responseStatus", {}).get("code", 0)) < 300
        is_dry = "dryRun=" in event["requestURI"]
        if environment and name.startswith(ACCOUNT) and is_write and is_done and not is_dry:
            _, _, namespace, principal = name.split(":")
            if namespace != "kube-system":
                found[f"{principal} in {environment}"] += 1
    return dict(found)


def _audit_log(substrate: KindSubstrate) -> Iterator[dict[str, Any]]:
    with open_engine() as engine:
        node = nodes.find_nodes(engine, substrate.lab.settings)[0]
        wanted = f"cdlab-{substrate.run}-"
        _, output = node.exec_run(["sh", "-c", f"grep -h -- {wanted} {kind_config.AUDIT_LOG}*"])
    for line in output.decode(errors="replace").splitlines():
        try:
            yield json.loads(line)
        except ValueError:  # a line that is just being written
            continue
