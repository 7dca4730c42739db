"""
Write down what runs into a config repo: for each environment and workload one file.

In: the cluster port, and the files that are there already. Out: files of which the API server
itself says that applying them would change nothing. Called by `cdlab export` and by the story of
the move from V1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cdlab.config_layout import config_path, health_note
from cdlab.errors import ManifestError, ManifestRejected, NotExportable
from cdlab.exports import Export, exports
from cdlab.manifests import documents
from cdlab.ports import Cluster

HELP = "mend that, name the workloads that are to be exported, or --overwrite the files"


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """The file of one workload in one environment."""

    environment: str
    export: Export
    before: str | None
    """What stands there; None where there is no such file."""
    is_same: bool
    """Whether that says already what runs, in its own words."""

    @property
    def path(self) -> str:
        """Where it belongs in the config repo."""
        return config_path(self.environment, self.export.workload)

    @property
    def note(self) -> str:
        """What tells a release manager that it can be rolled back to; empty where nothing runs."""
        export = self.export
        if export.digest is None:
            return ""
        return health_note(self.environment, export.workload, export.digest)


async def export(
    cluster: Cluster,
    environments: Sequence[str],
    read: Callable[[str], str | None],
    *,
    names: Sequence[str] = (),
    has_overwrite: bool = False,
) -> tuple[ExportedFile, ...]:
    """
    Write down what runs in each environment: everything, or the workloads of these *names*.

    *read* gives the text of a file by its path, None where there is none. Nothing is written.

    Raises:
        NotExportable: With all that is in the way, a file among it that says something else and is
            not to be overwritten.
    """
    found: list[ExportedFile] = []
    troubles: list[str] = []
    for environment in environments:
        try:
            made = exports(environment, await cluster.get(environment), names)
        except NotExportable as error:
            troubles += error.troubles
            continue
        for each in made:
            before = read(config_path(environment, each.workload))
            is_same = before is not None and await _is_same(cluster, environment, before, each)
            file = ExportedFile(environment, each, before, is_same)
            found.append(file)
            if before is not None and not is_same and not has_overwrite:
                troubles.append(f"{file.path} is there and says something else than what runs")
            elif not is_same and await cluster.diff(each.text, environment):
                troubles.append(f"{file.path} would change what runs, so it is not written")
    if troubles:
        raise NotExportable(troubles, help=HELP)
    return tuple(found)


async def _is_same(cluster: Cluster, environment: str, before: str, made: Export) -> bool:
    """Whether a file is about the same objects, and applying it would change none of them."""
    try:
        is_about_them = _objects(before) == _objects(made.text)
        return is_about_them and not await cluster.diff(before, environment)
    except (ManifestError, ManifestRejected):
        return False


def _objects(text: str) -> set[tuple[str, str]]:
    """The kind and the name of each manifest of a file."""
    found = [(each.get("kind"), each.get("metadata")) for each in documents(text)]
    return {(str(kind), str(about.get("name"))) for kind, about in found if isinstance(about, dict)}
