"""
What V3's rollback costs beside Kubernetes: against a bare image patch of the same workload on kind.

Both change the image of `front-end` in production from the bad to the good one; both end when every
replica is Ready on the good content and nothing bad serves. Interleaved in one run. Prints the
ratio, and how long after the command the commit was pushed and the Deployment changed; it judges
nothing. Needs `cdlab up`. Usage: bench_v3_kind.py [--inside] [PAIRS]; with `--inside` the manager
is a pod.
"""

from __future__ import annotations

import sys
from dataclasses import replace

from cdlab.errors import SubstrateUnavailable
from cdlab.history import History
from cdlab.model import ImageRef, RollbackRequest, Variant
from cdlab.runner import run_in
from cdlab.scenario import Scenario
from cdlab.statistics import median
from cdlab.stories import Lab
from cdlab.stories.actions import Change, bootstrap, ship
from cdlab.stories.lab import BAD
from cdlab.substrates.kind.lifecycle import connect
from cdlab.substrates.kind.settings import KindSettings
from cdlab.worlds import real

NAME, WHERE = "front-end", "production"
QUIET_SECONDS = 3.0
"""Before each of the two, for what the last one left: pods that end, and their endpoints."""


def measured(pairs: int, *, is_inside: bool) -> tuple[list[tuple[float, float]], History]:
    """(rollback, bare patch), seconds, for each pair; and the history."""
    found: list[tuple[float, float]] = []

    async def story(lab: Lab) -> None:
        good = (await bootstrap(lab))[NAME]
        good_image = await image(lab)
        bad = await ship(lab, NAME, Change(version=BAD, is_bad=True))
        bad_image = await image(lab)
        cluster = lab.ports("operator").cluster
        replicas = lab.replicas
        for number in range(pairs):
            if number:
                await lab.delivery.promote(NAME, "staging", WHERE, "alice")
                await lab.observed.until_serves(NAME, WHERE, bad.content, replicas)
            await lab.kernel.sleep(QUIET_SECONDS)
            begin = lab.kernel.now()
            with lab.recorder.intent("rollback", workload=NAME, environment=WHERE):
                await lab.delivery.rollback(RollbackRequest(workload=NAME, environment=WHERE))
            await lab.observed.until_serves(NAME, WHERE, good.content, replicas)
            rollback = lab.kernel.now() - begin
            await cluster.rollout_status(NAME, WHERE)
            await cluster.set_image(NAME, bad_image, WHERE)
            await lab.observed.until_serves(NAME, WHERE, bad.content, replicas)
            await cluster.rollout_status(NAME, WHERE)
            await lab.kernel.sleep(QUIET_SECONDS)
            begin = lab.kernel.now()
            await cluster.set_image(NAME, good_image, WHERE)
            await lab.observed.until_serves(NAME, WHERE, good.content, replicas)
            found.append((rollback, lab.kernel.now() - begin))
            await cluster.rollout_status(NAME, WHERE)
            print(f"pair {number + 1}: rollback {found[-1][0]:.3f} s, patch {found[-1][1]:.3f} s")

    async def image(lab: Lab) -> ImageRef:
        running = await lab.ports("operator").cluster.running(WHERE)
        return next(each.desired for each in running if each.name == NAME)

    scenario = Scenario(architecture="v3", variant=Variant(rollback="command"))
    world = real(scenario, manager="inside" if is_inside else "outside")
    deadline = 70.0 * (pairs + 2)
    # The manager would repair a bare patch: it is not to look while they last.
    world = replace(
        world, pace=replace(world.pace, deadline_seconds=deadline, sync_seconds=deadline)
    )
    run = run_in(world, scenario, story)
    if not run.is_finished:
        raise SystemExit(run.history.of("RunStalled")[0].because)
    return found, run.history


def after_the_command(history: History, kind: str) -> list[float]:
    """Seconds from each rollback command to the first event of that kind on its behalf."""
    asked = [e for e in history.of("IntentDeclared") if e.detail["intent"] == "rollback"]
    cones = ((ask, history.cone(ask.intent)) for ask in asked)
    first = ((ask, next((e for e in cone if e.kind == kind), None)) for ask, cone in cones)
    return [(event.t_us - ask.t_us) / 1e6 for ask, event in first if event is not None]


def main() -> None:
    """Measure and print; without a lab, say so."""
    arguments = [each for each in sys.argv[1:] if each != "--inside"]
    try:
        connect(KindSettings.here())
    except SubstrateUnavailable as missing:
        print(f"not measured: {missing.message}; {missing.help}")
        return
    count = int(arguments[0]) if arguments else 10
    pairs, history = measured(count, is_inside="--inside" in sys.argv)
    ratios = [rollback / patch for rollback, patch in pairs]
    print(f"V3 rollback   median {median([a for a, _ in pairs]):.3f} s")
    print(f"bare patch    median {median([b for _, b in pairs]):.3f} s")
    print(f"ratio         median {median(ratios):.3f}, {min(ratios):.3f} to {max(ratios):.3f}")
    print(f"pairs         {len(pairs)}, interleaved in one run")
    for what, kind in (("commit pushed", "CommitPushed"), ("spec changed", "ManifestsApplied")):
        seconds = [1000 * each for each in after_the_command(history, kind)]
        print(f"{what} after the command: median {median(seconds):.0f} ms, most {max(seconds):.0f}")


if __name__ == "__main__":
    main()
