"""
An export is exactly what runs: applied, it changes nothing, whatever somebody had written.

Deployments are drawn as people write them, with defaults written out or left out; what the API
server makes of them is `tests/api_server.py`.
"""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cdlab import worlds
from cdlab.exports import exports
from cdlab.manifests import documents, image_of, replace_image
from cdlab.model import Environment, Variant
from cdlab.moves import files_differing_after_moves, pods_changed_by_moves
from cdlab.runner import run_in
from cdlab.sample_services import Knobs, source
from cdlab.scenario import Scenario
from cdlab.server_fields import written
from cdlab.stories import Lab
from cdlab.stories.actions import Change, bootstrap, push_change
from cdlab.stories.moving import export_what_runs, hand_over, move
from tests.api_server import Json, pod_of, stored

words = st.from_regex(r"[a-z][a-z0-9]{0,7}", fullmatch=True)
texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20) | st.sampled_from(
    ["yes", "y", "NO", "null", "~", "1e3", "0x1F", "012", "1_000", "2026-01-01", "12:30", "a: b",
     "#", "- a", "two\nlines\n", "\ttab", "trailing ", "*a", "&a", "!b", "{", "%", "\x85", "@", ""]
)  # fmt: skip
numbers = st.integers(1, 90)
tags = st.sampled_from(["1.4", "v2", "latest-1", "1e3", "012", "69310f0"])


def maybe(strategy: st.SearchStrategy[Any], key: str) -> st.SearchStrategy[Json]:
    """A mapping with the key, or an empty one."""
    return st.just({}) | strategy.map(lambda value: {key: value})


def merged(*parts: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    def merge(found: tuple[Json, ...]) -> Json:
        return {key: value for each in found for key, value in each.items()}

    return st.tuples(*parts).map(merge)


probes = merged(
    st.fixed_dictionaries({"httpGet": merged(
        st.just({"port": 8080}), maybe(st.sampled_from(["/", "/version"]), "path"),
        maybe(st.sampled_from(["HTTP", "HTTPS"]), "scheme"),
    )}),
    maybe(st.sampled_from([1, 10, 30]), "periodSeconds"),
    maybe(st.sampled_from([1, 3]), "failureThreshold"),
)  # fmt: skip
variables = st.fixed_dictionaries({"name": words, "value": texts}) | st.just(
    {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}
)
limits = st.fixed_dictionaries({"limits": st.dictionaries(words, texts, max_size=2)})


def containers(name: str) -> st.SearchStrategy[Json]:
    return merged(
        st.builds(lambda tag: {"name": name, "image": f"localhost:5001/x/{name}:{tag}"}, tags),
        maybe(st.sampled_from(["IfNotPresent", "Always", "Never"]), "imagePullPolicy"),
        maybe(st.lists(texts, max_size=3), "args"),
        maybe(st.lists(variables, max_size=3, unique_by=lambda each: str(each["name"])), "env"),
        maybe(st.just([{"containerPort": 80}]), "ports"),
        maybe(probes, "readinessProbe"),
        maybe(probes, "livenessProbe"),
        maybe(limits | st.just({}), "resources"),
        maybe(st.just("File"), "terminationMessagePolicy"),
    )


volumes = st.sampled_from([
    {"emptyDir": {}}, {"configMap": {"name": "c"}}, {"secret": {"secretName": "s"}},
    {"configMap": {"name": "c", "defaultMode": 0o400}}, {"hostPath": {"path": "/tmp"}},
    {"downwardAPI": {}}, {"projected": {"sources": []}},
]).map(lambda source: {"name": "v", **source})  # fmt: skip
pods = merged(
    st.builds(
        lambda own, beside: {"containers": [*beside, own]},
        containers("users"),
        st.lists(containers("proxy"), max_size=1),
    ),
    maybe(st.lists(containers("init"), max_size=1), "initContainers"),
    maybe(st.sampled_from([5, 30]), "terminationGracePeriodSeconds"),
    maybe(st.sampled_from(["ClusterFirst", "Default"]), "dnsPolicy"),
    maybe(st.just("robot"), "serviceAccountName"),
    maybe(st.sampled_from([{}, {"runAsUser": 7}]), "securityContext"),
    maybe(st.lists(volumes, max_size=1), "volumes"),
)
shares = st.sampled_from(["25%", 1, "50%"])
strategies = st.just({"type": "Recreate"}) | merged(
    maybe(st.just("RollingUpdate"), "type"),
    maybe(merged(maybe(shares, "maxSurge"), maybe(shares, "maxUnavailable")), "rollingUpdate"),
)


@st.composite
def deployments(draw: st.DrawFn) -> Json:
    """A manifest as somebody wrote it."""
    labels = {"app": "users", **draw(st.dictionaries(words, texts, max_size=2))}
    template = {"metadata": {"labels": labels}, "spec": draw(pods)}
    notes = draw(st.dictionaries(words.map("{}/x".format), texts, max_size=2))
    template["metadata"] |= draw(maybe(st.just(notes), "annotations")) if notes else {}
    spec = draw(
        merged(
            maybe(numbers, "replicas"),
            maybe(st.sampled_from([60, 600]), "progressDeadlineSeconds"),
            maybe(st.sampled_from([2, 10]), "revisionHistoryLimit"),
            maybe(st.sampled_from([0, 5]), "minReadySeconds"),
            maybe(strategies, "strategy"),
        )
    )
    spec |= {"selector": {"matchLabels": {"app": "users"}}, "template": template}
    metadata = {"name": "users", **draw(maybe(st.just(dict(labels)), "labels"))}
    metadata |= {"annotations": notes} if notes else {}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


@st.composite
def services(draw: st.DrawFn) -> Json:
    port = {"port": 80, **draw(maybe(st.sampled_from([80, 8080, "http"]), "targetPort"))}
    spec = draw(
        merged(
            maybe(st.sampled_from(["None"]), "clusterIP"),
            maybe(st.sampled_from(["ClusterIP", "NodePort"]), "type"),
            maybe(st.sampled_from(["None", "ClientIP"]), "sessionAffinity"),
        )
    )
    spec |= {"selector": {"app": "users"}, "ports": [port]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "users"}, "spec": spec}


