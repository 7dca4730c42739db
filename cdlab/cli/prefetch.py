"""
`cdlab prefetch`: what laptops without a network need, as a folder that fits a stick.

In: a folder. Out: wheels, images of the lab, and a README that says how to use them; or, with
`--load`, the images in the Docker engine of this machine.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cdlab.cli.machine import settings_from_environment
from cdlab.cli.output import say
from cdlab.errors import SubstrateUnavailable


class Part(StrEnum):
    """What can be asked for alone."""

    wheels = "wheels"
    images = "images"


README = """\
cdlab without a network
=======================

Everything for the simulator, the notebooks and the exercises, in a new folder:

    python3 -m venv cdlab-venv
    cdlab-venv/bin/{install}
    cdlab-venv/bin/cdlab demo v1

On Windows it is cdlab-venv\\Scripts\\ instead of cdlab-venv/bin/. The wheels fit laptops that have
the system, the processor and the Python of one that gathered them.

The real cluster, where Docker, kind and kubectl are installed:

    cdlab-venv/bin/cdlab prefetch {folder} --load
    export CDLAB_NODE_IMAGE={node_image}
    cdlab-venv/bin/cdlab up
    cdlab-venv/bin/cdlab init mine
    cdlab-venv/bin/cdlab manager install mine/scenarios/v3/rollback.yaml

`cdlab down` removes what the lab built, too: load once more before the next `cdlab up`.
`cdlab-venv/bin/cdlab doctor` says what is missing on this laptop.
Not here: Docker, kind and kubectl themselves.
"""


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(prefetch)


def prefetch(
    folder: Annotated[Path, typer.Argument(metavar="DIR")],
    *,
    only: Annotated[Part | None, typer.Option(help="[default: both]")] = None,
    load: Annotated[
        bool, typer.Option("--load", help="Put the images of DIR into this machine's Docker.")
    ] = False,
) -> None:
    """Write what laptops without a network need to DIR, or load the images from there."""
    if load:
        if only:
            raise typer.BadParameter("--load takes the images that are in DIR, and nothing else")
        _load(folder)
        return
    _refuse_a_file(folder)
    if only is not Part.images:
        _wheels(folder)
    if only is not Part.wheels:
        _images(folder)
    _write_readme(folder)
    say(f"wrote {folder}; what to do with it stands in {folder / 'README.txt'}")


def _refuse_a_file(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise typer.BadParameter(f'"{folder}" is not a folder')
    folder.mkdir(parents=True, exist_ok=True)


def _wheels(folder: Path) -> None:
    from cdlab.wheelhouse import gather

    say("gathering wheels: a few minutes")
    found = gather(folder / "wheels")
    say(f"{len(found)} wheels, {sum(each.stat().st_size for each in found) / 1e6:.0f} MB")


def _images(folder: Path) -> None:
    from cdlab.substrates.kind.kept_images import save

    try:
        kept = save(settings_from_environment(), folder / "images", say)
    except SubstrateUnavailable as error:
        mend = f"{error.help}; or do without images: --only wheels"
        raise SubstrateUnavailable(error.missing, help=mend) from error
    say(f"{len(kept)} images, {sum(each.bytes for each in kept) / 1e6:.0f} MB")


def _load(folder: Path) -> None:
    from cdlab.substrates.kind.kept_images import load

    node_image, *_ = load(folder / "images", say)
    say(f"next: export CDLAB_NODE_IMAGE={node_image.name} && cdlab up")


def _write_readme(folder: Path) -> None:
    from cdlab.substrates.kind.kept_images import tagged
    from cdlab.wheelhouse import install_command
    from cdlab.whole_files import write_whole

    node_image, name = tagged(settings_from_environment().node_image), folder.resolve().name
    install = install_command(f"{name}/wheels")
    text = README.format(install=install, folder=name, node_image=node_image)
    write_whole(folder / "README.txt", text)
