"""
Scenario files played for tests: each once a session, whatever came of it.

In: the path of a file, a substrate, a seed. Out: a `Played` that holds the run or the error, and
tells its story. Called by the pytest plugin.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from cdlab import worlds
from cdlab.errors import CdlabError
from cdlab.history import History
from cdlab.runner import Run
from cdlab.scenario import load
from cdlab.testing import failure_folder
from cdlab.testing.failure_story import failure_story, replay_line

if TYPE_CHECKING:
    from cdlab.substrates.kind.lab import Lab


@dataclass(frozen=True)
class Played:
    """What became of a scenario file."""

    name: str
    """The file, as a person in the root folder would type it."""
    outcome: Run | CdlabError
    keep: Callable[[Played], Path | None]
    """Keeps what a failure on kind leaves, and says where."""

    @property
    def error(self) -> CdlabError | None:
        """Why there is no run."""
        return self.outcome if isinstance(self.outcome, CdlabError) else None

    @property
    def run(self) -> Run:
        """The run. Ask for `error` first."""
        assert isinstance(self.outcome, Run), "there is no run"
        return self.outcome

    @property
    def history(self) -> History | None:
        """What happened, as far as it came; None if the file was never played."""
        return getattr(self.outcome, "history", None)

    @cached_property
    def folder(self) -> Path | None:
        """Where the evidence of a failure on kind lies. Kept when it is first asked for."""
        return self.keep(self)

    def story(self) -> str:
        """What happened, and the line that plays it once more. For a failure's report."""
        if self.history is None:
            return f"never played: {self.name}"
        lines = [failure_story(self.history), f"replay: {replay_line(self.history, self.name)}"]
        if self.folder is not None:
            lines.append(f"kept in: {self.folder}")
        return "\n".join(lines)


class Player:
    """Plays scenario files and remembers them."""

    def __init__(
        self, root: Path, folder: Path | None, lab: Callable[[], Lab], manager: str = "outside"
    ) -> None:
        """*manager* is where V3's release manager runs on kind."""
        self.root = root
        self.manager = manager
        self.folder = folder
        """Where histories go; None keeps none of runs that pass."""
        self.lab = lab
        self._played: dict[tuple[Path, str, int | None], Played] = {}

    def play(self, path: Path, substrate: str, seed: int | None) -> Played:
        """The run of a file, or the error that it ended with."""
        key = (path.resolve(), substrate, seed)
        if key not in self._played:
            self._played[key] = self._play(*key)
        return self._played[key]

    def _play(self, path: Path, substrate: str, seed: int | None) -> Played:
        outcome: Run | CdlabError
        try:
            scenario = load(path)
            if seed is not None:
                scenario = replace(scenario, seed=seed)
            # Faults of its calls can be planned only where it runs in this process.
            can_be_inside = substrate == "kind" and not scenario.faults
            manager = self.manager if can_be_inside else "outside"
            scenario = worlds.expected(scenario, manager=manager)
            outcome = worlds.run(scenario, substrate=substrate, manager=manager)
        except CdlabError as error:
            outcome = error
        name = path.relative_to(self.root) if path.is_relative_to(self.root) else path
        played = Played(name.as_posix(), outcome, self._keep)
        if self.folder and played.history is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            played.history.save(self.folder / f"{_stem(played)}.jsonl")
        return played

    def _keep(self, played: Played) -> Path | None:
        history = played.history
        if history is None or history.settings["substrate"] == "sim":
            return None
        folder = (self.folder or self.root / "artifacts") / _stem(played)
        failure_folder.collect(played.outcome, self.lab(), folder, path=played.name)
        return folder


def _stem(played: Played) -> str:
    """`scenarios-v1-rollback-kind-1`."""
    assert played.history is not None
    settings = played.history.settings
    parts = [part for part in Path(played.name).with_suffix("").parts if part != "/"]
    return "-".join([*parts, str(settings["substrate"]), str(settings["seed"])])
