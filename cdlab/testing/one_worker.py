"""
With pytest-xdist and `--dist loadgroup`: whatever needs the real cluster goes to one worker.

Loaded by the plugin where pytest-xdist is there. pytest-xdist itself reads groups from the ids of
tests, which newer versions of pytest do not let it change. So each worker writes the ids of those
that need the cluster into a file of the session, and the scheduler reads it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadGroupScheduling

from cdlab.whole_files import write_whole

GROUP = "cdlab-kind"
IDS = "cdlab_kind_ids"
"""Where the path of the file is in the `workerinput` of each worker."""


class OneWorkerForTheCluster(LoadGroupScheduling):  # type: ignore[misc]
    """Load scheduling in which the tests that need the cluster are one piece of work."""

    def __init__(self, config: pytest.Config, log: Any) -> None:
        super().__init__(config, log)
        self._on_kind: frozenset[str] | None = None

    def _split_scope(self, nodeid: str) -> str:
        if self._on_kind is None:  # asked for the first time when all workers have collected
            self._on_kind = frozenset(_file(self.config).read_text().splitlines())
        return GROUP if nodeid in self._on_kind else str(super()._split_scope(nodeid))


FILE = pytest.StashKey[Path]()


def _file(config: pytest.Config) -> Path:
    """Where the workers write; it is not there before one of them has."""
    if FILE not in config.stash:
        folder = tempfile.TemporaryDirectory(prefix="cdlab-kind-ids-")
        config.add_cleanup(folder.cleanup)
        config.stash[FILE] = Path(folder.name, "ids")
    return config.stash[FILE]


def pytest_configure_node(node: Any) -> None:
    """Tell a worker where the ids go."""
    node.workerinput[IDS] = str(_file(node.config))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneWorkerForTheCluster | None:
    """Take the place of pytest-xdist's own scheduler for groups."""
    is_by_group = config.getoption("dist") == "loadgroup"
    return OneWorkerForTheCluster(config, log) if is_by_group else None


def tell_who_needs_it(config: pytest.Config, ids: list[str]) -> None:
    """In a worker: write down which tests need the cluster."""
    path = getattr(config, "workerinput", {}).get(IDS)
    if path:
        # Every worker collects the same, and whoever is last writes it anew.
        write_whole(Path(path), "\n".join(ids))
