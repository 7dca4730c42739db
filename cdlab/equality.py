"""
What a simulated and a real run of the same scenario have to agree in.

In: two histories. Out: the normal form of each, and where they differ. Revisions, contents and
digests are renamed by their first causal appearance, microservice by microservice, so that neither
the order of parallel builds nor the hash of a source matters. Left out, because the substrates may
differ in them: times, bytes, reads, polls, waits, attempts and what single pods went through.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from cdlab import manifests
from cdlab.grants import grants_of
from cdlab.history import OK, Event, History
from cdlab.model import ImageRef
from cdlab.pod_timeline import served_at

Counts = Mapping[str, Mapping[str, int]]
"""Section -> line -> how often."""

CHANGES = {"ImageSet": "set image", "RolloutUndone": "rollout undo", "EnvironmentWiped": "wipe"}
OUTCOMES = ("Accepted", "Refused")


def counts(history: History) -> Counts:
    """The normal form of a history."""
    names = _Names(history)
    return {
        "intents": Counter(_intents(history)),
        "decisions": dict.fromkeys(sorted(set(_decisions(history))), 1),
        "builds": Counter(_builds(history, names)),
        "git pushes": Counter(_git_pushes(history)),
        "image pushes": Counter(_image_pushes(history, names)),
        "release commits": Counter(_release_commits(history, names)),
        "changes of desired state": Counter(_changes(history, names)),
        "outcomes": Counter(_outcomes(history, names)),
        "grants": Counter(str(grant) for grant in grants_of(history.settings["architecture"])),
    }


def differences(one: History, other: History) -> list[str]:
    """Where two histories disagree, a sentence each. Empty when they are equal."""
    ours, theirs = counts(one), counts(other)
    a, b = one.settings["substrate"], other.settings["substrate"]
    return [
        f"{section}: {line}: {a} {ours[section].get(line, 0)}, {b} {theirs[section].get(line, 0)}"
        for section in ours
        for line in sorted({**ours[section], **theirs[section]})
        if ours[section].get(line, 0) != theirs[section].get(line, 0)
    ]


class _Names:
    """Revisions, contents and digests -> `revision 1`, counted for each microservice."""

    def __init__(self, history: History) -> None:
        self._names: dict[str, str] = {}
        self._counts: Counter[tuple[str, str]] = Counter()
        built = {e.detail["ref"]: e for e in history.of("ImageBuilt")}
        pushed = {e.detail["ref"]: e for e in history.of("ImagePushed")}
        for event in history.of("CommitPushed"):
            if event.component != "code-repo" or event.outcome != OK:
                continue
            self._add("revision", event.resource, event.detail["revision"])
            self._add("content", event.resource, event.detail["content"])
        # An image appears causally after its revision, which is its tag, whenever it was built.
        for ref in sorted({**built, **pushed}, key=self._age):
            event = pushed.get(ref) or built[ref]
            self._add("content", event.resource, event.detail["content"])
            self._add("digest", event.resource, event.digest_after)

    def _age(self, ref: str) -> tuple[str, int]:
        image = ImageRef.parse(ref)
        number = self[image.tag or ""].rpartition(" ")[2]
        return image.repository, int(number) if number.isdigit() else 0

    def _add(self, what: str, microservice: str, value: str) -> None:
        if value and value not in self._names:
            self._counts[what, microservice] += 1
            self._names[value] = f"{what} {self._counts[what, microservice]}"

    def __getitem__(self, value: str) -> str:
        return self._names.get(value, value)

    def image(self, text: str) -> str:
        """An image reference by its revision, and by its digest where it says one."""
        ref = ImageRef.parse(text)
        parts = [self[each] for each in (ref.tag, ref.digest) if each]
        return " at ".join(parts)


def _intents(history: History) -> Iterator[str]:
    for event in history.of("IntentDeclared"):
        what = event.detail
        yield f"{event.intent} {what.get('workload', '')} {what.get('environment', '')}".strip()


def _decisions(history: History) -> Iterator[str]:
    """Which were made, not how often: the manager looks as often as it has time to."""
    for event in history.of("Decided"):
        what = event.detail
        if event.because == "up to date":
            continue  # a look that found nothing: whether there was one is the clock's affair
        yield f"{what['what']} {what['workload']} in {event.resource}: {what['status']}"


def _builds(history: History, names: _Names) -> Iterator[str]:
    for event in history.of("ImageBuilt"):
        image = names.image(event.detail["ref"])
        yield f"{event.intent} {event.resource} {image} from {names[event.detail['content']]}"


def _git_pushes(history: History) -> Iterator[str]:
    for event in history.of("CommitPushed"):
        rewrite = f", loses {len(event.detail['lost'])}" if event.detail["lost"] else ""
        where = f"{event.component} {event.resource}"
        yield f"{event.intent} {event.principal} to {where}{rewrite}"


def _image_pushes(history: History, names: _Names) -> Iterator[str]:
    for event in history.of("ImagePushed"):
        image = names.image(event.detail["ref"])
        yield f"{event.intent} {event.resource} {image} is {names[event.digest_after]}"


def _release_commits(history: History, names: _Names) -> Iterator[str]:
    """What the accepted commits of the config repo write."""
    accepted = {
        e.detail["revision"] for e in history.of("CommitPushed") if e.component == "config-repo"
    }
    for event in history.of("Committed", "Reverted"):
        if event.component != "config-repo" or event.detail["revision"] not in accepted:
            continue
        for path, text in event.detail["files"].items():
            yield f"{event.intent} {event.principal} {path}: {_images(text, names)}"


def _changes(history: History, names: _Names) -> Iterator[str]:
    for event in _accepted(history, "ManifestsApplied", *CHANGES):
        who = f"{event.intent} {event.principal} {event.resource}"
        if event.kind != "ManifestsApplied":
            workload, image = event.detail.get("workload", ""), event.detail.get("image", "")
            yield f"{who}: {CHANGES[event.kind]} {workload} {names.image(image)}".strip()
        elif event.detail["changed"]:
            yield f"{who}: apply {_images(event.detail['manifest'], names)}"
    for event in _accepted(history, "ObjectsPruned"):
        for each in event.detail["objects"]:
            yield f"{event.intent} {event.principal} {event.resource}: delete {each}"


def _images(text: str, names: _Names) -> str:
    return ", ".join(
        f"{workload.name} {names.image(image)}"
        for workload in manifests.workloads(text)
        for _, image in workload.containers
    )


def _outcomes(history: History, names: _Names) -> Iterator[str]:
    """How what people asked for, pipeline runs and the run itself ended, and what serves then."""
    for event in history:
        if event.kind in ("PipelineRunFinished", "PipelineRunFailed"):
            revision = names[event.detail["revision"]]
            yield f"{event.intent} pipeline {event.resource} {revision}: {event.outcome}"
        elif event.component == "people" and event.kind.endswith(OUTCOMES):
            yield f"{event.intent} {event.kind}: {event.outcome}"
        elif event.kind == "RunFinished":
            yield f"run: {event.outcome}"
    for environment in history.settings["environments"]:
        for workload in history.settings["microservices"]:
            served = served_at(history, environment, workload, len(history))
            digests = ", ".join(sorted(names[each] for each in served))
            yield f"{environment} {workload} serves {digests or 'nothing'}"


def _accepted(history: History, *kinds: str) -> list[Event]:
    return [event for event in history.of(*kinds) if event.outcome == OK]
