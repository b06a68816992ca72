"""Pictures of measures: what is drawn is what was measured."""

import numpy as np
import pytest

from musiclab import show

ROWS = {
    "steps": {"Bach": (76.0, 74.0, 77.0), "model": (72.0, 71.0, 73.0), "<noise>": (34.0, 32.0, 35.0)},
    "leaps": {"Bach": (15.8, 15.0, 16.5), "model": (17.4, 16.6, 18.2), "<noise>": (np.nan, np.nan, np.nan)},
}


def test_each_set_has_its_interval_and_the_real_one_a_band():
    picture = show.intervals(ROWS, ["steps", "leaps"], real="Bach", units={"steps": "%"}, title="Moves")
    assert [ax.get_title() for ax in picture.axes] == ["steps", "leaps"]
    assert [ax.get_xlabel() for ax in picture.axes] == ["%", ""]
    for ax, name in zip(picture.axes, ROWS, strict=True):
        band = ax.patches[0].get_extents().transformed(ax.transData.inverted())
        assert np.allclose([band.x0, band.x1], ROWS[name]["Bach"][1:])
        lines, dots = ax.lines[::2], ax.lines[1::2]
        for y, (line, dot, (mean, low, high)) in enumerate(zip(lines, dots, ROWS[name].values(), strict=True)):
            assert np.allclose(line.get_xdata(), [low, high], equal_nan=True) and set(line.get_ydata()) == {y}
            assert np.allclose(dot.get_xdata(), [mean], equal_nan=True)
        assert len({dot.get_marker() for dot in dots}) == len(dots), "never colour alone"
    assert [label.get_text() for label in picture.axes[0].get_yticklabels()] == ["Bach", "model", "<noise>"]
    assert "steps, leaps" in picture.text and "72" not in picture.text and "72 (71 to 73)" in picture.alt
    assert picture.png


@pytest.mark.parametrize("measures", [[], ["steps"] * 6, "steps", ["jumps"]])
def test_what_is_not_there_cannot_be_drawn(measures):
    with pytest.raises(ValueError, match="measure"):
        show.intervals(ROWS, measures, real="Bach")


def test_the_real_set_must_be_there():
    with pytest.raises(ValueError, match="no measure 'steps' of a set 'Mozart'"):
        show.intervals(ROWS, ["steps"], real="Mozart")


def test_bars_against_bars():
    matrix = np.eye(4)
    matrix[0, 2] = matrix[2, 0] = 1.0
    picture = show.similarity(matrix, title="A B A C")
    (image,) = picture.axes.images
    assert np.array_equal(image.get_array(), matrix) and image.get_extent() == [0.5, 4.5, 4.5, 0.5]
    assert picture.text == "A B A C: 4 bars against each other, the same: 1 and 3."
    assert "no two the same" in show.similarity(np.eye(3)).text
    assert show.similarity(np.ones((12, 12))).text.endswith("….")


@pytest.mark.parametrize("matrix", [np.ones((2, 3)), np.ones(4), np.zeros((0, 0))])
def test_bars_against_bars_must_be_square(matrix):
    with pytest.raises(ValueError, match="shape"):
        show.similarity(matrix)


def test_calibration_draws_the_bins_that_are_filled():
    said, came, counts = np.array([np.nan, 0.5, 0.9]), np.array([np.nan, 0.4, 0.95]), np.array([0, 10, 1200])
    picture = show.calibration(said, came, counts)
    diagonal, line = picture.axes.lines
    assert np.array_equal(diagonal.get_xdata(), diagonal.get_ydata())
    assert np.array_equal(line.get_xdata(), [0.5, 0.9]) and np.array_equal(line.get_ydata(), [0.4, 0.95])
    assert [text.get_text() for text in picture.axes.texts] == ["10", "1,200"]
    assert "2 points" in picture.text and "0.90 sure, 0.95 right" in picture.alt


def test_the_course_of_measures_through_a_piece():
    levels = {"energy": np.array([1, 5, 8, 2]), "mode": np.array([3, 3, 1, 7])}
    picture = show.course(levels, title="A march")
    assert [ax.get_title() for ax in picture.axes] == list(levels)
    for ax, values in zip(picture.axes, levels.values(), strict=True):
        assert ax.lines[0].get_ydata().tolist() == values.tolist()
        assert ax.lines[0].get_xdata().tolist() == [1, 2, 3, 4]
    assert picture.text == "A march, bar by bar: energy, mode; energy highest in bar 3, mode highest in bar 4."


def test_what_came_against_what_was_wanted():
    wanted, came = np.array([1, 1, 4, 8]), np.array([2, 4, 5, 8])
    picture = show.response({"energy": (wanted, came)})
    (ax,) = picture.axes
    _, dots, mean = ax.lines
    assert np.abs(dots.get_xdata() - wanted).max() <= 0.25 and np.abs(dots.get_ydata() - came).max() <= 0.25
    assert mean.get_xdata().tolist() == [1, 4, 8] and mean.get_ydata().tolist() == [3, 5, 8]
    assert picture.png == show.response({"energy": (wanted, came)}).png


@pytest.mark.parametrize("draw", [show.course, show.response])
def test_one_to_five_panels(draw):
    for names in ("", "abcdef"):
        with pytest.raises(ValueError, match="one to five"):
            draw(dict.fromkeys(names, (np.arange(3), np.arange(3))))
