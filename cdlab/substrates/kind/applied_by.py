"""
Labels that say who applied an object and by which manifest, and what is pruned by them.

In: manifests as JSON, objects as the API server has them. Out: the same with labels, how they
differ, and deletions. Who calls it: `cluster.py`, in a thread.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from functools import lru_cache

from cdlab.api_objects import APPLIED, APPLIED_BY, OWN_LABELS
from cdlab.errors import ManifestError, ManifestRejected, WorkloadNotFound
from cdlab.manifests import documents
from cdlab.ports import Deviation
from cdlab.substrates.kind import rollouts
from cdlab.substrates.kind.kubernetes_api import Json, ObjectExists
from cdlab.substrates.kind.namespaces import Namespace

KNOWN = 1024
"""Manifests whose objects are kept, at about 10 kB each."""
_VOLATILE = ("resourceVersion", "managedFields", "generation")
COLLECTIONS = (("Deployment", "/apis/apps/v1", "deployments"), ("Service", "/api/v1", "services"))
"""What the right to apply covers, and so what is pruned: kind, API, collection."""


def version(found: Json) -> str:
    """Changes with every write, and is no other object's."""
    return str(found["metadata"]["resourceVersion"])


def written(document: Json) -> str:
    """What of an object somebody wrote, to compare it before and after an apply."""
    metadata = {k: v for k, v in document["metadata"].items() if k not in _VOLATILE}
    for key, ours in (("annotations", (rollouts.REVISION,)), ("labels", OWN_LABELS)):
        metadata[key] = {k: v for k, v in (metadata.get(key) or {}).items() if k not in ours}
    rest = {key: value for key, value in document.items() if key != "status"}
    return json.dumps(rest | {"metadata": metadata}, sort_keys=True)


def parsed(manifest: str) -> list[Json]:
    """The objects of a manifest, or `ManifestRejected`."""
    try:
        return list(documents(manifest))
    except ManifestError as error:
        raise ManifestRejected(error.message) from error


def fingerprints(manifest: Sequence[Json]) -> tuple[str, ...]:
    """
    One for each object, short enough for a label; comments and indentation do not count.

    An object more or less in the manifest makes it another one for all of them.
    """
    names = [_name(each) for each in manifest]
    texts = (json.dumps([each, names]) for each in manifest)
    return tuple(hashlib.sha256(text.encode()).hexdigest()[:16] for text in texts)


@lru_cache(maxsize=KNOWN)
def prepared(manifest: str) -> tuple[tuple[Json, str], ...]:
    """
    Each object of a manifest with its fingerprint. Nobody changes them: they are kept.

    Every comparison of everything asks the same of the same texts.
    """
    objects = parsed(manifest)
    return tuple(zip(objects, fingerprints(objects), strict=True))


def labelled(document: Json, principal: str, written_as: str) -> Json:
    """The object with its two labels. Labels that are no mapping are the API server's to refuse."""
    labels = document["metadata"].get("labels") or {}
    if not isinstance(labels, dict):
        return document
    labels = {**labels, APPLIED_BY: principal, APPLIED: written_as}
    return {**document, "metadata": {**document["metadata"], "labels": labels}}


def is_labelled(found: Json, principal: str, fingerprint: str) -> bool:
    """Whether an object says that this principal applied it, and as what."""
    labels = found["metadata"].get("labels") or {}
    return (labels.get(APPLIED_BY), labels.get(APPLIED)) == (principal, fingerprint)


def has_other_images(document: Json, before: Json | None) -> bool:
    """Whether an object surely differs, without asking the API server what an apply would do."""
    wanted, found = _images(document), _images(before)
    return bool(found) and any(found.get(name) != image for name, image in wanted.items())


def _images(document: Json | None) -> dict[str, str]:
    """Container -> image; none where the document has no pods, or not their shape."""
    try:
        containers = document["spec"]["template"]["spec"]["containers"]  # type: ignore[index]
        return {str(each["name"]): str(each["image"]) for each in containers}
    except (KeyError, TypeError):
        return {}


def deviation(
    before: Sequence[Json | None], principal: str, fingerprints: Sequence[str]
) -> Deviation:
    """How objects differ that are known to differ; None for one that is not there."""
    for found, wanted in zip(before, fingerprints, strict=True):
        labels = found["metadata"].get("labels") or {} if found else {}
        if labels.get(APPLIED_BY) == principal and labels.get(APPLIED) != wanted:
            return "not applied"
    return "absent" if None in before else "changed"


def prune(
    manifests: Collection[str], namespace: Namespace, principal: str, *, is_dry_run: bool
) -> tuple[str, ...]:
    """Delete what the principal applied last and no manifest has."""
    kept = {_name(each) for text in manifests for each, _ in prepared(text)}
    gone = []
    for kind, api, collection in COLLECTIONS:
        selector = f"{APPLIED_BY}={principal}"
        listed = namespace.path(collection, api=api)
        for each in namespace.api.list_metadata(listed, labelSelector=selector):
            name = str(each["metadata"]["name"])
            path = namespace.path(collection, name, api=api)
            if f"{kind}/{name}" not in kept and (is_dry_run or _delete(each, path, namespace)):
                gone.append(f"{kind}/{name}")
    return tuple(sorted(gone))


def _name(document: Json) -> str:
    metadata = document.get("metadata")
    return f"{document.get('kind')}/{metadata.get('name') if isinstance(metadata, dict) else ''}"


def _delete(found: Json, path: str, namespace: Namespace) -> bool:
    """
    Delete the very object that was looked at; False if it is gone or somebody else's by now.

    Controllers write to it, too: what is only newer is looked at once more.
    """
    uid, owner = found["metadata"]["uid"], found["metadata"]["labels"][APPLIED_BY]
    while True:
        metadata = found["metadata"]
        if metadata["uid"] != uid or (metadata.get("labels") or {}).get(APPLIED_BY) != owner:
            return False
        precondition = {key: metadata[key] for key in ("uid", "resourceVersion")}
        options = {"propagationPolicy": "Background", "preconditions": precondition}
        try:
            namespace.api.call("DELETE", path, options)
        except ObjectExists:
            try:
                found = namespace.api.call("GET", path)
            except WorkloadNotFound:
                return False
        except WorkloadNotFound:
            return False
        else:
            return True
