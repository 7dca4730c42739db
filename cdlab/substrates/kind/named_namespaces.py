"""
Namespaces that somebody names, through the same port as those of a run.

In: settings, and for each environment its namespace. Out: the cluster with the rights that the
kubeconfig gives. Called by `cdlab export`, on the lab's cluster or on one whose context was named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from cdlab.errors import SubstrateUnavailable
from cdlab.live_kernel import LiveKernel
from cdlab.substrates.kind import contexts
from cdlab.substrates.kind.cluster import KindCluster
from cdlab.substrates.kind.kubernetes_api import KubernetesApi
from cdlab.substrates.kind.lab import NOT_RUNNING
from cdlab.substrates.kind.namespaces import Kinds, Namespace
from cdlab.substrates.kind.settings import KindSettings

HELP = "cdlab up; or for another cluster: export CDLAB_CONTEXT=NAME, of your ~/.kube/config"


@contextmanager
def connected(
    settings: KindSettings, namespaces: Mapping[str, str]
) -> Iterator[tuple[LiveKernel, KindCluster]]:
    """The kernel on which its calls run, and the cluster. Raises `SubstrateUnavailable`."""
    what = contexts.trouble(settings) if settings.is_elsewhere else ""
    if not what and not settings.kubeconfig.is_file():
        what = NOT_RUNNING
    if what:
        raise SubstrateUnavailable(what, help=HELP)
    api, kernel = (
        KubernetesApi.as_administrator(settings.kubeconfig, settings.context),
        LiveKernel(),
    )
    held = {environment: Namespace(name, api) for environment, name in namespaces.items()}
    try:
        yield kernel, KindCluster(kernel, held, Kinds(), "operator")
    finally:
        api.close()
