"""Figures: what is drawn is what was given, nothing is hidden, and no label covers another."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("matplotlib")

from cdlab.outages import Matrix
from cdlab.paired import Pairing, paired
from cdlab.plots.agreement import Predicted, agreement
from cdlab.plots.break_evens import Panel, Ratios, break_even_lines, ratio_lines, ratio_maps
from cdlab.plots.distributions import ecdf, steps_of
from cdlab.plots.drawing import INK, Drawn, log_places, text_on
from cdlab.plots.forest import forest, told
from cdlab.plots.phases import LOOKS, PhaseBar, phase_bars
from cdlab.plots.tables import coupling_map, outage_map
from cdlab.rollback_time import PHASES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SECONDS: dict[str, list[float | None]] = {
    "V1 revert, cache": [4.0, 5.0, 6.0, 7.0],
    "V1 revert, no cache": [8.0, 9.0, 10.0, None],
    "V3 config-revert": [None, None, None, None],
}
MATRIX: dict[str, Matrix] = {
    "v1": {"deploy": {"ci": False, "registry": False}},
    "v3": {"deploy": {"ci": False, "registry": False, "manager": False},
           "rollback": {"ci": True, "registry": True, "manager": False}},
}  # fmt: skip


def bars() -> Drawn:
    return phase_bars([
        PhaseBar(label="V1", n=9, phases={"build": 3.0, "ready": 1.0}, deadline_seconds=240),
        PhaseBar(label="V2", n=9, censored=5, phases={}, deadline_seconds=240),
        PhaseBar(label="V3", n=0, phases={}, deadline_seconds=240),
    ])  # fmt: skip


def ratios() -> Drawn:
    base = SECONDS["V1 revert, cache"]
    rows = {name: paired(values, base) for name, values in SECONDS.items()}
    twelve = [float(each) for each in range(10, 22)]
    rows["half as long"] = paired([each / 2 for each in twelve], twelve)
    return forest({**rows, "nothing": None}, base="V1 revert, cache")


def lines() -> Drawn:
    found = [Ratios(label="V3", points={0.0: 0.5, 10.0: 2.0, 60.0: 4.0}, n=20, censored=3),
             Ratios(label="V2", points={0.0: 0.9, 10.0: None, 60.0: 0.95}, n=20)]  # fmt: skip
    return ratio_lines(found, along="build time", base="V1", name="lines", held="2 replicas")


def maps() -> Drawn:
    panel = Panel(title="V3", ratios=[[0.5, 2.0, 4.0], [0.25, None, 2.0]], n=20, censored=3)
    return ratio_maps([panel, panel, panel], builds=[0, 10, 60], polls=[0, 300], base="V1")


def coupling() -> Drawn:
    rows: dict[str, list[float | None]] = {"boxes written": [3, 4, 2], "builds": [1, None, 0]}
    return coupling_map(rows, {"V1": 30, "V2": 29, "V3": 30})


def validated() -> Drawn:
    return agreement([
        Predicted(label="a", n=5, real_seconds=5.0, predicted_seconds=4.8, limit_seconds=0.5),
        Predicted(label="b", n=5, real_seconds=5.0, predicted_seconds=4.0, limit_seconds=0.5),
        Predicted(label="c", n=5, real_seconds=None, predicted_seconds=4.0, limit_seconds=0.0),
    ])  # fmt: skip


def outages() -> Drawn:
    return outage_map(MATRIX)


def twins() -> Drawn:
    return ecdf({f"V1 revert, no cache, twin {each}": [4.0, None] * 9 for each in "AB"})


def long_names() -> Drawn:
    name = "V1 revert, no cache, of a variant with a rather long name indeed"
    return forest({f"microservices 6: {name}": None}, base=name)


ALL = (
    twins,
    long_names,
    bars,
    ratios,
    lines,
    maps,
    coupling,
    validated,
    outages,
    lambda: ecdf(SECONDS),
)


def laid_out(figure: Figure) -> None:
    """Put everything where it stands in the picture."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure).draw()


def words(drawn: Drawn) -> list[str]:
    """Every text of a figure."""
    import matplotlib.text

    laid_out(drawn.figure)
    found = drawn.figure.findobj(matplotlib.text.Text)
    return [each.get_text() for each in found if each.get_text() and each.get_visible()]  # type: ignore[attr-defined]


