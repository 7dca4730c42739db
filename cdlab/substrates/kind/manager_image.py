"""
The release manager's image: this very package, on Python and git.

In: the lab. Out: the name of an image in the lab's registry, pushed unless one of the same content
is there, and built unless the Docker engine has it. Who calls it: `manager_installation.py`, and
`kept_images.py` to take it to machines that cannot build it.

The wheels come from the package index once, with pip on this machine, and stay in a cache folder:
the build itself reaches no network but where the base image lacks git.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from cdlab.errors import PortError, SubstrateUnavailable
from cdlab.installing import install_command
from cdlab.substrates.kind import credentials
from cdlab.substrates.kind.engine import (
    OFFLINE,
    File,
    Progress,
    archive,
    build_image,
    missing_images,
    open_engine,
)
from cdlab.substrates.kind.lab import Lab
from cdlab.substrates.kind.registry import push_log
from cdlab.substrates.kind.registry_api import RegistryApi
from cdlab.substrates.kind.settings import PYTHON_IMAGE, KindSettings

if TYPE_CHECKING:
    from docker import DockerClient

PACKAGE = Path(__file__).parents[2]
NOT_SHIPPED = ("__pycache__", "_services", "_scenarios", "_notebooks", "_docs")
REPOSITORY = "cdlab/release-manager"
EXTRA = "manager"
"""The optional dependencies of the package that the process in the pod needs."""
USER = 10001
PYTHON_VERSION = "3.11"
"""Of `PYTHON_IMAGE`."""
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
"""Docker's name of an architecture -> pip's."""
DOWNLOAD_SECONDS = 300.0

DOCKERFILE = f"""\
FROM {PYTHON_IMAGE} AS wheels
COPY wheels /wheels
RUN pip install --no-index --disable-pip-version-check --root-user-action=ignore \\
    --find-links=/wheels --target=/packages /wheels/*.whl
FROM {PYTHON_IMAGE}
RUN command -v git >/dev/null || (apt-get update && \\
    apt-get install --yes --no-install-recommends git && rm -rf /var/lib/apt/lists/*)
COPY --from=wheels /packages /opt/packages
COPY cdlab /opt/cdlab/cdlab
ENV PYTHONPATH=/opt/cdlab:/opt/packages PYTHONUNBUFFERED=1 HOME=/tmp
RUN python -m compileall -q /opt/cdlab
USER {USER}
ENTRYPOINT ["python", "-m", "cdlab.in_cluster"]
"""


def ensure_image(lab: Lab, progress: Progress) -> str:
    """Return the image's reference, for nodes to pull. Its tag tells its content."""
    name = f"{lab.registry_host}/{REPOSITORY}"
    with open_engine() as engine:
        kept = manager_image(engine, lab.settings)
        tag = kept.rpartition(":")[2]
        registry = RegistryApi(lab.registry_url, lab.login("runner"))
        if registry.digest_of(REPOSITORY, tag) is not None:
            return f"{name}:{tag}"
        build_manager_image(engine, lab.settings, progress)
        progress(f"pushing the release manager's image {name}:{tag}")
        engine.images.get(kept).tag(name, tag)
        user, password = lab.login("runner")
        log = engine.api.push(
            name, tag, stream=True, decode=True,
            auth_config={"username": user, "password": password},
        )  # fmt: skip
        try:
            push_log(log, f"docker push of '{name}:{tag}'")
        except PortError as error:
            raise SubstrateUnavailable(error.message, help="cdlab status") from error
    return f"{name}:{tag}"


def manager_image(engine: DockerClient, settings: KindSettings) -> str:
    """Return the name of the image for this engine."""
    return image_for(_architecture(engine), settings)


def image_for(architecture: str, settings: KindSettings) -> str:
    """
    Return the name of the image in the Docker engine, whose tag tells what it is built from.

    That is this package, the names of what it needs and the machine, all of which a machine
    without a network can tell; not the wheels, whose versions are those of the day of the build.
    """
    machine = MACHINES.get(architecture, architecture)
    parts = (archive(_context()).hex(), *requirements(), machine, PYTHON_VERSION)
    return f"{settings.cluster_name}-release-manager:{credentials.fingerprint(*parts)}"


def build_manager_image(engine: DockerClient, settings: KindSettings, progress: Progress) -> str:
    """Return the name of the image in the Docker engine, built unless it is there already."""
    name = manager_image(engine, settings)
    if missing_images(engine, (name,)):
        architecture = _architecture(engine)
        wheels = _wheels(settings, MACHINES.get(architecture, architecture), progress)
        progress(f"building the release manager's image {name}")
        kept = {f"wheels/{each.name}": File(each.read_bytes()) for each in wheels}
        context = archive({**_context(), **kept})
        build_image(engine, context, name, "the release manager's image", settings.labels)
    return name


def _architecture(engine: DockerClient) -> str:
    """What Docker calls the engine's processor."""
    return str(engine.version()["Arch"])


def _context() -> dict[str, File]:
    """What the image is made of, without the wheels themselves."""
    sources = (path for path in sorted(PACKAGE.rglob("*")) if path.is_file())
    files = {
        f"cdlab/{path.relative_to(PACKAGE)}": File(path.read_bytes())
        for path in sources
        if not set(path.relative_to(PACKAGE).parts) & set(NOT_SHIPPED)
    }
    return {"Dockerfile": File(DOCKERFILE.encode()), **files}


def requirements(declared: list[str] | None = None) -> list[str]:
    """What the package needs to run in a pod, as its own metadata say."""
    if declared is None:
        with contextlib.suppress(metadata.PackageNotFoundError):
            declared = metadata.requires("cdlab")
    declared = declared or []
    needed = []
    for line in declared:
        what, _, marker = line.partition(";")
        if not marker or re.search(rf"""extra == ['"]{EXTRA}['"]""", marker):
            needed.append(what.strip())
    if not any(f'"{EXTRA}"' in line or f"'{EXTRA}'" in line for line in declared):
        raise SubstrateUnavailable(
            f'the installed cdlab knows no optional dependencies "{EXTRA}"',
            help=install_command("kind"),
        )
    return needed


def _wheels(settings: KindSettings, machine: str, progress: Progress) -> list[Path]:
    """The wheels of all that, from the cache folder or the package index."""
    needed = requirements()
    key = credentials.fingerprint(*needed, machine, PYTHON_VERSION)
    folder = settings.cache_home.absolute() / "cdlab-wheels" / key
    if not folder.is_dir():
        progress("downloading the wheels of the release manager's image")
        unfinished = folder.with_name(f"{key}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        _download(needed, machine, unfinished)
        unfinished.rename(folder)
    return sorted(folder.glob("*.whl"))


def _download(needed: list[str], machine: str, folder: Path) -> None:
    folder.mkdir(parents=True)
    platforms = (f"manylinux2014_{machine}", f"manylinux_2_28_{machine}")
    command = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
        *("--only-binary=:all:", "--implementation=cp", f"--python-version={PYTHON_VERSION}"),
        *(f"--platform={each}" for each in platforms),
        f"--dest={folder}",
        *needed,
    ]
    try:
        subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=DOWNLOAD_SECONDS
        )
    except subprocess.SubprocessError as error:
        said = str(getattr(error, "stderr", "") or error).strip().splitlines()[-1:]
        raise SubstrateUnavailable(
            f"the wheels of the release manager's image cannot be downloaded: {' '.join(said)}",
            help=f"pip download in this environment has to work; then {folder.parent} keeps them. "
            f"{OFFLINE}",
        ) from error
