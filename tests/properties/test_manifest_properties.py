"""
Editing a manifest changes one value and nothing else, whatever the manifest looks like.

The strategy writes Deployments as people do: any order of keys, any indentation, comments
everywhere, three quoting styles, flow or block style, Windows line endings, other documents around.
"""

from __future__ import annotations

import json
import string
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from cdlab import manifests, parsed_files
from cdlab.errors import ManifestError

Result = TypeVar("Result")

# The prefix keeps names off what YAML reads as a boolean or as null.
names = st.text(string.ascii_lowercase, max_size=8).map("w".__add__)
images = st.builds(
    "{}/{}:{}".format, names, names, st.text(string.ascii_letters + string.digits, min_size=1)
)
comments = st.sampled_from(["", "", " # why: it's #1", "\t# tab", "   #", ' # "quoted" & *odd'])
annotation_keys = st.builds("{}.dev/{}".format, names, names)
values = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
DECOYS = ["", "# image: not/me:1\n", "---\n", "kind: ConfigMap\ndata:\n  image: not/me:1\n---\n"]


@dataclass(frozen=True)
class Written:
    """A manifest, and what the strategy knows of it."""

    text: str
    workload: str
    image: str
    quoted_image: str


def block(lines: dict[str, list[str]], order: list[str], indent: int) -> list[str]:
    return [" " * indent + line for key in order for line in lines[key]]


@st.composite
def written(draw: st.DrawFn, annotated: bool | None = None) -> Written:
    workload, image = draw(names), draw(images)
    step, dash = draw(st.integers(1, 5)), draw(st.sampled_from([0, 2]))
    quote = draw(st.sampled_from(["", "'", '"']))
    pairs = draw(
        st.dictionaries(annotation_keys, values, max_size=3, min_size=int(bool(annotated)))
    )
    pad, gap = " " * step, draw(st.sampled_from([" ", "  ", "\t"]))
    note = lambda: draw(comments)  # noqa: E731
    entries = [f"{pad}{key}: {quoted(value)}{note()}" for key, value in pairs.items()]
    flow = "{" + ", ".join(f"{quoted(k)}: {quoted(v)}" for k, v in pairs.items()) + "}"
    in_flow = draw(st.booleans()) or not pairs
    metadata = {
        "name": [f"name: {workload}{note()}"],
        "labels": [f"labels: {{app: {workload}}}{note()}", "# a line of its own: {"],
        "annotations": [f"annotations: {flow}"] if in_flow else [f"annotations:{note()}", *entries],
    }
    keys = ["name", "labels"] + (["annotations"] if annotated or draw(st.booleans()) else [])
    container = {
        "name": [f"name: {workload}"],
        "image": [f"image:{gap}{quote}{image}{quote}{note()}"],
        "args": ["args: ['image: not/me:2']", f"# image: {image}"],
    }
    inner = block(container, draw(st.permutations(list(container))), dash + 2)
    inner[0] = " " * dash + "- " + inner[0].lstrip()
    containers = ["containers:" + note(), *inner]
    init = [] if draw(st.booleans()) else ["initContainers: [{name: init, image: not/me:3}]"]
    pod = {"containers": containers, "init": init, "volumes": ["volumes: []" + note()]}
    pod_lines = block(pod, draw(st.permutations(list(pod))), 3 * step)
    top = {
        "kind": [f"kind: Deployment{note()}"],
        "metadata": ["metadata:" + note(), *block(metadata, draw(st.permutations(keys)), step)],
        "spec": [f"spec:{note()}", f"{pad}template:", f"{pad}{pad}spec:{note()}", *pod_lines],
    }
    text = "\n".join(block(top, draw(st.permutations(list(top))), 0))
    text = (
        draw(st.sampled_from(DECOYS)) + text + draw(st.sampled_from(["", "\n", "\n\n---\n# x\n"]))
    )
    text = text.replace("\n", draw(st.sampled_from(["\n", "\r\n"])))
    return Written(text, workload, image, f"{quote}{image}{quote}")


def quoted(value: str) -> str:
    """Quote by PyYAML's own emitter, so that the test does not share our escaping."""
    return yaml.dump(value, default_style='"', width=10**6, allow_unicode=True).strip()


@settings(max_examples=3 * settings().max_examples)
@given(written(), images)
def test_replacing_an_image_changes_only_its_bytes(manifest: Written, image: str) -> None:
    """All other bytes stay, quoting included, and parsing sees only the new image."""
    result = manifests.replace_image(manifest.text, manifest.workload, image)
    head, _, tail = _split_at_image(manifest)
    assert result == head + manifest.quoted_image.replace(manifest.image, image) + tail
    assert manifests.image_of(result, manifest.workload) == image
    back = manifests.replace_image(result, manifest.workload, manifest.image)
    assert back == manifest.text


