"""A prune in what is made of a history: counts, witnesses, a script and a story."""

from __future__ import annotations

import pytest

from cdlab import worlds
from cdlab.config_layout import config_path
from cdlab.equality import counts
from cdlab.history import History
from cdlab.manager.queue import ReleaseQueue
from cdlab.report.narration import story_of
from cdlab.runner import run_in
from cdlab.scenario import Scenario
from cdlab.script.commands import script
from cdlab.stories import Lab
from cdlab.stories.actions import bootstrap
from cdlab.syncs import SyncRequest
from cdlab.witnesses import CLUSTER_WRITES, told
from tests.thirteen_rules.shop import renamed

SCENARIO = Scenario(architecture="v3", microservices=("users",), profile="constant", replicas=1)
EXTRA = config_path("staging", "extra")


async def leave_behind_and_prune(lab: Lab) -> None:
    """Add a workload by hand in git, see it applied, take it out again, and prune."""
    await bootstrap(lab)
    operator = lab.ports("operator")
    checkout = await operator.config_repo.clone()
    checkout.write(EXTRA, renamed(checkout.read(config_path("staging", "users")), "users", "extra"))
    revision = await checkout.commit("Add a workload by hand")
    await checkout.push()
    while not await operator.cluster.running("staging", "extra"):
        await lab.kernel.sleep(0.5)
    checkout = await operator.config_repo.clone()
    await checkout.revert(revision)
    await checkout.push()
    assert isinstance(lab.delivery, ReleaseQueue)
    synced = await lab.delivery.sync_now(SyncRequest(user="alice", has_prune=True))
    objects = [each for _, each in synced.pruned]
    assert objects == ["Deployment/extra", "Service/extra"]


@pytest.fixture(scope="module")
def history() -> History:
    """Of the simulator."""
    return run_in(worlds.simulated(SCENARIO), SCENARIO, leave_behind_and_prune).history


def test_each_deleted_object_is_a_change_that_both_substrates_count(history: History) -> None:
    """By name, and with who did it."""
    changes = counts(history)["changes of desired state"]
    deleted = [each.rpartition(" ")[2] for each in changes if "delete" in each]
    assert deleted == ["Deployment/extra", "Service/extra"]


def test_a_deleted_deployment_is_a_write_of_its_environment(history: History) -> None:
    """As the API server's audit log counts them: Deployments."""
    writes = [e for e in history.of("ManifestsApplied") if e.resource == "staging"]
    assert told(history)[CLUSTER_WRITES]["manager in staging"] == len(writes) + 1


@pytest.mark.kind
def test_the_audit_log_saw_the_prune() -> None:
    """On the real thing, by the ServiceAccount that asked for it; and it counts the same."""
    run = run_in(worlds.real(SCENARIO), SCENARIO, leave_behind_and_prune)
    assert run.disagreements == []
    simulated = run_in(worlds.simulated(SCENARIO), SCENARIO, leave_behind_and_prune)
    section = "changes of desired state"
    assert counts(run.history)[section] == counts(simulated.history)[section]


def test_a_prune_is_typed_and_told(history: History) -> None:
    """With kubectl, and in a sentence."""
    assert 'kubectl -n "$NAMESPACE-staging" delete deployment/extra\n' in script(history)
    said = [each.what for each in story_of(history)]
    assert "deletes Deployment/extra, Service/extra in staging" in said
