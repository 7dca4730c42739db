"""The house rules as tests: sizes, who may import whom, and where non-determinism may enter."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.import_rules import MAY_IMPORT

ROOT = Path(__file__).parent.parent
MODULES = sorted((ROOT / "cdlab").rglob("*.py"))
TESTS = sorted([*(ROOT / "tests").rglob("*.py"), *(ROOT / "scenarios").rglob("*.py")])

LONGER_MODULES: dict[str, int] = {
    "cdlab/ports.py": 317,  # every promise stands on one page
}
"""Module -> lines it may have, beyond 300. Each entry wants a reason beside it."""

LONGER_FUNCTIONS: dict[str, int] = {}
"""module:function -> lines it may have, beyond 50."""

MORE_PARAMETERS = {
    # Typer makes one parameter of each option of a command.
    "cdlab/cli/main.py",
    "cdlab/cli/machine.py",
    "cdlab/cli/asking.py",
    "cdlab/cli/looking.py",
    "cdlab/cli/dashboard.py",
    "cdlab/cli/manager.py",
    "cdlab/cli/sweep.py",
    "cdlab/cli/bench.py",
}

PAGES = {"v1.py": 90, "v2.py": 120, "v3.py": 150}

PURE = {"model", "errors"}

WEB = {"starlette", "jinja2", "uvicorn"}
"""Libraries of the extra `dashboard`."""

HEAVY = {"docker", "kubernetes", "git", "pytest_kind", "pykube", "bcrypt"}
LATE = HEAVY | {"semantic_version", "re2"}
"""What is imported where it is used: few policies are ranges of versions or expressions."""

UNTAMED = {"time", "datetime", "random", "uuid", "threading", "secrets", "os", "tempfile"}
"""Modules by which non-determinism enters. `os` for its environment."""

MAY_BE_UNTAMED = (
    "cdlab/kernel.py",
    "cdlab/live_kernel.py",
    "cdlab/random_streams.py",
    "cdlab/dates.py",  # reads and writes dates, and never asks what date it is
    "cdlab/image_labels.py",  # the same
    "cdlab/substrates/kind/",
    "cdlab/manager/",
    "cdlab/in_cluster.py",  # a process: its signals, its scratch folder, its name
    "cdlab/bench/machine.py",  # the machine under a benchmark: its clocks and its load
    "cdlab/bench/neighbours.py",  # what else works on this machine
    "cdlab/bench/results.py",  # a line is on the disk before the next run begins
    "cdlab/whole_files.py",  # the name of a folder that is gone again
    "cdlab/parallel.py",  # a thread that ends a process with its parent; results keep their order
    "cdlab/cli/",
    "cdlab/pytest_plugin.py",
    "cdlab/testing/",
)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path, *, top_level_only: bool = False) -> set[str]:
    """The absolute names of the modules that a file imports, outside `if TYPE_CHECKING`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_level_only else list(ast.walk(tree))
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [node for node in ast.walk(tree) if isinstance(node, kinds)]


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    assert node.end_lineno is not None
    return node.end_lineno - node.lineno + 1


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_has_at_most_300_lines(path: Path) -> None:
    """A file that needs a table of contents wants to be two."""
    limit = PAGES.get(path.name, 300) if path.parent.name == "architectures" else 300
    limit = LONGER_MODULES.get(name_of(path), limit)
    assert len(path.read_text(encoding="utf-8").splitlines()) <= limit


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_function_has_at_most_50_lines_and_6_parameters(path: Path) -> None:
    """What is longer has a part that deserves a name."""
    for node in functions(path):
        where = f"{name_of(path)}:{node.name}"
        assert length(node) <= LONGER_FUNCTIONS.get(where, 50), where
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        count = sum(argument.arg not in ("self", "cls") for argument in arguments)
        assert count <= 6 or name_of(path) in MORE_PARAMETERS, f"{where} has {count} parameters"


