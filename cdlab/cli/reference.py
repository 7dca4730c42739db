"""
The reference of the command line, as a page of Markdown made of the commands themselves.

In: the Typer application. Out: text. Called when the documentation site is built, so that no copy
of an option's help lies about.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

WIDTH = 96
"""Characters of a line of help: what a page has room for."""
HEAD = """\
# The command line

Made from the commands when this site is built. Exit codes: 0 ok, 1 an expectation broke or a request was refused, 2 usage or a bad file, 3 something is missing
on this machine, 4 internal, 130 interrupted. Standard output is for the result alone; everything else goes to standard error.
"""  # noqa: E501


def reference(app: typer.Typer) -> str:
    """What `--help` says of every command that it shows, in its order, groups one level up."""
    return "\n".join([HEAD, *_command("cdlab", typer.main.get_command(app), level=2)])


def _command(name: str, command: Any, level: int) -> Iterator[str]:
    context = command.context_class(
        command,
        info_name=name,
        terminal_width=WIDTH,
        max_content_width=WIDTH,
        help_option_names=["-h", "--help"],
    )
    yield f"{level * '#'} `{name}`\n"
    yield f"```text\n{command.get_help(context).strip()}\n```\n"
    for child, each in getattr(command, "commands", {}).items():
        if not each.hidden:
            yield from _command(f"{name} {child}", each, level if name == "cdlab" else level + 1)
