"""
The pytest plugin: scenarios as tests, on the simulator or on a real kind cluster.

In: options that all begin with `--cdlab-`, and scenario files beside the tests. Out: the fixtures
`run_scenario`, `cdlab_lab`, `cdlab_substrate`, `cdlab_seed`, and pytest-kind's `kind_cluster` on
our cluster. A test that fails shows what its runs did and the line that plays them once more.

Loaded by every pytest of the environment, so nothing heavy is imported before it is used.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cdlab.errors import CdlabError, SubstrateUnavailable

if TYPE_CHECKING:
    from cdlab.runner import Run
    from cdlab.substrates.kind.lab import Lab
    from cdlab.testing.played import Played, Player

MISSING_EXIT_CODE = 3
"""The command line's code for something that this machine lacks."""
PYTEST_KINDS_OWN_NAME = "pytest-kind"
"""The default of its option `--cluster-name`."""
ON_THE_LAB = frozenset({"cdlab_lab", "kind_cluster"})
"""Fixtures that need the real cluster whatever the substrate is."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options, every one of them prefixed, so that none meets pytest-kind's."""
    group = parser.getgroup("cdlab", "cdlab: continuous delivery on the simulator or on kind")
    group.addoption(
        "--cdlab-substrate",
        choices=("sim", "kind"),
        default="sim",
        help="where run_scenario plays scenarios (default: sim)",
    )
    group.addoption(
        "--cdlab-manager",
        choices=("outside", "inside"),
        default="outside",
        help="where V3's release manager runs on kind: in this process or in the cluster "
        "(default: outside)",
    )
    group.addoption(
        "--cdlab-seed",
        type=int,
        metavar="N",
        help="seed in place of the scenario files'",
    )
    group.addoption(
        "--cdlab-history-dir",
        type=Path,
        metavar="DIR",
        help="keep the history of every run in this folder",
    )
    group.addoption(
        "--cdlab-node-image",
        metavar="IMAGE",
        help="node image of a lab that has to be started (default: CDLAB_NODE_IMAGE)",
    )
    group.addoption(
        "--cdlab-keep",
        choices=("never", "on-failure", "always"),
        default="always",
        help="whether a lab that these tests started stays after them (default: always)",
    )
    group.addoption(
        "--cdlab-require-kind",
        action="store_true",
        help="tests marked kind may not be skipped (also: CDLAB_REQUIRE_KIND=1)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, and our `kind_cluster` unless pytest-kind was told another name."""
    config.addinivalue_line("markers", "kind: needs a real kind cluster, `cdlab up`")
    config.addinivalue_line("markers", "slow: takes more than a quarter of a second")
    config.stash[LAB] = SessionLab(config)
    if config.getoption("cluster_name", PYTEST_KINDS_OWN_NAME) == PYTEST_KINDS_OWN_NAME:
        config.pluginmanager.import_plugin("cdlab.testing.pytest_kind_cluster")
    if config.pluginmanager.hasplugin("xdist"):
        config.pluginmanager.import_plugin("cdlab.testing.one_worker")


def is_asked_for_kind(config: pytest.Config) -> bool:
    """Whether tests on kind may not be skipped."""
    return (
        config.getoption("--cdlab-substrate") == "kind"
        or config.getoption("--cdlab-require-kind")
        or os.environ.get("CDLAB_REQUIRE_KIND", "0") not in ("", "0")
    )


class SessionLab:
    """The lab of one pytest session: looked for once, started at most once."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.is_ours = False
        """Whether this session started it."""
        self._found: Lab | SubstrateUnavailable | None = None

    def settings(self) -> Any:
        """The environment's settings with this session's node image."""
        from cdlab.substrates.kind.settings import KindSettings

        image = self.config.getoption("--cdlab-node-image")
        environ = {**os.environ, **({"CDLAB_NODE_IMAGE": image} if image else {})}
        return KindSettings.from_environment(environ)

    def running(self) -> Lab:
        """The lab that runs; `SubstrateUnavailable` if none does. Starts nothing."""
        if self._found is None:
            from cdlab.substrates.kind import lifecycle

            try:
                self._found = lifecycle.connect(self.settings())
            except SubstrateUnavailable as missing:
                self._found = missing
        if isinstance(self._found, SubstrateUnavailable):
            raise self._found
        return self._found

    def get(self) -> Lab:
        """The lab that runs, or a new one."""
        try:
            return self.running()
        except SubstrateUnavailable:
            from cdlab.substrates.kind import lifecycle

            self._found = lab = lifecycle.up(self.settings(), self._tell)
            self.is_ours = True
            return lab

    def close(self, *, has_failed: bool) -> None:
        """Remove a lab that this session started, unless it shall be kept."""
        keep = self.config.getoption("--cdlab-keep")
        if self.is_ours and (keep == "never" or (keep == "on-failure" and not has_failed)):
            from cdlab.substrates.kind import lifecycle

            lifecycle.down(self.settings(), self._tell)

    def _tell(self, what: str) -> None:
        reporter = self.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.write_line(f"cdlab: {what}")


LAB = pytest.StashKey[SessionLab]()
PLAYER = pytest.StashKey["Player"]()
PLAYED = pytest.StashKey[list["Played"]]()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what runs on kind."""
    is_on_kind = config.getoption("--cdlab-substrate") == "kind"
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if is_on_kind and "run_scenario" in fixtures:
            item.add_marker(pytest.mark.kind)


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist tells that this worker has collected
def pytest_collection_finish(session: pytest.Session) -> None:
    """Keep what runs on kind in one worker: the runs share a machine."""
    if hasattr(session.config, "workerinput"):
        from cdlab.testing.one_worker import tell_who_needs_it

        ids = [item.nodeid for item in session.items if _is_on_kind(item)]
        tell_who_needs_it(session.config, ids)


def _is_on_kind(item: pytest.Item) -> bool:
    fixtures = set(getattr(item, "fixturenames", ()))
    return item.get_closest_marker("kind") is not None or bool(ON_THE_LAB & fixtures)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Start the lab before the first test, so that what is missing is said at once."""
    config = session.config
    if config.option.collectonly or not is_asked_for_kind(config):
        return
    if any(_is_on_kind(item) for item in getattr(session, "items", ())):
        try:
            config.stash[LAB].get()
        except SubstrateUnavailable as missing:
            pytest.exit(f"cdlab: kind was asked for, and {told(missing)}", MISSING_EXIT_CODE)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test that is marked `kind` where no lab runs and nobody asked for one."""
    if item.get_closest_marker("kind") is None or is_asked_for_kind(item.config):
        return
    try:
        item.config.stash[LAB].running()
    except SubstrateUnavailable as missing:
        pytest.skip(f"needs kind: {told(missing)}")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Remove the lab if this session started it and nobody wants to keep it."""
    session.config.stash[LAB].close(has_failed=bool(exitstatus))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to a failure what its runs did, and how to play them once more."""
    report = yield
    if report.failed and call.when != "teardown":
        for played in item.stash.get(PLAYED, []):
            report.sections.append((f"cdlab {played.name}", played.story()))
    return report


def told(error: CdlabError) -> str:
    """An error with what to do about it."""
    return f"{error.message}\n  try: {error.help}" if error.help else error.message


@pytest.fixture(scope="session")
def cdlab_substrate(request: pytest.FixtureRequest) -> str:
    """`sim` or `kind`: where `run_scenario` plays."""
    return str(request.config.getoption("--cdlab-substrate"))


@pytest.fixture(scope="session")
def cdlab_seed(request: pytest.FixtureRequest) -> int | None:
    """The seed that was asked for; None leaves each scenario file its own."""
    seed: int | None = request.config.getoption("--cdlab-seed")
    return seed


@pytest.fixture(scope="session")
def cdlab_lab(request: pytest.FixtureRequest) -> Lab:
    """The running lab: addresses and logins. Starts it if it does not run."""
    try:
        return request.config.stash[LAB].get()
    except SubstrateUnavailable as missing:
        pytest.fail(f"needs kind: {told(missing)}", pytrace=False)


@pytest.fixture
def run_scenario(
    request: pytest.FixtureRequest, cdlab_substrate: str, cdlab_seed: int | None
) -> Callable[[str], Run]:
    """
    Play a scenario file that lies beside the test: `run_scenario("rollback")`.

    Each file is played once a session; tests that name the same one share its run.
    """
    if cdlab_substrate == "kind":
        request.getfixturevalue("cdlab_lab")

    def run(name: str) -> Run:
        played = _player(request.config).play(
            request.path.parent / f"{name}.yaml", cdlab_substrate, cdlab_seed
        )
        request.node.stash.setdefault(PLAYED, []).append(played)
        if isinstance(played.error, CdlabError):
            pytest.fail(told(played.error), pytrace=False)
        return played.run

    return run


def _player(config: pytest.Config) -> Player:
    from cdlab.testing.played import Player

    if PLAYER not in config.stash:
        folder = config.getoption("--cdlab-history-dir")
        manager = config.getoption("--cdlab-manager")
        config.stash[PLAYER] = Player(config.rootpath, folder, config.stash[LAB].running, manager)
    return config.stash[PLAYER]
