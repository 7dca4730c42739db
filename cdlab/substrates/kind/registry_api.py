"""
The registry's HTTP API with one principal's login, over connections that stay open.

In: a login. Out: digests, tag names, manifests and dates of images, or the port's errors. Who calls
it: `registry.py`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cdlab.errors import Forbidden, ImageNotFound, RegistryUnavailable
from cdlab.image_labels import age_of, branch_of
from cdlab.model import Digest
from cdlab.substrates.kind.credentials import connections

if TYPE_CHECKING:
    import urllib3

MANIFESTS = ", ".join(
    (
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.index.v1+json",
    )
)


@dataclass(frozen=True)
class StoredManifest:
    """What the registry keeps under a digest; it never changes."""

    config: str
    """Digest of the configuration, which with the classic image store is the image id."""
    config_bytes: int
    layers: tuple[tuple[str, int], ...]
    """(digest, compressed bytes), the lowest first."""
    age: tuple[int, int]
    """(microseconds since 1970, commits) as the labels say, else when it was built."""
    branch: str
    """As the labels say; empty if they do not."""


@dataclass(frozen=True)
class RegistryApi:
    """Reads, and deletions for the clean-up. Writing images is docker's."""

    url: str
    login: tuple[str, str] | None = field(repr=False)
    _manifests: dict[str, StoredManifest] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def request(self, method: str, path: str, what: str) -> urllib3.BaseHTTPResponse:
        """Return the answer, whatever it found; raise for a refused login and for no answer."""
        import urllib3

        pool = connections(self.login)
        headers = {**pool.headers, "Accept": MANIFESTS}
        try:
            answer = pool.request(method, f"{self.url}/v2/{path}", headers=headers)
        except urllib3.exceptions.HTTPError as error:
            raise RegistryUnavailable(
                f"{what}: the registry did not answer: {error}",
                help="cdlab status",
                definite=isinstance(error, urllib3.exceptions.NewConnectionError),
            ) from error
        if answer.status in (401, 403):
            raise Forbidden(f"{what}: the registry answered {answer.status}: no login of its own")
        if answer.status >= 500:
            raise RegistryUnavailable(
                f"{what}: the registry answered {answer.status}", definite=False
            )
        return answer

    def digest_of(self, repository: str, reference: str) -> Digest | None:
        """What a tag or digest names now."""
        what = f"reading '{repository}:{reference}'"
        answer = self.request("HEAD", f"{repository}/manifests/{reference}", what)
        if answer.status != 200:
            return None
        return Digest(answer.headers["Docker-Content-Digest"])

    def has_blob(self, repository: str, digest: str) -> bool:
        """Whether the registry has this blob under this repository."""
        what = f"looking for a blob of '{repository}'"
        return self.request("HEAD", f"{repository}/blobs/{digest}", what).status == 200

    def tags(self, repository: str) -> list[str]:
        """All tag names. Empty for a repository that nobody pushed to."""
        answer = self._json(f"{repository}/tags/list", f"listing the tags of '{repository}'")
        return list(answer.get("tags") or ()) if answer else []

    def manifest(self, repository: str, digest: str) -> StoredManifest:
        """What a digest stands for. Read once, for it cannot change."""
        with self._lock:
            found = self._manifests.get(digest)
        if found is None:
            found = self._read_manifest(repository, digest)
            with self._lock:
                self._manifests[digest] = found
        return found

    def _read_manifest(self, repository: str, digest: str) -> StoredManifest:
        what = f"reading '{repository}@{digest}'"
        manifest = self._json(f"{repository}/manifests/{digest}", what)
        if manifest is not None and "manifests" in manifest:  # an index: its first image stands
            return self.manifest(repository, str(manifest["manifests"][0]["digest"]))
        config: Mapping[str, Any] | None = None
        if manifest is not None:
            config = self._json(f"{repository}/blobs/{manifest['config']['digest']}", what)
        if manifest is None or config is None:
            raise ImageNotFound(f"the registry has no image '{repository}@{digest}'")
        return StoredManifest(
            config=str(manifest["config"]["digest"]),
            config_bytes=int(manifest["config"]["size"]),
            layers=tuple((str(each["digest"]), int(each["size"])) for each in manifest["layers"]),
            age=age_of(_labels(config)) or (_microseconds(str(config.get("created", ""))), 0),
            branch=branch_of(_labels(config)),
        )

    def _json(self, path: str, what: str) -> dict[str, Any] | None:
        answer = self.request("GET", path, what)
        return json.loads(answer.data) if answer.status == 200 else None


def _labels(config: Mapping[str, Any]) -> Mapping[str, str]:
    """The labels of an image; whoever pushed it may have written anything there."""
    labels = (config.get("config") or {}).get("Labels")
    return labels if isinstance(labels, dict) else {}


def _microseconds(text: str) -> int:
    """Read RFC 3339 with up to nine digits of a second, as docker writes it; 0 for no date."""
    whole, _, rest = text.rstrip("Z").partition(".")
    if not whole:
        return 0
    moment = datetime.fromisoformat(whole).replace(tzinfo=UTC)
    fraction = "".join(digit for digit in rest if digit.isdigit())[:6]
    return int(moment.timestamp()) * 1_000_000 + int(fraction.ljust(6, "0"))