@pytest.mark.parametrize("draw", ALL)
def test_no_label_covers_another_and_none_leaves_the_paper(draw: Callable[[], Drawn]) -> None:
    """Tick labels of an axis, and every text against the edges of the figure."""
    figure = draw().figure
    laid_out(figure)
    paper = figure.bbox
    for whole in (*figure.legends, *figure.texts):
        box = whole.get_window_extent()
        assert paper.x0 - 1 <= box.x0 <= box.x1 <= paper.x1 + 1
    for axes in [each for a in figure.axes for each in (a, *a.child_axes) if each.axison]:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            ticks = [each for each in axis.get_major_ticks() if low <= each.get_loc() <= high]
            labels = [label for each in ticks for label in (each.label1, each.label2)]
            shown = [each for each in labels if each.get_visible() and each.get_text()]
            texts = (*shown, *(each for each in (axis.label, axes.title) if each.get_text()))
            boxes = [each.get_window_extent() for each in texts]
            for one, other in pairwise(boxes[: len(shown)]):
                assert not one.overlaps(other)
            for each in boxes:
                assert paper.x0 - 1 <= each.x0 <= each.x1 <= paper.x1 + 1
                assert paper.y0 - 1 <= each.y0 <= each.y1 <= paper.y1 + 1


@pytest.mark.parametrize("draw", ALL)
def test_every_figure_says_how_many_runs_and_has_words(draw: Callable[[], Drawn]) -> None:
    """`n =` stands in the picture and in the text for whoever does not see it."""
    drawn = draw()
    assert any("n = " in each for each in words(drawn))
    assert len(drawn.alt) > 40
    assert "n = " in drawn.alt or "attempts" in drawn.alt


@pytest.mark.parametrize("draw", [bars, ratios, lines, maps, validated, lambda: ecdf(SECONDS)])
def test_no_figure_hides_censored_runs(draw: Callable[[], Drawn]) -> None:
    """Where some runs were censored, the picture and its text say so."""
    drawn = draw()
    assert any("censored" in each for each in words(drawn))
    assert "censored" in drawn.alt


def test_a_bar_is_as_long_as_its_phases_and_a_censored_median_has_none() -> None:
    """3 s of build and 1 s of readiness; the censored bar is empty and as wide as the figure."""
    axes = bars().figure.axes[0]
    filled = [each for each in axes.patches if each.get_facecolor()[3]]
    assert [each.get_width() for each in filled] == [3.0, 1.0]  # type: ignore[attr-defined]
    (open_bar,) = [each for each in axes.patches if not each.get_facecolor()[3]]
    assert open_bar.get_width() == axes.get_xlim()[1]  # type: ignore[attr-defined]
    assert "not back within 240 s" in words(bars())
    assert "nothing measured" in words(bars())


def test_the_phases_of_one_run_are_of_no_median() -> None:
    """The axis, the title and the words beside the figure say which run it is."""

    def said(n: int) -> list[str]:
        drawn = phase_bars([PhaseBar(label="V1", n=n, phases={"build": 3.0}, deadline_seconds=240)])
        return [drawn.title, drawn.alt, drawn.figure.axes[0].get_xlabel()]

    for n, right, wrong in ((1, "only run", "median"), (2, "median run", "only")):
        assert [right in each and wrong not in each for each in said(n)] == [True] * 3


def test_phases_are_told_apart_without_colour() -> None:
    """All have a look; those with the same hatch differ in how dark they are."""
    from matplotlib.colors import to_rgb

    assert set(LOOKS) == set(PHASES)
    greys: dict[str, list[float]] = {}
    for colour, hatch in LOOKS.values():
        red, green, blue = to_rgb(colour)
        greys.setdefault(hatch, []).append(0.299 * red + 0.587 * green + 0.114 * blue)
    for found in greys.values():
        ordered = sorted(found)
        assert all(b - a > 0.08 for a, b in pairwise(ordered))


def test_a_line_with_censored_runs_never_reaches_the_top() -> None:
    """Three of four runs were back: the line ends at 75 %, and one without any stays at 0."""
    assert steps_of([8.0, None, 9.0, 10.0]) == ([8.0, 9.0, 10.0], [0.25, 0.5, 0.75])
    drawn = {each.get_label(): each for each in ecdf(SECONDS).figure.axes[0].lines}
    ends = [float(list(drawn[each].get_ydata())[-1]) for each in drawn if "(n = " in str(each)]  # type: ignore[arg-type]
    assert ends == [1.0, 0.75, 0.0]


def test_a_ratio_stands_where_it_is_with_its_interval() -> None:
    """Half as long in all of twelve pairs: twice as fast, right of the band of equivalence."""
    axes = ratios().figure.axes[0]
    marks = [each for each in axes.lines if each.get_marker() == "D"]
    assert math.isclose(float(marks[-1].get_xdata()[0]), 2.0)  # type: ignore[index,arg-type]
    band = axes.patches[0]
    assert math.isclose(band.get_x() + band.get_width(), 1.05)  # type: ignore[attr-defined]


