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

A new environment, made in the folder that holds "{folder}". On Linux and macOS:

    python3 -m venv cdlab-venv
    source cdlab-venv/bin/activate

On Windows, in a Command Prompt (PowerShell may refuse to activate):

    py -m venv cdlab-venv
    cdlab-venv\\Scripts\\activate

Then, everywhere, what the simulator, the notebooks and the exercises need:

    {install}

or, where nobody has copied "{folder}" and a machine in the room serves it, with the address of that
machine in the place of HOST, twice:

    {served}

    cdlab demo v1
    cdlab init mine
    jupyter lab mine

The wheels fit laptops that have the system, the processor and the Python of one that gathered them.
`cdlab doctor --substrate sim` says what is missing on this laptop.

The real cluster, on Linux, macOS or WSL, where Docker, kind and kubectl are installed (they are not
here). In the same folder:

    cdlab prefetch {folder} --load
    export CDLAB_NODE_IMAGE={node_image}
    cdlab up
    cdlab manager install mine/scenarios/v3/rollback.yaml

`cdlab down` removes what the lab built, too: load once more before the next `cdlab up`.
`cdlab doctor` says what is missing.
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
    from cdlab.wheelhouse import install_command, served_install_command
    from cdlab.whole_files import write_whole

    node_image, name = tagged(settings_from_environment().node_image), folder.resolve().name
    text = README.format(
        folder=name,
        install=install_command(f"{name}/wheels"),
        node_image=node_image,
        served=served_install_command(),
    )
    write_whole(folder / "README.txt", text)
