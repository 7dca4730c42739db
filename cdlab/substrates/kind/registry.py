"""
The lab's image registry, as one principal reaches it.

In: images that the engine built. Out: digests, tags, and the news of tags. Who calls it:
`substrate.py` makes one for each principal. Pushing is docker's own, with the principal's login;
reading goes straight to the registry's API.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from cdlab.errors import Forbidden, ImageNotFound, RegistryUnavailable
from cdlab.model import BuiltImage, Digest, ImageRef, Principal, PushedImage, Tag
from cdlab.substrates.kind.access import login_of
from cdlab.substrates.kind.registry_api import RegistryApi, StoredManifest

if TYPE_CHECKING:
    from docker import DockerClient

    from cdlab.substrates.kind.hints import Hints
    from cdlab.substrates.kind.lab import Services

T = TypeVar("T")
Right = Literal["none", "read", "write"]
_REFUSED = ("unauthorized", "denied", "no basic auth credentials")
_UNREACHED = ("connection refused", "no such host", "timeout", "eof", "connection reset")


class Arrivals:
    """
    In which order tags came to point where they point, as far as this run saw it.

    The registry does not keep that. It decides between images of the same age.
    """

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str, str], int] = {}
        self._lock = threading.Lock()

    def number(self, repository: str, tag: str, digest: str, *, is_push: bool = False) -> int:
        """Return its place, a new one when it is new or was pushed after something else."""
        key = (repository, tag, digest)
        with self._lock:
            if is_push:
                for other in [each for each in self._numbers if each[:2] == key[:2]]:
                    if other != key:
                        del self._numbers[other]
            return self._numbers.setdefault(key, 1 + max(self._numbers.values(), default=0))


class KindRegistry:
    """
    The registry with one principal's login.

    Its htpasswd knows logins and no rights per repository: a login that may read may also write.
    So a principal that may only read has the login for reading and pushes without one, and a
    principal that may do neither has none at all. Each refusal is then the registry's own answer to
    a real attempt; what is ours is that the login was withheld.
    """

    def __init__(
        self, lab: Services, hints: Hints, engine: tuple[DockerClient | None, Arrivals],
        principal: Principal, right: Right,
    ) -> None:  # fmt: skip
        self.hints = hints
        self.kernel = hints.kernel
        self.docker, self.arrivals = engine
        self.principal = principal
        self.host = lab.registry_host
        login = login_of(lab, principal, is_granted=right != "none")
        self.api = RegistryApi(lab.registry_url, login)
        user, password = login if login and right == "write" else (principal, "withheld")
        self._auth = {"username": user, "password": password}

    def _path(self, repository: str) -> str:
        return repository.removeprefix(f"{self.host}/")

    async def push(self, image: BuiltImage) -> PushedImage:
        return await self.kernel.offload(
            lambda: self._push(image), what=f"docker push of {image.ref}"
        )

    def _push(self, image: BuiltImage) -> PushedImage:
        import requests
        from docker.errors import APIError, DockerException
        from docker.errors import ImageNotFound as NotOnThisMachine

        tag = image.ref.tag or "latest"
        tried = f"docker push of '{image.ref}' as '{self.principal}'"
        if self.docker is None:
            raise Forbidden(f"{tried}: there is no engine where it runs")
        try:
            # Another build may have taken the name since; the id is what was built.
            self.docker.api.tag(image.image_id, image.ref.repository, tag, force=True)
            diff_ids = self.docker.api.inspect_image(image.image_id)["RootFS"]["Layers"]
            is_config_known = self._is_config_known(image)
            log = self.docker.api.push(
                image.ref.repository, tag, stream=True, decode=True, auth_config=self._auth
            )
            digest, statuses = push_log(log, tried)
        except (NotOnThisMachine, APIError) as error:
            if isinstance(error, NotOnThisMachine) or error.status_code == 404:
                message = f"{tried}: this machine did not build it"
                raise ImageNotFound(message) from error
            raise RegistryUnavailable(f"{tried}: {error}", definite=False) from error
        except (requests.ConnectionError, requests.Timeout, DockerException) as error:
            message = f"{tried}: the engine did not answer: {error}"
            raise RegistryUnavailable(message, definite=False) from error
        path = self._path(image.ref.repository)
        self.arrivals.number(path, tag, digest, is_push=True)
        written = _bytes_written(self.api.manifest(path, digest), diff_ids, statuses)
        if not is_config_known:
            written += self.api.manifest(path, digest).config_bytes
        return PushedImage(digest, written)

    def _is_config_known(self, image: BuiltImage) -> bool:
        """The image id is the configuration's digest, or with containerd's store the manifest's."""
        path = self._path(image.ref.repository)
        try:
            return self.api.has_blob(path, image.image_id) or (
                self.api.digest_of(path, image.image_id) is not None
            )
        except (Forbidden, RegistryUnavailable):
            return False  # the push itself is about to say so

    async def list_tags(self, repository: str) -> tuple[Tag, ...]:
        return await self._read(lambda: self._list(repository), f"tags of {repository}")

    def _list(self, repository: str) -> tuple[Tag, ...]:
        path = self._path(repository)
        tags = []
        for name in self.api.tags(path):
            digest = self.api.digest_of(path, name)
            if digest is not None:  # else it was deleted since it was listed
                image = self.api.manifest(path, digest)
                tags.append(Tag(name, digest, *image.age, image.branch))
        return tuple(
            sorted(
                tags,
                key=lambda tag: (tag.age, self.arrivals.number(path, tag.name, tag.digest)),
            )
        )

    async def resolve(self, ref: ImageRef) -> Digest:
        return await self._read(lambda: self._resolve(ref), f"digest of {ref}")

    def _resolve(self, ref: ImageRef) -> Digest:
        reference = ref.digest or ref.tag or "latest"
        digest = self.api.digest_of(self._path(ref.repository), reference)
        if digest is None:
            raise ImageNotFound(f"the registry has no image '{ref}'")
        return digest

    async def wait_for_tag(self, repository: str, after: Collection[str]) -> tuple[Tag, ...]:
        async def look() -> tuple[Tag, ...] | None:
            names = await self._read(
                lambda: self.api.tags(self._path(repository)), f"tag names of {repository}"
            )
            if all(name in after for name in names):
                return None
            return await self.list_tags(repository) or None

        return await self.hints.until(("registry", self._path(repository)), look)

    async def _read(self, function: Callable[[], T], what: str) -> T:
        return await self.kernel.offload(function, what=what)


