"""
A cluster that `cdlab up` did not make: used only when its context is named, never made or removed.

In: the settings. Out: the state of that cluster as a piece of the lab. Called by `pieces.py` and
`lifecycle.py`.
"""

from __future__ import annotations

import yaml

from cdlab.errors import SubstrateUnavailable
from cdlab.substrates.kind.settings import KindSettings


def trouble(settings: KindSettings) -> str:
    """Why the given context must not or cannot be used; empty when it was named and is there."""
    path = settings.kubeconfig
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        contexts = [str(each["name"]) for each in content["contexts"]]
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError) as error:
        return f"{path} is no kubeconfig that can be read ({type(error).__name__})"
    if settings.given_context is None:
        current = content.get("current-context") or ", ".join(contexts)
        return f'the context "{current}" of {path} is not ours, and was not named'
    if settings.given_context not in contexts:
        return f'{path} has no context "{settings.given_context}"; it has {", ".join(contexts)}'
    return ""


def require_own_cluster(settings: KindSettings, verb: str) -> None:
    """Refuse to make or remove a cluster that is somebody else's."""
    if settings.is_elsewhere:
        raise SubstrateUnavailable(
            f"{verb} is about the cluster that cdlab makes, and {settings.kubeconfig} is another",
            help="unset CDLAB_KUBECONFIG CDLAB_CONTEXT",
        )
