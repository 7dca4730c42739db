"""
What a rollback can go back to: earlier manifests of the same file, newest first.

By itself it goes to releases that were noted healthy, and never to what was rolled back from; a
person who names one goes to that, healthy or not. In: a checkout and a request. Out: manifests.
Pure; called by the planner.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress

from cdlab import manifests
from cdlab.config_layout import noted_health
from cdlab.errors import FileMissing, ManifestError
from cdlab.model import Commit, Digest, ImageRef
from cdlab.policies import ours
from cdlab.ports import Checkout
from cdlab.release_commits import trailer
from cdlab.release_requests import ReleaseRequest

_ABBREVIATED = re.compile("[0-9a-f]{7,40}")


def targets(request: ReleaseRequest, checkout: Checkout, current: str) -> Iterator[str]:
    """
    Manifests to go back to, newest first.

    What was left behind is an image, or a manifest where the rollback kept the image. Policy does
    not count: two manifests that differ in it alone run the same. Where only the image is to go
    back, or it is the image that is bad, one with the same image is no way out.
    """
    name, commits = request.workload, checkout.log(request.path)
    left_behind, bad_images = _left_behind(request, checkout, commits)
    left_behind.add(without_policy(current, name))
    if request.image_only or request.is_bad:
        bad_images.add(_image(current, name).digest)
    for commit in commits:
        is_healthy, noted = noted_health(commit.note, request.environment, name)
        if request.to is None and not is_healthy:
            continue
        try:
            before = checkout.read(request.path, at=commit.revision)
            manifest = _by_digest(before, name, noted)
            image = _image(manifest, name)
            if not _is_meant(request.to, commit, image) or image.digest in bad_images:
                continue
            if not left_behind & {without_policy(each, name) for each in (before, manifest)}:
                yield manifest
        except (FileMissing, ManifestError):
            continue  # somebody deleted or broke it in that commit: nothing to go back to


def _by_digest(manifest: str, workload: str, noted: Digest | None) -> str:
    """The manifest; where it names a tag alone, with the digest that ran under it back then."""
    image = _image(manifest, workload)
    if image.digest or not noted:
        return manifest
    return manifests.replace_image(manifest, workload, f"{image}@{noted}")


def without_policy(manifest: str, workload: str) -> str:
    """The manifest with nothing in it but what runs."""
    found = manifests.annotations(manifest, workload)
    return manifests.annotate(manifest, workload, dict.fromkeys(filter(ours, found)))


def _left_behind(
    request: ReleaseRequest, checkout: Checkout, commits: Sequence[Commit]
) -> tuple[set[str], set[Digest | None]]:
    """The manifests and the images that rollbacks of this environment came from."""
    texts: set[str] = set()
    images: set[Digest | None] = {None}
    for commit in commits:
        is_here = trailer(commit, "Environment") == request.environment
        if not is_here or trailer(commit, "Cause") != "rollback":
            continue
        with suppress(FileMissing, ManifestError):  # anybody can write such a message
            for parent in commit.parents[:1]:
                before = checkout.read(request.path, at=parent)
                texts.add(without_policy(before, request.workload))
        if trailer(commit, "From") != trailer(commit, "To"):
            images.add(ImageRef.parse(trailer(commit, "From")).digest)
    return texts, images


def _is_meant(to: str | None, commit: Commit, image: ImageRef) -> bool:
    if to is None or to in (image.tag, image.digest):
        return True
    return bool(_ABBREVIATED.fullmatch(to)) and commit.revision.startswith(to)


def _image(manifest: str, workload: str) -> ImageRef:
    return ImageRef.parse(manifests.image_of(manifest, workload))
