"""`cdlab manager` and `--manager` on the command line, as far as they go without a lab."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdlab.cli import main
from cdlab.history import Event, History
from cdlab.testing.failure_story import replay_line

SCENARIOS = Path(__file__).parent.parent / "scenarios"
V3 = str(SCENARIOS / "v3" / "rollback.yaml")


def code_of(*arguments: str) -> int | str | None:
    with pytest.raises(SystemExit) as ended:
        main.main(arguments)
    return ended.value.code


@pytest.fixture(autouse=True)
def no_lab(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A lab of this name was never started."""
    monkeypatch.setenv("CDLAB_CLUSTER_NAME", "nowhere")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", V3, "--manager", "inside"),
        ("run", V3, "--manager", "upstairs"),
        ("manager", "install", str(SCENARIOS / "v1" / "rollback.yaml")),
        ("manager", "install"),
        ("manager", "dance"),
        ("manager", "logs", "--run", "No name"),
        ("manager", "install", V3, "--webhook", "hooks.example/cdlab"),
        ("manager", "install", V3, "--webhook", "https://ana:hunter2@hooks.example"),
        ("manager", "install", V3, "--webhook-secret", V3),
        ("manager", "install", V3, "--webhook", "https://hooks.example", "--webhook-secret", "no"),
        (
            "manager",
            "install",
            V3,
            "--webhook",
            "https://hooks.example",
            "--webhook-secret",
            "/dev/null",
        ),
    ],
    ids=" ".join,
)
def test_what_makes_no_sense_is_wrong_usage(arguments: tuple[str, ...]) -> None:
    """No cluster in the simulator, no manager in V1, no webhook without a URL."""
    assert code_of(*arguments) == 2


@pytest.mark.parametrize(
    "command",
    [("install", V3), ("uninstall",), ("logs",),
     ("install", V3, "--webhook", "https://hooks.example/cdlab", "--webhook-secret", V3)],
)  # fmt: skip
def test_without_a_lab_it_says_how_to_get_one(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 3, and the command."""
    assert code_of("manager", *command) == 3
    assert "help: cdlab up" in capsys.readouterr().err


def test_a_run_with_the_manager_inside_is_replayed_with_it() -> None:
    """The line that plays it once more says where the manager was."""
    settings = {"substrate": "kind", "seed": 1, "manager": "inside"}
    history = History([Event(0, 0, 0, "RunStarted", "people", "notify", detail=settings)])
    assert replay_line(history, "a.yaml") == (
        "cdlab run a.yaml --substrate kind --manager inside --seed 1"
    )
