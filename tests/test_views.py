"""A cell of the matrix in words and buttons, on the page as in a terminal."""

from __future__ import annotations

from dataclasses import replace

from cdlab.manager.commands import About, Stopped, WorkloadStatus
from cdlab.manager.views import cell

ABOUT = About(
    architecture="v3",
    title="",
    microservices=("users",),
    environments=("staging", "production"),
    manual_environments=(),
    substrate="sim",
    version="",
)
USERS = WorkloadStatus(workload="users", environment="production", drift_seconds=754.0)


def buttons(status: WorkloadStatus) -> dict[str, tuple[tuple[str, str], ...]]:
    """Label -> what it asks about."""
    return {each.label: each.query for each in cell(ABOUT, status).actions}


def test_what_stopped_an_environment_is_lifted_there() -> None:
    """A button that lifted the workload's own stop would change nothing."""
    ann = Stopped(user="ann", reason="audit")
    everywhere = replace(ann, is_whole_environment=True)
    found = buttons(replace(USERS, lock=ann, hold=everywhere))
    assert found["Unlock users in production"][0] == ("workload", "users")
    assert found["Resume all of production"] == (("environment", "production"),)
    assert "Hold users in production" not in found
    ids = [each.id for each in cell(ABOUT, replace(USERS, hold=everywhere)).actions]
    assert len(set(ids)) == len(ids)


def test_drift_that_is_only_reported_is_said_to_be() -> None:
    """Beside its age; where it is repaired nobody has to do anything."""
    assert cell(ABOUT, USERS).drift == "12 min"
    assert cell(ABOUT, replace(USERS, drift_mode="report")).drift == "12 min, only reported"
    assert cell(ABOUT, replace(USERS, drift_seconds=None, drift_mode="report")).drift == ""
