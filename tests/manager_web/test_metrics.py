"""The text of `/metrics`, as Prometheus reads it."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from cdlab.manager.web.metrics import Metric, text_of
from cdlab.playground import make
from cdlab.scenario import Scenario
from tests.prometheus_text import read


def test_the_text_is_right_for_any_number_and_any_label() -> None:
    """Quotes are escaped in labels and not in the help; nothing is rounded away."""
    labels = {"a": 'x"y\\z\nw', "b": ""}
    values = [1_764_017_785.123456, 12_345_678_901.0, 0.1, 1e-9, -2.5, math.inf, -math.inf]
    for value in values:
        text = text_of([Metric("m", value, 'a "help"\nof\\two', labels=labels)])
        assert text.startswith('# HELP m a "help"\\nof\\\\two\n# TYPE m gauge\n')
        assert read(text) == {"m": {tuple(labels.items()): value}}
    assert "m 12345678901\n" in text_of([Metric("m", values[1], "x")])
    assert text_of([Metric("m", math.nan, "x")]).endswith("m NaN\n")


@pytest.mark.parametrize(
    "text",
    ["m 1\n", "# HELP m x\n# TYPE m gauge\nm 1", "# HELP m x\n# TYPE n gauge\nm 1\n",
     "# HELP m x\n# TYPE m gauge\nm 1\nm 1\n", '# HELP m x\n# TYPE m gauge\nm{a="b\\c"} 1\n',
     "# HELP m x\n# TYPE m counter\nm 1\n", "# HELP m x\n# TYPE m gauge\nm one\n",
     '# HELP m x\n# TYPE m histogram\nm_bucket{le="+Inf"} 1\nm_sum 1\nm_count 2\n',
     '# HELP m x\n# TYPE m histogram\nm_bucket{le="1"} 2\nm_bucket{le="+Inf"} 1\n'
     "m_sum 1\nm_count 1\n"],
)  # fmt: skip
def test_the_reader_of_the_tests_is_strict(text: str) -> None:
    """Else what it accepts would say nothing."""
    with pytest.raises(ValueError, match=r"\w"):
        read(text)


def test_the_playground_serves_the_numbers_of_its_manager(
    make_client: Callable[..., TestClient],
) -> None:
    """It was at work since the first versions were shipped; V1 has none to count."""
    desk = make(Scenario(architecture="v3", microservices=("users",), profile="constant"))
    answer = make_client(desk, metrics=desk.metrics).get("/metrics")
    desk.close()
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert read(answer.text)["cdlab_commit_duration_seconds_count"] == {(): 2}
    other = make(Scenario(architecture="v1", microservices=("users",), profile="constant"))
    other.close()
    assert other.metrics is None
