"""
The images of a lab as files, for machines that cannot pull them.

In: settings, a folder. Out: a tar archive for each image with a list of what each must be, or the
images in the Docker engine again. Who calls it: `cdlab prefetch`. The release manager's image is
among them, built here: from there it is pushed to the lab's registry once that is up.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cdlab.errors import SubstrateUnavailable
from cdlab.substrates.kind.engine import Progress, missing_images, open_engine, pull_missing
from cdlab.substrates.kind.manager_image import build_manager_image
from cdlab.substrates.kind.services import build_git_image
from cdlab.substrates.kind.settings import KindSettings
from cdlab.whole_files import whole, write_whole

if TYPE_CHECKING:
    from docker import DockerClient

LIST = "images.json"
CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class KeptImage:
    """One image in the folder."""

    name: str
    """With its tag and without a digest, which no archive keeps."""
    id: str
    """What the Docker engine calls its content."""
    file: str
    sha256: str
    """Of the file."""
    bytes: int


def tagged(image: str) -> str:
    """An image reference without its digest: what is left of it once it was saved and loaded."""
    return image.partition("@")[0]


def file_name(image: str) -> str:
    """The name of an image's archive."""
    return re.sub(r"[^A-Za-z0-9.-]+", "-", tagged(image)) + ".tar"


def save(settings: KindSettings, folder: Path, progress: Progress) -> list[KeptImage]:
    """
    Write what `cdlab up`, the builds of a run and `cdlab manager install` need into *folder*.

    What lacks here is pulled and built first. An archive that is there already and is still what
    it should be is kept, so that a second call goes on where the first was interrupted. The list
    comes last, and names whole archives alone, that of the nodes first.
    """
    folder.mkdir(parents=True, exist_ok=True)
    before = {each.name: each for each in read_list(folder, is_needed=False)}
    kept = []
    with open_engine() as engine:
        pull_missing(engine, settings.images, progress)
        built = [
            build(engine, settings, progress) for build in (build_git_image, build_manager_image)
        ]
        for image in (*settings.images, *built):
            known = before.get(tagged(image))
            found = engine.images.get(image)
            if known is None or known.id != found.id or not _is_whole(folder, known):
                progress(f"saving {tagged(image)}")
                known = _save(engine, image, folder)
            kept.append(known)
    write_whole(folder / LIST, json.dumps([asdict(each) for each in kept], indent=2) + "\n")
    return kept


def _save(engine: DockerClient, image: str, folder: Path) -> KeptImage:
    name = tagged(image)
    found = engine.images.get(image)
    if not any(tag == name for tag in found.tags):
        found.tag(name)
    digest, size = hashlib.sha256(), 0
    with whole(folder / file_name(image)) as part, part.open("wb") as file:
        for chunk in engine.api.get_image(name, chunk_size=CHUNK_BYTES):
            file.write(chunk)
            digest.update(chunk)
            size += len(chunk)
    return KeptImage(name, found.id, file_name(image), digest.hexdigest(), size)


def load(folder: Path, progress: Progress) -> list[KeptImage]:
    """Put all images of *folder* into the Docker engine; those that it has are left alone."""
    kept = read_list(folder)
    with open_engine() as engine:
        for each in kept:
            if has(engine, each):
                progress(f"{each.name} is there already")
                continue
            if not _is_whole(folder, each):
                raise SubstrateUnavailable(
                    f'"{folder / each.file}" is not the file that {LIST} describes',
                    help="copy the folder once more",
                )
            progress(f"loading {each.name}")
            with (folder / each.file).open("rb") as file:
                for _ in engine.api.load_image(file):
                    pass
            if not has(engine, each):
                raise SubstrateUnavailable(
                    f'"{each.name}" is not what {LIST} says, after it was loaded',
                    help="cdlab prefetch DIR on the machine that has the images",
                )
    return kept


def has(engine: DockerClient, kept: KeptImage) -> bool:
    """Whether the Docker engine has this very image under its name."""
    return not missing_images(engine, (kept.name,)) and engine.images.get(kept.name).id == kept.id


def read_list(folder: Path, *, is_needed: bool = True) -> list[KeptImage]:
    """What *folder* has; nothing where there is no list and none *is_needed*."""
    path = folder / LIST
    if not path.exists() and not is_needed:
        return []
    try:
        found = [KeptImage(**each) for each in json.loads(path.read_text(encoding="utf-8"))]
        if not found and is_needed:
            raise ValueError("it is empty")
        return found
    except (OSError, ValueError, TypeError) as error:
        raise SubstrateUnavailable(
            f'no list of images can be read from "{path}": {error}',
            help="cdlab prefetch DIR writes one, where the images are",
        ) from error


def _is_whole(folder: Path, kept: KeptImage) -> bool:
    path = folder / kept.file
    if not path.is_file() or path.stat().st_size != kept.bytes:
        return False
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for chunk in iter(lambda: file.read(CHUNK_BYTES), b""):
            digest.update(chunk)
    return digest.hexdigest() == kept.sha256
