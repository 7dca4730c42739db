"""The thirteen rules of the release manager on a real cluster, registry and git server."""

from __future__ import annotations

import pytest

from tests.thirteen_rules.rules import RULES

FIRST = (2, 3, 7, 8, 9)
"""In every suite; the others with all of what takes a real cluster minutes."""


def marked(number: int) -> object:
    marks = () if number in FIRST else (pytest.mark.slow_kind,)
    return pytest.param(number, marks=marks, id=f"rule {number}")


@pytest.mark.kind
@pytest.mark.parametrize("number", [marked(each) for each in RULES])
def test_a_rule_holds_on_the_real_thing(number: int) -> None:
    """
    The same story as in the simulator, and what holds on every day of its history.

    The manager runs in this process, for the stories plan faults in its calls and stand beside its
    pushes; killed in its pod it is in `test_manager_in_cluster.py`. What the lab does not allow:

    - 5, the alarm: a hundred pushed tags would take minutes. The planner is asked about the real
      list with a lower limit.
    - 7, the seconds of twenty commands at once: a number, for a machine that does nothing else.
    - 10, a forged hint of the registry: it has no content that the port could hand on. With a look
      every two seconds the look is often first, whatever becomes of a hint.
    - 6 and 9, a clock that is turned: it is the machine's.
    - 13, a page that a browser shows: it is the same page, `tests/manager_web/`.
    """
    RULES[number].hold("kind")
