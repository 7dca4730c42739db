"""
The cluster's nodes: where pods go, and which images each node already has.

`pods.py` asks for a node and for an image on it. Nodes outlive environments, so a wiped environment
comes back with warm caches, as in life.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from cdlab.kernel import Kernel, Resource
from cdlab.model import Content, Digest, ImageRef
from cdlab.substrates.sim.surroundings import RegistryView
from cdlab.substrates.sim.workload_specs import PullPolicy


class PullFailed(Exception):
    """The node could not get an image; the text is the pod's waiting reason. For `pods.py` only."""


@dataclass(slots=True, eq=False)
class Node:
    """A machine with a kubelet."""

    name: str
    pulls: Resource
    """One pull at a time, as the kubelet does by default (`serializeImagePulls`)."""
    is_schedulable: bool = True
    is_lost: bool = False
    """Whether the machine is off. Nothing runs on it, and nothing is placed on it."""
    pod_count: int = 0
    """Pods that were placed here and are not gone."""
    _references: dict[str, Digest] = field(default_factory=dict)
    _contents: dict[Digest, Content] = field(default_factory=dict)

    async def fetch(
        self, image: ImageRef, policy: PullPolicy, registry: RegistryView,
        transfer: Callable[[], Awaitable[None]],
    ) -> tuple[Digest, Content]:  # fmt: skip
        """
        Make sure that the node has an image, and tell what it is.

        A reference that is present is not looked up again unless the policy is `Always`: a tag
        that moved meanwhile goes unnoticed. A reference is resolved when its pull begins, and
        bytes that the node has are not transferred again. *transfer* waits as long as that takes,
        and is only called when there is something to transfer.

        Raises:
            PullFailed: The registry has no such image, or the policy forbids to look.
        """
        present = self._references.get(_key(image))
        if present is not None and policy != "Always":
            return present, self._contents[present]
        if policy == "Never":
            raise PullFailed("ErrImageNeverPull")
        async with self.pulls:
            found = registry.pull(image)
            if found is None:
                raise PullFailed("ErrImagePull")
            digest, content, _ = found
            if digest not in self._contents:
                await transfer()
            self._contents[digest] = content
            self._references[_key(image)] = digest
            # Who names it by digest from now on finds it, as in containerd.
            self._references[f"{image.repository}@{digest}"] = digest
            return digest, content

    def forget_images(self) -> None:
        """Be a new machine."""
        self._references.clear()
        self._contents.clear()


class Nodes:
    """All nodes: one control plane that runs no workloads, and workers."""

    def __init__(self, kernel: Kernel, worker_count: int = 2) -> None:
        names = ("control-plane", *(f"worker-{number + 1}" for number in range(worker_count)))
        self.all = tuple(
            Node(name, kernel.resource(f"image pulls of {name}", 1), name != "control-plane")
            for name in names
        )
        self._workers = tuple(node for node in self.all if node.is_schedulable)
        self.is_back = kernel.signal("a node")
        """A machine that was lost takes pods again."""

    async def place(self, siblings: Callable[[], Iterable[Node | None]]) -> Node:
        """
        Choose a node: with the fewest *siblings*, then with the fewest pods, then the first.

        *siblings* are the nodes of the workload's other pods. The real scheduler weighs more than
        that, and comes to the same on equal machines; how much a node can hold is not modelled.
        Where no node takes pods, a pod stays pending.
        """
        while not (workers := [worker for worker in self._workers if not worker.is_lost]):
            await self.is_back.wait()
        beside = list(siblings())
        node = min(workers, key=lambda worker: (beside.count(worker), worker.pod_count))
        node.pod_count += 1
        return node


def _key(image: ImageRef) -> str:
    """What a node knows an image by: the digest outranks the tag."""
    return f"{image.repository}@{image.digest}" if image.digest else str(image)
