"""
`docker build` in memory, and the images it leaves on the machine that built them.

In: a checkout and an image reference. Out: a `BuiltImage`; `images` is the local image store that
`registry.py` pushes from. One engine serves every principal, as on a machine that runs CI. Made by
`substrate.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256

from cdlab.errors import BuildFailed, FileMissing
from cdlab.kernel import Kernel
from cdlab.model import BuiltImage, Content, ImageRef
from cdlab.ports import NO_LABELS, Checkout
from cdlab.substrates.sim.costs import Costs

BASE_LAYER_BYTES = 2_160_000
"""About what busybox 1.35 takes, compressed. The same layer for every image."""
UNHEALTHY = "www/unhealthy"
"""A source with this file makes an image whose pods never become Ready."""
CRASHING = "www/crashing"
"""A source with this file makes an image whose container ends as soon as it runs."""
FAILING_STEP = "RUN false"
"""A line of a Dockerfile that makes the build fail."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a build needs to know of a checkout's committed files."""

    content: Content
    layer_bytes: int
    """Size of the layer that the source becomes: its files, uncompressed, and its payload."""
    is_healthy: bool
    is_crashing: bool
    failure: str
    """Why it cannot be built; empty if it can."""


@dataclass(frozen=True, slots=True)
class LocalImage:
    """An image in the store of the engine."""

    image_id: str
    source: Source
    created_us: int
    """When the build ended that made it. A build from the cache keeps the date."""
    layers: str = ""
    """The image id without labels: images that differ in labels alone share their layers."""
    labels: tuple[tuple[str, str], ...] = ()
    """What the build was told to write into it."""


class SimBuilder:
    """The docker engine of the CI machine."""

    def __init__(self, kernel: Kernel, costs: Costs, *, has_build_cache: bool = True) -> None:
        self.kernel = kernel
        self.costs = costs
        self.has_build_cache = has_build_cache
        self.images: dict[str, LocalImage] = {}
        """By image id."""
        self._cache: dict[Content, LocalImage] = {}
        self._labelled: dict[tuple[str, tuple[tuple[str, str], ...]], LocalImage] = {}
        self._sources: dict[Content, Source] = {}
        self._built: set[str] = set()
        """Microservices whose Dockerfile's first steps are in the cache."""

    async def build(
        self, checkout: Checkout, ref: ImageRef, labels: Mapping[str, str] = NO_LABELS
    ) -> BuiltImage:
        source = self._read(checkout)
        image = self._cached(source)
        name = ref.repository.rpartition("/")[2]
        is_known = self.has_build_cache and name in self._built
        purpose = "build_cached" if image else "build_changed" if is_known else "build"
        await self.kernel.sleep(self.costs.duration(purpose, name))
        if source.failure:
            raise BuildFailed(f"docker build of '{ref}' failed: {source.failure}")
        self._built.add(name)
        # Another build of the same source may have ended in the meantime.
        image = image or self._cached(source) or self._make(source)
        if labels:
            image = self._with(image, tuple(sorted(labels.items())))
        return BuiltImage(ref, image.image_id, source.content)

    def _with(self, image: LocalImage, labels: tuple[tuple[str, str], ...]) -> LocalImage:
        """The same layers with labels, which are a last step of the build and cached like one."""
        key = (image.image_id, labels)
        if key not in self._labelled:
            image_id = "sha256:" + sha256(f"{image.image_id} {labels}".encode()).hexdigest()
            self._labelled[key] = self.images[image_id] = replace(
                image, image_id=image_id, labels=labels
            )
        return self._labelled[key]

    def is_healthy(self, content: Content) -> bool:
        """Whether pods of an image of this source become Ready. True of what was never built."""
        source = self._sources.get(content)
        return source is None or source.is_healthy

    def is_crashing(self, content: Content) -> bool:
        """Whether containers of an image of this source end at once."""
        source = self._sources.get(content)
        return source is not None and source.is_crashing

    def _cached(self, source: Source) -> LocalImage | None:
        return self._cache.get(source.content) if self.has_build_cache else None

    def _make(self, source: Source) -> LocalImage:
        """Every uncached build leaves another image: dates are in it, and the engine counts."""
        now = self.kernel.now_us
        identity = f"{source.content} {now} {len(self.images)}"
        image_id = "sha256:" + sha256(identity.encode()).hexdigest()
        image = LocalImage(image_id, source, now, layers=image_id)
        self.images[image_id] = self._cache[source.content] = image
        return image

    def _read(self, checkout: Checkout) -> Source:
        content = checkout.content
        if content not in self._sources:
            self._sources[content] = _source(checkout)
        return self._sources[content]


def _source(checkout: Checkout) -> Source:
    """Read the committed files; what was written since and not committed is left out."""
    files = {}
    for path in checkout.paths() if checkout.head else ():
        with suppress(FileMissing):
            files[path] = checkout.read(path, at=checkout.head)
    dockerfile = files.get("Dockerfile")
    failure = "there is no Dockerfile" if dockerfile is None else _failure(dockerfile)
    size = sum(len(text.encode()) for text in files.values())
    payload = _payload_bytes(files.get("build.env", ""))
    is_crashing = CRASHING in files
    return Source(checkout.content, size + payload, UNHEALTHY not in files, is_crashing, failure)


@lru_cache(maxsize=256)
def _failure(dockerfile: str) -> str:
    is_failing = any(line.split() == FAILING_STEP.split() for line in dockerfile.splitlines())
    return f"the command of '{FAILING_STEP}' returned 1" if is_failing else ""


@lru_cache(maxsize=256)
def _payload_bytes(build_env: str) -> int:
    """What a sample microservice's build adds to its image, see `services/users/build.env`."""
    lines = (line.partition("=") for line in build_env.splitlines())
    return sum(1024 * int(value) for key, _, value in lines if key == "PAYLOAD_KIB")
