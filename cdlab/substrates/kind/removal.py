"""
Removing what a run left behind, and nothing else: everything is found by the run's labels or name.

In: connections, labels. Out: nothing. Who calls it: `substrate.py` when a run is destroyed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from cdlab.errors import BuildFailed, WorkloadNotFound
from cdlab.substrates.kind.kubernetes_api import KubernetesApi, ObjectExists

if TYPE_CHECKING:
    from docker import DockerClient

    from cdlab.substrates.kind.registry_api import RegistryApi


def delete_namespaces(administrator: KubernetesApi, labels: Mapping[str, str]) -> None:
    """Ask for it and do not wait: a namespace takes some 10 s to go away."""
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    namespaces, _ = administrator.list("/api/v1/namespaces", labelSelector=selector)
    for each in namespaces:
        name = str(each["metadata"]["name"])
        try:
            administrator.call("DELETE", f"/api/v1/namespaces/{name}")
        except (WorkloadNotFound, ObjectExists):
            continue  # it is going away already


def delete_images(docker: DockerClient, labels: Mapping[str, str]) -> None:
    """Delete the images that were built in the run, cached layers included."""
    import requests
    from docker.errors import APIError, DockerException, ImageNotFound

    filters = {"label": [f"{key}={value}" for key, value in labels.items()]}
    try:
        for image in docker.images.list(filters=filters):
            try:
                docker.api.remove_image(image.id, force=True)
            except (ImageNotFound, APIError) as error:
                if error.status_code not in (404, 409):  # 409: another image stands on it
                    raise
    except (DockerException, requests.ConnectionError, requests.Timeout) as error:
        raise BuildFailed(f"images of the run stay: {error}", definite=False) from error


def delete_tags(registry: RegistryApi, repositories: Iterable[str]) -> None:
    """Delete every manifest that a tag names. Blobs stay until the registry collects garbage."""
    for repository in repositories:
        digests = {registry.digest_of(repository, tag) for tag in registry.tags(repository)}
        for digest in sorted(each for each in digests if each is not None):
            path = f"{repository}/manifests/{digest}"
            registry.request("DELETE", path, f"deleting '{repository}@{digest}'")
