"""
Read and edit Kubernetes YAML, every other byte untouched.

In comes the text of a file with one or more manifests, out come values, or the text with an image
or some annotations changed. An edit finds its place by the parser's marks and splices. Where it
could mean more than that, the result is parsed, and refused if anything else differs.

Pure. The release manager, the CI of V2 and the simulated cluster call it, often with the same text.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cdlab.errors import ManifestError
from cdlab.parsed_files import KNOWN_FILES, ParsedFile, know, parse
from cdlab.safe_yaml import (
    Steps,
    copied,
    double_quoted,
    end_of,
    is_plain_string,
    spliced,
    with_scalar,
    with_value,
)

_IMAGE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._:/@+-]{0,510}[A-Za-z0-9])?")
_ANNOTATION_KEY = re.compile(
    r"(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?/)?"
    r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
)
_LINE_BREAK = re.compile(r"\r\n|\n|\r|\Z")

_ANNOTATIONS = ("metadata", "annotations")
_CONTAINERS = ("spec", "template", "spec", "containers")


@dataclass(frozen=True, slots=True)
class Workload:
    """A Deployment as a file declares it."""

    name: str
    kind: str
    replicas: int
    """1 when the file does not say, as in Kubernetes."""
    containers: tuple[tuple[str, str], ...]
    """(name, image reference as written), without the init containers."""
    line: int
    """Where its manifest begins in the file; lines count from 1."""


def documents(text: str, path: str = "manifest") -> tuple[dict[str, Any], ...]:
    """
    Return the manifests of a file in their order; empty documents are left out.

    The caller owns the result. Dates stay strings, so the result is what the API server accepts as
    JSON. ManifestError names the line of what is refused: broken YAML, a key twice, a tag such as
    `!!python/object`, an alias inside an anchored value, a limit passed.
    """
    return tuple(copied(document) for document in parse(text, path).data)


def workloads(text: str, path: str = "manifest") -> tuple[Workload, ...]:
    """Return the Deployments of a file in their order; every other kind is passed over."""
    return tuple(workload for _, workload in _workloads(text, path))


def image_of(text: str, workload: str, container: str | None = None, path: str = "manifest") -> str:
    """
    Return the image reference of a workload's container, as written.

    Without `container` it is the one named like the workload, else the only one.
    """
    _, found = _find(text, workload, path)
    return found.containers[_container(parse(text, path), found, container)][1]


@lru_cache(maxsize=KNOWN_FILES)
def replace_image(
    text: str, workload: str, image: str, container: str | None = None, path: str = "manifest"
) -> str:
    """
    Return the text with that container's image reference replaced and its quoting kept.

    Refused, since one splice cannot do them safely: a block scalar, an anchor or alias on the
    image, an image that a merge key brings in. `container` as in `image_of`.
    """
    file = parse(text, path)
    index, found = _find(text, workload, path)
    steps = (*_CONTAINERS, _container(file, found, container), "image")
    if not _IMAGE.fullmatch(image):
        file.refuse(file.line(index, steps), f"not an image reference: {image!r}")
    _, old = file.entry(index, steps)
    if old.style in ("|", ">"):
        file.refuse(old, "the image is a block scalar", help="Write it on one line.")
    quote = old.style or ("" if is_plain_string(image) else '"')
    result = spliced(text, old.start_mark.index, old.end_mark.index, f"{quote}{image}{quote}")
    _verify(file, result, index, steps, image, is_sure=file.is_sure(index, steps))
    return result


def annotations(text: str, workload: str, path: str = "manifest") -> dict[str, str]:
    """Return the annotations of the workload's own metadata, not of its pod template."""
    index, _ = _find(text, workload, path)
    file = parse(text, path)
    values = _annotations(file, index)
    for key, value in values.items():
        if not isinstance(key, str) or not isinstance(value, str):
            line = file.line(index, (*_ANNOTATIONS, key))
            what = f'the annotation "{key}" is not a string: {value!r}'
            file.refuse(line, what, help="Put it in quotes.")
    return dict(values)


def annotate(
    text: str, workload: str, changes: Mapping[str, str | None], path: str = "manifest"
) -> str:
    """
    Return the text with annotations of the workload's metadata set, or removed where None.

    New ones go first in the block, which is made if it is missing and goes with its last
    annotation, so that setting and then removing gives the same text. What goes takes the comment
    on its own line along. Values are double-quoted; one that is already as wanted is left alone.
    """
    index, found = _find(text, workload, path)
    wanted = dict(_annotations(parse(text, path), index))
    result = text
    for key, value in list(changes.items())[::-1]:
        if not _ANNOTATION_KEY.fullmatch(key):
            parse(text, path).refuse(found.line, f'"{key}" is not the name of an annotation')
        if wanted.get(key) == value:
            continue
        file = parse(result, path)
        if value is None:
            del wanted[key]
            is_sure = file.is_sure_to_go(index, (*_ANNOTATIONS, key))
            result = _without_annotation(file, index, key)
        else:
            wanted = {**wanted, key: value} if key in wanted else {key: value, **wanted}
            is_plain = value.isascii() and value.isprintable()
            is_sure = is_plain and file.is_sure(index, (*_ANNOTATIONS, key))
            result = _with_annotation(file, index, key, value)
        _verify(file, result, index, _ANNOTATIONS, wanted, is_sure=is_sure)
    return result


@lru_cache(maxsize=KNOWN_FILES)
def _workloads(text: str, path: str) -> tuple[tuple[int, Workload], ...]:
    file = parse(text, path)
    found = [
        (index, _workload(file, index))
        for index, document in enumerate(file.data)
        if document.get("kind") == "Deployment"
    ]
    names: set[str] = set()
    for _, workload in found:
        if workload.name in names:
            file.refuse(workload.line, f'a second Deployment named "{workload.name}"')
        names.add(workload.name)
    return tuple(found)


