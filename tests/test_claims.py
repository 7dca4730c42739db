"""The claims of the article: what the runs say, and a control that says the opposite."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cdlab import worlds
from cdlab.claims import CLAIMS, Claim, Verdict, verdict
from cdlab.cli.claims import scenarios_folder
from cdlab.cli.main import app
from cdlab.runner import Run
from cdlab.scenario import load

ARTICLE_CLAIMS = [f"C{number}" for number in range(1, 17)]


@cache
def play(name: str) -> Run:
    return worlds.run(load(scenarios_folder() / f"{name}.yaml"))


@cache
def decided(number: str) -> Verdict:
    (claim,) = (each for each in CLAIMS if each.number == number)
    return verdict(claim, play)


EXPECTED: dict[str, Callable[[str], bool]] = {
    **dict.fromkeys(ARTICLE_CLAIMS, lambda words: words == "confirmed"),
    **dict.fromkeys(("C1", "C12"), lambda words: "the build cache" in words),
    "C3": lambda words: "a gate" in words,
    "C4": lambda words: "the registry" in words,
    "C10": lambda words: "the way back" in words,
    "C13": lambda words: "the readiness probe" in words,
}
"""By thought: where a setting that the article does not mention turns the answer round."""


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.number)
def test_a_claim_gets_its_verdict(claim: Claim) -> None:
    """Confirmed, refuted or it depends, by the runs and as was thought before them."""
    found = decided(claim.number)
    assert EXPECTED[claim.number](found.words), (found.words, found.findings)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.number)
def test_the_control_flips_the_verdict(claim: Claim) -> None:
    """In the control case the claim does not hold, so the judgement can fail."""
    found = decided(claim.number)
    assert not found.control.holds, found.control.numbers
    assert found.is_sound


def test_every_claim_of_the_article_is_there_once() -> None:
    """C1 to C16, each with scenarios of its own and words on what it may depend on."""
    assert [claim.number for claim in CLAIMS] == ARTICLE_CLAIMS
    for claim in CLAIMS:
        assert claim.control not in claim.cases
        assert (len(claim.cases) > 1) or not claim.depends_on


def test_the_command_prints_what_replays_each() -> None:
    """`cdlab claims C4` says the sentence, the verdict and the commands; --json the same."""
    shown = CliRunner().invoke(app, ["claims", "C4"])
    assert shown.exit_code == 0, shown.output
    assert "it depends on the registry" in " ".join(shown.output.split())
    assert "cdlab run scenarios/v2/cluster-deleted.yaml" in shown.output
    plain = json.loads(CliRunner().invoke(app, ["claims", "C4", "--json"]).output)
    (claim,) = plain["claims"]
    assert [case["holds"] for case in claim["cases"]] == [True, False]
    for case in (*claim["cases"], claim["control"]):
        for path in case["replay"].split()[2:]:
            assert (Path(__file__).parent.parent / path).is_file()


def test_a_claim_that_is_not_there_is_refused() -> None:
    """With the numbers that there are."""
    shown = CliRunner().invoke(app, ["claims", "C99"])
    assert shown.exit_code == 2
    assert "C16" in shown.output
