"""
What images cost in bytes: pushed into the registry, and pulled by nodes that lack them.

In: a history. Out: bytes as registries count them, compressed. Called by `measures`, and by
`report.walk` for what comes from the registry.
"""

from __future__ import annotations

from collections.abc import Iterator

from cdlab.history import Event, History
from cdlab.model import ImageRef
from cdlab.rollback_time import asked


def registry_bytes(history: History) -> int | None:
    """Compressed bytes that the rollback wrote into the registry."""
    ask = asked(history)
    if ask is None:
        return None
    return sum(e.bytes for e in history.cone(ask.intent) if e.kind == "ImagePushed")


def pulled_bytes(history: History) -> int | None:
    """
    Bytes that nodes had to pull and to write because of the first rollback: what they did not have.

    Of the images that were built for it, or that ran on a node for the first time when it was
    carried out: once for each node. An image counts what its first push wrote, so that layers
    which it shares with earlier images, and nodes with them, do not count. None without a rollback.
    """
    ask = asked(history)
    if ask is None:
        return None
    sizes: dict[str, int] = {}
    for event in history.of("ImagePushed"):
        sizes[event.digest_after] = max(sizes.get(event.digest_after, 0), event.bytes)
    until = min((e.seq for e in _declared_later(history, ask)), default=len(history))
    pulled = (digest for seq, digest in first_pulls(history) if ask.seq < seq < until)
    return sum(sizes.get(digest, 0) for digest in pulled)


def _declared_later(history: History, ask: Event) -> Iterator[Event]:
    """What else people asked for afterwards: pulls from then on may be on its behalf."""
    return (event for event in history.of("IntentDeclared") if event.seq > ask.seq)


def first_pulls(history: History) -> Iterator[tuple[int, str]]:
    """The pulls by which a node came by an image, and its digest; others found it there."""
    digest: dict[str, str] = {}
    node: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    for event in history.of("ImagePushed", "PodScheduled", "ImagePulled"):
        detail = event.detail
        if event.kind == "ImagePushed":
            digest[detail["ref"]] = event.digest_after
        elif event.kind == "PodScheduled":
            node[detail["pod"]] = detail.get("node", "")
        else:
            image = ImageRef.parse(detail["image"])
            found = image.digest or digest.get(detail["image"], "")
            if (node.get(detail["pod"], ""), found) not in seen:
                seen.add((node.get(detail["pod"], ""), found))
                yield event.seq, found
