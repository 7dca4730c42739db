"""Where things are in the config repo: which files are manifests of workloads and which are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdlab.config_layout import policy_in, workloads_in
from cdlab.environment_policies import NO_DEFAULTS
from cdlab.releases import is_released

if TYPE_CHECKING:
    from tests.planner.conftest import ConfigRepo

FILES = [
    "README.md",
    "environments/README.md",
    "environments/staging/orders.yaml",
    "environments/staging/policy.yaml",
    "environments/staging/notes.txt",
    "environments/staging/.yaml",
    "environments/staging/old/users.yaml",
    "environments/staging-2/users.yaml",
]


def test_only_the_files_of_workloads_are_manifests(repo: ConfigRepo) -> None:
    """Not the policy beside them, nor what else people keep there."""
    for path in FILES:
        repo.write("x: y\n", f"Add {path}", path)
    staging = ("environments/staging/orders.yaml", "staging", "orders")
    assert workloads_in(repo.checkout, "staging") == (staging,)
    assert workloads_in(repo.checkout) == (
        ("environments/production/users.yaml", "production", "users"),
        ("environments/staging-2/users.yaml", "staging-2", "users"),
        staging,
    )
    assert workloads_in(repo.checkout, "dev") == ()


def test_the_policy_of_an_environment_is_found_beside_its_manifests(repo: ConfigRepo) -> None:
    """Where there is none, nothing is said; another environment's says nothing here."""
    repo.write("automated: true\n", "Automate staging", "environments/staging/policy.yaml")
    assert policy_in(repo.checkout, "production") == NO_DEFAULTS
    assert policy_in(repo.checkout, "staging").is_automated


def test_a_sync_leaves_the_policy_of_the_environment_out(repo: ConfigRepo) -> None:
    """It is nothing that could run."""
    repo.ship("a")
    repo.write_policy("automated: true\n")
    ((path, _, name),) = workloads_in(repo.checkout, "production")
    assert is_released(repo.checkout.read(path), name, path)
