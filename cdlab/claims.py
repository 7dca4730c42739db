"""
The article's claims, each with the runs that decide it and a control in which it must not hold.

In: scenario files of `scenarios/`. Out: a verdict for each claim, computed from histories and
never written down: *confirmed* where it holds in every case, *refuted* where in none, and *it
depends* where in some, with what it depends on. Called by `cdlab claims` and by the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cdlab import claim_checks
from cdlab.claim_checks import Answer
from cdlab.runner import Run

Case = tuple[str, ...]
"""The scenarios that are looked at together, as `v1/rollback`."""
Play = Callable[[str], Run]
Holds = Callable[[Sequence[Run]], Answer]
"""Whether the claim holds in a case, and the numbers that say so."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A sentence of the article that can be true or false."""

    number: str
    sentence: str
    """The article's own words."""
    cases: tuple[Case, ...]
    control: Case
    """A case in which it must not hold; else the judgement could not fail."""
    holds: Holds
    depends_on: str = ""
    """What tells the cases apart, where they differ."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What came out for one case."""

    case: Case
    holds: bool
    numbers: str

    @property
    def replay(self) -> str:
        """The command that plays it again."""
        return "cdlab run " + " ".join(f"scenarios/{name}.yaml" for name in self.case)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the runs say about a claim."""

    claim: Claim
    findings: tuple[Finding, ...]
    control: Finding

    @property
    def words(self) -> str:
        """`confirmed`, `refuted` or `it depends on …`."""
        held = [finding.holds for finding in self.findings]
        if all(held):
            return "confirmed"
        return f"it depends on {self.claim.depends_on}" if any(held) else "refuted"

    @property
    def is_sound(self) -> bool:
        """Whether the control came out the other way."""
        return any(finding.holds != self.control.holds for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as `cdlab claims --json` prints them."""
        return {
            "claim": self.claim.number,
            "sentence": self.claim.sentence,
            "verdict": self.words,
            "cases": [_plain(finding) for finding in self.findings],
            "control": _plain(self.control),
        }


def _plain(finding: Finding) -> dict[str, Any]:
    return {
        "scenarios": list(finding.case),
        "holds": finding.holds,
        "found": finding.numbers,
        "replay": finding.replay,
    }


def verdicts(play: Play) -> Iterator[Verdict]:
    """Decide every claim, in the order of the article's argument."""
    for claim in CLAIMS:
        yield verdict(claim, play)


def verdict(claim: Claim, play: Play) -> Verdict:
    """Decide one."""

    def finding(case: Case) -> Finding:
        holds, numbers = claim.holds([play(name) for name in case])
        return Finding(case, holds, numbers)

    return Verdict(claim, tuple(map(finding, claim.cases)), finding(claim.control))


