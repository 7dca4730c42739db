"""
The API server with one credential, through the `kubernetes` client's connections.

In: paths and JSON. Out: JSON, watches, and the port's errors in place of the client's. Who calls
it: `cluster.py` with a principal's token; `access.py` and `pods.py` with the administrator's.

Paths and plain JSON instead of the generated classes: a manifest may be of any kind, and making and
reading those classes takes longer than the API server takes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from cdlab.errors import (
    ClusterUnavailable,
    Forbidden,
    ManifestRejected,
    PortError,
    WorkloadNotFound,
)

if TYPE_CHECKING:
    from kubernetes.client import ApiClient
    from urllib3 import BaseHTTPResponse

TIMEOUT_SECONDS = 30.0
WATCH_SECONDS = 300
"""When the API server ends a watch; its reader begins another one where it ended."""
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"
PLAIN = "application/json"
METADATA = f"{PLAIN};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
Json = dict[str, Any]


def _client(kubeconfig: Path, context: str, *, is_administrator: bool) -> ApiClient:
    from kubernetes import client, config  # type: ignore[import-untyped, unused-ignore]

    settings = client.Configuration()
    config.load_kube_config(  # type: ignore[no-untyped-call, unused-ignore]
        config_file=str(kubeconfig),
        context=context,
        client_configuration=settings,
        persist_config=False,
    )
    if not is_administrator:
        settings.cert_file = settings.key_file = None
    return _connected(settings)


def _pod_client(host: str, ca: Path) -> ApiClient:
    from kubernetes import client

    settings = client.Configuration()
    settings.host, settings.ssl_ca_cert = host, str(ca)
    return _connected(settings)


def _connected(settings: Any) -> ApiClient:
    from kubernetes import client

    settings.retries = False
    settings.proxy = None
    settings.connection_pool_maxsize = 16
    return client.ApiClient(settings)


class WatchExpired(Exception):
    """The API server no longer knows the version to go on from: list again."""


class ObjectExists(Exception):
    """An object of that name is there already, or another writer came first."""


class KubernetesApi:
    """One credential. Safe for threads; connections are kept and reused."""

    def __init__(self, client: ApiClient, token: str | Path | None) -> None:
        """Use `as_administrator`, `inside`, or `without_credentials` and `with_token`."""
        self._client = client
        self._token = token
        self._host = str(client.configuration.host)

    @classmethod
    def as_administrator(cls, kubeconfig: Path, context: str) -> KubernetesApi:
        """Connect with the kubeconfig's own credentials."""
        return cls(_client(kubeconfig, context, is_administrator=True), None)

    @classmethod
    def inside(cls, host: str, ca: Path, token: Path) -> KubernetesApi:
        """Connect from a pod. The kubelet writes *token* anew before it ends."""
        return cls(_pod_client(host, ca), token)

    @classmethod
    def without_credentials(cls, kubeconfig: Path, context: str) -> KubernetesApi:
        """Make connections that belong to nobody yet."""
        return cls(_client(kubeconfig, context, is_administrator=False), None)

    def with_token(self, token: str) -> KubernetesApi:
        """Act as the owner of a token, over the same connections."""
        return KubernetesApi(self._client, token)

    def close(self) -> None:
        """Close the connections."""
        self._client.rest_client.close()

    def call(
        self, method: str, path: str, body: Any = None, *, content_type: str = PLAIN,
        accept: str = PLAIN, **query: str,
    ) -> Json:  # fmt: skip
        """Return the answer's JSON; blocks. Raises the port's errors, and `ObjectExists` on 409."""
        answer = self._send(method, path, body, (content_type, accept), query)
        try:
            data = answer.data
        except Exception as error:
            raise self._lost(method, path, error) from error
        if answer.status >= 400:
            raise _refusal(f"{method} {path}", answer.status, data)
        return dict(json.loads(data)) if data else {}

    def _send(
        self, method: str, path: str, body: Any, types: tuple[str, str], query: Mapping[str, str]
    ) -> BaseHTTPResponse:
        import urllib3
        from kubernetes.client.exceptions import (  # type: ignore[import-untyped, unused-ignore]
            ApiException,
        )

        content_type, accept = types
        headers = {"Accept": accept, "Content-Type": content_type}
        if self._token is not None:
            token = self._token.read_text() if isinstance(self._token, Path) else self._token
            headers["Authorization"] = f"Bearer {token}"
        url = f"{self._host}{path}" + (f"?{urlencode(query)}" if query else "")
        limit = WATCH_SECONDS + 30 if "watch" in query else TIMEOUT_SECONDS
        # The client makes text of what it takes for JSON, and older ones refuse other objects.
        is_json = body is None or content_type.endswith("json")
        text = body if is_json else json.dumps(body)
        try:
            answer = self._client.rest_client.request(  # type: ignore[no-untyped-call, unused-ignore]
                method, url, headers=headers, body=text, _request_timeout=(5.0, limit)
            )
        except (ApiException, urllib3.exceptions.HTTPError) as error:
            raise self._lost(method, path, error) from error
        return answer.response  # type: ignore[no-any-return]

    def _lost(self, method: str, path: str, error: Exception) -> ClusterUnavailable:
        import urllib3

        never_sent = (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError)
        return ClusterUnavailable(
            f"{method} {path}: the API server did not answer: {error}",
            help="cdlab status",
            definite=isinstance(error, never_sent),
        )

    def list(self, path: str, **query: str) -> tuple[list[Json], str]:
        """Return the objects of a collection and the version to watch it from."""
        answer = self.call("GET", path, **query)
        return list(answer.get("items") or ()), str(answer["metadata"]["resourceVersion"])

    def list_metadata(self, path: str, **query: str) -> tuple[Json, ...]:
        """Return the objects of a collection without spec and status, a tenth of the bytes."""
        return tuple(self.call("GET", path, accept=METADATA, **query).get("items") or ())

    def watch(self, path: str, version: str, **query: str) -> Watch:
        """Begin to watch a collection after *version*."""
        options = {
            "watch": "1",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(WATCH_SECONDS),
        }
        answer = self._send("GET", path, None, (PLAIN, PLAIN), {**query, **options})
        if answer.status == 410:
            answer.drain_conn()
            raise WatchExpired
        if answer.status >= 400:
            raise _refusal(f"GET {path}", answer.status, answer.data)
        return Watch(answer)


