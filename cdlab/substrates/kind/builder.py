"""
`docker build` on this machine's engine, the one that CI uses.

In: a checkout, whose committed files are the build context, and an image reference. Out: a
`BuiltImage` that stays in the engine, labelled, until the run is destroyed. Who calls it:
`substrate.py` makes one for a run, `registry.py` pushes what it built.
"""

from __future__ import annotations

import io
import tarfile
import tempfile
import threading
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from cdlab.errors import BuildFailed
from cdlab.model import BuiltImage, Content, ImageRef
from cdlab.ports import NO_LABELS, Checkout
from cdlab.substrates.kind.checkouts import KindCheckout
from cdlab.substrates.kind.git_commands import GitCommands, GitFailed
from cdlab.substrates.kind.settings import LABEL

if TYPE_CHECKING:
    from docker import DockerClient

    from cdlab.live_kernel import LiveKernel

RUN_LABEL = f"{LABEL.rpartition('/')[0]}/run"
"""Docker and Kubernetes label of what belongs to one run."""
LOG_LINES = 20
"""How much of a failed build's log the error shows."""
SILENCE_SECONDS = 600
"""How long the engine may say nothing during a build or a push."""


def connect_docker() -> DockerClient:
    """Return a client whose calls may take as long as a build does."""
    from cdlab.substrates.kind.engine import connect_engine

    client = connect_engine()
    client.api.timeout = SILENCE_SECONDS
    return client


class KindBuilder:
    """
    The Docker engine. It knows no principals, as on a machine that runs CI.

    Builds run side by side; with the cache on, those of the same content one after the other, for
    of two at once both would miss the cache and make two images.
    """

    def __init__(
        self, kernel: LiveKernel, docker: DockerClient, labels: Mapping[str, str],
        *, has_build_cache: bool,
    ) -> None:  # fmt: skip
        self.kernel = kernel
        self.docker = docker
        self.labels = dict(labels)
        self.has_build_cache = has_build_cache
        self._turns: defaultdict[Content, threading.Lock] = defaultdict(threading.Lock)

    async def build(
        self, checkout: Checkout, ref: ImageRef, labels: Mapping[str, str] = NO_LABELS
    ) -> BuiltImage:
        assert isinstance(checkout, KindCheckout), "the context comes from a clone on this machine"
        head, content = checkout.head, checkout.content
        if head is None:
            raise BuildFailed(f"docker build of '{ref}' failed: there is no commit to build")
        turn = self._turns[content] if self.has_build_cache else nullcontext()
        git = checkout.git

        def do() -> BuiltImage:
            with turn:
                return BuiltImage(ref, self._build(git, head, ref, labels), content)

        return await self.kernel.offload(do, what=f"docker build of {ref}")

    def _build(self, git: GitCommands, head: str, ref: ImageRef, labels: Mapping[str, str]) -> str:
        import requests
        from docker.errors import DockerException

        try:
            with tempfile.TemporaryDirectory(prefix="cdlab-context-") as folder:
                _extract(git, head, folder)
                log = self.docker.api.build(
                    path=folder,
                    tag=str(ref),
                    nocache=not self.has_build_cache,
                    rm=True,
                    forcerm=True,
                    labels={**self.labels, **labels},
                    decode=True,
                )
                return _image_id(log, ref)
        except (GitFailed, tarfile.TarError) as error:
            raise BuildFailed(f"docker build of '{ref}' has no context: {error}") from error
        except (requests.ConnectionError, requests.Timeout) as error:
            raise BuildFailed(
                f"docker build of '{ref}': the engine did not answer: {error}", definite=False
            ) from error
        except (DockerException, TypeError) as error:  # TypeError: a context without Dockerfile
            raise BuildFailed(f"docker build of '{ref}' failed: {error}") from error


def _extract(git: GitCommands, head: str, folder: str) -> None:
    """Lay out the committed files. Docker's own client then heeds their `.dockerignore`."""
    with tempfile.TemporaryDirectory() as scratch:
        path = f"{scratch}/context.tar"
        git("archive", "--format=tar", f"--output={path}", head)
        with open(path, "rb") as file, tarfile.open(fileobj=io.BytesIO(file.read())) as tar:
            # As filter="tar", which Python knows since 3.11.4.
            tar.extraction_filter = getattr(tarfile, "tar_filter", None)  # type: ignore[attr-defined, unused-ignore]
            tar.extractall(folder)


def _image_id(log: Iterable[Mapping[str, Any]], ref: ImageRef) -> str:
    """Read the log to its end, which frees the connection also after an error."""
    lines: deque[str] = deque(maxlen=LOG_LINES)
    image_id = error = ""
    for entry in log:
        error = str(entry.get("error", error))
        text = str(entry.get("stream", ""))
        lines.extend(line for line in text.splitlines() if line.strip())
        image_id = str(entry.get("aux", {}).get("ID", image_id))
    if error:
        tail = "\n  ".join([*lines, error])
        raise BuildFailed(f"docker build of '{ref}' failed:\n  {tail}")
    if not image_id:
        raise BuildFailed(f"docker build of '{ref}' ended without an image", definite=False)
    return image_id