@pytest.mark.parametrize("path", TESTS, ids=name_of)
def test_a_test_is_a_sentence_of_at_most_40_lines(path: Path) -> None:
    """A test says in its docstring what must be so, and in its name what it looks at."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400, "a test module is too long"
    for node in functions(path):
        if node.name.startswith("test_"):
            assert length(node) <= 40, f"{name_of(path)}:{node.name}"
            assert ast.get_docstring(node), f"{name_of(path)}:{node.name} has no docstring"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_says_what_it_is(path: Path) -> None:
    """Every module opens with a docstring, and so does every public class and function."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), f"{name_of(path)} has no docstring"
    for node in tree.body:
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        if isinstance(node, kinds) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{name_of(path)}:{node.name} has no docstring"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_downwards(path: Path) -> None:
    """A module imports only what lies below it: the picture in ARCHITECTURE.md, checked."""
    name = name_of(path)
    allowed = next((may for start, may in MAY_IMPORT.items() if name.startswith(start)), None)
    for imported in sorted(imports(path)):
        top, _, rest = imported.partition(".")
        if top == "cdlab" and allowed is not None and rest:
            below = {rest, rest.split(".")[0], ".".join(rest.split(".")[:2])}
            assert below & allowed, f"{name} may not import {imported}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_heavy_libraries_are_imported_late_and_only_by_kind(path: Path) -> None:
    """A simulated run works where docker, kubernetes and git are not installed."""
    name = name_of(path)
    late = {each.partition(".")[0] for each in imports(path)} & HEAVY
    early = {each.partition(".")[0] for each in imports(path, top_level_only=True)} & LATE
    assert not early, f"{name} imports {early} when it is imported"
    may = name.startswith("cdlab/substrates/kind/") or name == "cdlab/pytest_plugin.py"
    assert may or not late, f"{name} imports {late}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_web_libraries_are_imported_only_by_the_page(path: Path) -> None:
    """Everything but the dashboard works where its extra is not installed."""
    found = {each.partition(".")[0] for each in imports(path)} & WEB
    assert not found or name_of(path).startswith("cdlab/manager/web/"), f"{path} imports {found}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_figures_are_drawn_in_one_place(path: Path) -> None:
    """Everything but figures works where their extra is not installed, and starts as fast."""
    found = {each.partition(".")[0] for each in imports(path)} & {"matplotlib", "contourpy"}
    assert not found or name_of(path).startswith("cdlab/plots/"), f"{path} imports {found}"
    early = {each for each in imports(path, top_level_only=True) if each.startswith("cdlab.plots")}
    may = ("cdlab/plots/", "cdlab/bench_report/", "cdlab/sweeps/pictures.py")
    assert name_of(path).startswith(may) or not early, f"{path} imports {early} at once"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_time_and_chance_enter_by_a_port(path: Path) -> None:
    """No clock, no random number, no environment variable and no thread outside named places."""
    name = name_of(path)
    if not name.startswith(MAY_BE_UNTAMED):
        found = {each.partition(".")[0] for each in imports(path)} & UNTAMED
        assert not found, f"{name} imports {found}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_set_is_iterated_where_order_counts(path: Path) -> None:
    """The order of a set changes with PYTHONHASHSEED; only `sorted` may look through one."""
    if name_of(path).startswith(MAY_BE_UNTAMED):
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        loops = [node.iter] if isinstance(node, (ast.For, ast.comprehension)) else []
        for looped in loops:
            is_call = isinstance(looped, ast.Call) and isinstance(looped.func, ast.Name)
            is_made = is_call and looped.func.id in ("set", "frozenset")  # type: ignore[attr-defined]
            assert not isinstance(looped, (ast.Set, ast.SetComp)), name_of(path)
            assert not is_made, name_of(path)


@pytest.mark.parametrize("path", TESTS, ids=name_of)
def test_no_test_sleeps(path: Path) -> None:
    """Waiting for time to pass proves nothing, and costs it."""
    source = path.read_text(encoding="utf-8")
    assert not re.search(r"\btime\.sleep\(", source) or path.name == "test_tidy.py"


def test_pages_know_no_substrate() -> None:
    """An architecture is a page over the ports: no logging, no timing, no `if substrate`."""
    for page in PAGES:
        source = (ROOT / "cdlab/architectures" / page).read_text(encoding="utf-8")
        for word in ("substrate", "kernel", "logging", "clock", "sleep"):
            assert word not in source.lower(), f"{page} mentions {word}"
