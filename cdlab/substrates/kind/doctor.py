"""
Whether this machine can run a substrate, and what to do where it cannot.

In: a substrate's name and the settings. Out: a finding for each thing looked at, each with the
command that mends it, and a verdict. Who calls it: `cdlab doctor`. Works where nothing is
installed: it asks programs and files, never a client library.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Literal

from cdlab.errors import SubstrateUnavailable
from cdlab.substrates.kind import manager_image, services
from cdlab.substrates.kind.engine import is_port_free
from cdlab.substrates.kind.findings import Finding, State
from cdlab.substrates.kind.nodes import TOOLS
from cdlab.substrates.kind.python_findings import (
    client_libraries,
    dashboard,
    notebooks,
    python_version,
    venv,
)
from cdlab.substrates.kind.settings import (
    BUSYBOX_IMAGE,
    LABEL,
    PYTHON_IMAGE,
    REGISTRY_IMAGE,
    KindSettings,
)

GIB = 1 << 30
MEMORY_BYTES = (2 * GIB, 4 * GIB)
"""Below the first a lab does not fit, below the second it is tight: three nodes, the registry and
the sample microservices take about 1 GiB before anything is built."""
DISK_BYTES = (3 * GIB, 10 * GIB)
"""Images and three nodes take about 2 GiB; below the second, runs with large images fill it up."""
CORES = 2
"""With two a lab starts in a minute; with one the nodes' own work leaves little for builds."""
INOTIFY = {"max_user_instances": 512, "max_user_watches": 524288}
"""kind's own advice (https://kind.sigs.k8s.io/docs/user/known-issues). With 128 instances two labs
start and a third one fails, so less than the advice is a warning."""
KIND_VERSION = "v0.30.0"
"""The release that the default node image belongs to."""
Verdict = Literal["go", "no-go"]


def examine(substrate: str, settings: KindSettings | None = None) -> list[Finding]:
    """Return the findings for "sim" or "kind", in the order in which they should be mended."""
    settings = settings or KindSettings()
    if substrate == "sim":
        return [python_version(), venv(), dashboard(), notebooks()]
    if substrate != "kind":
        raise ValueError(f'there is no substrate "{substrate}", only "sim" and "kind"')
    findings = [python_version(), client_libraries(), *(_tool(name) for name in TOOLS)]
    findings += [_kind_version(), cores(), memory(), _disk(settings), *_inotify()]
    engine = _engine()
    findings.append(engine)
    if engine.state == "ok":
        findings += _ports(settings)
        findings += [_image(image, settings) for image in settings.images]
        findings += [_git_image(settings), _manager_image(settings)]
    return findings


def verdict(findings: list[Finding]) -> Verdict:
    """Return "go" unless something that is needed is missing."""
    return "no-go" if any(finding.state == "missing" for finding in findings) else "go"


