"""
Applying manifests as `kubectl apply --server-side` does, and comparing them with what is there.

In: a manifest, a namespace. Out: whether something changed, or how it differs. Who calls it:
`cluster.py`, in threads; one for each principal.
"""

from __future__ import annotations

from cdlab.errors import ManifestRejected, WorkloadNotFound
from cdlab.model import Principal
from cdlab.ports import Deviation
from cdlab.substrates.kind import applied_by
from cdlab.substrates.kind.kubernetes_api import APPLY, Json, ObjectExists
from cdlab.substrates.kind.namespaces import Kinds, Namespace
from cdlab.substrates.kind.recent_looks import RecentLooks

FIELD_MANAGER = "cdlab"


class Applying:
    """What one principal applies, and what it has found to be equal already."""

    def __init__(self, kinds: Kinds, principal: Principal) -> None:
        self.kinds = kinds
        self.principal = principal
        self._equal: dict[str, tuple[Json, str]] = {}
        """Path -> the document and the version of the object that were found to be equal."""
        self._looks = RecentLooks(frozenset(name for _, _, name in applied_by.COLLECTIONS))

    def apply(self, manifest: str, namespace: Namespace) -> bool:
        """Apply every object of a manifest, and return whether any changed."""
        prepared = applied_by.prepared(manifest)
        changed = [self._apply(each, as_written, namespace) for each, as_written in prepared]
        return any(changed)

    def diff(self, manifest: str, namespace: Namespace) -> Deviation:
        """Tell how they differ from what was there at most a second ago; write nothing."""
        prepared = applied_by.prepared(manifest)
        before = [self._look(each, namespace) for each, _ in prepared]
        if not any(
            applied_by.has_other_images(each, found)
            for (each, _), found in zip(prepared, before, strict=True)
        ):
            differs = [
                self._differs(each, found, fingerprint=as_written, namespace=namespace)
                for (each, as_written), found in zip(prepared, before, strict=True)
            ]
            if not any(differs):
                return ""
        wanted = [as_written for _, as_written in prepared]
        return applied_by.deviation(before, self.principal, wanted)

    def _path(self, document: Json, namespace: Namespace) -> str:
        metadata = document.get("metadata")
        if not isinstance(metadata, dict) or not metadata.get("name"):
            raise ManifestRejected(f'a manifest of kind "{document.get("kind")}" has no name')
        if metadata.get("namespace", namespace.name) != namespace.name:
            raise ManifestRejected(
                f'"{metadata["name"]}" is meant for the namespace "{metadata["namespace"]}",'
                f' not for "{namespace.name}"'
            )
        return self.kinds.path(document, namespace)

    def _look(self, document: Json, namespace: Namespace) -> Json | None:
        found = self._looks.at(self._path(document, namespace), namespace.api)
        # A list says once for all what its objects are.
        return found and {"apiVersion": document["apiVersion"], "kind": document["kind"], **found}

    def _differs(
        self, document: Json, before: Json | None, *, fingerprint: str, namespace: Namespace
    ) -> bool:
        path = self._path(document, namespace)
        if before and self._equal.get(path) == (document, applied_by.version(before)):
            return False  # nobody has written to it since it was compared with this
        after = self._patch(path, document, fingerprint, namespace, dryRun="All")
        if before and applied_by.written(before) == applied_by.written(after):
            self._equal[path] = document, applied_by.version(before)
            return False
        return True

    def _apply(self, document: Json, fingerprint: str, namespace: Namespace) -> bool:
        path = self._path(document, namespace)
        before = self._looks.once_more(path, namespace.api)
        if before and self._is_as_applied(path, document, fingerprint, before):
            return False
        after = self._patch(path, document, fingerprint, namespace)
        self._looks.wrote(path, after)
        self._equal[path] = document, applied_by.version(after)
        return not before or applied_by.written(before) != applied_by.written(after)

    def _is_as_applied(self, path: str, document: Json, fingerprint: str, before: Json) -> bool:
        """Whether nobody has written to it since this principal applied just that."""
        is_equal = self._equal.get(path) == (document, applied_by.version(before))
        return is_equal and applied_by.is_labelled(before, self.principal, fingerprint)

    def _patch(
        self, path: str, document: Json, fingerprint: str, namespace: Namespace, **query: str
    ) -> Json:
        labelled = applied_by.labelled(document, self.principal, fingerprint)
        try:
            return namespace.api.call(
                "PATCH", path, labelled,
                content_type=APPLY, fieldManager=FIELD_MANAGER, force="true", **query,
            )  # fmt: skip
        except (WorkloadNotFound, ObjectExists) as error:
            raise ManifestRejected(str(error)) from error
