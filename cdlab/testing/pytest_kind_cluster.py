"""
pytest-kind's fixture `kind_cluster`, on the cluster of our lab.

In: the running lab. Out: a `pytest_kind.KindCluster` that is bound to its name and kubeconfig. A
plugin of its own, which `pytest_plugin` registers when all installed ones are: of two fixtures of
one name the later one wins, and the order in which installed plugins load is nobody's promise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from cdlab.substrates.kind.lab import Lab


@pytest.fixture(scope="session")
def kind_cluster(cdlab_lab: Lab) -> Any:
    """The lab's cluster as a `pytest_kind.KindCluster`. It is deleted only as the lab is."""
    from cdlab.substrates.kind import nodes

    cluster = nodes.kind_cluster(cdlab_lab.settings)
    cluster.create()  # it exists, so this only connects
    return cluster