def push_log(log: Iterable[Mapping[str, Any]], tried: str) -> tuple[Digest, dict[str, str]]:
    """Return the digest, and the last status of each layer, by the short id that docker shows.

    Raises what a failed push is: `Forbidden` or `RegistryUnavailable`.
    """
    digest = error = ""
    statuses: dict[str, str] = {}
    for entry in log:
        error = str(entry.get("error", error))
        if "id" in entry and "progressDetail" in entry:
            statuses[str(entry["id"])] = str(entry.get("status", ""))
        digest = str(entry.get("aux", {}).get("Digest", digest))
    if any(word in error.lower() for word in _REFUSED):
        raise Forbidden(f"{tried}: {error}", help="its grant does not allow that")
    if error:
        is_lost = any(word in error.lower() for word in _UNREACHED)
        raise RegistryUnavailable(f"{tried}: {error}", definite=not is_lost)
    if not digest:
        raise RegistryUnavailable(f"{tried}: docker told no digest", definite=False)
    return Digest(digest), statuses


def _bytes_written(
    manifest: StoredManifest, diff_ids: Iterable[str], statuses: Mapping[str, str]
) -> int:
    """Sum up the layers that docker had to send: neither known here nor mounted from elsewhere.

    docker shows a layer by its uncompressed digest, containerd's store by its compressed one.
    """
    sent: dict[str, int] = {}
    for (digest, size), diff_id in zip(manifest.layers, diff_ids, strict=True):
        status = statuses.get(diff_id[7:19]) or statuses.get(digest[7:19], "")
        if status == "Pushed":
            sent[digest] = size
    return sum(sent.values())