CLAIMS: tuple[Claim, ...] = (
    Claim(
        number="C1",
        sentence="After pushing the rollback, the old version gets rebuilt […]. It also pushes "
        "that new image, which is a new copy of the old image, to the Docker registry.",
        cases=(("v1/rollback-no-cache",), ("v1/rollback",)),
        depends_on="the build cache: a warm one gives the very same image",
        control=("v1/rollback-redeploy",),
        holds=claim_checks.rebuilds_a_copy,
    ),
    Claim(
        number="C2",
        sentence="This first architecture has tight coupling",
        cases=(("v1/rollback",), ("v2/rollback",)),
        control=("v3/rollback",),
        holds=claim_checks.holds_the_cluster,
    ),
    Claim(
        number="C3",
        sentence="and does not allow for different environments (e.g. dev, staging, prod) to be "
        "on different versions",
        cases=(("v1/different-versions",), ("v1/different-versions-gated",)),
        depends_on="a gate before production, which the article does not draw",
        control=("v3/different-versions",),
        holds=claim_checks.is_the_same_everywhere,
    ),
    Claim(
        number="C4",
        sentence="this version controlled config repository is the only thing necessary to bring "
        "back an application if someone accidentally deletes the production cluster",
        cases=(("v2/cluster-deleted",), ("v2/cluster-and-registry-lost",)),
        depends_on="the registry: it has to survive as well",
        control=("v1/cluster-deleted",),
        holds=claim_checks.comes_back_from_one_source,
    ),
    Claim(
        number="C5",
        sentence="Rolling back out of band in this instance (and directly with kubectl) means the "
        "developer will have to update the central configuration repo manually. This takes away "
        "from that repo being the SSOT.",
        cases=(("v2/rollout-undo",),),
        control=("v2/rollback",),
        holds=claim_checks.leaves_the_repo_lying,
    ),
    Claim(
        number="C6",
        sentence="The job of the release manager is to observe when new containers appear in the "
        "registry. It then clones the version controlled config, modifies it, and pushes it back "
        "to record that the release is happening. It then also pushes that new config to the "
        "Kubernetes cluster.",
        cases=(("v3/rollback",),),
        control=("v2/rollback",),
        holds=claim_checks.manager_releases_in_order,
    ),
    Claim(
        number="C7",
        sentence="the policy for staging could be release all the time, the policy for production "
        "could be manually promoting releases",
        cases=(("v3/rollback",),),
        control=("v3/rollback-without-hold",),
        holds=claim_checks.releases_by_policy,
    ),
    Claim(
        number="C8",
        sentence="The user tells the release manager to rollback to the latest version without any "
        "involvement from the CI system.",
        cases=(("v3/outage",),),
        control=("v2/outage",),
        holds=claim_checks.rolls_back_without_ci,
    ),
    Claim(
        number="C9",
        sentence="Adding a release manager makes the architecture simpler again, as each element "
        "now has just one responsibility.",
        cases=(("v3/rollback",),),
        control=("v2/rollback",),
        holds=claim_checks.shares_no_box,
    ),
    Claim(
        number="C10",
        sentence="the more frequently releases are done, the less risky releases are",
        cases=(
            ("v3/rollback", "v3/rollback-batch"),
            ("v1/rollback-force-push", "v1/rollback-batch-force-push"),
            ("v1/rollback", "v1/rollback-batch"),
        ),
        depends_on="the way back: an old image takes everything of its release with it, and a "
        "revert the bad commit alone",
        control=("v2/rollback", "v2/rollback-batch"),
        holds=claim_checks.small_loses_less,
    ),
    Claim(
        number="C11",
        sentence="a certain level of backwards compatibility needs to be guaranteed between "
        "releases to avoid having to synchronize releases between teams",
        cases=(("v1/compatible-services",), ("v3/compatible-services",)),
        control=("v3/incompatible-services",),
        holds=claim_checks.fits_together,
    ),
    Claim(
        number="C12",
        sentence="building and pushing containers […] regardless it uses up disk I/O and network "
        "bandwidth",
        cases=(("v1/rollback-no-cache",), ("v1/rollback",)),
        depends_on="the build cache: a warm one pushes nothing that the registry does not have",
        control=("v3/rollback",),
        holds=claim_checks.costs_bytes,
    ),
    Claim(
        number="C13",
        sentence="users can do rolling upgrades, a feature that's built into Kubernetes",
        cases=(("v1/under-load",), ("v1/under-load-no-probe",)),
        depends_on="the readiness probe: without one requests meet pods that do not answer yet",
        control=("v1/under-load-recreate",),
        holds=claim_checks.drops_nothing,
    ),
    Claim(
        number="C14",
        sentence="If a machine goes down, the deployment will put those three pods on a new "
        "machine, starting them up elsewhere, to keep them running.",
        cases=(("v1/node-lost",),),
        control=("v1/deployments-lost",),
        holds=claim_checks.is_restored,
    ),
    Claim(
        number="C15",
        sentence="If there are merge commits, then it obviously gets a bit messy.",
        cases=(("v1/rollback-merge",),),
        control=("v1/rollback",),
        holds=claim_checks.wants_a_mainline,
    ),
    Claim(
        number="C16",
        sentence="The more sophisticated a microservices application is, the more likely it is a "
        "complex architecture is required.",
        cases=(("v1/cluster-deleted", "v3/cluster-deleted"),),
        control=("v1/cluster-deleted-one-service", "v3/cluster-deleted-one-service"),
        holds=claim_checks.simple_needs_more_sources,
    ),
)
