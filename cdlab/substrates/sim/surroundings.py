"""
What the simulated cluster needs from the rest of the substrate, in one value.

`substrate.py` fills it in; the tests of the cluster fill it in with constants.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from cdlab.kernel import Kernel
from cdlab.model import Content, Digest, ImageRef, Principal


class RegistryView(Protocol):
    """The registry as a kubelet sees it."""

    def pull(self, ref: ImageRef) -> tuple[Digest, Content, int] | None:
        """What a reference points at now: digest, content and bytes; None if there is nothing."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Everything that the cluster does not decide itself. An entity is `environment/workload`."""

    kernel: Kernel
    registry: RegistryView
    duration: Callable[[str, str], float]
    """(purpose, entity) -> seconds: `api_call`, `schedule`, `pull`, `pod_start`, `pod_stop`."""
    share: Callable[[str, str], float]
    """(purpose, entity) -> [0, 1]: `readiness_phase`, `crowding`."""
    is_healthy: Callable[[Content], bool]
    """Whether a readiness probe of a container with that content ever succeeds."""
    is_crashing: Callable[[Content], bool]
    """Whether a container with that content ends as soon as it runs."""
    allows: Callable[[Principal, str, str], bool]
    """(principal, verb, environment): verbs are `read`, `set-image`, `apply`, `prune`, `admin`."""
