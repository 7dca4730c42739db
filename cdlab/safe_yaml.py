"""
Parse untrusted YAML the way Kubernetes reads it, keeping where in the text each value stands.

In comes a text, out come its documents as plain values and the parser's nodes with their marks, by
which an edit finds its place. Safe YAML only, with limits on size, depth and aliases. Pure, and
cached by the text. `parsed_files` is its caller.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

from cdlab.errors import ManifestError

SIZE_LIMIT_BYTES = 1024 * 1024
"""etcd accepts 1.5 MiB for one object; a text that a person wrote is far smaller."""
DEPTH_LIMIT = 50
"""A Deployment with every field set nests about 15 levels."""
TOO_DEEP = f"nested more than {DEPTH_LIMIT} levels deep"
NODE_LIMIT = 100_000
"""Values of one file, each alias counted with all that it stands for."""
CACHED_FILES = 256
"""Nodes are large, some 50 kB a manifest; who only reads does not need them again."""

_ODD = re.compile("<<|[\r\x85\u2028\u2029]")

Node: TypeAlias = Any
"""A node of PyYAML, with marks. Its stubs lack `id` and `style`; importing it here costs 20 ms."""
Steps: TypeAlias = Sequence[str | int]
"""Where a value is inside a document: keys and indexes, outermost first."""


class Composed(NamedTuple):
    """What the parser made of a text."""

    data: tuple[dict[str, Any], ...]
    """One mapping per document; empty documents are left out."""
    roots: tuple[Node, ...]
    """The nodes of the same documents."""
    is_tame: bool
    """Whether it is of moderate size and has no anchor, alias, tag, explicit key or merge key, and
    no line break but the usual one."""


@lru_cache(maxsize=CACHED_FILES)
def composed(text: str) -> Composed:
    """
    Parse a text.

    Raises:
        ManifestError: It is refused; with the line, and no path.
    """
    import yaml

    path = ""

    if len(text) > SIZE_LIMIT_BYTES or len(text.encode(errors="replace")) > SIZE_LIMIT_BYTES:
        raise ManifestError(path, 1, f"larger than {SIZE_LIMIT_BYTES} bytes")
    if "\ufeff" in text:  # the parser's marks would be off by one
        raise ManifestError(path, 1, "has a byte-order mark", help="Save it as UTF-8 without one.")
    try:
        is_tame = _is_tame(text)
        if not is_tame:
            _guard(text, path)
        return _composed(text, path, is_tame=is_tame)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = f"not valid YAML: {error.problem or error.context}"
        what = TOO_DEEP if "maximum nesting" in problem else problem  # libyaml's own limit
        last = len(text.splitlines())  # the parser may stop behind it
        raise ManifestError(path, max(min(mark.line + 1, last), 1) if mark else 1, what) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ManifestError(path, line, f"not valid YAML: {error.reason}") from error
    except ValueError as error:  # an integer of thousands of digits, half a surrogate pair
        raise ManifestError(path, 1, f"not valid YAML: {error}") from error


def copied(value: Any) -> Any:
    """Return a copy that shares nothing with the value, not even what an alias shares inside it."""
    if isinstance(value, dict):
        return {key: copied(each) for key, each in value.items()}
    return [copied(each) for each in value] if isinstance(value, list) else value


def with_value(document: Any, steps: Steps, value: Any) -> Any:
    """Return the document with a value replaced or put first in a mapping, copying only the way."""
    if not steps:
        return value
    step, inner = steps[0], steps[1:]
    if isinstance(document, Mapping):
        new = with_value(document.get(step), inner, value)
        return {**document, step: new} if step in document else {step: new, **document}
    if isinstance(document, list) and isinstance(step, int):
        return [with_value(e, inner, value) if i == step else e for i, e in enumerate(document)]
    return {step: with_value(None, inner, value)}


def without_value(document: Mapping[str, Any], steps: Steps) -> dict[str, Any]:
    """Return the document without one key of its mappings, copying only the way."""
    step, inner = steps[0], steps[1:]
    if inner:
        return {**document, str(step): without_value(document[str(step)], inner)}
    return {key: value for key, value in document.items() if key != step}


def spliced(text: str, start: int, end: int, new: str) -> str:
    """Return the text with the characters from start to end replaced."""
    return text[:start] + new + text[end:]


def end_of(text: str, node: Node) -> int:
    """Return where a value ends, without the empty lines that a block scalar takes along."""
    start, end = node.start_mark.index, node.end_mark.index
    return int(start + len(text[start:end].rstrip()))


def with_scalar(text: str, old: Node, new: str) -> str:
    """Return the text with a scalar replaced; an empty one stands directly after its colon."""
    start, end = old.start_mark.index, end_of(text, old)
    return spliced(text, start, end, new if start < end else " " + new)


def is_plain_string(text: str) -> bool:
    """Return whether an unquoted scalar of these characters is read as a string, not 1 or true."""
    import yaml

    tag = _loader()("").resolve(yaml.ScalarNode, text, (True, False))
    return bool(tag == "tag:yaml.org,2002:str")


def double_quoted(value: str) -> str:
    """Return a double-quoted scalar on one line, with everything escaped that does not print."""
    return '"' + "".join(map(_escaped, value)) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"


@lru_cache(maxsize=1)
def _loader() -> Any:
    """Return the safe loader (libyaml's if it is there) without dates, which JSON does not have."""
    import yaml

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    resolvers = {
        first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
        for first, pairs in base.yaml_implicit_resolvers.items()
    }
    loader: Any = type("KubernetesLoader", (base,), {"yaml_implicit_resolvers": resolvers})
    plain = loader("")

    @lru_cache(maxsize=CACHED_FILES)
    def tag(kind: type[Node], value: str | None, implicit: bool | tuple[bool, bool]) -> str:
        return str(base.resolve(plain, kind, value, implicit))

    # The same few words stand in every manifest, and each costs a walk through regular expressions.
    loader.resolve = lambda _, kind, value, implicit: tag(kind, value, implicit)
    return loader


def _is_tame(text: str) -> bool:
    """
    Whether a text cannot hold what `_guard` looks for, by a look at its characters alone.

    No alias, anchor or tag; no line can open more levels than its indentation, its dashes and its
    brackets; and it is too short for too many values. Nearly all manifests are tame.
    """
    if len(text) > NODE_LIMIT // 4 or any(mark in text for mark in "&*!?"):
        return False
    deepest = text.count("[") + text.count("{")
    for line in text.splitlines():
        if len(line) - len(line.lstrip()) + line.count("- ") + deepest >= DEPTH_LIMIT:
            return False
    return True


def _guard(text: str, path: str) -> None:
    """Refuse what would be costly or dangerous to construct while only events exist."""
    import yaml

    sizes: dict[str | None, int] = {}
    opened: list[tuple[str | None, int]] = []  # (anchor, values before it)
    count = 0
    events: Any = yaml.parse(text, Loader=_loader())
    for event in events:
        what = ""
        if isinstance(event, yaml.AliasEvent):
            if any(anchor for anchor, _ in opened):
                what = f'alias "*{event.anchor}" inside an anchored value'
            count += sizes.get(event.anchor, 1)
        elif isinstance(event, yaml.NodeEvent):
            tag = getattr(event, "tag", None)
            if tag not in (None, "!", "tag:yaml.org,2002:str"):
                what = f'the tag "{tag}" is not allowed'
            if not isinstance(event, yaml.ScalarEvent):
                opened.append((event.anchor, count))
            count += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = opened.pop()
            if anchor:
                sizes[anchor] = count - before
        if len(opened) > DEPTH_LIMIT:
            what = TOO_DEEP
        if count > NODE_LIMIT:
            what = f"more than {NODE_LIMIT} values, aliases expanded"
        if what:
            raise ManifestError(path, event.start_mark.line + 1, what)


def _composed(text: str, path: str, *, is_tame: bool) -> Composed:
    roots, data = [], []
    loader = _loader()(text)
    while loader.check_node():
        root = loader.get_node()
        _refuse_bad_keys(root, path)
        value = _plain_value(root, loader) if is_tame else loader.construct_document(root)
        if isinstance(value, dict):
            roots.append(root)
            data.append(value)
        elif value is not None:
            line = root.start_mark.line + 1
            raise ManifestError(path, line, "a manifest is a mapping, and this is not one")
    return Composed(tuple(data), tuple(roots), is_tame and not _ODD.search(text))


def _plain_value(node: Node, loader: Any) -> Any:
    """The value of a node of a tame text: what PyYAML's constructor makes, without its detours."""
    if node.id == "scalar":
        is_text = node.tag == "tag:yaml.org,2002:str"
        return node.value if is_text else loader.construct_object(node)
    if node.id == "sequence":
        return [_plain_value(each, loader) for each in node.value]
    if any(key.tag == "tag:yaml.org,2002:merge" for key, _ in node.value):
        return loader.construct_object(node, deep=True)
    return {_plain_value(key, loader): _plain_value(each, loader) for key, each in node.value}


def _refuse_bad_keys(root: Node, path: str) -> None:
    todo = [root]
    while todo:
        node = todo.pop()
        if node.id == "sequence":
            todo += node.value
        if node.id != "mapping":
            continue
        seen: set[str] = set()
        for key, value in node.value:
            if key.id != "scalar":
                raise ManifestError(path, key.start_mark.line + 1, "a key is not a scalar")
            if key.value in seen:
                raise ManifestError(path, key.start_mark.line + 1, f'second key "{key.value}"')
            seen.add(key.value)
            todo.append(value)
