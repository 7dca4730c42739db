"""
What runs in an environment, as the manifests that somebody would have written for it.

In: Deployments, Services and pods as the API server gives them. Out: for each Deployment one text
with its Services, or everything that is in the way at once. The pod template stays what it is, the
image by its tag too, since every other template replaces pods; the digest stands beside the text.
Pure. Called by `exporting.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from cdlab.api_objects import (
    Json,
    container_of,
    digest_of,
    image_of,
    is_complete,
    is_going,
    is_selected,
    is_true,
)
from cdlab.config_layout import POLICY
from cdlab.errors import NotExportable
from cdlab.model import Digest, ImageRef
from cdlab.server_fields import written

_ENDED = ("Succeeded", "Failed")
_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9 ./:@_+-]*")
"""Texts that may stand without quotes: every parser reads them as text, but for these words."""
_NO_TEXT = frozenset(("y", "Y", "n", "N"))
_FIRST = ("apiVersion", "kind", "metadata", "name", "image", "replicas")
"""Keys in the order in which people write them; all others follow as the API server has them."""


@dataclass(frozen=True, slots=True)
class Export:
    """One workload of an environment."""

    workload: str
    text: str
    """The Deployment and its Services."""
    image: ImageRef
    """As the pod template names it."""
    digest: Digest | None
    """What its pods run; None where it has no pods."""


def exports(
    environment: str, found: Sequence[Mapping[str, Any]], names: Sequence[str] = ()
) -> tuple[Export, ...]:
    """
    Write down what runs: all of it, or the Deployments of these *names*.

    Raises:
        NotExportable: Something that runs cannot be said by Deployments and Services, or it cannot
            be told what runs. Without *names* that includes pods of anything else.
    """
    objects = [dict(each) for each in found]
    deployments = [each for each in objects if each["kind"] == "Deployment"]
    chosen = [each for each in deployments if not names or _name(each) in names]
    pods = [each for each in objects if each["kind"] == "Pod" and not is_going(each)]
    services, troubles = _with_services(objects, chosen, has_all=not names)
    if names:
        there = [_name(each) for each in chosen]
        troubles += [f'there is no Deployment "{each}"' for each in names if each not in there]
    else:
        troubles += _strangers(pods, deployments)
        if not deployments:
            troubles.append("nothing runs there that is a Deployment")
    own = {_name(each): [pod for pod in pods if is_selected(pod, each)] for each in chosen}
    for each in chosen:
        troubles += [f"{_name(each)}: {what}" for what in _troubles(each, own[_name(each)])]
    if troubles:
        raise NotExportable([f"{environment}: {each}" for each in troubles])
    return tuple(_export(each, services[_name(each)], own[_name(each)]) for each in chosen)


def _export(deployment: Json, services: Sequence[Json], pods: Sequence[Json]) -> Export:
    name = _name(deployment)
    text = "---\n".join(_yaml(written(each)) for each in (deployment, *services))
    image = image_of(deployment["spec"]["template"]["spec"], name)
    return Export(name, text, image, next(iter(_digests(name, pods)), None))


def _name(document: Json) -> str:
    return str(document["metadata"]["name"])


def _digests(name: str, pods: Sequence[Json]) -> list[Digest | None]:
    """What the Ready pods run, each once."""
    return list(dict.fromkeys(digest_of(pod, name) for pod in pods if is_true(pod, "Ready")))


def _with_services(
    objects: Sequence[Json], deployments: Sequence[Json], *, has_all: bool
) -> tuple[dict[str, list[Json]], list[str]]:
    """The Services of each Deployment, and those that are several ones' or, of all, nobody's."""
    services: dict[str, list[Json]] = {_name(each): [] for each in deployments}
    troubles = []
    for service in (each for each in objects if each["kind"] == "Service"):
        behind = [_name(each) for each in deployments if _selects(service, each)]
        if len(behind) > 1 and _name(service) in behind:
            behind = [_name(service)]
        if len(behind) == 1:
            services[behind[0]].append(service)
        elif behind or has_all:
            whose = " and ".join(behind) or "no Deployment"
            troubles.append(f'the Service "{_name(service)}" sends requests to pods of {whose}')
    return services, troubles


def _selects(service: Json, deployment: Json) -> bool:
    labels = deployment["spec"]["template"]["metadata"].get("labels") or {}
    selector = service["spec"].get("selector") or {}
    return bool(selector) and all(labels.get(key) == value for key, value in selector.items())


def _strangers(pods: Sequence[Json], deployments: Sequence[Json]) -> list[str]:
    """What else runs pods."""
    whose: dict[str, None] = {}
    for pod in pods:
        is_ours = any(is_selected(pod, each) for each in deployments)
        if not is_ours and pod.get("status", {}).get("phase") not in _ENDED:
            owner = next(iter(pod["metadata"].get("ownerReferences") or ()), None)
            kind, name = (owner["kind"], owner["name"]) if owner else ("Pod", _name(pod))
            whose[f'the {kind} "{name}" is neither a Deployment nor of one'] = None
    return list(whose)


def _troubles(deployment: Json, pods: Sequence[Json]) -> Iterator[str]:
    """Why nobody can tell what a Deployment runs, or say it in a manifest of ours."""
    name, metadata = _name(deployment), deployment["metadata"]
    pod = deployment["spec"]["template"]["spec"]
    if name == POLICY:
        yield "in a config repo the file of that name is the policy of an environment"
    for owner in metadata.get("ownerReferences") or ():
        yield f'it belongs to the {owner["kind"]} "{owner["name"]}", which would change it back'
    if is_going(deployment):
        yield "it is being deleted"
    if len(pod["containers"]) > 1 and container_of(pod, name)["name"] != name:
        yield f"it has {len(pod['containers'])} containers, and none is called {name}"
        return
    image = image_of(pod, name)
    if image.digest is None and image.tag in (None, "latest"):
        yield f'"{image}" says no version: a new pod runs whatever that is by then'
    if not is_complete(deployment):
        yield "a rollout is under way or has failed: see kubectl rollout status"
        return
    digests = _digests(name, pods)
    if None in digests or (not digests and deployment["spec"].get("replicas", 1)):
        yield f'not every pod tells by digest what it runs as "{image}": was it loaded by hand?'
    elif len(digests) > 1:
        yield f'"{image}" is two images: the tag was moved, and some pods run the one before'


def _yaml(document: Json) -> str:
    """One document in block style, as people write manifests."""
    import yaml

    text: str = yaml.dump(
        _ordered(document),
        Dumper=_dumper(),
        sort_keys=False,
        default_flow_style=False,
        allow_unicode=True,
        width=1_000_000,
    )
    return text


def _ordered(value: Any) -> Any:
    if isinstance(value, list):
        return [_ordered(each) for each in value]
    if not isinstance(value, dict):
        return value
    keys = sorted(value, key=lambda key: _FIRST.index(key) if key in _FIRST else len(_FIRST))
    return {key: _ordered(value[key]) for key in keys}


@cache
def _dumper() -> Any:
    import yaml

    class Dumper(yaml.SafeDumper):
        """No aliases, lists below their key, and quotes around what could be read as a number."""

        def ignore_aliases(self, data: Any) -> bool:
            return True

        def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
            super().increase_indent(flow, False)

    def text(dumper: Any, value: str) -> Any:
        is_plain = _PLAIN.fullmatch(value) and value not in _NO_TEXT
        style = None if is_plain else "|" if "\n" in value else '"'
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    return Dumper