class Watch:
    """The changes of a collection, until the server ends it or somebody stops it."""

    def __init__(self, answer: BaseHTTPResponse) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[tuple[str, Json]]:
        """Yield (type, object), `BOOKMARK`s too; end when the connection does, for any reason."""
        import urllib3

        rest = b""
        try:
            for block in self._answer.stream(amt=None):
                *lines, rest = (rest + block).split(b"\n")
                for line in lines:
                    yield from self._change(line)
        except (urllib3.exceptions.HTTPError, OSError, ValueError):
            return  # the reader goes on from the last version that it saw
        finally:
            self._answer.close()

    def _change(self, line: bytes) -> Iterator[tuple[str, Json]]:
        if not line.strip():
            return
        change = json.loads(line)
        if change["type"] == "ERROR":
            raise WatchExpired
        yield str(change["type"]), dict(change["object"])

    def stop(self) -> None:
        """End it from another thread."""
        try:
            self._answer.shutdown()
        except (ValueError, RuntimeError, OSError):
            return  # has ended already


def _refusal(tried: str, status: int, data: bytes) -> PortError | ObjectExists | WatchExpired:
    """Return what an answer above 400 means, with the API server's own sentence."""
    try:
        sentence = str(json.loads(data)["message"])
    except (ValueError, KeyError, TypeError):
        sentence = data.decode(errors="replace")[:200]
    message = f"{tried}: {status}: {sentence}"
    if status in (401, 403):
        return Forbidden(message, help="its grant does not allow that, see grants.toml")
    if status == 404:
        return WorkloadNotFound(message, help="apply its manifest first: kubectl apply -f …")
    if status == 409:
        return ObjectExists(message)
    if status == 410:
        return WatchExpired(message)
    if status in (400, 415, 422) or "failed to create typed patch object" in sentence:
        return ManifestRejected(message)
    return ClusterUnavailable(message, help="cdlab status", definite=status == 429)