def _workload(file: ParsedFile, index: int) -> Workload:
    def value(steps: Steps, kind: type, what: str, default: Any = None) -> Any:
        inner: Any = file.data[index]
        for step in steps:
            if isinstance(step, int):
                inner = inner[step]
            else:
                inner = inner.get(step) if isinstance(inner, dict) else None
        inner = default if inner is None else inner
        if not isinstance(inner, kind) or isinstance(inner, bool) or inner in ("", []):
            file.refuse(file.line(index, steps), f"a Deployment whose {what}")
        return inner

    name = value(("metadata", "name"), str, "metadata.name is missing or not a string")
    replicas = value(("spec", "replicas"), int, "replicas is not a number", default=1)
    containers = tuple(
        (
            value((*_CONTAINERS, i, "name"), str, f"container {i + 1} has no name"),
            value((*_CONTAINERS, i, "image"), str, f"container {i + 1} has no image"),
        )
        for i, _ in enumerate(value(_CONTAINERS, list, "list of containers is missing"))
    )
    return Workload(name, "Deployment", replicas, containers, file.lines[index])


def _find(text: str, workload: str, path: str) -> tuple[int, Workload]:
    """Return a workload and the index of its document."""
    found = _workloads(text, path)
    for index, each in found:
        if each.name == workload:
            return index, each
    names = ", ".join(each.name for _, each in found)
    advice = f"It has: {names}." if names else "It has no Deployment."
    return parse(text, path).refuse(1, f'no Deployment named "{workload}"', help=advice)


def _container(file: ParsedFile, workload: Workload, container: str | None) -> int:
    """Return the place of a container in its workload's list."""
    names = [name for name, _ in workload.containers]
    if container is None and len(names) == 1:
        return 0
    wanted = container or workload.name
    if wanted in names:
        return names.index(wanted)
    what = f'"{workload.name}" has no container named "{wanted}"'
    return file.refuse(workload.line, what, help=f"It has: {', '.join(names)}.")


def _annotations(file: ParsedFile, index: int) -> dict[str, Any]:
    """Return the annotations as parsed; the key of a Deployment's metadata is known to exist."""
    values = file.data[index]["metadata"].get("annotations")
    if values is not None and not isinstance(values, dict):
        file.refuse(file.line(index, _ANNOTATIONS), "annotations are a mapping, these are not")
    return values or {}


def _with_annotation(file: ParsedFile, index: int, key: str, value: str) -> str:
    """Return the text with one annotation added or its value replaced."""
    text, found = file.text, file.reached(index, (*_ANNOTATIONS, key))
    pair = f"{double_quoted(key)}: {double_quoted(value)}"
    line = f"{key}: {double_quoted(value)}" if "/" in key else pair
    if len(found) == 3:
        _, old = file.entry(index, (*_ANNOTATIONS, key))
        return with_scalar(text, old, double_quoted(value))
    if len(found) == 2 and found[1][1].id == "scalar":
        return with_scalar(text, found[1][1], f"{{{pair}}}")
    parent_key, parent = found[-1]
    if parent.flow_style:
        at = parent.start_mark.index + 1
        pair = pair if len(found) == 2 else f'"annotations": {{{pair}}}'
        return spliced(text, at, at, pair + (", " if parent.value else ""))
    column = parent.value[0][0].start_mark.column
    lines = [" " * column + line]
    if len(found) == 1:
        step = max(column - parent_key.start_mark.column, 1)
        lines = [" " * column + "annotations:", " " * (column + step) + line]
    line_break = _LINE_BREAK.search(text, parent_key.end_mark.index)
    assert line_break
    at = line_break.start()
    return spliced(text, at, at, "".join(line_break.group() + each for each in lines))


def _without_annotation(file: ParsedFile, index: int, key: str) -> str:
    """Return the text without one annotation, and without the block if it was the only one."""
    key_node, value = file.entry(index, (*_ANNOTATIONS, key))
    block_key, block = file.entry(index, _ANNOTATIONS)
    if not block.flow_style:
        text = file.without_lines(key_node, end_of(file.text, value))
        if len(block.value) == 1:
            colon = file.text.index(":", block_key.end_mark.index) + 1
            text = file.without_lines(block_key, colon, text)
        return text
    place = [each for each, _ in block.value].index(key_node)
    start, end = key_node.start_mark.index, value.end_mark.index
    if place + 1 < len(block.value):
        end = block.value[place + 1][0].start_mark.index
    elif place > 0:
        start = block.value[place - 1][1].end_mark.index
    return spliced(file.text, start, end, "")


def _verify(
    before: ParsedFile, result: str, index: int, steps: Steps, value: object, *, is_sure: bool
) -> None:
    """Refuse an edit that broke the file or changed more than the one value."""
    if is_sure:
        return know(result, before, index, steps, value)
    expected = [*before.data]
    expected[index] = with_value(before.data[index], steps, value)
    try:
        after = parse(result, before.path)
        data = [*after.data]
        if steps == _ANNOTATIONS:  # no block and an empty one mean the same
            data[index] = with_value(data[index], steps, _annotations(after, index))
        is_as_expected = data == expected
    except (ManifestError, LookupError):
        is_as_expected = False
    if not is_as_expected:
        what = f"replacing {steps[-1]} here would change something else too"
        advice = (
            "It is shared through an anchor or a merge key, or oddly laid out. Edit it by hand."
        )
        before.refuse(before.line(index, steps), what, help=advice)
