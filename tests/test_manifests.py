"""Reading and editing manifests: one test per layout that people write."""

from __future__ import annotations

import pytest

from cdlab import manifests
from cdlab.errors import ManifestError

USERS = """\
# Who you are.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: users  # not user
  annotations:
    # released by hand
    cdlab.dev/automated: "false"  # until spring
    cdlab.dev/tag: 'glob:v*'
  labels: {app: users}
spec:
  replicas: 3
  template:
    metadata:
      annotations: {not: this}
    spec:
      initContainers:
        - name: users
          image: migrations:1
      containers:
        - name: proxy
          image: proxy:1
        - image: "host:5000/users:1"  # image: users:0
          name: users
"""

SERVICE = """\
kind: Service
metadata:
  name: users
"""

ORDERS = """\
kind: Deployment
metadata:
  name: orders
spec: {template: {spec: {containers: [{name: web, image: orders:1}]}}}"""


def with_image_line(line: str) -> str:
    return f"""\
kind: Deployment
metadata: {{name: users}}
spec:
  template:
    spec:
      containers:
      - name: users
{line}
"""


def test_workloads_are_the_deployments_of_a_file() -> None:
    """Name, replicas, containers without init containers, and the line for messages."""
    users, orders = manifests.workloads(f"{USERS}---\n{SERVICE}---\n{ORDERS}")
    assert users == manifests.Workload(
        name="users",
        kind="Deployment",
        replicas=3,
        containers=(("proxy", "proxy:1"), ("users", "host:5000/users:1")),
        line=2,
    )
    assert (orders.name, orders.replicas, orders.containers) == (
        "orders",
        1,
        (("web", "orders:1"),),
    )
    assert orders.line == USERS.count("\n") + SERVICE.count("\n") + 3


def test_the_image_is_that_of_the_container_named_like_the_workload() -> None:
    """Or of the one asked for, or of the only one."""
    assert manifests.image_of(USERS, "users") == "host:5000/users:1"
    assert manifests.image_of(USERS, "users", container="proxy") == "proxy:1"
    assert manifests.image_of(ORDERS, "orders") == "orders:1"


def test_replacing_an_image_leaves_every_other_byte() -> None:
    """Comments that mention it, the init container of the same name, the other containers."""
    result = manifests.replace_image(USERS, "users", "host:5000/users@sha256:abc")
    assert result == USERS.replace('"host:5000/users:1"', '"host:5000/users@sha256:abc"')
    result = manifests.replace_image(USERS, "users", "proxy:2", container="proxy")
    assert result == USERS.replace("image: proxy:1", "image: proxy:2")


LAYOUTS = {
    "plain": ("        image: {}", "users:1"),
    "single quotes": ("        image: '{}'  # why", "users:1"),
    "double quotes": ('        image: "{}"', "users:1"),
    "a tab before it": ("        image:\t{}\t# tab", "users:1"),
    "on the next line": ("        image:\n          {}", "users:1"),
    "a quoted key": ('        "image" : {}', "users:1"),
    "in Windows lines": ("        image: {}\r\n        args: [é𝒳]\r", "users:1"),
    "after wide characters": ("        args: ['é𝒳\U0001f600']\n        image: {}", "users:1"),
    "an explicit key": ("        ? image\n        : {}", "users:1"),
    "over two lines": ('        image: "{}"', "users:\\\n          1"),
}


@pytest.mark.parametrize(("line", "image"), LAYOUTS.values(), ids=list(LAYOUTS))
def test_an_image_is_replaced_in_any_layout(line: str, image: str) -> None:
    """The quoting is kept, and everything around."""
    text = with_image_line(line.format(image))
    assert manifests.image_of(text, "users") == "users:1"
    assert manifests.replace_image(text, "users", "new:2") == with_image_line(line.format("new:2"))


def test_an_image_in_flow_style_without_a_last_line_break_is_replaced() -> None:
    """So is JSON, which is YAML in flow style."""
    assert manifests.replace_image(ORDERS, "orders", "o:2") == ORDERS.replace("orders:1", "o:2")
    json = ORDERS.replace("orders:1", '"orders:1"')
    assert manifests.replace_image(json, "orders", "o:2") == ORDERS.replace("orders:1", '"o:2"')


