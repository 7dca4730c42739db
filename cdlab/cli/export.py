"""
`cdlab export`: what runs, as the files of a config repo: the first step from V1 to V2.

In: namespaces of the lab's cluster, or of one whose context was named, and a folder. Out: a file
for each environment and workload; what became of each on standard output, what is in the way on
standard error. Exit code 0 done, 1 refused and nothing written, 2 usage, 3 no cluster.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cdlab.cli.output import BROKEN, print_json, report_error

if TYPE_CHECKING:
    from cdlab.exporting import ExportedFile
    from cdlab.kernel import Kernel
    from cdlab.ports import Cluster

_NAME = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_ENVIRONMENT = re.compile(rf"({_NAME})(?:=({_NAME}))?")


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(export)


def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A checkout of the config repo.")],
    workloads: Annotated[
        list[str] | None, typer.Argument(help="Deployments.  [default: everything that runs]")
    ] = None,
    *,
    environment: Annotated[
        list[str],
        typer.Option(metavar="NAME[=NAMESPACE]", help="Once for each; the namespace is NAME."),
    ],
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files that say something else.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be written; write nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """
    Write what runs to DIR/environments/NAME/WORKLOAD.yaml, images as they are.

    All of it or nothing. The API server is asked first whether applying it would change anything;
    a file that says the same in other words stays.
    """
    from cdlab.cli.machine import settings_from_environment
    from cdlab.errors import NotExportable
    from cdlab.substrates.kind.named_namespaces import connected

    namespaces = _namespaces(environment)
    try:
        with connected(settings_from_environment(), namespaces) as (kernel, cluster):
            files = exported(
                (kernel, cluster), folder, [*namespaces], workloads or (), has_overwrite=overwrite
            )
    except NotExportable as error:
        report_error(error)
        raise typer.Exit(BROKEN) from error
    if not dry_run:
        write(files, folder)
    told = [_told(each) for each in files]
    if as_json:
        print_json({"files": told})
    else:
        for each in told:
            typer.echo(f"{each['state']}: {each['path']} ({each['image']})")


def exported(
    where: tuple[Kernel, Cluster],
    folder: Path,
    environments: Sequence[str],
    names: Sequence[str],
    *,
    has_overwrite: bool,
) -> tuple[ExportedFile, ...]:
    """What is to be written, or `NotExportable`."""
    from cdlab.exporting import export

    def read(path: str) -> str | None:
        file = folder / path
        return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else None

    kernel, cluster = where
    work = export(cluster, environments, read, names=names, has_overwrite=has_overwrite)
    return kernel.run(work, name="export")


def write(files: Sequence[ExportedFile], folder: Path) -> None:
    """Write those that are not there in other words already."""
    from cdlab.whole_files import write_whole

    for each in files:
        if not each.is_same:
            (folder / each.path).parent.mkdir(parents=True, exist_ok=True)
            write_whole(folder / each.path, each.export.text)


def _told(file: ExportedFile) -> Mapping[str, str]:
    state = "same" if file.is_same else "written" if file.before is None else "overwritten"
    return {
        "state": state,
        "path": file.path,
        "environment": file.environment,
        "workload": file.export.workload,
        "image": str(file.export.image),
        "digest": file.export.digest or "",
        "note": file.note,
    }


def _namespaces(environments: Sequence[str]) -> Mapping[str, str]:
    """Environment -> namespace."""
    found: dict[str, str] = {}
    for each in environments:
        parts = _ENVIRONMENT.fullmatch(each)
        if parts is None:
            raise typer.BadParameter(f'--environment "{each}" is not NAME or NAME=NAMESPACE')
        if parts[1] in found:
            raise typer.BadParameter(f'--environment names "{parts[1]}" twice')
        found[parts[1]] = parts[3] or parts[1]
    return found
