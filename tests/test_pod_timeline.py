"""What served when: pod events folded into steps, on histories written by hand."""

from __future__ import annotations

from cdlab.history import Event, History
from cdlab.pod_timeline import available, contents, pod_events, served_at, steps

KINDS = {"c": "PodCreated", "r": "PodReady", "u": "PodBecameUnready", "s": "PodStopping"}


def pod(seq: int, what: str, name: str, digest: str = "", where: str = "production") -> Event:
    """`c`, `r`, `u` or `s`: created, Ready, unready, stopping; at *seq* seconds."""
    return Event(
        seq,
        seq * 1_000_000,
        seq * 1_000_000,
        KINDS[what],
        "environment",
        "observe",
        where,
        digest_after=digest,
        detail={"workload": "users", "pod": name},
    )


def history(*events: Event, replicas: int = 2) -> History:
    """Event 0 has the settings, 1 and 2 the images; the given ones count from 3."""
    pushes = [
        Event(
            number,
            number * 1_000_000,
            0,
            "ImagePushed",
            "registry",
            "write",
            digest_after=digest,
            detail={"content": content},
        )
        for number, (digest, content) in enumerate((("g", "good"), ("b", "bad")), start=1)
    ]
    first = Event(0, 0, 0, "RunStarted", "people", "notify", detail={"replicas": replicas})
    return History([first, *pushes, *events])


ROLLOUT = (
    pod(3, "r", "p1", "b"),
    pod(4, "r", "p2", "b"),
    pod(5, "c", "p3"),
    pod(6, "r", "p3", "g"),
    pod(7, "s", "p1", "b"),
    pod(8, "r", "p4", "g"),
    pod(9, "s", "p2", "b"),
)


def test_a_step_is_a_change_of_what_serves() -> None:
    """A pod that is only created is none, and neither is the end of one that never served."""
    found = steps(history(*ROLLOUT, pod(10, "s", "p9")), "production", "users")
    assert [(step.event.seq, "".join(sorted(step.serving.values()))) for step in found] == [
        *((3, "b"), (4, "bb"), (6, "bbg"), (7, "bg"), (8, "bgg"), (9, "gg"))
    ]


def test_it_is_available_when_every_replica_has_it_and_nothing_else_serves() -> None:
    """Not when the last new pod is Ready, but when the last old one is out of service."""
    event = available(history(*ROLLOUT), "production", "users", "good", after=4)
    assert event is not None
    assert event.seq == 9


def test_it_is_not_available_with_too_few_replicas() -> None:
    """Of three replicas two are not all."""
    assert available(history(*ROLLOUT, replicas=3), "production", "users", "good", 0) is None


def test_what_was_available_before_does_not_count() -> None:
    """Only what happens after the given event is an answer to it."""
    again = (pod(10, "u", "p3", "g"), pod(11, "r", "p3", "g"))
    event = available(history(*ROLLOUT, *again), "production", "users", "good", after=9)
    assert event is not None
    assert event.seq == 11


def test_an_unready_pod_does_not_serve() -> None:
    """It may come back, and then counts again."""
    flapping = history(pod(3, "r", "p1", "g"), pod(4, "u", "p1", "g"), pod(5, "r", "p1", "g"))
    found = [served_at(flapping, "production", "users", seq) for seq in (2, 3, 4, 5)]
    assert found == [set(), {"g"}, set(), {"g"}]


def test_environments_and_workloads_are_kept_apart() -> None:
    """What staging runs says nothing about production."""
    both = history(pod(3, "r", "p1", "g", "staging"), pod(4, "r", "p1", "b"))
    assert served_at(both, "staging", "users", 9) == {"g"}
    assert served_at(both, "production", "users", 9) == {"b"}
    assert served_at(both, "production", "orders", 9) == set()
    assert [each.seq for each in pod_events(both, "staging", "users")] == [3]


def test_a_digest_is_known_by_the_source_it_was_built_from() -> None:
    """Two digests of one content are equally good: that is what V1 rolls back to."""
    assert contents(history()) == {"g": "good", "b": "bad"}


def test_an_image_that_nobody_pushed_is_not_the_wanted_one() -> None:
    """A foreign digest has no content, so it never completes anything."""
    foreign = history(pod(3, "r", "p1", "x"), pod(4, "r", "p2", "x"))
    assert available(foreign, "production", "users", "good", 0) is None
