"""
Days to play: any list of steps with any plan of faults, in any variant of V1, V2 and V3.

In: nothing. Out: scenarios, and a `Day`: a run with what the config repo's own server remembers of
it, which no recorder stands before. Used by the property tests and their rules.
"""

from __future__ import annotations

import gc
from collections.abc import Mapping
from typing import Any, NamedTuple

from hypothesis import strategies as st

from cdlab import worlds
from cdlab.fault_plans import CATALOGUE
from cdlab.history import Event, History
from cdlab.model import Environment, Variant
from cdlab.runner import Run, run_in
from cdlab.scenario import Scenario
from cdlab.substrates.sim import SimSubstrate
from cdlab.substrates.sim.git_objects import log_of
from cdlab.substrates.sim.git_server import GitServer

MICROSERVICES = ("users", "orders")
ENVIRONMENTS = ("staging", "production")

one_of = st.sampled_from(MICROSERVICES)
where = st.fixed_dictionaries(
    {"microservice": one_of, "environment": st.sampled_from(ENVIRONMENTS)}
)
promotion = st.fixed_dictionaries(
    {"microservice": one_of, "source": st.just("staging"), "target": st.just("production")}
)
push = st.fixed_dictionaries({"microservice": one_of, "bad": st.booleans(), "merge": st.booleans()})
edit = st.fixed_dictionaries({"microservice": one_of, "replicas": st.integers(1, 4)})
STEPS: dict[str, st.SearchStrategy[Any]] = {
    "push": push,
    "hurry": push,
    "ship": push,
    "edit_and_ship": st.tuples(edit, where),
    "push_and_drop": st.tuples(push, st.booleans()),
    "revert": st.fixed_dictionaries({"microservice": one_of}),
    "force_push": st.fixed_dictionaries({"microservice": one_of}),
    "promote": promotion,
    "roll_back": where,
    "roll_back_to": st.tuples(where, st.integers(1, 3)),
    "edit_manifest": edit,
    "hold": where,
    "resume": where,
    "lock": where,
    "unlock": where,
    "rollout_undo": where,
    "set_image": where,
    "lose_node": where,
    "restore_node": st.just({}),
    "delete_cluster": st.just({}),
    "wait": st.fixed_dictionaries({"seconds": st.sampled_from([1, 30, 150, 400])}),
    "outage": st.sampled_from(
        ["ci", "code-repo", "config-repo", "registry", "api-server", "manager"]
    ),
}
OFTEN = [
    *["ship"] * 8, *["hurry"] * 4, *["roll_back"] * 5, *["promote"] * 3,
    *["roll_back_to"] * 4, *["edit_and_ship", "push_and_drop", "lock"],
]  # fmt: skip
step = st.sampled_from([*sorted(STEPS), *OFTEN]).flatmap(
    lambda name: st.tuples(st.just(name), STEPS[name])
)
DURING = {
    # Not during the bootstrap: in V1 and V2 nobody repeats a first pipeline run that failed.
    "build": ["deploy", "deploy", "rollback"],
    "code": ["deploy", "deploy", "rollback"],
    "config": ["deploy", "rollback", "promote", "policy change"],
    "registry": ["deploy", "deploy", "rollback"],
    "apply": ["deploy", "rollback", "promote", "drift repair"],
}
"""Kind of fault -> for whom such calls are made. What the registry tells goes wrong for anybody."""
MEETS = {
    "v1": ("build", "code", "registry", "apply"),
    "v2": ("build", "code", "registry", "apply", "config"),
    "v3": ("build", "code", "registry", "apply", "config"),
}
TOLD = ("tags", "hint")
"""What a release manager hears of by itself."""