def _split_at_image(manifest: Written) -> tuple[str, str, str]:
    """Find the image by its line: the only one that starts with it and is not commented out."""
    lines = manifest.text.splitlines(keepends=True)
    (number,) = (
        i
        for i, line in enumerate(lines)
        if line.lstrip(" -").startswith("image:") and manifest.quoted_image in line
        if "not/me" not in line
    )
    head, found, tail = lines[number].partition(manifest.quoted_image)
    return "".join(lines[:number]) + head, found, tail + "".join(lines[number + 1 :])


@settings(max_examples=3 * settings().max_examples)
@given(written(), st.dictionaries(annotation_keys, values, min_size=1, max_size=4))
def test_setting_and_removing_annotations_gives_the_same_text(
    manifest: Written, added: dict[str, str]
) -> None:
    """Only new names: with or without a block before, in flow or in block style."""
    before = manifests.annotations(manifest.text, manifest.workload)
    added = {key: value for key, value in added.items() if key not in before}
    set_ = manifests.annotate(manifest.text, manifest.workload, added)
    assert manifests.annotations(set_, manifest.workload) == {**before, **added}
    assert manifests.annotate(set_, manifest.workload, dict.fromkeys(added)) == manifest.text
    assert manifests.annotate(set_, manifest.workload, added) == set_


@settings(max_examples=2 * settings().max_examples)
@given(written(annotated=True), values, st.data())
def test_changing_or_removing_an_existing_annotation_changes_nothing_else(
    manifest: Written, value: str, data: st.DataObject
) -> None:
    """The other annotations, the image and the other documents read as before."""
    before = manifests.annotations(manifest.text, manifest.workload)
    key = data.draw(st.sampled_from(sorted(before)))
    changed = manifests.annotate(manifest.text, manifest.workload, {key: value})
    assert manifests.annotations(changed, manifest.workload) == {**before, key: value}
    removed = manifests.annotate(manifest.text, manifest.workload, {key: None})
    del before[key]
    assert manifests.annotations(removed, manifest.workload) == before
    assert manifests.image_of(removed, manifest.workload) == manifest.image


@settings(max_examples=5 * settings().max_examples)
@given(written(), st.data())
def test_a_damaged_manifest_is_refused_or_edited_cleanly(
    manifest: Written, data: st.DataObject
) -> None:
    """Whatever a typing mistake makes of the file, nothing but ManifestError comes out."""
    at = data.draw(st.integers(0, len(manifest.text)))
    end = data.draw(st.integers(at, min(len(manifest.text), at + 3)))
    typed = data.draw(
        st.text(st.sampled_from("&*!|>{}[]:,?-#\"'% \n\r\tx\u2028\x85<\0"), max_size=3)
    )
    text = manifest.text[:at] + typed + manifest.text[end:]
    there = or_line(lambda: manifests.annotations(text, manifest.workload))
    changes = {"a.dev/hold": "x", **dict.fromkeys(there if isinstance(there, dict) else ())}
    replaced = or_line(lambda: manifests.replace_image(text, manifest.workload, "new/image:1"))
    annotated = or_line(lambda: manifests.annotate(text, manifest.workload, changes))
    for result in (replaced, annotated):
        if isinstance(result, str):
            assert len(manifests.documents(result)) == len(manifests.documents(text))


@settings(max_examples=5 * settings().max_examples)
@given(written(), st.lists(st.tuples(annotation_keys, values), min_size=1, max_size=3), images)
def test_what_is_known_without_parsing_is_what_parsing_gives(
    manifest: Written, changes: list[tuple[str, str]], image: str
) -> None:
    """Values, their order and the lines of the documents, after any chain of edits."""
    result = manifests.replace_image(manifest.text, manifest.workload, image)
    for key, value in changes:
        result = manifests.annotate(result, manifest.workload, {key: value})
    known = parsed_files.parse(result, "manifest")
    parsed_files.forget()
    parsed = parsed_files.parse(result, "manifest")
    assert json.dumps(known.data) == json.dumps(parsed.data)
    assert known.lines == parsed.lines


def or_line(edit: Callable[[], Result]) -> Result | int:
    """Return what an edit gives, or the line that it refuses; any other exception comes through."""
    try:
        return edit()
    except ManifestError as error:
        return error.line


@settings(max_examples=3 * settings().max_examples)
@given(st.text(st.sampled_from("&*!|>{}[]:,?-#\"'% \n\r\tax1\u2028\x85<\0\ud800"), max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Manifests come from outside: no other exception than ManifestError may come out."""
    result = or_line(lambda: manifests.documents(text))
    assert isinstance(result, tuple) or 1 <= result <= max(len(text.splitlines()), 1)
