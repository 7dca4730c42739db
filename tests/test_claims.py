"""The claims of the article: what the runs say, and a control that says the opposite."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cdlab import worlds
from cdlab.article_claims import CLAIMS
from cdlab.claims import SEEDS, Claim, Finding, Verdict, verdict
from cdlab.cli.claims import scenarios_folder
from cdlab.cli.main import app
from cdlab.runner import Run
from cdlab.scenario import load

ARTICLE_CLAIMS = [f"C{number}" for number in range(1, 17)]


@cache
def play(name: str, seed: int) -> Run:
    return worlds.run(replace(load(scenarios_folder() / f"{name}.yaml"), seed=seed))


@cache
def decided(number: str) -> Verdict:
    (claim,) = (each for each in CLAIMS if each.number == number)
    return verdict(claim, play)


EXPECTED: dict[str, Callable[[str], bool]] = {
    **dict.fromkeys(ARTICLE_CLAIMS, lambda words: words == "confirmed"),
    **dict.fromkeys(("C1", "C12"), lambda words: "the build cache" in words),
    "C3": lambda words: "a gate" in words,
    "C4": lambda words: "the registry" in words,
    "C9": lambda words: "the release manager two" in words,
    "C10": lambda words: "the way back" in words,
    "C13": lambda words: "the readiness probe" in words,
    "C16": lambda words: "steps and sources of a rebuild" in words,
}
"""By thought: where a setting that the article does not mention turns the answer round."""


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.number)
def test_a_claim_gets_its_verdict(claim: Claim) -> None:
    """Confirmed, refuted or it depends, by the runs and as was thought before them."""
    found = decided(claim.number)
    assert EXPECTED[claim.number](found.words), (found.words, found.findings)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.number)
def test_the_control_flips_the_verdict(claim: Claim) -> None:
    """In the control case the claim holds in no respect, so the judgement can fail."""
    found = decided(claim.number)
    assert not any(each.holds for each in found.controls), found.controls
    assert found.is_sound


def numbers_of(number: str) -> dict[str, bool | None]:
    """What was found in the cases of a claim, and whether it holds there."""
    return {each.numbers: each.holds for each in decided(number).findings}


def test_each_element_is_judged_and_the_manager_among_them() -> None:
    """CI has one box left; the manager has the two that CI gave up."""
    assert numbers_of("C9") == {
        "ci writes registry": True,
        "manager writes config-repo and environment": False,
    }


def test_a_small_release_is_judged_by_its_good_commits_and_by_its_time() -> None:
    """By an old image it saves commits and no time, by a revert time and no commits."""
    command, force_push, revert = (
        [each.holds for each in decided("C10").findings if case in each.case]
        for case in ("v3/rollback", "v1/rollback-force-push", "v1/rollback-batch")
    )
    assert (command, force_push, revert) == ([True, False], [True, False], [False, True])


def test_a_reverted_merge_does_not_land_again() -> None:
    """Git has it already; a plain commit is pushed once more and is there."""
    assert any("merged already" in numbers for numbers in numbers_of("C15"))
    assert any("next, production next" in each.numbers for each in decided("C15").controls)


def test_what_grows_with_the_application_is_told_apart() -> None:
    """Sources and steps do; seconds, and what a rollback hits besides, could have and do not."""
    found = {what.partition(":")[0]: holds for what, holds in numbers_of("C16").items()}
    assert found["sources of a rebuild"]
    assert found["steps by hand of a rebuild"]
    assert not found["seconds of a rebuild"]
    assert found["share that a rollback hits besides"] is False


def test_what_chance_decides_is_asked_of_several_seeds() -> None:
    """Elsewhere the costs cannot turn the answer round, and one run is enough."""
    for claim in CLAIMS:
        seeds = {each.seeds for each in decided(claim.number).findings}
        assert seeds == {SEEDS if claim.is_by_chance else 1}
    assert {"C10", "C13", "C16"} <= {claim.number for claim in CLAIMS if claim.is_by_chance}


@pytest.mark.parametrize(("held", "holds"), [(0, False), (2, None), (5, True)])
def test_a_claim_that_holds_in_some_seeds_neither_holds_nor_fails(
    held: int, holds: bool | None
) -> None:
    """And depends on chance where nothing else is named."""
    finding = Finding(("v1/rollback",), held, 5, "", 1)
    assert finding.holds is holds
    (claim,) = (each for each in CLAIMS if each.number == "C11")
    words = Verdict(claim, (finding,), ()).words
    assert words == {False: "refuted", None: "it depends on chance", True: "confirmed"}[holds]


def test_every_claim_of_the_article_is_there_once() -> None:
    """C1 to C16, each with scenarios of its own and words on what it may depend on."""
    assert [claim.number for claim in CLAIMS] == ARTICLE_CLAIMS
    for claim in CLAIMS:
        assert claim.control not in claim.cases
        assert len(decided(claim.number).findings) > 1 or not claim.depends_on


def test_the_command_prints_what_replays_each() -> None:
    """`cdlab claims C4` says the sentence, the verdict and the commands; --json the same."""
    shown = CliRunner().invoke(app, ["claims", "C4"])
    assert shown.exit_code == 0, shown.output
    assert "it depends on the registry" in " ".join(shown.output.split())
    assert "cdlab run scenarios/v2/cluster-deleted.yaml" in shown.output
    plain = json.loads(CliRunner().invoke(app, ["claims", "C4", "--json"]).output)
    (claim,) = plain["claims"]
    assert [case["holds"] for case in claim["cases"]] == [True, False]
    for case in (*claim["cases"], *claim["control"]):
        for path in case["replay"].split()[2:]:
            assert (Path(__file__).parent.parent / path).is_file()


def test_another_seed_is_part_of_the_command() -> None:
    """Else it would play something else than what was decided."""
    plain = json.loads(CliRunner().invoke(app, ["claims", "C4", "--seed", "7", "--json"]).output)
    assert all(case["replay"].endswith("--seed 7") for case in plain["claims"][0]["cases"])


def test_a_claim_that_is_not_there_is_refused() -> None:
    """With the numbers that there are."""
    shown = CliRunner().invoke(app, ["claims", "C99"])
    assert shown.exit_code == 2
    assert "C16" in shown.output
