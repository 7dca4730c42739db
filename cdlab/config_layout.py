"""
Where things are in the config repo, and what a release's health note says.

One file per workload and environment, so that two releases seldom touch the same one, and beside
them the policy of the environment. Pure; called by the planner, the architectures and the stories.
"""

from __future__ import annotations

import re

from cdlab.environment_policies import NO_DEFAULTS, EnvironmentPolicy, environment_policy
from cdlab.errors import FileMissing
from cdlab.model import Digest, ImageRef
from cdlab.ports import Checkout

FOLDER = "environments"
POLICY = "policy"
"""What no microservice can be called: the file of its name is the environment's policy."""
_MANIFEST = re.compile(rf"{FOLDER}/([^/]+)/([^/]+)\.yaml")


def config_path(environment: str, workload: str) -> str:
    """The file that decides what a workload runs in an environment."""
    return f"{FOLDER}/{environment}/{workload}.yaml"


def workloads_in(checkout: Checkout, environment: str = "") -> tuple[tuple[str, str, str], ...]:
    """
    (path, environment, workload) of every manifest, or those of one environment, sorted by path.

    Other files may lie beside them, and are nobody's manifest.
    """
    paths = checkout.paths(f"{FOLDER}/{environment}" if environment else FOLDER)
    found = [each for each in map(_MANIFEST.fullmatch, paths) if each and each[2] != POLICY]
    return tuple((each[0], each[1], each[2]) for each in found)


def policy_in(checkout: Checkout, environment: str) -> EnvironmentPolicy:
    """The policy of an environment. Raises `ManifestError` for one that it cannot read."""
    path = config_path(environment, POLICY)
    try:
        text = checkout.read(path)
    except FileMissing:
        return NO_DEFAULTS
    return environment_policy(text, path)


def is_something_to_run(image: ImageRef) -> bool:
    """Whether a manifest was ever released. Before that it names a host that cannot exist."""
    host = image.repository.partition("/")[0].partition(":")[0]
    return not host.endswith(".invalid")  # RFC 2606


def health_note(environment: str, workload: str, digest: Digest | None = None) -> str:
    """
    The line that the health note of a commit gets when its release became available.

    Where the manifest says no digest, the note says which one it was.
    """
    return f"{environment}/{workload} healthy" + (f" {digest}" if digest else "")


def noted_health(note: str, environment: str, workload: str) -> tuple[bool, Digest | None]:
    """Whether the note of a commit says that it became available there, and with which digest."""
    found = re.findall(
        rf"^{re.escape(health_note(environment, workload))}(?: (sha256:[0-9a-f]{{64}}))?$",
        note,
        re.MULTILINE,
    )
    return bool(found), Digest(found[-1]) if found and found[-1] else None