def run_program(*command: str) -> str | None:
    """Return what a program says on standard output; None when it is missing, fails or hangs."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=15, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _tool(name: str) -> Finding:
    path = shutil.which(name)
    if path is None:
        return Finding(name, "missing", "not on the PATH", TOOLS[name])
    return Finding(name, "ok", path)


def _kind_version() -> Finding:
    said = run_program("kind", "version") or "unknown"
    if KIND_VERSION in said:
        return Finding("kind version", "ok", said)
    return Finding("kind version", "warn", f"{said}, made for {KIND_VERSION}", TOOLS["kind"])


def _engine() -> Finding:
    version = run_program("docker", "version", "--format", "{{.Server.Version}}")
    if version:
        return Finding("Docker engine", "ok", version)
    mend = "start Docker Desktop, or: sudo systemctl start docker"
    return Finding("Docker engine", "missing", "does not answer", mend)


def _graded(name: str, available: int, bounds: tuple[int, int], mend: str) -> Finding:
    least, comfortable = bounds
    detail = f"{available / GIB:.1f} GiB free"
    if available >= comfortable:
        return Finding(name, "ok", detail)
    state: State = "warn" if available >= least else "missing"
    detail += f", at least {least // GIB} GiB needed, {comfortable // GIB} GiB comfortable"
    return Finding(name, state, detail, mend)


def cores(available: int | None = None) -> Finding:
    """Whether three nodes have processors enough; one is slow, and not in the way."""
    found = os.cpu_count() or 1 if available is None else available
    if found >= CORES:
        return Finding("cores", "ok", str(found))
    mend = "give Docker's virtual machine more processors"
    return Finding("cores", "warn", f"{found}, {CORES} recommended", mend)


def memory() -> Finding:
    """Whether there is enough free memory for a lab that does not run yet."""
    mend = "close other programs, or give Docker more memory"
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        available = next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        # Not Linux: the engine lives in a virtual machine, whose size is all that can be known.
        total = run_program("docker", "info", "--format", "{{.MemTotal}}")
        if not total:
            return Finding("memory", "warn", "unknown", mend)
        return _graded("memory", int(total), MEMORY_BYTES, mend)
    return _graded("memory", available * 1024, MEMORY_BYTES, mend)


def _disk(settings: KindSettings) -> Finding:
    root = Path(run_program("docker", "info", "--format", "{{.DockerRootDir}}") or "/nowhere")
    place = root if root.is_dir() else Path(settings.cache_home.anchor or "/")
    free = shutil.disk_usage(place).free
    return _graded(f"disk ({place})", free, DISK_BYTES, "docker system prune")


def _inotify() -> list[Finding]:
    findings = []
    for limit, wanted in INOTIFY.items():
        file = Path("/proc/sys/fs/inotify") / limit
        if not file.exists():
            continue
        found = int(file.read_text())
        if found >= wanted:
            findings.append(Finding(f"inotify {limit}", "ok", str(found)))
            continue
        mend = f"sudo sysctl fs.inotify.{limit}={wanted}"
        detail = f"{found}, {wanted} recommended"
        findings.append(Finding(f"inotify {limit}", "warn", detail, mend))
    return findings


def _ports(settings: KindSettings) -> list[Finding]:
    ours = _our_ports(settings)
    variables = {
        settings.registry_port: "CDLAB_REGISTRY_PORT",
        settings.git_port: "CDLAB_GIT_PORT",
        **dict.fromkeys(settings.node_ports, "CDLAB_NODE_PORTS"),
    }
    findings = []
    for port, variable in variables.items():
        name = f"port {port}"
        if port in ours:
            findings.append(Finding(name, "ok", "used by this lab"))
        elif is_port_free(port):
            findings.append(Finding(name, "ok", "free"))
        else:
            mend = f"ss -ltnp 'sport = :{port}' shows by what; or: export {variable}=…"
            findings.append(Finding(name, "missing", "in use by another program", mend))
    return findings


def _our_ports(settings: KindSettings) -> set[int]:
    """Return the ports that containers of this lab publish."""
    filters = (
        f"label={LABEL}={settings.cluster_name}",
        f"label=io.x-k8s.kind.cluster={settings.cluster_name}",
    )
    names = [run_program("docker", "ps", "--quiet", "--filter", mine) or "" for mine in filters]
    containers = " ".join(names).split()
    if not containers:
        return set()
    said = run_program("docker", "inspect", *containers) or "[]"
    return {
        int(binding["HostPort"])
        for container in json.loads(said)
        for bindings in container["NetworkSettings"]["Ports"].values()
        for binding in bindings or ()
    }


def _image(image: str, settings: KindSettings) -> Finding:
    purposes = {
        settings.node_image: "node image",
        REGISTRY_IMAGE: "registry image",
        PYTHON_IMAGE: "Python image",
        BUSYBOX_IMAGE: "busybox image",
    }
    if _is_here(image):
        return Finding(purposes[image], "ok", image)
    mend = f"docker pull {image}"
    if image == settings.node_image:
        tag = image.partition("@")[0]
        mend += f"   (or: export CDLAB_NODE_IMAGE={tag if _is_here(tag) else '…'})"
    return Finding(purposes[image], "warn", f"{image} is not here; up pulls it", mend)


def _git_image(settings: KindSettings) -> Finding:
    """The only image that `cdlab up` builds, which takes the network as well."""
    return _built("git server image", services.git_image(settings), "cdlab up")


def _manager_image(settings: KindSettings) -> Finding:
    """What puts V3's manager into the cluster; a lab does without it."""
    name = "release manager image"
    architecture = run_program("docker", "version", "--format", "{{.Server.Arch}}") or "unknown"
    try:
        image = manager_image.image_for(architecture, settings)
    except SubstrateUnavailable as error:
        return Finding(name, "warn", error.missing, error.help)
    return _built(name, image, "cdlab manager install FILE")


def _built(name: str, image: str, builder: str) -> Finding:
    if _is_here(image):
        return Finding(name, "ok", image)
    mend = f"{builder}, or without a network: cdlab prefetch DIR --load"
    return Finding(name, "warn", f"{image} is not here; it is built when needed", mend)


def _is_here(image: str) -> bool:
    return bool(run_program("docker", "image", "inspect", "--format", "{{.Id}}", image))