def made(document: Json) -> Json:
    """What somebody asked for and nothing else, with every default filled in."""
    found = stored({**document, "metadata": dict(document["metadata"])})
    return {"metadata": written(found)["metadata"], "spec": found["spec"]}


@given(deployments(), services())
def test_an_export_applied_makes_the_same_objects(deployment: Json, service: Json) -> None:
    """The pod template byte for byte, for it is what new pods are made for."""
    run, behind = stored(deployment), stored(service)
    objects = deepcopy([run, behind, *([pod_of(run)] if run["spec"]["replicas"] else [])])
    (found,) = exports("staging", objects)
    again, service_again = map(stored, documents(found.text))
    template, same = run["spec"]["template"], again["spec"]["template"]
    assert json.dumps(same, sort_keys=True) == json.dumps(template, sort_keys=True)
    assert made(again) == made(run)
    assert made(service_again) == made(behind)
    assert objects[:2] == [run, behind], "what was given is left alone"


@given(deployments())
def test_an_export_of_an_export_is_the_same_text(deployment: Json) -> None:
    """Nothing gets lost or comes in on the way: who exports twice changes nothing."""
    run = stored(deployment)
    (found,) = exports("staging", [run, pod_of(run)])
    (document,) = documents(found.text)
    again = stored(document)
    assert exports("staging", [again, pod_of(again)])[0].text == found.text


@given(deployments(), tags)
def test_an_export_can_be_edited_as_ci_and_manager_do(deployment: Json, tag: str) -> None:
    """Its image is found and replaced, quoted or not."""
    run = stored(deployment)
    (found,) = exports("staging", [run, pod_of(run)])
    image = f"localhost:5001/x/users:{tag}"
    assert image_of(replace_image(found.text, "users", image), "users") == image


knobs = st.builds(
    Knobs,
    replicas=st.integers(1, 5),
    has_readiness_probe=st.booleans(),
    strategy=st.sampled_from(["RollingUpdate", "Recreate"]),
)


@given(knobs, st.sampled_from(["users", "front-end", "other"]))
def test_every_sample_comes_back(knobs: Knobs, name: str) -> None:
    """What the project itself writes, with whatever makes it different."""
    text = source(name, version="1", colour="red", run="r", knobs=knobs)["service.yaml"]
    text = replace_image(text, name, f"registry.test/{name}:1")
    run, service = map(stored, documents(text))
    (found,) = exports("staging", [run, service, pod_of(run)])
    assert list(map(made, documents(found.text))) == list(map(made, documents(text)))


@settings(max_examples=max(settings().max_examples // 5, 1))
@given(
    seed=st.integers(0, 10_000),
    size=st.integers(1, 3),
    manual=st.sets(st.sampled_from(["staging", "production"])),
    knobs=knobs,
    faults=st.lists(
        st.fixed_dictionaries(
            {
                "what": st.sampled_from(["apply-fails", "config-push-rejected", "tags-reordered"]),
                "during": st.sampled_from(["deploy", "move"]),
                "nth": st.integers(1, 3),
            }
        ),
        max_size=2,
    ),
)
def test_the_road_from_v1_to_v3_changes_nothing_that_runs(
    seed: int, size: int, manual: set[str], knobs: Knobs, faults: list[Json]
) -> None:
    """Whatever the samples are like, wherever V1's deploy got stuck, whoever decides in V3."""
    names = ("dev", "staging", "production")
    scenario = Scenario(
        architecture="v3", story="move-from-v1", variant=Variant(rollback="command"),
        microservices=("front-end", "users", "orders")[:size], seed=seed,
        environments=tuple(Environment(each, each not in manual) for each in names),
        replicas=knobs.replicas, readiness_probe=knobs.has_readiness_probe,
        strategy=knobs.strategy, faults=tuple(faults),
    )  # fmt: skip
    world = worlds.simulated(scenario)
    pace = replace(world.pace, request_seconds=5.0)  # nobody counts these

    async def to_v3(lab: Lab) -> None:
        await bootstrap(lab)
        shipped = await push_change(lab, lab.workload, Change(version="next"))
        await lab.pipelines.finished(shipped.revision)
        for environment in lab.application.everywhere:
            await lab.ports("operator").cluster.rollout_status(lab.workload, environment)
        await move(await move(lab, "v2", export_what_runs), "v3", hand_over)

    history = run_in(replace(world, pace=pace), scenario, to_v3).history
    assert pods_changed_by_moves(history) == files_differing_after_moves(history) == 0
    assert len(history.of("MoveWatched")) == 2
    assert not [e for e in history.of("ManifestsApplied") if e.principal == "manager"]
