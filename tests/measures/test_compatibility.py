"""For how long something serves that its callees do not fit, by hand."""

from __future__ import annotations

from typing import Any

import pytest

from cdlab.divergence import incompatible_seconds

WHERE = ("staging", "prod")


@pytest.fixture
def calling(told: Any) -> Any:
    """The front-end b needs interface 2 of users, which users b has and users a does not."""
    found = told("users", "front-end", environments=WHERE)
    found.built("users", "ua", "ub")
    found.built("front-end", "fa", "fb")
    found.shipped(0, "users", "ua")
    found.shipped(0, "front-end", "fa")
    for where in WHERE:
        found.pod(10, "users", "UA", where=where)
        found.pod(10, "front-end", "FA", where=where)
    return found


def test_a_callee_that_goes_back_leaves_its_caller_alone(calling: Any) -> None:
    """From the first old pod to the end: 30 s in the one environment that went back."""
    calling.shipped(20, "users", "ub", provides=2)
    calling.shipped(20, "front-end", "fb", needs={"users": [2]})
    for where in WHERE:
        calling.pod(30, "users", "UB", gone="UA", where=where)
        calling.pod(40, "front-end", "FB", gone="FA", where=where)
    assert incompatible_seconds(calling.history) == 0
    calling.pod(70, "users", "UA")
    calling.pod(75, "users", "", gone="UB")
    assert incompatible_seconds(calling.ended(100)) == 30


def test_a_caller_of_both_interfaces_fits_whatever_its_callee_has(calling: Any) -> None:
    """It says what it accepts, so that the answer is a measured 0 and not None."""
    calling.shipped(20, "users", "ub", provides=2)
    calling.shipped(20, "front-end", "fb", needs={"users": [1, 2]})
    for where in WHERE:
        calling.pod(30, "users", "UB", gone="UA", where=where)
        calling.pod(40, "front-end", "FB", gone="FA", where=where)
    calling.pod(70, "users", "UA", gone="UB")
    assert incompatible_seconds(calling.ended(100)) == 0


def test_a_caller_that_comes_first_waits_for_its_callee(calling: Any) -> None:
    """Until the last old pod of the callee is gone: in each environment 15 s and 25 s."""
    calling.shipped(20, "users", "ub", provides=2)
    calling.shipped(20, "front-end", "fb", needs={"users": [2]})
    for where in WHERE:
        calling.pod(30, "front-end", "FB", where=where)
    calling.pod(40, "users", "UB", where="staging")
    calling.pod(45, "users", "", gone="UA", where="staging")
    calling.pod(55, "users", "UB", gone="UA")
    assert incompatible_seconds(calling.ended(100)) == 15 + 25


def test_another_number_is_another_interface(calling: Any) -> None:
    """3 is not 2 and something more: who serves both says that nothing is needed."""
    calling.shipped(20, "users", "ub", provides=3)
    calling.shipped(20, "front-end", "fb", needs={"users": [2]})
    calling.pod(30, "users", "UB", gone="UA")
    calling.pod(40, "front-end", "FB", gone="FA")
    assert incompatible_seconds(calling.ended(100)) == 60


def test_a_callee_that_is_down_is_an_outage_and_no_misfit(calling: Any) -> None:
    """Nothing serves the wrong interface where nothing serves."""
    calling.shipped(20, "front-end", "fb", needs={"users": [2]})
    calling.pod(30, "users", "", gone="UA")
    calling.pod(40, "front-end", "FB", gone="FA")
    assert incompatible_seconds(calling.ended(100)) == 0


def test_a_content_that_nobody_spoke_of_goes_with_all(calling: Any) -> None:
    """A revert that CI built is no shipped content, and nothing is known of it."""
    calling.built("users", "uc")
    calling.shipped(20, "front-end", "fb", needs={"users": [2]})
    calling.pod(30, "users", "UC", gone="UA")
    calling.pod(40, "front-end", "FB", gone="FA")
    assert incompatible_seconds(calling.ended(100)) == 0


def test_where_nothing_needs_anything_there_is_nothing_to_measure(calling: Any) -> None:
    """None: compatibility was no question in this run."""
    calling.shipped(20, "users", "ub", provides=2)
    assert incompatible_seconds(calling.ended(100)) is None