def test_an_image_that_yaml_reads_as_something_else_is_quoted() -> None:
    """A plain 123 or `true` would be a number or a boolean."""
    text = with_image_line("        image: users:1")
    assert '        image: "123"\n' in manifests.replace_image(text, "users", "123")
    assert '        image: "true"\n' in manifests.replace_image(text, "users", "true")


REFUSED = {
    "a block scalar": ("        image: >-\n          users:1", "block scalar"),
    "an anchor": ("        image: &i users:1\n        args: [*i]", "anchor"),
    "a tag": ("        image: !!str users:1", "tag"),
    "an alias": ("        args: [&i users:1]\n        image: *i", "anchor, an alias"),
    "a merge key": (
        "        <<: *web\nanchored:\n  image: users:1",
        "alias",
    ),
    "nothing": ("        image:", "no image"),
    "an empty string": ("        image: ''", "no image"),
    "a number": ("        image: 12", "no image"),
    "a boolean": ("        image: yes", "no image"),
}


@pytest.mark.parametrize(("line", "what"), REFUSED.values(), ids=list(REFUSED))
def test_an_image_that_one_splice_cannot_replace_is_refused(line: str, what: str) -> None:
    """With the file and the line, and nothing is guessed."""
    with pytest.raises(ManifestError, match=what) as refused:
        manifests.replace_image(with_image_line(line), "users", "new:2", path="users.yaml")
    assert refused.value.path == "users.yaml"
    assert refused.value.line >= 7


def test_an_image_that_stands_elsewhere_too_is_refused() -> None:
    """Replacing it would change the other place, which nobody asked for."""
    shared = "x: &web {image: 'users:1'}\n" + with_image_line("        <<: *web")
    assert manifests.image_of(shared, "users") == "users:1"
    with pytest.raises(ManifestError, match="something else too") as refused:
        manifests.replace_image(shared, "users", "new:2")
    assert "by hand" in refused.value.help


@pytest.mark.parametrize(
    "image",
    ["", " ", "a b", "a\nb", "a: b", "-a", "a #b", "*a", "a:", "'a'", "a" * 600, "é", "a\n"],
)
def test_what_is_no_image_reference_is_not_written(image: str) -> None:
    """Tags come from a registry, that is, from outside."""
    with pytest.raises(ManifestError, match="not an image reference"):
        manifests.replace_image(USERS, "users", image)


def test_a_missing_workload_or_container_is_named_with_what_there_is() -> None:
    """The reader sees the typing mistake."""
    with pytest.raises(ManifestError, match='no Deployment named "user"') as refused:
        manifests.image_of(USERS, "user")
    assert refused.value.help == "It has: users."
    with pytest.raises(ManifestError, match='no container named "prox"') as refused:
        manifests.image_of(USERS, "users", container="prox")
    assert refused.value.help == "It has: proxy, users."
    with pytest.raises(ManifestError, match="no Deployment") as refused:
        manifests.image_of(SERVICE, "users")
    assert refused.value.help == "It has no Deployment."


MALFORMED = {
    "no metadata": ("kind: Deployment", "metadata.name"),
    "metadata is a list": ("kind: Deployment\nmetadata: []", "metadata.name"),
    "a name that YAML reads as a boolean": (ORDERS.replace("orders\n", "yes\n"), "metadata.name"),
    "no containers": ("kind: Deployment\nmetadata: {name: a}", "list of containers"),
    "an empty list": (ORDERS.replace("[{name: web, image: orders:1}]", "[]"), "list of containers"),
    "a container without a name": (ORDERS.replace("name: web, ", ""), "no name"),
    "a container that is a word": (ORDERS.replace("{name: web, image: orders:1}", "a"), "no name"),
    "replicas in words": (ORDERS.replace("spec: {", "spec: {replicas: two, "), "replicas"),
    "replicas true": (ORDERS.replace("spec: {", "spec: {replicas: true, "), "replicas"),
    "the same name twice": (f"{ORDERS}\n---\n{ORDERS}", "second Deployment"),
}


