"""
An image registry in memory: blobs by content, and tags that point at digests.

In: images that the engine of `builder.py` built. Out: digests, tags, and what the cluster's nodes
pull. A server holds the images; each principal has a view of it. Made by `substrate.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from hashlib import sha256
from operator import attrgetter

from cdlab.errors import ImageNotFound, RegistryUnavailable
from cdlab.image_labels import age_of, branch_of
from cdlab.kernel import Kernel, Signal
from cdlab.model import BuiltImage, Content, Digest, ImageRef, PushedImage, Tag
from cdlab.substrates.sim.access import Credentials
from cdlab.substrates.sim.builder import BASE_LAYER_BYTES, LocalImage
from cdlab.substrates.sim.costs import Costs

CONFIG_BYTES = 1_500
"""About what an image's configuration takes: its history, environment and layer ids."""


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An image as the registry has it."""

    digest: Digest
    content: Content
    age: tuple[int, int]
    """As `Tag.age`: from the labels, else from the build."""
    branch: str
    """As `Tag.branch`."""
    blobs: Mapping[str, int]
    """Blob id -> bytes: the base layer, which all images share, its own layer, its config."""

    @property
    def size(self) -> int:
        """Bytes that a node pulls that has none of it."""
        return sum(self.blobs.values())


def stored(image: LocalImage) -> StoredImage:
    """What a push stores. The same image id has the same digest, in every registry."""
    digest = Digest("sha256:" + sha256(image.image_id.encode()).hexdigest())
    blobs = {
        "base layer": BASE_LAYER_BYTES,
        f"layer of {image.layers}": image.source.layer_bytes,
        image.image_id: CONFIG_BYTES,
    }
    labels = dict(image.labels)
    age = age_of(labels) or (image.created_us, 0)
    return StoredImage(digest, image.source.content, age, branch_of(labels), blobs)


class Repository:
    """The tags and images under one name."""

    def __init__(self, signal: Signal) -> None:
        self.tags: dict[str, Tag] = {}
        """In the order in which they came to point where they point."""
        self.images: dict[Digest, StoredImage] = {}
        self.tagged = signal

    def list(self) -> tuple[Tag, ...]:
        """Oldest image first; of the same age, in the order of arrival."""
        return tuple(sorted(self.tags.values(), key=attrgetter("age")))


class RegistryServer:
    """What all views share. `images` is the store of the engine that pushes."""

    def __init__(self, kernel: Kernel, costs: Costs, images: Mapping[str, LocalImage]) -> None:
        self.kernel = kernel
        self.costs = costs
        self.local_images = images
        self._repositories: dict[str, Repository] = {}
        self._blobs: set[str] = set()
        self.notifications: list[ImageRef] = []
        """Every accepted push, in order: the registry's own witness."""
        self.is_down = False

    def repository(self, name: str) -> Repository:
        """The repository of that name, which is made by asking for it."""
        if name not in self._repositories:
            signal = self.kernel.signal(f"a tag in {name}")
            self._repositories[name] = Repository(signal)
        return self._repositories[name]

    async def spend(self, purpose: str, repository: str) -> None:
        """Let the time pass that an operation takes."""
        name = repository.rpartition("/")[2]
        await self.kernel.sleep(self.costs.duration(purpose, name))

    def has(self, image: StoredImage) -> bool:
        """Whether a push of it would write no layer."""
        return all(blob in self._blobs for blob in image.blobs if "layer" in blob)

    def store(self, image: StoredImage, ref: ImageRef) -> PushedImage:
        """Keep an image, move the tag to it, and tell who waits for a tag."""
        repository = self.repository(ref.repository)
        written = sum(size for blob, size in image.blobs.items() if blob not in self._blobs)
        self._blobs.update(image.blobs)
        repository.images[image.digest] = image
        name = ref.tag or "latest"
        before = repository.tags.get(name)
        if before is None or before.digest != image.digest:
            repository.tags.pop(name, None)
            repository.tags[name] = Tag(name, image.digest, *image.age, image.branch)
        repository.tagged.notify_all()
        self.notifications.append(ImageRef(ref.repository, name, image.digest))
        return PushedImage(image.digest, written)

    def require_up(self) -> None:
        """Raise `RegistryUnavailable` while it is down."""
        if self.is_down:
            raise RegistryUnavailable("the registry did not answer: connection refused")

    def restart(self) -> None:
        """Answer again; who waits for a tag looks once more."""
        self.is_down = False
        for repository in self._repositories.values():
            repository.tagged.notify_all()

    def empty(self) -> None:
        """Lose every image and tag."""
        self._blobs.clear()
        for repository in self._repositories.values():
            repository.tags.clear()
            repository.images.clear()

    def find(self, ref: ImageRef) -> StoredImage | None:
        """The image of a digest, or of a tag when there is none; no tag means `latest`."""
        repository = self._repositories.get(ref.repository)
        if repository is None:
            return None
        digest = ref.digest
        if digest is None:
            tag = repository.tags.get(ref.tag or "latest")
            digest = tag.digest if tag else Digest("")
        return repository.images.get(digest)

    def pull(self, ref: ImageRef) -> tuple[Digest, Content, int] | None:
        """What a node gets: digest, source and bytes; None if there is no such image. At once."""
        image = None if self.is_down else self.find(ref)
        return (image.digest, image.content, image.size) if image else None


class SimImageRegistry:
    """The registry as one principal reaches it."""

    def __init__(self, server: RegistryServer, credentials: Credentials) -> None:
        self.server = server
        self.credentials = credentials

    def _require(self, verb: str, repository: str) -> None:
        self.credentials.require(verb, "registry", f"registry, asked for '{repository}'")
        self.server.require_up()

    async def push(self, image: BuiltImage) -> PushedImage:
        self._require("write", image.ref.repository)
        local = self.server.local_images.get(image.image_id)
        if local is None:
            raise ImageNotFound(f"'{image.ref}' cannot be pushed: this machine did not build it")
        to_store = stored(local)
        purpose = "image_push_known" if self.server.has(to_store) else "image_push"
        await self.server.spend(purpose, image.ref.repository)
        self.server.require_up()
        return self.server.store(to_store, image.ref)

    async def list_tags(self, repository: str) -> tuple[Tag, ...]:
        self._require("read", repository)
        await self.server.spend("registry_read", repository)
        return self.server.repository(repository).list()

    async def resolve(self, ref: ImageRef) -> Digest:
        self._require("read", ref.repository)
        await self.server.spend("registry_read", ref.repository)
        image = self.server.find(ref)
        if image is None:
            raise ImageNotFound(f"the registry has no image '{ref}'")
        return image.digest

    async def wait_for_tag(self, repository: str, after: Collection[str]) -> tuple[Tag, ...]:
        self.credentials.require("read", "registry", f"registry, asked for '{repository}'")
        server = self.server.repository(repository)
        while self.server.is_down or all(name in after for name in server.tags):
            await server.tagged.wait()
            await self.server.spend("hint", repository)
        return await self.list_tags(repository)