def test_an_interval_is_in_the_words_of_its_ratio() -> None:
    """A quarter as fast is four times slower, and so are both ends: the nearer one first."""
    pairing = Pairing(12, 0, 0.25, 0.0, low=0.1, high=0.5)
    assert told(pairing) == "4.0× slower\n2.0 – 10.0× slower"


def test_a_ratio_without_a_bound_is_an_arrow_and_words() -> None:
    """Every pair is censored on one side: nobody knows how many times slower."""
    pairing = paired(SECONDS["V3 config-revert"], SECONDS["V1 revert, cache"])
    assert told(pairing) == "slower\nno bound"
    assert told(Pairing(3, 1, None, 0.5)) == "even"
    arrows = [t for t in ratios().figure.axes[0].texts if getattr(t, "arrow_patch", None)]
    assert len(arrows) == 1


def test_the_break_even_is_where_the_ratio_is_one() -> None:
    """From 1/2 at 0 s to 2 at 10 s it is 1 at 5 s, by the logarithm."""
    line = Ratios(label="V3", points={0.0: 0.5, 10.0: 2.0, 60.0: 4.0}, n=20)
    assert line.break_evens() == [5.0]
    assert Ratios(label="V2", points={0.0: 2.0, 10.0: 1.0}, n=20).break_evens() == [10.0]
    rings = [each for each in lines().figure.axes[0].lines if each.get_markersize() == 11]
    assert [float(each.get_xdata()[0]) for each in rings] == [5.0]  # type: ignore[index,arg-type]


def test_the_break_even_line_of_a_map_crosses_it() -> None:
    """Half way between the first and the second column, from edge to edge; also in one row."""
    ((xs, ys),) = break_even_lines([[0.5, 2.0], [0.5, 2.0]])
    assert all(math.isclose(each, 0.5) for each in xs)
    assert (min(ys), max(ys)) == (-0.5, 1.5)
    assert break_even_lines([[0.5, 2.0]]) == [([0.5, 0.5], [-0.5, 0.5])]
    assert break_even_lines([[2.0], [0.5]]) == [([-0.5, 0.5], [0.5, 0.5])]
    assert break_even_lines([[2.0, 3.0], [4.0, 5.0]]) == []


def test_a_map_has_the_ratio_of_each_cell_in_words() -> None:
    """Also where there is none; slower cells are hatched."""
    axes = maps().figure.axes[0]
    assert [each.get_text() for each in axes.texts] == [
        "0.50", "2.00", "4.00", "0.25", "none", "2.00",
    ]  # fmt: skip
    hatched = [bool(each.get_hatch()) for each in axes.patches]
    assert hatched == [True, False, False, True, False, False]


def test_tables_have_a_word_in_every_cell() -> None:
    """A measure without an answer and a box that is not there are dashes, never 0."""
    assert [each.get_text() for each in coupling().figure.axes[0].texts] == [
        "3", "4", "2", "1", "–", "0",
    ]  # fmt: skip
    found = [each.get_text() for each in outages().figure.axes[0].texts]
    assert found == ["no", "no", "–", "no", "no", "no", "yes", "yes", "no"]


def test_text_is_read_on_every_shade() -> None:
    """Black on white and yellow, white on black and blue."""
    for colour, ink in (((1, 1, 1), "#000000"), ((0.94, 0.89, 0.26), "#000000"),
                        ((0, 0, 0), "#ffffff"), ((0, 0.2, 0.5), "#ffffff")):  # fmt: skip
        assert text_on(colour) == ink
    assert INK != "#000000"


def test_ticks_of_a_logarithmic_axis_are_round_and_few() -> None:
    """From a half to ten thousand no more than seven, and some for the narrowest axis."""
    for low, high in ((0.6, 1.4), (0.9, 1.25), (0.7, 1.5), (0.1, 30.0), (0.001, 10_000.0)):
        assert 2 <= len(log_places(low, high)) <= 8
    assert log_places(0.6, 1.4) == pytest.approx([0.6, 0.8, 1.0, 1.2])


def test_drawing_leaves_the_settings_as_they_were() -> None:
    """Whoever draws figures of their own in the same process finds what they set."""
    import matplotlib as mpl

    before: dict[Any, Any] = dict(mpl.rcParams)
    lines()
    assert dict(mpl.rcParams) == before
