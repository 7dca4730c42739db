"""
The article's claims, each with the runs that decide it and a control in which it must not hold.

In: nothing. Out: sentences of the article with the scenarios that are looked at; what they come
down to in numbers is in `claim_checks.py`. Called by `cdlab claims` and by the tests.
"""

from __future__ import annotations

from cdlab import claim_checks
from cdlab.claims import Case, Claim


def by_size(simple: str, story: str) -> Case:
    """A story with one, three and five microservices, in a simpler architecture and in V3."""
    sizes = (f"{story}-one-service", story, f"{story}-five-services")
    return tuple(f"{architecture}/{name}" for architecture in (simple, "v3") for name in sizes)


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
        cases=(("v1/outage", "v1/outage-deploy"), ("v2/outage", "v2/outage-deploy")),
        control=("v3/outage", "v3/outage-deploy"),
        holds=claim_checks.nothing_goes_without_ci,
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
        depends_on="the element: CI writes one kind of box and the release manager two, the config "
        "repo and the cluster",
        control=("v2/rollback",),
        holds=claim_checks.writes_one_box,
    ),
    Claim(
        number="C10",
        sentence="the more frequently releases are done, the less risky releases are",
        cases=(
            ("v3/rollback", "v3/rollback-batch"),
            ("v1/rollback-force-push", "v1/rollback-batch-force-push"),
            ("v1/rollback", "v1/rollback-batch"),
        ),
        depends_on="the way back: an old image takes everything of its release with it and is as "
        "fast as ever, a revert takes the bad commit alone and has to be built",
        control=("v1/rollback-no-cache", "v1/rollback-batch-no-cache"),
        holds=claim_checks.small_is_less_risky,
        is_by_chance=True,
    ),
    Claim(
        number="C11",
        sentence="a certain level of backwards compatibility needs to be guaranteed between "
        "releases to avoid having to synchronize releases between teams",
        cases=(("v1/compatible-services",), ("v3/compatible-services",)),
        control=("v3/incompatible-services",),
        holds=claim_checks.fits_together,
        is_by_chance=True,
    ),
    Claim(
        number="C12",
        sentence="building and pushing containers […] regardless it uses up disk I/O and network "
        "bandwidth",
        cases=(("v1/rollback-no-cache",), ("v1/rollback",)),
        depends_on="the build cache: a warm one gives an image that registry and nodes have",
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
        is_by_chance=True,
    ),
    Claim(
        number="C14",
        sentence="If a machine goes down, the deployment will put those three pods on a new "
        "machine, starting them up elsewhere, to keep them running.",
        cases=(("v1/node-lost",),),
        control=("v1/deployments-lost",),
        holds=claim_checks.is_restored,
        is_by_chance=True,
    ),
    Claim(
        number="C15",
        sentence="If there are merge commits, then it obviously gets a bit messy.",
        cases=(("v1/merge-again",),),
        control=("v1/commit-again",),
        holds=claim_checks.is_messy,
    ),
    Claim(
        number="C16",
        sentence="The more sophisticated a microservices application is, the more likely it is a "
        "complex architecture is required.",
        cases=(by_size("v1", "cluster-deleted"), by_size("v1", "rollback")),
        depends_on="what is counted: steps and sources of a rebuild grow with every microservice, "
        "its seconds do so in either architecture, and what a rollback hits besides is a smaller "
        "share the more there are",
        control=by_size("v2", "cluster-deleted"),
        holds=claim_checks.pays_with_size,
        is_by_chance=True,
    ),
)
