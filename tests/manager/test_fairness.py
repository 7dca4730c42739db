"""A manager that is slower than its watchers still comes to everything they found."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from cdlab.model import Outcome, Tag

if TYPE_CHECKING:
    from tests.manager.conftest import Lab


def test_no_look_waits_for_ever_behind_newer_ones(new_lab: type[Lab]) -> None:
    """
    Three microservices, a decision of 10 s, and new looks at each of them every 15 s.

    Found with 300 microservices in the simulator: a look that took the place of an older one went
    to the end of the queue, so that the last of them were never decided.
    """
    decided: Counter[str] = Counter()

    async def story(lab: Lab) -> None:
        async def slow(name: str, tags: tuple[Tag, ...], environment: str) -> Outcome:
            await lab.kernel.sleep(10)
            decided[name] += 1
            return Outcome("skipped", "up to date")

        lab.queue.manager.on_image = slow  # type: ignore[method-assign]
        for _ in range(20):
            for name in "abc":
                lab.queue.consider(name, ())
            await lab.kernel.sleep(15)

    new_lab().play(story)
    assert set(decided) == set("abc")
    assert max(decided.values()) - min(decided.values()) <= 2, decided
