"""What a scenario expects: values, comparisons, parts of mappings, and what makes no sense."""

from __future__ import annotations

from typing import Any

import pytest

from cdlab.expectations import judge, mistakes


@pytest.mark.parametrize(
    ("expected", "found", "holds"),
    [
        (1, 1, True),
        (1, 1.0, True),
        (0.2, 1 / 5, True),
        (0.3, 0.1 + 0.2, True),
        (1, 2, False),
        (True, True, True),
        (True, 1, False),
        (1, True, False),
        (None, None, True),
        (0, None, False),
        ("none", "none", True),
        ("config repo", "none", False),
        (">= 1", 1, True),
        (">=1", 0, False),
        ("< 5", 4.99, True),
        ("< 5", 5, False),
        ("> 0", None, False),
        ("<= 1", True, False),
        ("!= 0", 3, True),
        ("!= 0", 0, False),
        ("!= null", None, False),
        ("== true", True, True),
        ("!= none", "config repo", True),
    ],
)
def test_a_value_or_a_comparison_holds_or_does_not(expected: Any, found: Any, holds: bool) -> None:
    """Numbers compare as numbers, true and 1 are different answers, no answer is not 0."""
    (verdict,) = judge({"rebuilds": expected}, {"rebuilds": found})
    assert verdict.holds is holds


def test_a_mapping_names_only_the_keys_it_cares_about() -> None:
    """Other principals may be there; each named key has its own verdict."""
    verdicts = judge(
        {"writable_resources": {"maximum": 3, "ci": "< 3"}},
        {"writable_resources": {"ci": 1, "manager": 3, "maximum": 3}},
    )
    assert [(v.measure, v.holds) for v in verdicts] == [
        ("writable_resources.maximum", True),
        ("writable_resources.ci", True),
    ]


def test_a_key_that_is_not_there_is_broken() -> None:
    """V1 has no manager, so nothing can be expected of one."""
    (verdict,) = judge({"blast_radius": {"manager": 1}}, {"blast_radius": {"ci": 1.0}})
    assert not verdict.holds
    assert verdict.found == "null"


def test_a_mapping_does_not_match_a_number() -> None:
    """The measure is of another kind than the file thinks: broken, and no exception."""
    (verdict,) = judge({"rebuilds": {"maximum": 3}}, {"rebuilds": 1})
    assert not verdict.holds


@pytest.mark.parametrize(
    ("expected", "says"),
    [
        ("=> 1", '"=>" is no operator'),
        ("~ 1", '"~" is no operator'),
        ("< many", "not a number"),
        (">=", "not a number"),
        ("==", "compares with nothing"),
        ([1, 2], "neither a value nor a text"),
        ({"maximum": {"deeper": 1}}, "neither a value nor a text"),
    ],
)
def test_what_makes_no_sense_is_a_mistake_and_never_holds(expected: Any, says: str) -> None:
    """A mistake is found before anything runs, and is broken if it is judged all the same."""
    ((_, what),) = mistakes({"rebuilds": expected})
    assert says in what
    assert not any(verdict.holds for verdict in judge({"rebuilds": expected}, {"rebuilds": 1}))


def test_what_makes_sense_is_no_mistake() -> None:
    """Every form that the documentation names."""
    expect = {"a": 1, "b": ">= 1", "c": {"maximum": "!= 0"}, "d": None, "e": "none", "f": False}
    assert mistakes(expect) == []