@pytest.mark.parametrize(("text", "what"), MALFORMED.values(), ids=list(MALFORMED))
def test_a_malformed_deployment_is_refused(text: str, what: str) -> None:
    """Rather than passed over, which would read as: this file has no such workload."""
    with pytest.raises(ManifestError, match=what):
        manifests.workloads(text)


def test_what_callers_do_to_documents_stays_with_them() -> None:
    """Parsing is cached, and the cache is not what callers get."""
    manifests.documents(USERS)[0]["metadata"]["labels"]["app"] = "changed"
    assert manifests.documents(USERS)[0]["metadata"]["labels"]["app"] == "users"
    manifests.annotations(USERS, "users")["a"] = "b"
    assert "a" not in manifests.annotations(USERS, "users")


def test_annotations_are_those_of_the_workload() -> None:
    """Not those of its pod template; none is an empty mapping."""
    expected = {"cdlab.dev/automated": "false", "cdlab.dev/tag": "glob:v*"}
    assert manifests.annotations(USERS, "users") == expected
    assert manifests.annotations(ORDERS, "orders") == {}


def test_an_annotation_that_is_no_string_is_refused() -> None:
    """Kubernetes refuses the manifest; `automated: false` must not be read as a guess."""
    text = USERS.replace('"false"', "false")
    with pytest.raises(ManifestError, match="not a string: False") as refused:
        manifests.annotations(text, "users")
    assert refused.value.line == 8
    assert refused.value.help == "Put it in quotes."


def annotated(**changes: str | None) -> str:
    return manifests.annotate(USERS, "users", {f"cdlab.dev/{k}": v for k, v in changes.items()})


def test_new_annotations_go_first_in_the_block() -> None:
    """In the order given, above the comment that belongs to the next one."""
    expected = '  annotations:\n    cdlab.dev/hold: "a: \\"b\\""\n    cdlab.dev/lock: "c"\n'
    result = annotated(hold='a: "b"', lock="c")
    assert result == USERS.replace("  annotations:\n", expected, 1)


def test_an_annotation_is_changed_in_place() -> None:
    """With its comment; an equal value keeps its quotes."""
    assert annotated(automated="true") == USERS.replace('"false"', '"true"')
    assert annotated(tag="semver:1") == USERS.replace("'glob:v*'", '"semver:1"')
    assert annotated(tag="glob:v*") == USERS


def test_an_annotation_is_removed_with_its_line() -> None:
    """A comment on the line goes, one above it stays; what is not there is not missed."""
    without = USERS.replace('    cdlab.dev/automated: "false"  # until spring\n', "")
    assert annotated(automated=None) == without
    assert annotated(hold=None) == USERS


def test_the_block_goes_with_its_last_annotation() -> None:
    """An empty `annotations:` would be left otherwise."""
    expected = USERS.replace("  annotations:\n", "", 1)
    expected = expected.replace('    cdlab.dev/automated: "false"  # until spring\n', "")
    expected = expected.replace("    cdlab.dev/tag: 'glob:v*'\n", "")
    assert annotated(automated=None, tag=None) == expected


def test_a_missing_block_is_made_with_the_indentation_of_its_surroundings() -> None:
    """First in the metadata, where kubectl puts it too; line endings are those of the file."""
    text = ORDERS.replace("  name", "    name").replace("\n", "\r\n")
    result = manifests.annotate(text, "orders", {"a/b": "c"})
    added = '    annotations:\r\n        a/b: "c"\r\n    name'
    assert result == text.replace("    name", added)
    assert manifests.annotate(result, "orders", {"a/b": None}) == text


