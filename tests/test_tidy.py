"""The house rules as tests: sizes, who may import whom, and where non-determinism may enter."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

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
MAY_IMPORT = {
    # What a module, or every module of a folder, may import of cdlab. First match holds.
    "cdlab/model.py": set(),
    "cdlab/errors.py": set(),
    "cdlab/version.py": set(),
    "cdlab/ports.py": {"model"},
    "cdlab/waiting.py": {"errors"},
    "cdlab/kernel.py": {"errors", "waiting"},
    "cdlab/live_kernel.py": {"errors", "kernel", "waiting"},
    "cdlab/random_streams.py": set(),
    "cdlab/safe_yaml.py": {"errors"},
    "cdlab/image_labels.py": {"model"},
    "cdlab/parsed_files.py": {"errors", "safe_yaml"},
    "cdlab/manifests.py": {"errors", "parsed_files", "safe_yaml"},
    "cdlab/dates.py": set(),
    "cdlab/reasons.py": set(),
    "cdlab/syncs.py": {"model"},
    "cdlab/stops.py": {"dates", "model"},
    "cdlab/tag_patterns.py": set(),
    "cdlab/environment_policies.py": {
        "errors", "parsed_files", "safe_yaml", "stops", "tag_patterns",
    },
    "cdlab/policies.py": {
        "environment_policies", "errors", "manifests", "model", "parsed_files", "stops",
        "tag_patterns",
    },
    "cdlab/candidates.py": {"model", "policies", "reasons", "tag_patterns"},
    "cdlab/policy_edits.py": {"dates", "model", "policies", "stops"},
    "cdlab/api_objects.py": {"model"},
    "cdlab/server_fields.py": {"api_objects", "model"},
    "cdlab/exports.py": {"api_objects", "config_layout", "errors", "model", "server_fields"},
    "cdlab/exporting.py": {"config_layout", "errors", "exports", "manifests", "ports"},
    "cdlab/config_layout.py": {"environment_policies", "errors", "model", "ports"},
    "cdlab/release_requests.py": {"candidates", "config_layout", "model", "policy_edits"},
    "cdlab/release_commits.py": {"model", "release_requests", "stops"},
    "cdlab/release_plans.py": {"model", "release_requests"},
    "cdlab/environment_plans.py": {
        "environment_policies", "errors", "model", "ports", "reasons", "release_commits",
        "release_plans", "release_requests",
    },
    "cdlab/rollback_targets.py": {
        "config_layout", "errors", "manifests", "model", "policies", "ports", "release_commits",
        "release_requests",
    },
    "cdlab/releases.py": {
        "candidates", "config_layout", "dates", "environment_plans", "errors", "manifests", "model",
        "parsed_files", "policies", "policy_edits", "ports", "reasons", "release_commits",
        "release_plans", "release_requests", "rollback_targets", "stops",
    },
    "cdlab/architectures/": {
        "architectures", "config_layout", "errors", "image_labels", "manifests", "model",
        "policies", "ports", "releases", "syncs",
    },
    "cdlab/substrates/sim/": {
        "api_objects", "errors", "image_labels", "kernel", "manifests", "model", "parsed_files",
        "ports", "random_streams", "server_fields", "substrates.sim",
    },
    "cdlab/substrates/kind/git_server/": set(),
    "cdlab/substrates/kind/kept_images.py": {"errors", "substrates.kind", "whole_files"},
    "cdlab/room.py": {"errors"},
    "cdlab/wheelhouse.py": {"errors", "version", "whole_files"},
    "cdlab/substrates/kind/": {
        "api_objects", "errors", "image_labels", "kernel", "live_kernel", "manifests", "model",
        "notifications", "ports", "substrates.kind",
    },
    "cdlab/notifications.py": {"model"},
    "cdlab/observed.py": {"kernel", "model"},
    "cdlab/pipelines.py": {"architectures", "errors", "kernel", "model", "ports"},
    "cdlab/recording.py": {"errors", "history", "kernel", "model"},
    "cdlab/merging.py": {"history", "model"},
    "cdlab/streaming.py": {"history", "kernel", "merging", "model", "recording"},
    "cdlab/hosted_manager.py": {
        "architectures", "errors", "history", "kernel", "manager", "merging", "model",
        "notifications", "ports", "recorded_ports", "streaming",
    },
    "cdlab/inside_manager.py": {
        "architectures", "errors", "history", "kernel", "manager", "merging", "model", "recording",
    },
    "cdlab/in_cluster.py": {
        "hosted_manager", "live_kernel", "manager", "notifications", "substrates.kind",
    },
    "cdlab/recorded_ports.py": {"history", "model", "ports", "recorded_cluster", "recording"},
    "cdlab/recorded_cluster.py": {"history", "model", "ports", "recording"},
    "cdlab/coupling.py": {"grants", "history", "model", "pod_timeline", "rollback_time"},
    "cdlab/influence.py": {"grants", "history"},
    "cdlab/independence.py": {"coupling", "history", "model", "pod_timeline", "rollback_time"},
    "cdlab/divergence.py": {"coupling", "history", "pod_timeline", "releases"},
    "cdlab/manual_work.py": {"coupling", "history"},
    "cdlab/incidents.py": {"coupling", "history", "manual_work"},
    "cdlab/measures.py": {
        "coupling", "divergence", "history", "incidents", "independence", "influence",
        "manual_work", "moves", "rollback_time", "served", "transfers",
    },
    "cdlab/moves.py": {"history", "manual_work"},
    "cdlab/transfers.py": {"history", "model", "rollback_time"},
    "cdlab/served.py": {"history", "pod_timeline"},
    "cdlab/faults.py": {"errors", "fault_plans", "model", "ports"},
    "cdlab/fault_plans.py": {"kernel", "model"},
    "cdlab/recorded_incidents.py": {"model", "ports", "recording"},
    "cdlab/whole_files.py": set(),
    "cdlab/event_kinds.py": {"errors"},
    "cdlab/history_checks.py": {"event_kinds"},
    "cdlab/history.py": {"errors", "event_kinds", "history_checks", "whole_files"},
    "cdlab/pod_timeline.py": {"history"},
    "cdlab/report/serving.py": {"history", "pod_timeline"},
    "cdlab/report/chapters.py": {"history", "manifests"},
    "cdlab/report/swim_lane_style.py": set(),
    "cdlab/report/lanes.py": {"history", "report.narration"},
    "cdlab/report/mermaid.py": {"history", "report"},
    "cdlab/report/trace.py": {"history", "report"},
    "cdlab/report/swim_lanes.py": {"history", "report", "rollback_time"},
    "cdlab/report/explanation.py": {"history", "model", "report", "rollback_time"},
    "cdlab/report/walk.py": {"history", "report", "rollback_time", "transfers"},
    "cdlab/report/diagram.py": {"report.walk"},
    "cdlab/report/markdown.py": {"history", "measures", "report", "rollback_time"},
    "cdlab/rollback_time.py": {"history", "pod_timeline"},
    "cdlab/fitting.py": set(),
    "cdlab/calibration.py": {"fitting", "history"},
    "cdlab/grants.py": {"model"},
    "cdlab/statistics.py": set(),
    "cdlab/paired.py": set(),
    "cdlab/witnesses.py": {"history"},
    # Exercises and advice stand on whole runs, and nothing but the command line stands on them.
    "cdlab/learning/": {
        "architectures", "errors", "event_kinds", "expectations", "learning", "runner", "scenario",
        "value_checks", "whole_files", "worlds",
    },
    "cdlab/advice/": {
        "advice", "errors", "model", "parallel", "report", "runner", "scenario", "statistics",
        "substrates.sim", "value_checks", "worlds",
    },
    # Figures know values, reports know results and sweeps, and only the command line knows those.
    "cdlab/plots/": {"errors", "paired", "plots", "report", "rollback_time", "statistics"},
    "cdlab/bench_report/": {
        "bench.results", "bench_report", "errors", "paired", "plots", "report", "statistics",
    },
    "cdlab/sweeps/": {
        "errors", "model", "paired", "parallel", "plots", "report", "scenario",
        "substrates.sim", "sweeps", "version", "worlds",
    },
    # A benchmark is planned and judged by modules that know no substrate; one plays.
    "cdlab/bench/results.py": {"errors"},
    "cdlab/bench/outliers.py": {"statistics"},
    "cdlab/bench/stopping.py": {"bench.results", "paired"},
    "cdlab/bench/variants.py": {"model", "scenario"},
    "cdlab/bench/plans.py": {
        "bench.results", "bench.stopping", "bench.variants", "errors", "random_streams",
    },
    "cdlab/bench/judging.py": {
        "bench.outliers", "bench.results", "bench.stopping", "paired", "statistics",
    },
    "cdlab/bench/changes.py": {"bench.results", "errors", "paired", "statistics"},
    "cdlab/bench/benchmark.py": {"bench.outliers", "bench.plans", "bench.results", "errors"},
    "cdlab/bench/probing.py": {"history", "pod_timeline", "rollback_time"},
    "cdlab/bench/machine.py": set(),
    "cdlab/bench/neighbours.py": set(),
    # What people ask and are told knows no architecture, and the page nothing but that.
    "cdlab/manager/commands.py": set(),
    "cdlab/manager/wire.py": {"errors"},
    "cdlab/manager/shown.py": set(),
    "cdlab/manager/asking.py": {"errors", "manager.commands", "manager.wire"},
    "cdlab/manager/views.py": {"manager.commands", "manager.shown"},
    "cdlab/manager/client.py": {"errors", "manager.asking", "manager.commands", "manager.wire"},
    "cdlab/manager/web/": {
        "errors", "manager.asking", "manager.commands", "manager.messages", "manager.shown",
        "manager.views", "manager.web", "manager.wire", "version",
    },
    # What is told and counted is made of what was recorded.
    "cdlab/manager/noticing.py": {
        "dates", "history", "manager.watching", "manifests", "merging", "model", "notifications",
        "reasons", "release_commits", "stops",
    },
    "cdlab/manager/notifier.py": {
        "dates", "errors", "history", "kernel", "manager.listening", "manager.noticing", "model",
        "notifications",
    },
    "cdlab/manager/webhook.py": {"errors", "kernel", "notifications", "version"},
    "cdlab/manager/metering.py": {
        "history", "kernel", "manager.listening", "manager.noticing",
        "manager.process_metrics", "manager.queue",
        "manager.web", "model",
    },
    "cdlab/manager/": {
        "architectures", "candidates", "config_layout", "dates", "environment_policies", "errors",
        "kernel", "manager", "manifests", "model", "policies", "policy_edits", "ports", "reasons",
        "release_commits", "release_plans", "release_requests", "releases", "stops", "syncs",
        "version",
    },
}  # fmt: skip

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
