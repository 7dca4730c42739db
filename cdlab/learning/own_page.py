"""
An architecture that a participant wrote, run in the place of V2, with V2's boxes and rights.

In: a Python file with a class `V4` and a scenario. Out: the run. What goes wrong in the file is a
`ScenarioError` with the line of the file where it happened; what it prints goes to standard error.
The file is code of whoever runs it, and may do what they may. Called by `checking.py`.
"""

from __future__ import annotations

import sys
import traceback
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from cdlab import worlds
from cdlab.architectures import ARCHITECTURES, Delivery
from cdlab.errors import ScenarioError
from cdlab.runner import Run, run_in
from cdlab.scenario import Scenario

CLASS, BASE, MODULE = "V4", "v2", "cdlab_v4"
METHODS = ("on_push", *(name for name in vars(Delivery) if not name.startswith("_")))


def run_own(path: Path, scenario: Scenario) -> Run:
    """Run a scenario of V2 with the page of a file in its place."""
    with redirect_stdout(sys.stderr):
        return _run(path, scenario)


def _run(path: Path, scenario: Scenario) -> Run:
    page = _page(path)
    own = replace(ARCHITECTURES[BASE], continuous_integration=page, delivery=page)
    world = worlds.simulated(scenario)
    try:
        return run_in(replace(world, architectures={**ARCHITECTURES, BASE: own}), scenario)
    except (Exception, SystemExit) as error:  # whatever it was, with the line that led to it
        raise _mistake(path, error) from error


def _page(path: Path) -> Any:
    """The class of the file. It is read anew each time, and leaves no file beside it."""
    module = ModuleType(MODULE)
    try:
        code = compile(path.read_text(encoding="utf-8"), str(path), "exec", dont_inherit=True)
        sys.modules[MODULE] = module  # where dataclasses look for the names of a module
        exec(code, vars(module))
    except (Exception, SystemExit) as error:
        raise _mistake(path, error) from error
    page = vars(module).get(CLASS)
    if page is None:
        raise ScenarioError(str(path), [(0, f"there is no class {CLASS}")])
    lacking = [name for name in METHODS if not callable(getattr(page, name, None))]
    if lacking:
        raise ScenarioError(str(path), [(0, f"{CLASS} lacks the methods {', '.join(lacking)}")])
    return page


def _mistake(path: Path, error: BaseException) -> ScenarioError:
    lines = [
        frame.lineno or 0
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == str(path)
    ]
    line = error.lineno if isinstance(error, SyntaxError) else lines[-1] if lines else 0
    return ScenarioError(str(path), [(line or 0, f"{type(error).__name__}: {error}")])