FLOW = {
    "metadata in flow style": ("{name: users}", '{"annotations": {"a/b": "c"}, name: users}'),
    "an empty block": ("{name: users, annotations: {}}", None),
    "an annotation already": ("{name: users, annotations: {x: y}}", None),
    "null": ("\n  annotations:  # none\n  name: users", None),
    "a written null": ("\n  annotations: ~\n  name: users", None),
    "a block scalar": ("\n  annotations:\n    a/b: |\n      x\n      y\n\n  name: users", None),
    "an empty value": ("\n  annotations:\n    a/b:  # nothing\n  name: users", None),
    "a last block scalar": ("\n  name: users\n  annotations:\n    x: |+\n      z\n\n", None),
}


@pytest.mark.parametrize(("metadata", "expected"), FLOW.values(), ids=list(FLOW))
def test_annotations_are_set_in_any_layout(metadata: str, expected: str | None) -> None:
    """And removed again, which leaves the other annotations as they were."""
    text = with_image_line("        image: users:1").replace("{name: users}", metadata)
    result = manifests.annotate(text, "users", {"a/b": "c"})
    if expected:
        assert result == text.replace(metadata, expected)
    assert manifests.annotations(result, "users")["a/b"] == "c"
    removed = manifests.annotate(result, "users", {"a/b": None})
    others = manifests.annotations(result, "users")
    assert manifests.annotations(removed, "users") == {
        k: v for k, v in others.items() if k != "a/b"
    }


@pytest.mark.parametrize("gone", ["a", "b", "c"])
@pytest.mark.parametrize(
    "flow", ["{a: x, b: y, c: z}", "{a: x,\n    b: y,\n    c: z,}", '{"a": "x","b": "y","c": "z"}']
)
def test_an_annotation_is_removed_from_a_flow_mapping(flow: str, gone: str) -> None:
    """The first, the middle and the last one, with the right comma."""
    text = ORDERS.replace("  name:", f"  annotations: {flow}\n  name:")
    left = {"a": "x", "b": "y", "c": "z"}
    del left[gone]
    assert manifests.annotations(manifests.annotate(text, "orders", {gone: None}), "orders") == left


ODD = {
    "an anchor on the block": ("  annotations: &a\n    a/b: c", {"a/b": None}),
    "an alias as the block": ("  x: &a {a/b: c}\n  annotations: *a", {"a/b": None}),
    "an explicit key": ("  annotations:\n    ? a/b\n    : c\n    d: e", {"a/b": None}),
    "an anchored value": ("  annotations:\n    a/b: &c d", {"a/b": "x"}),
    "annotations in a list": ("  annotations: [a]", {"a/b": "c"}),
    "a merge key": ("  x: &a {a/b: c}\n  annotations: {<<: *a}", {"a/b": None}),
    "a comma after the only one": ("  annotations: {a/b: c,}", {"a/b": None}),
}


@pytest.mark.parametrize(("lines", "changes"), ODD.values(), ids=list(ODD))
def test_an_odd_layout_of_annotations_is_refused(
    lines: str, changes: dict[str, str | None]
) -> None:
    """With the line, and the text is left to a person."""
    text = ORDERS.replace("  name:", f"{lines}\n  name:")
    with pytest.raises(ManifestError) as refused:
        manifests.annotate(text, "orders", changes)
    assert 3 <= refused.value.line <= 5
    assert "not valid YAML" not in refused.value.message


@pytest.mark.parametrize(
    "key", ["", "a b", "a/b/c", "/a", "a/", "A/b", "a: b", "é", "a\n", "#a", "a" * 64]
)
def test_what_is_no_name_of_an_annotation_is_not_written(key: str) -> None:
    """It would break out of its line, or the API server would refuse the manifest."""
    with pytest.raises(ManifestError, match="not the name of an annotation"):
        manifests.annotate(USERS, "users", {key: "x"})


def test_values_from_outside_stay_inside_their_quotes() -> None:
    """A reason is whatever a user typed."""
    reason = 'bad"\n    cdlab.dev/automated: "true" # \x00\u2028\ue000é\U0001d4b3'
    result = annotated(hold=reason)
    assert manifests.annotations(result, "users")["cdlab.dev/hold"] == reason
    assert len(result.splitlines()) == len(USERS.splitlines()) + 1
    with pytest.raises(ManifestError):
        annotated(hold="\ud800")
