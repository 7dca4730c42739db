"""What is news: the cases that no simulated story reaches, from events that were made for them."""

from __future__ import annotations

from cdlab.history import Event
from cdlab.manager.noticing import Noticing
from cdlab.manager.watching import DRIFT_REPAIR
from cdlab.notifications import Kind

IMAGE = f"h/users:v1@sha256:{7:064x}"
MANIFEST = f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: users}}
spec: {{template: {{spec: {{containers: [{{name: users, image: "{IMAGE}"}}]}}}}}}
"""
COMMIT = f"""Release users v1 in staging

Release-Id: 1234
Environment: staging
Workload: users
To: {IMAGE}
Hold: none
"""


class Told:
    """A manager that records what it is said to, and what is told of it."""

    def __init__(self) -> None:
        self.noticing = Noticing("p1", 0.0)
        self.seq = 0

    def decided(self, what: str, status: str, because: str = "", **more: str) -> Kind | None:
        """A decision about users in staging."""
        detail = {"what": what, "workload": "users", "status": status, "image": "", "user": ""}
        outcome = "ok" if status == "released" else status
        fields = {"intent": DRIFT_REPAIR.intent, "principal": "manager", **more}
        return self.see("Decided", "decide", outcome=outcome, because=because, detail=detail,
                        **fields)  # fmt: skip

    def see(self, kind: str, op: str, **fields: object) -> Kind | None:
        values = {"principal": "manager", "resource": "staging", **fields}
        event = Event(self.seq, 0, 0, kind, "any", op, **values)  # type: ignore[arg-type]
        self.seq += 1
        found = self.noticing.see(event, "1970-01-01T00:00:00Z")
        return found and found.kind

    def commit(self) -> None:
        detail = {"revision": "0" * 40, "message": COMMIT, "files": {}}
        self.see("Committed", "notify", detail=detail)

    def apply(self) -> None:
        self.see("ManifestsCompared", "read", detail={"differs": True})
        self.see("ManifestsApplied", "apply", detail={"changed": True, "manifest": MANIFEST})


def test_drift_after_an_apply_that_nobody_answered_is_told() -> None:
    """It had happened all the same, as the next whole sync saw: what differs later is drift."""
    for has_synced, expected in ((True, Kind.DRIFT), (False, None)):
        told = Told()
        told.commit()
        assert told.decided("automation", "released") is Kind.RELEASED
        told.see("ClusterUnavailable", "apply", outcome="unknown")
        if has_synced:
            told.noticing.end_sync()
        told.apply()
        assert told.decided("sync", "released") is expected


def test_a_release_whose_sync_fails_again_and_again_stays_a_release() -> None:
    """Also when whole syncs come to an end meanwhile."""
    told = Told()
    told.commit()
    told.decided("automation", "released")
    told.see("ClusterUnavailable", "apply", outcome="failed")
    assert told.decided("sync", "failed", "no answer") is Kind.FAILED
    told.noticing.end_sync()
    assert told.decided("sync", "failed", "no answer") is None
    told.noticing.end_sync()
    told.apply()
    assert told.decided("sync", "released") is None


def test_drift_that_is_only_reported_is_told_once_each_time_that_it_comes() -> None:
    """While it stands every sync says the same; one that does not is its end."""
    told = Told()
    found = []
    for is_there in (True, True, False, True, True):
        found.append(told.decided("sync", "skipped", "it differs") if is_there else None)
        told.noticing.end_sync()
    assert found == [Kind.DRIFT, None, None, Kind.DRIFT, None]


def test_a_failure_that_comes_back_after_a_whole_sync_is_told_again() -> None:
    """With the same words: it is another outage."""
    told = Told()
    found = []
    for _ in range(2):
        found += [told.decided("sync", "failed", "no answer") for _ in range(2)]
        told.noticing.end_sync()
        told.noticing.end_sync()
    assert found == [Kind.FAILED, None] * 2


def test_what_others_do_and_what_is_no_release_is_not_told() -> None:
    """CI's events, and decisions about objects that are no workload."""
    told = Told()
    told.commit()
    assert told.decided("automation", "released", principal="ci") is None
    assert told.decided("prune", "released") is None
