"""What is refused before anything is made of it, and how the rest is read."""

from __future__ import annotations

import subprocess
import sys

import pytest

from cdlab.errors import ManifestError
from cdlab.parsed_files import parse
from cdlab.safe_yaml import copied, double_quoted, with_value

REFUSED = {
    "a Python object": ("a: 1\nb: !!python/object/apply:os.system [ls]", 2, "tag"),
    "a binary, which JSON does not have": ("a: !!binary aGk=", 1, "tag"),
    "a tag of its own": ("a: !secret x", 1, "tag"),
    "a key twice": ("a: 1\nb: 2\na: 3", 3, 'second key "a"'),
    "a list as a key": ("? [a]\n: 1", 1, "not a scalar"),
    "a list as a document": ("a: 1\n---\n- b", 3, "mapping"),
    "a word as a document": ("hello", 1, "mapping"),
    "an open quote": ('a: 1\nb: "', 2, "not valid YAML"),
    "a tab as indentation": ("a:\n\tb: 1", 2, "not valid YAML"),
    "an unknown alias": ("a: 1\nb: *c", 2, "alias"),
    "an alias to itself": ("a: 1\nb: &b [*b]", 2, "inside an anchored value"),
    "a control character": ("a: 1\nb: \x00", 2, "not valid YAML"),
    "half a surrogate pair": ("a: \ud800", 1, "not valid YAML"),
    "an endless number": ("a: " + "9" * 5000, 1, "not valid YAML"),
    "a byte-order mark": ("\ufeffa: 1", 1, "byte-order mark"),
    "51 levels of flow": ("a: 1\nb: " + "[" * 50 + "]" * 50, 2, "levels deep"),
    "any number of levels": ("[" * 100_000, 1, "levels deep"),
    "levels of blocks": ("\n".join(" " * i + "a:" for i in range(60)), 51, "levels deep"),
    "a large file": ("#" * (1024 * 1024) + "\na: 1", 1, "larger than"),
    "a file large in bytes": ("# " + "é" * (600 * 1024), 1, "larger than"),
    "a bomb of merge keys": (
        f"a: &a {{{', '.join(f'k{i}: v' for i in range(1000))}}}\nb:\n" + "- <<: *a\n" * 100,
        51,
        "aliases expanded",
    ),
    "nested aliases": ("a: &a [x]\nb: &b [*a, *a]\nc: [*b]", 2, "inside an anchored value"),
}


@pytest.mark.parametrize(("text", "line", "what"), REFUSED.values(), ids=list(REFUSED))
def test_it_is_refused_with_its_line(text: str, line: int, what: str) -> None:
    """Manifests come from outside; the reader is told where to look."""
    with pytest.raises(ManifestError, match=what) as refused:
        parse(text, "environments/staging/users.yaml")
    assert refused.value.line == line
    assert str(refused.value).startswith(f"environments/staging/users.yaml:{line}: ")


def test_dates_stay_strings() -> None:
    """Kubernetes reads YAML as JSON, where a date is a string and PyYAML's date does not exist."""
    (document,) = parse("a: 2024-02-03\nb: 2024-02-03T04:05:06Z\nc: !!str 1\nd: 1", "x").data
    assert document == {"a": "2024-02-03", "b": "2024-02-03T04:05:06Z", "c": "1", "d": 1}


def test_anchors_and_merge_keys_are_read() -> None:
    """They are allowed as far as they cannot grow."""
    (document,) = parse("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: *a", "x").data
    assert document == {"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}, "c": {"x": 1, "y": 2}}


def test_empty_documents_are_left_out() -> None:
    """A separator too many is no manifest."""
    file = parse("---\n# nothing\n---\na: 1\n---\n...\n---\nb: 2\n---\n", "x")
    assert file.data == ({"a": 1}, {"b": 2})
    assert [file.line(0), file.line(1)] == [4, 8]
    assert parse("", "x").data == ()


def test_copies_share_nothing_inside_either() -> None:
    """An alias is one Python object in two places; a change of one must not show in the other."""
    (document,) = parse("a: &a {x: [1]}\nb: *a", "x").data
    copy = copied(document)
    copy["a"]["x"].append(2)
    assert copy["b"] == {"x": [1]}
    assert document == {"a": {"x": [1]}, "b": {"x": [1]}}


def test_one_value_is_replaced_without_touching_the_original() -> None:
    """Only the way to the value is copied; mappings on the way are made if missing."""
    document = {"a": [{"b": 1}, {"b": 2}], "c": None}
    assert with_value(document, ("a", 1, "b"), 3) == {"a": [{"b": 1}, {"b": 3}], "c": None}
    assert with_value(document, ("c", "d"), 3) == {"a": [{"b": 1}, {"b": 2}], "c": {"d": 3}}
    assert document == {"a": [{"b": 1}, {"b": 2}], "c": None}


@pytest.mark.parametrize(
    "value", ["", "a", 'a "b" \\', "é𝒳", "\x00\n\r\t\x85\u2028\ufeff\ue000\U000f0000"]
)
def test_a_quoted_value_reads_as_it_was(value: str) -> None:
    """Whatever a user writes as a reason stays on one line and ends nothing."""
    quoted = double_quoted(value)
    assert quoted.isprintable()
    assert parse(f"a: {quoted}\n", "x").data == ({"a": value},)


def test_importing_does_not_load_the_yaml_library() -> None:
    """It costs 20 ms, and `import cdlab` has 150."""
    code = "import sys, cdlab.manifests; sys.exit('yaml' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
