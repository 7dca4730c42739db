"""How far a profile is off. Runs of the simulator stand for real ones: the answer is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cdlab.calibration import fingerprint
from cdlab.cli.main import app
from cdlab.cli.validate import _play
from cdlab.history import History
from cdlab.model import Variant
from cdlab.scenario import Scenario, load
from cdlab.validation import Cell, Prediction, Validation, _swapped, validate
from cdlab.worlds import run

SCENARIOS = Path(__file__).parent.parent / "scenarios"
SLOWER = """
extends = "constant"
description = "Builds take a fifth longer"
[build]
distribution = "constant"
value = 120
source = "a test"
[build_cached]
distribution = "constant"
value = 60
source = "a test"
"""


def real(**settings: object) -> list[History]:
    """Two runs that differ in their seeds, with constant costs."""
    scenario = Scenario(profile="constant", **settings)  # type: ignore[arg-type]
    return [run(replace(scenario, seed=seed)).history for seed in (1, 2)]


def validated(histories: list[History], profile: str) -> Validation:
    return validate(histories, profile=profile, runs=5, play=_play)


def slower(folder: Path, text: str = SLOWER) -> str:
    path = folder / "slower.toml"
    path.write_text(text)
    return str(path)


V1 = {"architecture": "v1", "variant": Variant(rollback="revert")}
V3 = {"architecture": "v3", "variant": Variant(rollback="command")}


def test_a_profile_that_is_right_is_not_off() -> None:
    """Constant costs predict themselves, counts included; V3's looks fall at random moments."""
    found = validated([*real(**V1), *real(**V3)], "constant")
    assert found.cells[0].total.error == 0
    assert found.held_out_error == pytest.approx(0, abs=0.02)
    assert found.is_within
    assert [cell.runs for cell in found.cells] == [2, 2]


def test_an_error_is_told_with_its_phase_and_its_limit(tmp_path: Path) -> None:
    """Builds a fifth too long, from the cache in V1's rollback: 10 s too much of its 87."""
    found = validated(real(**V1), slower(tmp_path))
    (cell,) = found.cells
    by_name = {each.what: each for each in cell.predictions}
    assert by_name["build"].real == 50
    assert by_name["build"].predicted == 60
    assert not by_name["build"].is_within, "the limit is 7.5 s"
    total = by_name["total"]
    assert total.real is not None
    assert found.held_out_error == pytest.approx(10 / total.real)
    assert not found.is_within


def test_the_worst_cell_is_the_error_that_counts(tmp_path: Path) -> None:
    """V3's rollback has no build: it is predicted well, and hides nothing."""
    both = validated([*real(**V3), *real(**V1)], slower(tmp_path))
    assert both.cells[0].total.error == pytest.approx(0, abs=0.02)
    assert both.held_out_error == both.cells[1].total.error
    assert both.cells[1].total.is_within is False


def test_other_counts_break_a_limit() -> None:
    """A history in which something happened that does not happen in the simulator."""
    history = real(**V1)[0]
    (ask,) = [e for e in history.of("IntentDeclared") if e.detail["intent"] == "rollback"]
    again = ask._replace(seq=len(history))
    found = validated([History([*history, again])], "constant")
    assert found.cells[0].total.is_within
    assert any("intents" in each for each in found.cells[0].differences)
    assert not found.is_within


def cell(name: str, real: float, predicted: float, **settings: object) -> Cell:
    total = Prediction(what="total", real=real, predicted=predicted, limit_seconds=9.0)
    scenario = Scenario(**settings)  # type: ignore[arg-type]
    return Cell(scenario=scenario, name=name, runs=1, predictions=(total,), differences=())


def test_a_changed_order_of_variants_is_told() -> None:
    """Where two of the same case are really 5 % apart; other replicas are another case."""
    cells = [
        cell("a", 3.0, 4.0, architecture="v1"),
        cell("b", 3.1, 3.0, architecture="v2"),
        cell("c", 4.0, 3.5, architecture="v3"),
        cell("d", 5.0, 1.0, architecture="v3", replicas=3),
    ]
    assert list(_swapped(cells)) == ["a and c"]


def test_cells_are_named_by_what_differs() -> None:
    """The settings that all share say nothing."""
    found = validated([*real(**V1), *real(**V1, replicas=3)], "constant")
    assert [each.name for each in found.cells] == ["v1 revert, replicas 2", "v1 revert, replicas 3"]


@pytest.mark.parametrize("path", sorted(SCENARIOS.glob("v*/*.yaml")), ids=lambda p: p.stem)
def test_a_history_tells_its_scenario(path: Path) -> None:
    """From the settings in its first event back to the same settings."""
    scenario = load(path)
    assert Scenario.of(scenario.settings()).settings() == scenario.settings()


def test_the_command_refuses_runs_that_the_profile_was_made_from(tmp_path: Path) -> None:
    """A profile knows them by their fingerprints; others are predicted, 1 for a broken limit."""
    first, second = real(**V1)
    for name, each in (("first", first), ("second", second)):
        each.save(tmp_path / f"{name}.jsonl")
    profile = slower(tmp_path, f'made_from = ["{fingerprint(first)}"]\n{SLOWER}')

    def answer(name: str, profile: str) -> tuple[int, str]:
        path = str(tmp_path / f"{name}.jsonl")
        done = CliRunner().invoke(app, ["validate", path, "--profile", profile, "--runs", "5"])
        return done.exit_code, done.output

    code, said = answer("first", profile)
    assert code == 2
    assert "was made from" in said
    code, said = answer("second", profile)
    assert code == 1
    assert "in the worst cell" in said
    assert answer("second", "constant")[0] == 0
