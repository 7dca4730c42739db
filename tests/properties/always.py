"""
What holds on every day: rules 1 to 6 of the release manager, and the invariants of the measures.

Each rule takes a `Day` and returns what breaks it, so that a failure names the commit or the event.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from cdlab.coupling import WRITES
from cdlab.history import OK, Event
from cdlab.manager.noticing import Noticing
from cdlab.model import ImageRef
from cdlab.notifications import Kind
from cdlab.pod_timeline import served_at
from cdlab.rollback_time import asked, done
from tests.properties.days import Day, Landed

Rule = Callable[[Day], Iterator[str]]
RELEASES = ("automation", "release", "promotion", "rollback")
POLICY = re.compile(r"^ *(?:annotations:|cdlab\.dev/.*)\n", re.MULTILINE)
"""Manifests have no annotations but these: their block comes and goes with them."""
HOLD, LOCK = "cdlab.dev/hold:", "cdlab.dev/lock:"


def without_policy(manifest: str) -> str:
    """What runs, and not who may change it."""
    return POLICY.sub("", manifest)


def is_by_command(day: Day) -> bool:
    """Whether a rollback is a release of the manager."""
    return day.architecture == "v3" and day.variant.rollback == "command"


def one_release_is_one_commit(day: Day) -> Iterator[str]:
    """Rule 1: no request is released twice, also not after a push that nobody answered."""
    ids = [each.trailers["Release-Id"] for each in day.releases(*RELEASES)]
    yield from {each for each in ids if ids.count(each) > 1}


def every_answer_is_true(day: Day) -> Iterator[str]:
    """Rule 1: a command that was accepted is one release, and any other answer none."""
    causes = {"promote": ("Promotion", "promotion"), "rollback": ("Rollback", "rollback")}
    for what, (answer, cause) in causes.items():
        if day.architecture != "v3" or (what == "rollback" and not is_by_command(day)):
            continue
        accepted = [e.intent for e in day.history.of(f"{answer}Accepted")]
        released = [each.made.intent for each in day.releases(cause)]
        for intent in (e.intent for e in day.intents(what)):
            if released.count(intent) != accepted.count(intent):
                yield f"{intent}: {released.count(intent)} releases"


def nothing_is_forced_into_the_config_repo(day: Day) -> Iterator[str]:
    """Rule 7: what others pushed there stays."""
    for event in day.history.of("CommitPushed"):
        if event.component == "config-repo" and (event.detail["force"] or event.detail["lost"]):
            yield f"event {event.seq}"


def a_rollback_is_one_commit_with_a_hold(day: Day) -> Iterator[str]:
    """Rule 2, where the variant has holds."""
    for each in day.releases("rollback"):
        if day.variant.has_hold and (each.trailers["Hold"] == "none" or not holds(each)):
            yield each.id


def holds(commit: Landed) -> bool:
    """Whether the manifest says so, too."""
    return HOLD in commit.after[commit.path]


def a_rollback_brings_back_a_whole_manifest_that_was_healthy(day: Day) -> Iterator[str]:
    """
    Rules 2 and 3: all but the policy is as in an earlier commit that was noted healthy by then.

    Who names a version gets one of that image, healthy or not.
    """
    wanted = [s["roll_back"].get("to") for s in day.run.scenario.steps if "roll_back" in s]
    named = {f"rollback-{number}": to for number, to in enumerate(wanted, start=1)}
    for number, each in enumerate(day.landed):
        if each.trailers.get("Cause") != "rollback":
            continue
        text = without_policy(each.after[each.path])
        earlier = [one for one in day.landed[:number] if one.before.get(each.path) is not None]
        if not any(
            without_policy(one.after[each.path]) == text
            and one.after[each.path] != one.before[each.path]
            and (named.get(each.made.intent) or was_healthy(day, one, each))
            for one in earlier
        ):
            yield each.id


def was_healthy(day: Day, commit: Landed, by: Landed) -> bool:
    """Whether its note was there before another commit was."""
    line = "{}/{} healthy".format(*by.place)
    return any(
        (e.detail["revision"], e.detail["line"]) == (commit.made.detail["revision"], line)
        and e.t_us <= by.t_us
        for e in day.history.of("CommitAnnotated")
    )


def a_rollback_never_goes_to_what_was_rolled_back_from(day: Day) -> Iterator[str]:
    """Rule 3: neither an image nor a manifest, for as long as nobody released that again."""
    left = dict[tuple[str, str], set[str]]()
    for each in day.releases(*RELEASES):
        bad = left.setdefault(each.place, set())
        before, after = (without_policy(files[each.path]) for files in (each.before, each.after))
        now = {after, each.trailers["Digest"]}
        if each.trailers["Cause"] != "rollback":
            bad -= now
            continue
        if bad & now:
            yield each.id
        bad.add(before)
        if each.trailers["From"] != each.trailers["To"]:
            bad.add(str(ImageRef.parse(each.trailers["From"]).digest))


def nothing_is_applied_that_was_not_committed(day: Day) -> Iterator[str]:
    """Rule 4: the manager applies what the config repo had accepted before, by digest."""
    since: dict[str, int] = {}
    for each in day.landed:
        for text in each.after.values():
            since.setdefault(text, each.t_us)
    for event in day.history.of("ManifestsApplied"):
        text = event.detail["manifest"]
        if event.principal == "manager" and not (
            since.get(text, event.t_us + 1) <= event.began_us and "@sha256:" in text
        ):
            yield f"event {event.seq}"


def a_promotion_releases_the_digest_that_ran(day: Day) -> Iterator[str]:
    """Rule 4: no tag is resolved in between."""
    for each in day.releases("promotion"):
        looked = [
            e.seq
            for e in day.history.cone(each.made.intent)
            if e.kind == "WorkloadsRead" and e.resource == "staging" and e.seq < each.made.seq
        ]
        ran = served_at(day.history, "staging", each.place[1], looked[-1]) if looked else ()
        if each.trailers["Digest"] not in ran:
            yield each.id


def automation_never_goes_back(day: Day) -> Iterator[str]:
    """Rule 5: what it releases was pushed later than what the manifest named until then."""
    first: dict[str, int] = {}
    for event in day.history.of("CommitPushed"):
        if event.component == "code-repo":
            first.setdefault(event.detail["revision"], event.seq)
    for each in day.releases("automation"):
        ran, released = (
            first.get(ImageRef.parse(each.trailers[way]).tag or "", -1) for way in ("From", "To")
        )
        if released <= ran:
            yield each.id


def nothing_is_released_past_a_lock_or_a_hold(day: Day) -> Iterator[str]:
    """
    Rule 6: a lock stops every release, a hold those that nobody asked for, until it is gone.

    Who goes past a lock says so in the commit.
    """
    for each in day.releases(*RELEASES):
        before = each.before[each.path]
        is_automatic = each.trailers["Cause"] == "automation"
        if "Forced" in each.trailers:
            continue
        if LOCK in before or (HOLD in before and (is_automatic or not holds(each))):
            yield each.id


def the_cluster_is_what_the_config_repo_says(day: Day) -> Iterator[str]:
    """Rule 9, when the last look is over: whatever was edited, deleted or failed on the way."""
    if day.architecture != "v3" or day.history.of("NodeLost"):
        return  # a machine that comes back last has pods that are just starting
    for path, text in day.landed[-1].after.items():
        _, environment, file = path.split("/")
        served = served_at(day.history, environment, file.removesuffix(".yaml"), len(day.history))
        if "@sha256:" in text and not all(digest in text for digest in served):
            yield path


def a_v3_rollback_needs_no_code_no_ci_and_no_registry(day: Day) -> Iterator[str]:
    """Invariant 3: it writes the config repo and the environment, and builds nothing."""
    if day.architecture != "v3":
        return
    for ask in day.intents("rollback"):
        for event in day.history.cone(ask.intent):
            is_written = event.op in WRITES and event.component in ("code-repo", "ci", "registry")
            if is_written or event.kind == "ImageBuilt":
                yield f"event {event.seq}"


def a_rollback_by_code_waits_for_its_build(day: Day) -> Iterator[str]:
    """Invariant 4: CI writes an environment only when the rebuild of the same rollback is done."""
    if day.architecture == "v3" or day.variant.rollback not in ("revert", "force-push"):
        return
    for ask in day.intents("rollback"):
        built = 0
        for event in day.history.cone(ask.intent):
            if event.kind == "ImageBuilt" and event.outcome == OK:
                built = event.t_us - event.began_us
            elif event.op == "apply" and event.outcome == OK:
                if not built or event.t_us - ask.t_us < built:
                    yield f"event {event.seq}"
                elif is_measured(day, event) and measured(day) < built:
                    yield "rollback_seconds"
    if day.architecture == "v1" and day.run.measures["code_coupling"] not in (None, 1):
        yield "code_coupling"


def is_measured(day: Day, write: Event) -> bool:
    """Whether it is part of the rollback that the measures are about, and before its end."""
    ask, end = asked(day.history), done(day.history)
    return bool(ask and end and ask.intent == write.intent and write.seq < end.seq)


def measured(day: Day) -> int:
    """How long that rollback took, microseconds."""
    return round(day.run.measures["rollback_seconds"] * 1e6)


def the_phases_sum_to_the_total(day: Day) -> Iterator[str]:
    """Invariant 5."""
    found, total = day.run.phases, day.run.measures["rollback_seconds"]
    if (total is None) != (not found):
        yield "phases without a total, or a total without phases"
    if found and (min(found.values()) < 0 or abs(sum(found.values()) - total) > 1e-6):
        yield f"{found} of {total}"


def every_release_is_told_once(day: Day) -> Iterator[str]:
    """
    What git has as a release is one notification of its kind, and what git has not is none.

    One whose push nobody answered may be told as none: the manager that made it was stopped.
    """
    noticing = Noticing("p1", 0.0)
    told = [found for event in day.history if (found := noticing.see(event, ""))]
    releases = {each.made.detail["revision"]: each for each in day.releases(*RELEASES)}
    answered = {event.detail["revision"] for event in day.history.of("CommitPushed")}
    for revision, each in releases.items():
        kinds = [one.kind for one in told if one.revision == revision]
        kind = Kind.ROLLED_BACK if each.trailers["Cause"] == "rollback" else Kind.RELEASED
        if kinds != [kind] and (kinds or revision in answered):
            yield f"{each.id} is told as {kinds}"
    yield from (e.id for e in told if e.release and e.kind is not Kind.HELD
                and e.revision not in releases)  # fmt: skip


ALWAYS: tuple[Rule, ...] = (
    one_release_is_one_commit,
    every_release_is_told_once,
    every_answer_is_true,
    nothing_is_forced_into_the_config_repo,
    a_rollback_is_one_commit_with_a_hold,
    a_rollback_brings_back_a_whole_manifest_that_was_healthy,
    a_rollback_never_goes_to_what_was_rolled_back_from,
    nothing_is_applied_that_was_not_committed,
    a_promotion_releases_the_digest_that_ran,
    automation_never_goes_back,
    nothing_is_released_past_a_lock_or_a_hold,
    the_cluster_is_what_the_config_repo_says,
    a_v3_rollback_needs_no_code_no_ci_and_no_registry,
    a_rollback_by_code_waits_for_its_build,
    the_phases_sum_to_the_total,
)
