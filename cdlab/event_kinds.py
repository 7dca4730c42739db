"""
The kinds of event that there are, and what each has in its detail.

A closed list, held against the histories of all scenarios by a test. Read when a history is loaded
from a file: measures and reports rely on it. Adding a kind is a line below.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType

from cdlab.errors import PortError

Types = tuple[type, ...]
Needs = Mapping[str, Types]
"""Key of a detail -> the types that its value may have, as JSON gives them."""

TEXT, FLAG, COUNT, LIST, MAPPING = (str,), (bool,), (int,), (list,), (dict,)
TEXT_OR_NONE, COUNT_OR_NONE = (str, NoneType), (int, NoneType)
NOTHING: Needs = {}
POD: Needs = {"workload": TEXT, "pod": TEXT, "image": TEXT}
COMMIT: Needs = {"revision": TEXT, "message": TEXT, "files": MAPPING}
ARTIFACT: Needs = {"ref": TEXT, "content": TEXT}
RUN_OF_CI: Needs = {"revision": TEXT}
SETTINGS: Needs = {
    "schema": TEXT,
    "version": TEXT,
    "substrate": TEXT,
    "pace": MAPPING,
    "architecture": TEXT,
    "story": TEXT,
    "microservices": LIST,
    "environments": MAPPING,
    "profile": TEXT_OR_NONE,
    "seed": COUNT,
    "replicas": COUNT,
    "variant": MAPPING,
}

KINDS: Mapping[str, Needs] = {
    "RunStarted": SETTINGS,
    "IntentDeclared": {"intent": TEXT},
    "RepositoryCloned": {"revision": TEXT_OR_NONE},
    "HeadRead": NOTHING,
    "Committed": COMMIT,
    "Merged": COMMIT,
    "MergedAgain": COMMIT,
    "Reverted": {
        "revision": TEXT,
        "reverted": TEXT,
        "mainline": COUNT_OR_NONE,
        "files": MAPPING,
    },
    "WasReset": {"revision": TEXT},
    "CommitPushed": {
        "revision": TEXT,
        "previous": TEXT_OR_NONE,
        "content": TEXT,
        "lost": LIST,
        "force": FLAG,
    },
    "CommitAnnotated": {"revision": TEXT, "line": TEXT},
    "PipelineRunQueued": RUN_OF_CI,
    "PipelineRunStarted": RUN_OF_CI,
    "PipelineRunFinished": RUN_OF_CI,
    "PipelineRunFailed": RUN_OF_CI,
    "ImageBuilt": ARTIFACT,
    "ImagePushed": ARTIFACT,
    "TagsListed": NOTHING,
    "TagResolved": NOTHING,
    "ManifestsApplied": {"changed": FLAG, "manifest": TEXT},
    "ManifestsCompared": {"differs": FLAG},
    "StraysListed": {"objects": LIST},
    "ObjectsPruned": {"objects": LIST},
    "ImageSet": {"workload": TEXT, "image": TEXT},
    "RolloutFinished": {"workload": TEXT},
    "RolloutUndone": {"workload": TEXT},
    "WorkloadsRead": NOTHING,
    "EnvironmentWiped": NOTHING,
    "Decided": {"what": TEXT, "workload": TEXT, "status": TEXT, "image": TEXT, "user": TEXT},
    "PodCreated": POD,
    "PodScheduled": {**POD, "node": TEXT},
    "ImagePulled": POD,
    "ContainerStarted": POD,
    "PodReady": POD,
    "PodBecameUnready": POD,
    "PodStopping": POD,
    "Shipped": {"content": TEXT, "version": TEXT, "is_bad": FLAG},
    "GateApproved": {"environment": TEXT},
    "PromotionAccepted": NOTHING,
    "PromotionRefused": NOTHING,
    "RollbackAccepted": NOTHING,
    "RollbackRefused": NOTHING,
    "RebuildAccepted": NOTHING,
    "RebuildRefused": NOTHING,
    "PolicyRefused": NOTHING,
    "RollbackSeen": NOTHING,
    "RollbackUndone": NOTHING,
    "ObservationEnded": NOTHING,
    "RollbackMissed": NOTHING,
    "StepFailed": NOTHING,
    "FaultHappened": {"what": TEXT},
    "BoxStopped": NOTHING,
    "BoxRestarted": NOTHING,
    "Reinstalled": NOTHING,
    "NodeLost": {"node": TEXT},
    "NodeRestored": {"node": TEXT},
    "ClusterDeleted": NOTHING,
    "RegistryEmptied": NOTHING,
    "PodsMissing": NOTHING,
    "PodsRestored": NOTHING,
    "RequestsSent": {"environment": TEXT, "sent": COUNT, "dropped": COUNT},
    "ArrangementChanged": {"what": TEXT},
    "MoveFinished": NOTHING,
    "MoveWatched": {"changed": LIST, "differing": LIST},
    "OutageAttempted": {"operation": TEXT, "succeeded": FLAG},
    "RebuildFinished": {"before": MAPPING, "after": MAPPING},
    "RunStalled": NOTHING,
    "RunFinished": NOTHING,
    "RunBrokeOff": NOTHING,
}
"""Kind of event -> what its detail has to have, whatever its outcome."""

ABOUT_A_WORKLOAD: Needs = {"workload": TEXT, "environment": TEXT, "good": TEXT}
INTENTS: Mapping[str, Needs] = {
    "bootstrap": NOTHING,
    "deploy": {"workload": TEXT, "version": TEXT},
    "promote": {"workload": TEXT, "environment": TEXT},
    "rollback": ABOUT_A_WORKLOAD,
    "out-of-band edit": ABOUT_A_WORKLOAD,
    "policy change": {"workload": TEXT},
    "rebuild": NOTHING,
    "move": {"to": TEXT},
}
"""Kind of intent -> what its declaration has beside its name. Of others nothing more is read."""

FIRST = "RunStarted"
LAST = ("RunFinished", "RunBrokeOff")
"""One of them ends a history: the run came to its end, or an error broke it off."""


def failures() -> frozenset[str]:
    """The kinds of what a port refused or did not answer: the names of the errors."""
    known = _all_below(PortError)
    return frozenset(each.__name__ for each in known if each.__module__ == PortError.__module__)


def _all_below(error: type[PortError]) -> list[type[PortError]]:
    return [error, *(each for below in error.__subclasses__() for each in _all_below(below))]
