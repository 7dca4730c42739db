"""What every rollout keeps to, whatever is asked for and in whatever order things happen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from cdlab.ports import Cluster

if TYPE_CHECKING:
    from tests.sim_cluster.conftest import Bench

STAGING = "staging"

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["v1", "v2", "v3", "sick", "none", "undo"]),
        st.integers(min_value=0, max_value=40),
    ),
    max_size=6,
)
"""What is asked for, and the seconds until the next."""


@settings(max_examples=settings().max_examples * 3 // 2)
@given(
    steps=STEPS,
    replicas=st.integers(min_value=1, max_value=7),
    surge=st.sampled_from(["0", "1", "25%", "100%"]),
    unavailable=st.sampled_from(["1", "25%", "60%"]),
    tie_seed=st.integers(min_value=0, max_value=99),
)
def test_rolling_updates_keep_their_bounds_and_end(
    new_bench: type[Bench],
    *,
    steps: list[tuple[str, int]],
    replicas: int,
    surge: str,
    unavailable: str,
    tie_seed: int,
) -> None:
    """Never fewer available pods than allowed, never more in all, and in the end what was asked."""
    bench = new_bench(tie_seed=tie_seed)
    bench.images["sick"] = "sick"
    bounds = f"strategy: {{rollingUpdate: {{maxSurge: {surge}, maxUnavailable: {unavailable}}}}}"

    def check(_: object) -> None:
        deployment = bench.deployment()
        pods = deployment.pods()
        assert len(pods) <= deployment.spec.replicas + deployment.spec.surge
        assert sum(pod.is_available for pod in pods) >= deployment.spec.min_available

    async def story(bench: Bench, port: Cluster) -> None:
        await bench.roll_out(port, replicas=replicas, spec=bounds)
        bench.cluster.observers.append(check)
        for what, seconds in steps:
            if what != "undo":
                await port.apply(bench.manifest(what, replicas=replicas, spec=bounds), STAGING)
            elif bench.deployment().earlier_template() is not None:
                await port.rollout_undo("users", STAGING)
            await bench.kernel.sleep(seconds)
        await port.apply(bench.manifest("v1", replicas=replicas, spec=bounds), STAGING)
        await port.rollout_status("users", STAGING)
        (workload,) = await port.running(STAGING)
        assert workload.digests == (bench.digest("v1"),) * replicas
        assert workload.is_available

    bench.run(story)
