"""
`cdlab compare` and `cdlab run`: play, and print or write what came of it.

In: the options as values. Out: the report, JSON or a script on standard output, histories as
files, an exit code. Called by `cli`, which imports it when one of the two is asked for.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from cdlab import comparison, expectations, tie_orders, worlds
from cdlab.architectures import ARCHITECTURES
from cdlab.cli import kept, output, outputs
from cdlab.cli.output import BROKEN, GREATEST_SEED, OK, counting, print_json, report_error
from cdlab.comparison_rows import INSTEAD, why_not
from cdlab.errors import ScenarioError
from cdlab.expectations import Verdict
from cdlab.model import Variant
from cdlab.runner import Run
from cdlab.scenario import PROFILES, Scenario, load
from cdlab.stories import STORIES

if TYPE_CHECKING:
    from cdlab.comparison import Comparison
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
    files: Mapping[str, Path] = field(default_factory=dict)
    """What to write of each run: the option without its dashes, and the file."""
    tie_seed: int | None = None
    is_explained: bool = False
    manager: str = "outside"

    def files_of(self, path: Path) -> Mapping[str, Path]:
        """Where to write what was asked for of one scenario."""
        return {option: kept.file_of(file, path, self.paths) for option, file in self.files.items()}

    def replay(self, path: Path, seed: int) -> str:
        """The command that plays a scenario once more."""
        ties = "" if self.tie_seed is None else f" --tie-seed {self.tie_seed}"
        where = "" if self.manager == "outside" else f" --manager {self.manager}"
        return f"cdlab run {path} --substrate {self.substrate}{where} --seed {seed}{ties}"


@dataclass(frozen=True, slots=True)
class Played:
    """A scenario file that ran."""

    path: Path
    run: Run
    verdicts: tuple[Verdict, ...]
    replay: str

    @property
    def is_as_expected(self) -> bool:
        """Whether the run ended by itself, or was not expected to, and every expectation holds."""
        is_meant = self.run.is_finished or "is_finished" in self.run.scenario.expect
        return is_meant and all(verdict.holds for verdict in self.verdicts)

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
    if why := why_not(asked.story):
        raise typer.BadParameter(f"{why}; {INSTEAD[asked.story]}")
    if asked.seed + (asked.runs or comparison.SIMULATED_RUNS) - 1 > GREATEST_SEED:
        raise typer.BadParameter(f"the last run would have a seed above {GREATEST_SEED}")
    if history is not None:
        kept.refuse_unwritable(kept.beside(history, name) for name in ARCHITECTURES)
    found = _compared(asked)
    if history is not None:
        for name, result in found.main.items():
            outputs.write(result.first.history, {"history": kept.beside(history, name)})
    if as_json:
        print_json(found.to_dict())
        return
    from cdlab.report.page import print_comparison

    print_comparison(output.console(), found)


def _compared(asked: Comparing) -> Comparison:
    """The comparison; a run on kind that fails, or whose deadline passes, leaves a folder."""
    with counting("run", lines_every=1 if asked.substrate == "kind" else 500) as progress:
        try:
            found = comparison.compare(
                asked.story,
                substrate=asked.substrate,
                runs=asked.runs,
                seed=asked.seed,
                profile=asked.profile,
                means=comparison.Means(processes=output.processors(), progress=progress),
            )
        except Exception as error:  # whatever ended it; what is attached was known until then
            _keep_compared(error, asked)
            raise
    for result in found.results:
        if not result.first.is_finished:
            _keep_compared(result.first, asked)
    return found


def _keep_compared(outcome: Run | Exception, asked: Comparing) -> None:
    history = getattr(outcome, "history", None)
    if history is None:
        return
    settings = history.settings
    label = f"{settings['architecture']} {Variant(**settings['variant']).label()}"
    words = re.findall(r"[a-z0-9]+", label)
    replay = f"cdlab compare {asked.story} --substrate {asked.substrate} --seed {settings['seed']}"
    kept.keep(outcome, "-".join(["compare", asked.story, *words]), replay=replay)


def _require(what: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise typer.BadParameter(f'"{value}" is no {what}; there are {", ".join(known)}')


def _refuse_files(asked: Playing) -> None:
    """Refuse names that cannot be written or are given twice, before anything runs."""
    if asked.files or asked.substrate == "kind":
        kept.refuse_same_names(asked.paths)
    kept.refuse_unwritable(file for path in asked.paths for file in asked.files_of(path).values())


def run(asked: Playing, as_json: bool) -> int:
    """Run every scenario that can be read; the worst of their exit codes."""
    _refuse_files(asked)
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
            _show(played, is_explained=asked.is_explained)
    if as_json:
        print_json({"runs": printed})
    return code


def _broken(path: Path, error: ScenarioError) -> dict[str, Any]:
    found = [{"line": line or None, "what": what} for line, what in error.mistakes]
    return {"scenario": str(path), "mistakes": found}


def _show(played: Played, *, is_explained: bool) -> None:
    from cdlab.report.page import print_explained, print_history

    told = (output.console(), played.run.history, played.verdicts)
    if is_explained:
        print_explained(*told, replay=played.replay)
    else:
        print_history(*told, name=str(played.path), replay=played.replay)


def run_commands(asked: Playing) -> int:
    """Run one scenario and print it as a script."""
    from cdlab.script.commands import script

    _refuse_files(asked)
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


def scenario_of(path: Path, asked: Playing) -> Scenario:
    """The scenario of a file, with the seed that was asked for."""
    scenario = load(path)
    return scenario if asked.seed is None else replace(scenario, seed=asked.seed)


def _run(scenario: Scenario, asked: Playing) -> Run:
    if asked.tie_seed is not None:
        return tie_orders.shuffled(scenario, asked.tie_seed)
    return worlds.run(scenario, substrate=asked.substrate, manager=asked.manager)


def _play(path: Path, asked: Playing) -> Played:
    scenario = scenario_of(path, asked)
    if asked.substrate == "kind":
        output.say(f"running {path} on kind")
    try:
        done = _run(scenario, asked)
    except Exception as error:  # whatever ended it; what is attached was known until then
        _keep_evidence(error, path, asked)
        raise
    outputs.write(done.history, asked.files_of(path))
    judged = worlds.expected(scenario, manager=asked.manager)
    verdicts = tuple(expectations.judge(judged.expect, done.measures))
    played = Played(path, done, verdicts, asked.replay(path, scenario.seed))
    if not played.is_as_expected:
        _keep_evidence(done, path, asked)
    return played


def _keep_evidence(outcome: Run | Exception, path: Path, asked: Playing) -> None:
    """A run that failed leaves its history where it was asked for, and on kind a folder."""
    history = getattr(outcome, "history", None)
    if isinstance(outcome, Exception) and history is not None:
        files = asked.files_of(path).items()
        outputs.write(history, {option: file for option, file in files if option == "history"})
    kept.keep(outcome, kept.name_of(path), path=str(path))
