"""
The source of the sample microservices: the files of a code repo, as text by path.

They come from the folder `services/` of the project, which is `cdlab/_services` in a wheel, with a
version, a colour and the costs of a build written in. Both substrates put them into code repos.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

SERVICES = ("front-end", "users", "orders")
"""Those with a folder of their own. Every other name is made from `users`."""

_TEMPLATE = "users"
_NAME = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
WORD = "[A-Za-z0-9#._+-]+"
"""What a version, a colour and a run are made of."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Knobs:
    """What makes a sample microservice heavier. Real bytes and real work, never a sleep."""

    payload_kib: int = 0
    """KiB of incompressible bytes in the image."""
    build_work: int = 0
    """MiB that the build hashes."""
    replicas: int = 2
    """Pods in each environment."""
    has_readiness_probe: bool = True
    """Without one a pod gets requests as soon as its container runs."""
    strategy: str = "RollingUpdate"
    """Or `Recreate`: all old pods end before the first new one starts."""

    def __post_init__(self) -> None:
        if min(self.payload_kib, self.build_work, self.replicas) < 0:
            raise ValueError("payload, build work and replicas are not negative")


NO_KNOBS = Knobs()


def source(
    name: str, *, version: str, colour: str, run: str, knobs: Knobs = NO_KNOBS
) -> dict[str, str]:
    """
    Return the files of a microservice's code repo.

    `version` is what /version answers and `colour` a CSS colour. `run` tells apart two runs of the
    lab that share a Docker engine, and so a build cache. Raises ValueError for a name that
    Kubernetes would refuse, and for a version, colour or run that is not one short word.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"not the name of a microservice: {name!r}")
    return dict(_prepared(name, knobs)) | _words(version=version, colour=colour, run=run)


@lru_cache(maxsize=2048)
def _prepared(name: str, knobs: Knobs) -> tuple[tuple[str, str], ...]:
    """The files but for their words: the same in every run."""
    files = dict(_files(name if name in SERVICES else _TEMPLATE))
    if name not in SERVICES:
        files = {path: re.sub(rf"\b{_TEMPLATE}\b", name, text) for path, text in files.items()}
    costs = _with_number(files["build.env"], "PAYLOAD_KIB=", knobs.payload_kib)
    files["build.env"] = _with_number(costs, "BUILD_WORK=", knobs.build_work)
    files["service.yaml"] = _manifest(files["service.yaml"], knobs)
    return tuple(files.items())


def _manifest(text: str, knobs: Knobs) -> str:
    text = scaled(text, knobs.replicas)
    if not knobs.has_readiness_probe:
        probe = r" +readinessProbe:\n(?: {12,}.*\n)+"
        text, count = re.subn(probe, "", text)
        assert count == 1, "a sample microservice has one readiness probe"
    if knobs.strategy != "RollingUpdate":
        text = text.replace(
            "  selector:\n", f"  strategy: {{type: {knobs.strategy}}}\n  selector:\n", 1
        )
    return text


def scaled(manifest: str, replicas: int) -> str:
    """Return a sample microservice's manifest with another number of replicas."""
    return _with_number(manifest, "  replicas: ", replicas)


NEVER_READY = {
    "www/unhealthy": "",
    "run.sh": "trap 'exit 0' TERM INT\nsleep 3600 &\nwait $!\n",
}
"""Files that make a version whose pods start and never answer."""
CRASHING = {"www/crashing": "", "run.sh": "exit 1\n"}
"""Files that make a version whose container ends at once."""


def changed(files: Mapping[str, str], *, version: str, colour: str | None = None) -> dict[str, str]:
    """Return only the files that a developer edits for a new version."""
    words = {"version": version} if colour is None else {"version": version, "colour": colour}
    edited = _words(**words)
    return {path: text for path, text in edited.items() if files.get(path) != text}


def _words(**words: str) -> dict[str, str]:
    """Return the one-word files under www/."""
    for what, word in words.items():
        if not re.fullmatch(WORD, word):
            raise ValueError(f"not a {what}: {word!r}")
    return {f"www/{what}": f"{word}\n" for what, word in words.items()}


def _with_number(text: str, before: str, number: int) -> str:
    result, count = re.subn(rf"(?m)^{before}\d+$", f"{before}{number}", text)
    assert count == 1, f"{before!r} is not once in a sample microservice"
    return result


@lru_cache(maxsize=len(SERVICES))
def _files(name: str) -> tuple[tuple[str, str], ...]:
    """Read a microservice's folder, in the order of its paths."""
    here = Path(__file__).parent
    installed = here / "_services"
    folder = (installed if installed.is_dir() else here.parent / "services") / name
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return tuple((path.relative_to(folder).as_posix(), path.read_text("utf-8")) for path in paths)
