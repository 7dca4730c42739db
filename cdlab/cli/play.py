"""
`cdlab compare` and `cdlab run`: play, and print or write what came of it.

In: the options as values. Out: the report, JSON or a script on standard output, histories as
files, an exit code. Called by `cli`, which imports it when one of the two is asked for.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from cdlab import comparison, expectations, worlds
from cdlab.cli import output
from cdlab.cli.output import BROKEN, OK, counting, print_json, report_error
from cdlab.errors import CdlabError, ScenarioError
from cdlab.expectations import Verdict
from cdlab.runner import Run
from cdlab.scenario import PROFILES, Scenario, load
from cdlab.stories import STORIES

if TYPE_CHECKING:
    from cdlab.script.frame import Addresses


@dataclass(frozen=True, slots=True)
class Comparing:
    """What `cdlab compare` was asked for."""

    story: str
    substrate: str
    runs: int | None
    seed: int
    profile: str


@dataclass(frozen=True, slots=True)
class Playing:
    """What `cdlab run` was asked for."""

    paths: tuple[Path, ...]
    substrate: str
    seed: int | None
    history: Path | None


@dataclass(frozen=True, slots=True)
class Played:
    """A scenario file that ran."""

    path: Path
    run: Run
    verdicts: tuple[Verdict, ...]
    replay: str

    @property
    def is_as_expected(self) -> bool:
        """Whether the run ended by itself and every expectation holds."""
        return self.run.is_finished and all(verdict.holds for verdict in self.verdicts)

    def to_dict(self) -> dict[str, Any]:
        """The run as plain values."""
        return {
            "scenario": str(self.path),
            "settings": dict(self.run.history.settings),
            "is_finished": self.run.is_finished,
            "phases": self.run.phases,
            "measures": self.run.measures,
            "expectations": [
                {
                    "measure": each.measure,
                    "expected": each.expected,
                    "found": each.found,
                    "holds": each.holds,
                }
                for each in self.verdicts
            ],
            "replay": self.replay,
        }


def compare(asked: Comparing, history: Path | None, as_json: bool) -> None:
    """Play every row, then print the comparison."""
    _require("story", asked.story, tuple(STORIES))
    _require("profile", asked.profile, PROFILES)
    _require_folder(history)
    with counting("run", lines_every=1 if asked.substrate == "kind" else 500) as progress:
        found = comparison.compare(
            asked.story,
            substrate=asked.substrate,
            runs=asked.runs,
            seed=asked.seed,
            profile=asked.profile,
            means=comparison.Means(processes=output.processors(), progress=progress),
        )
    if history is not None:
        for name, result in found.main.items():
            result.first.history.save(_named(history, name))
    if as_json:
        print_json(found.to_dict())
        return
    from cdlab.report.page import print_comparison

    print_comparison(output.console(), found)


def _require(what: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise typer.BadParameter(f'"{value}" is no {what}; there are {", ".join(known)}')


def _require_folder(history: Path | None) -> None:
    """Refuse a history file in a folder that does not exist before anything runs for minutes."""
    if history is not None and not history.absolute().parent.is_dir():
        raise typer.BadParameter(f'the folder of "{history}" does not exist')


def _named(path: Path, name: str) -> Path:
    """`out.jsonl`, `v1` -> `out-v1.jsonl`."""
    return path.with_name(f"{path.stem}-{name}{path.suffix}")


def run(asked: Playing, as_json: bool) -> int:
    """Run every scenario that can be read; the worst of their exit codes."""
    _require_folder(asked.history)
    code, printed = OK, []
    for path in asked.paths:
        try:
            played = _play(path, asked)
        except ScenarioError as error:
            code = max(code, report_error(error))
            printed.append(_broken(path, error))
            continue
        code = max(code, OK if played.is_as_expected else BROKEN)
        if as_json:
            printed.append(played.to_dict())
        else:
            _show(played)
    if as_json:
        print_json({"runs": printed})
    return code


def _broken(path: Path, error: ScenarioError) -> dict[str, Any]:
    found = [{"line": line, "what": what} for line, what in error.mistakes]
    return {"scenario": str(path), "mistakes": found}


def _show(played: Played) -> None:
    from cdlab.report.page import print_run

    print_run(
        output.console(),
        played.run,
        played.verdicts,
        name=str(played.path),
        replay=played.replay,
    )


def run_commands(asked: Playing) -> int:
    """Run one scenario and print it as a script."""
    from cdlab.script.commands import script

    _require_folder(asked.history)
    played = _play(asked.paths[0], asked)
    sys.stdout.write(script(played.run.history, _addresses()))
    for verdict in played.verdicts:
        if not verdict.holds:
            output.say(f"broken: {verdict.measure} is {verdict.found}, expected {verdict.expected}")
    return OK if played.is_as_expected else BROKEN


def _addresses() -> Addresses:
    from cdlab.cli.machine import settings_from_environment
    from cdlab.script.frame import Addresses

    lab = settings_from_environment()
    return Addresses(
        state_folder=str(lab.state_folder),
        registry=lab.registry_host,
        git=f"http://127.0.0.1:{lab.git_port}",
        lab=lab.cluster_name,
    )


def _play(path: Path, asked: Playing) -> Played:
    scenario = load(path)
    _refuse_unreadable(path, scenario)
    if asked.seed is not None:
        scenario = replace(scenario, seed=asked.seed)
    if asked.substrate == "kind":
        output.say(f"running {path} on kind")
    try:
        done = worlds.run(scenario, substrate=asked.substrate)
    except CdlabError as error:
        _keep_evidence(error, path, asked)
        raise
    if asked.history is not None:
        done.history.save(_history_file(path, asked))
    verdicts = tuple(expectations.judge(scenario.expect, done.measures))
    replay = f"cdlab run {path} --substrate {asked.substrate} --seed {scenario.seed}"
    played = Played(path, done, verdicts, replay)
    if not played.is_as_expected:
        _keep_evidence(done, path, asked)
    return played


def _refuse_unreadable(path: Path, scenario: Scenario) -> None:
    """Raise `ScenarioError` for expectations that make no sense, before anything runs."""
    wrong = expectations.mistakes(scenario.expect)
    if wrong:
        lines = path.read_text(encoding="utf-8").splitlines()
        found = [(_line(lines, measure), f"expect: {measure}: {what}") for measure, what in wrong]
        raise ScenarioError(str(path), sorted(found), help="`cdlab schema` shows what may be said")


def _line(lines: list[str], measure: str) -> int:
    name = measure.rpartition(".")[2]
    found: Iterator[int] = (n for n, text in enumerate(lines, 1) if text.strip().startswith(name))
    return next(found, 1)


def _keep_evidence(outcome: Run | CdlabError, path: Path, asked: Playing) -> None:
    """A run that failed leaves its history where it was asked for, and on kind a folder."""
    history = getattr(outcome, "history", None)
    if history is None:
        return
    if asked.history is not None:
        history.save(_history_file(path, asked))
    if asked.substrate == "kind":
        from cdlab.testing import failure_folder

        folder = Path("artifacts") / f"{path.stem}-kind-{history.settings['seed']}"
        failure_folder.collect(outcome, None, folder, path=str(path))
        output.say(f"kept in: {folder}")


def _history_file(path: Path, asked: Playing) -> Path:
    assert asked.history is not None
    return asked.history if len(asked.paths) == 1 else _named(asked.history, path.stem)