def faults(*kinds: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Some of these kinds."""
    names = [what for what in CATALOGUE if what.partition("-")[0] in kinds]
    names += ["config-push-unknown"] * 3 * ("config" in kinds)  # what is done twice can go wrong
    return st.lists(st.sampled_from(names).flatmap(_fault), max_size=3)


def _fault(what: str) -> st.SearchStrategy[dict[str, Any]]:
    intents = DURING.get(what.partition("-")[0])
    more = {"during": st.sampled_from(intents)} if intents else {}
    return st.fixed_dictionaries(
        {
            "what": st.just(what),
            **more,
            "nth": st.sampled_from([1, 1, 2, 3] if intents else [3, 4, 2, 5, 6, 7, 8, 9]),
            "times": st.integers(1, 3),
            "seconds": st.sampled_from([30.0, 400.0]),
        }
    )


class Drawn:
    """The steps of a scenario file, as they are put together: versions are numbered."""

    def __init__(self, architecture: str) -> None:
        self.architecture = architecture
        self.steps: list[dict[str, Any]] = []
        self.faults: list[dict[str, Any]] = []
        self.versions = {name: ["good"] for name in MICROSERVICES}

    def add(self, name: str, told: Any) -> None:
        """One drawn step, which may be several in the file."""
        more = getattr(self, f"_{name}", None)
        if more:
            more(told)
        else:
            self.steps.append({name: told})

    def _wait(self, told: Mapping[str, Any]) -> None:
        self.steps.append({"wait": told})

    def _push(self, told: Mapping[str, Any]) -> None:
        versions = self.versions[told["microservice"]]
        version = f"v{sum(map(len, self.versions.values()))}"
        versions.append(version)
        self.steps.append({"push": {**told, "version": version}})

    def _ship(self, told: Mapping[str, Any]) -> None:
        self._push(told)
        self._wait({"seconds": 300})

    def _hurry(self, told: Mapping[str, Any]) -> None:
        """Push twice, and the older one is built last: that fault comes with it."""
        name = told["microservice"]
        slow = {"what": "build-slow", "microservice": name, "during": "deploy", "seconds": 400.0}
        self.faults.append({**slow, "nth": len(self.versions[name])})
        self._push(told)
        self._push(told)

    def _edit_and_ship(self, told: tuple[Mapping[str, Any], Mapping[str, Any]]) -> None:
        """Another manifest and another image: what does a rollback bring back?"""
        edited, place = told
        self.steps.append({"edit_manifest": edited})
        self._ship({"microservice": place["microservice"], "bad": False, "merge": False})
        self.steps.append({"roll_back": place})

    def _push_and_drop(self, told: tuple[Mapping[str, Any], bool]) -> None:
        """The commit before is built again, so that its tag may move: what is then promoted?"""
        pushed, is_shipped = told
        name = pushed["microservice"]
        (self._ship if is_shipped else self._push)(pushed)
        self.steps += [{"force_push": {"microservice": name}}, {"wait": {"seconds": 300}}]
        self.steps.append(
            {"promote": {"microservice": name, "source": "staging", "target": "production"}}
        )

    def _roll_back_to(self, told: tuple[Mapping[str, Any], int]) -> None:
        place, back = told
        versions = self.versions[place["microservice"]]
        self.steps.append({"roll_back": {**place, "to": versions[-min(back, len(versions))]}})

    def _set_image(self, told: Mapping[str, Any]) -> None:
        oldest = self.versions[told["microservice"]][0]
        self.steps.append({"set_image": {**told, "version": oldest}})

    def _outage(self, box: str) -> None:
        """Some time later it is over. Where there is no such box, it is the one most like it."""
        if box == "manager" and self.architecture != "v3":
            box = "config-repo"
        if box == "config-repo" and self.architecture == "v1":
            box = "code-repo"
        self.steps += [
            {"stop": {"box": box}},
            {"wait": {"seconds": 200}},
            {"restart": {"box": box}},
        ]


def variants(architecture: str) -> st.SearchStrategy[Variant]:
    """How a rollback is done, and what else two runs can differ in."""
    if architecture == "v3":
        return st.builds(
            Variant,
            rollback=st.sampled_from(["command"] * 4 + ["config-revert"]),
            poll_interval_seconds=st.sampled_from([None, None, None, 60.0]),
            has_hold=st.sampled_from([True, True, False]),
            has_build_cache=st.booleans(),
        )
    ways = {
        "v1": ["revert", "force-push", "redeploy"],
        "v2": ["revert", "force-push", "config-revert"],
    }
    return st.builds(
        Variant, rollback=st.sampled_from(ways[architecture]), has_build_cache=st.booleans()
    )


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """Some people's day."""
    architecture = draw(st.sampled_from(["v1", "v2", "v3", "v3", "v3", "v3"]))
    is_manual = architecture == "v3" and draw(st.booleans())
    drawn = Drawn(architecture)
    for name, told in draw(st.lists(step, min_size=1, max_size=12)):
        drawn.add(name, told)
    goes_wrong = draw(faults(*MEETS[architecture]))
    if architecture == "v3":
        goes_wrong += draw(faults(*TOLD))
    return Scenario(
        architecture=architecture,
        story="steps",
        microservices=MICROSERVICES,
        environments=(Environment("staging"), Environment("production", not is_manual)),
        profile="constant",
        replicas=draw(st.integers(1, 3)),
        variant=draw(variants(architecture)),
        steps=(*drawn.steps, {"restore_node": {}}),
        faults=(*drawn.faults, *goes_wrong),
    )


class Landed(NamedTuple):
    """A commit that arrived in the config repo."""

    made: Event
    """How it was made in a checkout."""
    t_us: int
    """When it arrived."""
    before: Mapping[str, str]
    after: Mapping[str, str]
    """Every file, by its path."""
    trailers: Mapping[str, str]

    @property
    def place(self) -> tuple[str, str]:
        """Environment and workload of a release."""
        return self.trailers["Environment"], self.trailers["Workload"]

    @property
    def path(self) -> str:
        """The manifest that a release writes."""
        return "environments/{}/{}.yaml".format(*self.place)

    @property
    def id(self) -> str:
        """What to call it where it breaks a rule."""
        return f"{self.trailers.get('Release-Id', 'a commit')}, event {self.made.seq}"


class Day(NamedTuple):
    """A run, and what the config repo holds at its end."""

    run: Run
    landed: tuple[Landed, ...]
    """Oldest first."""

    @property
    def history(self) -> History:
        """What was recorded."""
        return self.run.history

    @property
    def architecture(self) -> str:
        """Which of the three."""
        return self.run.scenario.architecture

    @property
    def variant(self) -> Variant:
        """Which of its variants."""
        return self.run.scenario.variant

    def releases(self, *causes: str) -> list[Landed]:
        """The release manager's commits."""
        return [each for each in self.landed if each.trailers.get("Cause") in causes]

    def intents(self, what: str) -> list[Event]:
        """Where somebody asked for it."""
        return [e for e in self.history.of("IntentDeclared") if e.detail["intent"] == what]


def play(scenario: Scenario) -> Day:
    """Run it; garbage waits, as in `worlds.run`."""
    world = worlds.simulated(scenario)
    assert isinstance(world.substrate, SimSubstrate)
    gc.disable()
    try:
        run = run_in(world, scenario)
    finally:
        gc.enable()
    return Day(run, tuple(_landed(world.substrate.config_repo, run.history)))


def _landed(server: GitServer, history: History) -> list[Landed]:
    made = {e.detail["revision"]: e for e in history.of("Committed", "Reverted", "Merged")}
    arrived = {update.new: update.time_us for update in server.reflog}
    found: list[Landed] = []
    t_us = 0
    for commit in log_of(server.head, None):  # newest first: one that is no head came with the next
        t_us = arrived.get(commit.revision, t_us)
        before = commit.parents[0].tree if commit.parents else {}
        lines = commit.summary.message.splitlines()
        trailers = dict(line.split(": ", 1) for line in lines if ": " in line)
        found.append(Landed(made[commit.revision], t_us, before, commit.tree, trailers))
    return found[::-1]
