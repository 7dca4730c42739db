"""
The two containers beside the cluster: the registry and the git server.

In: settings and passwords. Out: descriptions of containers, the git server's image, and whether a
service answers. Who calls it: `lifecycle.py`.
"""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from cdlab.substrates.kind import credentials
from cdlab.substrates.kind.engine import (
    File,
    Progress,
    Service,
    archive,
    build_image,
    missing_images,
)
from cdlab.substrates.kind.kind_config import registry_config
from cdlab.substrates.kind.settings import REGISTRY_IMAGE, KindSettings

if TYPE_CHECKING:
    from docker import DockerClient

GIT_USER = 10001
"""The git server's user in its image."""
_without_proxy = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def registry_service(passwords: dict[str, str], settings: KindSettings) -> Service:
    """Describe the registry: a login per principal, deletion enabled, hints to the git server."""
    config = registry_config(settings)
    return Service(
        name=settings.registry_container,
        image=REGISTRY_IMAGE,
        port=5000,
        published=settings.registry_port,
        volume=settings.registry_container,
        data="/var/lib/registry",
        files={
            "etc/distribution/config.yml": File(config.encode()),
            "etc/distribution/htpasswd": File(
                credentials.registry_htpasswd(passwords).encode(), mode=0o600
            ),
        },
        health="/v2/",
        # bcrypt salts its lines, so the passwords stand for them.
        fingerprint=credentials.fingerprint(
            config, str(settings.registry_port), *passwords.values()
        ),
    )


def git_service(image: str, passwords: dict[str, str], settings: KindSettings) -> Service:
    """Describe the git server, which is the hint hub too."""
    users = credentials.git_users(passwords)
    return Service(
        name=settings.git_container,
        image=image,
        port=8418,
        published=settings.git_port,
        volume=settings.git_container,
        data="/srv/git",
        files={"etc/cdlab/users.json": File(users.encode(), mode=0o600, user=GIT_USER)},
        health="/healthz",
        fingerprint=credentials.fingerprint(image, str(settings.git_port), users),
    )


def git_context() -> bytes:
    """Return the build context of the git server's image as a tar archive."""
    folder = Path(__file__).parent / "git_server"
    return archive(
        {
            str(path.relative_to(folder)): File(path.read_bytes())
            for path in folder.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
    )


def git_image(settings: KindSettings) -> str:
    """Return the name of the git server's image, whose tag tells what it is built from."""
    return f"{settings.git_container}:{credentials.fingerprint(git_context().hex())}"


def build_git_image(engine: DockerClient, settings: KindSettings, progress: Progress) -> str:
    """Return the name of the git server's image, built unless it is there already."""
    context, name = git_context(), git_image(settings)
    if missing_images(engine, (name,)):
        progress(f"building the git server's image {name}")
        build_image(engine, context, name, "the git server's image", settings.labels)
    return name


def answers(service_port: int, health: str, passwords: dict[str, str]) -> bool:
    """Whether a service on 127.0.0.1 answers, and where it asks for a login, takes ours."""
    request = urllib.request.Request(f"http://127.0.0.1:{service_port}{health}")
    request.add_header("Authorization", credentials.basic("runner", passwords["runner"]))
    try:
        with _without_proxy.open(request, timeout=5):
            return True
    except OSError:
        return False
