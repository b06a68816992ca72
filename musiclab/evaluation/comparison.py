"""Comparison: sets of pieces side by side, one row a measure, with what keeps such a table honest.

Each figure is a mean over the pieces of a set, with the interval in which it lies if the pieces were drawn again (bootstrap,
95 %). Beside the model stand real pieces that it has not seen, and controls: music that is known to be worse. A measure that
cannot tell the real pieces from a control is marked, for what it says about a model means nothing. So is one that could not be
tried on a control, and a table without controls says that it has none.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from musiclab.bundle import Bundle
from musiclab.evaluation import counterpoint, form, pitch, rhythm
from musiclab.evaluation.copying import copied_runs, seen_runs
from musiclab.evaluation.grid import grid_of, left_out
from musiclab.evaluation.likelihood import hear
from musiclab.evaluation.sets import bootstrap_means, classifier_accuracy
from musiclab.score import Score

__all__ = ["MEASURES", "Comparison", "Measure", "compare"]


@dataclass(frozen=True)
class Measure:
    """A measure of a piece, as `compare` uses it.

    Attributes
    ----------
    name, unit : str
    of : callable
        Score -> float; nan where it does not exist.
    voices : int
        A piece must have so many for it.
    """

    name: str
    unit: str
    of: Callable[[Score], float]
    voices: int = 1


#: What `compare` measures if it is not told otherwise.
MEASURES = (
    Measure("pitch range", "semitones", pitch.pitch_range),
    Measure("pitch-class entropy", "bits", pitch.pitch_class_entropy),
    Measure("notes in one scale", "%", pitch.scale_consistency),
    Measure("steps among moves", "%", pitch.small_steps),
    Measure("leaps among moves", "%", pitch.leaps),
    Measure("notes a quarter", "", rhythm.onset_density),
    Measure("duration entropy", "bits", rhythm.duration_entropy),
    Measure("notes on beats", "%", rhythm.notes_on_beats),
    Measure("groove consistency", "%", rhythm.groove_consistency),
    Measure("repeated bars", "%", form.repeated_bars),
    Measure("longest repeat", "quarters", form.longest_repeat),
    Measure("parallel fifths", "per 100 changes", counterpoint.parallel_fifths, 2),
    Measure("parallel octaves", "per 100 changes", counterpoint.parallel_octaves, 2),
    Measure("hidden, outer voices", "per 100 changes", counterpoint.hidden, 2),
    Measure("voice overlaps", "per 100 changes", counterpoint.overlaps, 2),
    Measure("voices crossed", "%", counterpoint.crossing, 2),
    Measure("wide spacing", "%", counterpoint.wide_spacing, 4),
    Measure("out of a choir's range", "%", counterpoint.out_of_range, 4),
    Measure("leading notes unresolved", "%", counterpoint.unresolved_leading_notes, 4),
)


# A set of fewer pieces is warned of: with twelve values, exponential or normal, an interval holds the true mean in 87 or 90 % of
# the cases, with six in 81 or 85 %.
_FEW = 12
_MANY_LEFT_OUT = 5  # percent of the notes; in Bach's chorales it is 1 at most


@dataclass(frozen=True)
class Comparison:
    """What `compare` found. In a notebook it shows itself as a table.

    Attributes
    ----------
    sets : tuple of str
        Names of the sets, in the order of the columns.
    real : str
        The set that the others are held against.
    values : dict of str to dict of str to float array
        Measure -> set -> its values, one for each piece, nan where there is none.
    units : dict of str to str
        Measure -> unit.
    rows : dict of str to dict of str to (float, float, float)
        Measure -> set -> mean, and the two ends of its interval; nan throughout where there is no value.
    blind : dict of str to list of str
        Measure -> the controls from which it cannot tell the real pieces: the interval of the difference holds 0.
    untried : dict of str to list of str
        Measure -> the controls of which too few pieces have a value, though the real ones have.
    controls : tuple of str
    left_out : dict of str to float
        Set -> which share of its notes is not on the grid, in percent; see `grid.left_out`.
    told_apart : dict of str to float
        Set -> how often a classifier that knows all measures of a piece, but for copying and surprise, tells it from a real
        one; 0.5 is chance.
    """

    sets: tuple[str, ...]
    real: str
    values: dict[str, dict[str, np.ndarray]]
    units: dict[str, str]
    rows: dict[str, dict[str, tuple[float, float, float]]]
    blind: dict[str, list[str]]
    untried: dict[str, list[str]] = field(default_factory=dict)
    controls: tuple[str, ...] = ()
    left_out: dict[str, float] = field(default_factory=dict)
    told_apart: dict[str, float] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, int]:
        """How many pieces each set has."""
        return {which: max(len(row[which]) for row in self.values.values()) for which in self.sets}

    @property
    def warnings(self) -> list[str]:
        """Sentences on what the table cannot tell."""
        few = [f"{which} has {count}" for which, count in self.counts.items() if count < _FEW]
        hidden = {which: share for which, share in self.left_out.items() if share > _MANY_LEFT_OUT}
        return [
            *(f"(!) cannot tell {self.real} from {which}: {', '.join(names)}." for which, names in _by_controls(self.blind)),
            *(
                f"(?) could not be tried on {which}, where too few pieces have a value: {', '.join(names)}."
                for which, names in _by_controls(self.untried)
            ),
            *([] if self.controls else [f"No set is a control: nothing shows which measures tell {self.real} from worse music."]),
            *([f"Few pieces say little: {', '.join(few)}."] if few else []),
            *(
                f"{which}: {share:.0f} % of the notes are in a fifth voice or below a higher note of their own voice. Repeats,"
                " copying and what voices do to each other are measured without them."
                for which, share in hidden.items()
            ),
        ]

    def cells(self) -> list[list[str]]:
        """Return the table as text, the head first."""
        lines = [["measure", "unit", *(f"{which} ({self.counts[which]})" for which in self.sets)]]
        for name, row in self.rows.items():
            mark = " (!)" if name in self.blind else " (?)" if name in self.untried else ""
            lines.append([name + mark, self.units[name], *(_figure(*row[which]) for which in self.sets)])
        if self.told_apart:
            shares = [f"{100 * self.told_apart[which]:.0f}" if which in self.told_apart else "" for which in self.sets]
            lines.append([f"told from {self.real}", "% (chance: 50)", *shares])
        return lines

    def __str__(self) -> str:
        lines = self.cells()
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
        return "\n".join([*text, *self.warnings])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head, *body = ([html.escape(cell) for cell in line] for line in self.cells())
        left, small = 'style="text-align:left"', ' <small style="display:block;white-space:nowrap">('
        columns = "".join(f'<th scope="col"{f" {left}" if n < 2 else ""}>{cell}</th>' for n, cell in enumerate(head))
        rows = "".join(
            f'<tr><th scope="row" {left}>{name}</th><td {left}>{unit}</td>'
            + "".join(f"<td>{cell.replace(' (', small)}{'</small>' * (' (' in cell)}</td>" for cell in cells)
            + "</tr>"
            for name, unit, *cells in body
        )
        notes = "".join(f"<li>{html.escape(words)}</li>" for words in self.warnings)
        title = "Mean over pieces, and the interval in which it lies with 95 % confidence"
        return f"<table><caption>{title}</caption><thead><tr>{columns}</tr></thead><tbody>{rows}</tbody></table><ul>{notes}</ul>"


def compare(
    sets: Mapping[str, Sequence[Score]],
    *,
    real: str,
    controls: Sequence[str] = (),
    training: Sequence[Score] = (),
    bundle: Bundle | None = None,
    measures: Sequence[Measure] = MEASURES,
) -> Comparison:
    """Measure sets of pieces and put them side by side.

    Parameters
    ----------
    sets : mapping of str to sequence of Score
        Name -> pieces.
    real : str
        The set of real pieces, which no model here has learned from. The others are held against it.
    controls : sequence of str
        Which sets are controls. A measure that does not separate them from the real pieces is marked. Without any, the table says
        that nothing was tried.
    training : sequence of Score
        What the model has learned from. If given, copying is measured, too.
    bundle : Bundle, optional
        If given: how surprised this model is by each piece.
    measures : sequence of Measure
        Those for which the real pieces have too few voices are left out.

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError
        If a name is not among the sets, or a set is empty or has a piece without notes.
    """
    _check(sets, real, controls, measures)
    voices = max(len(score.voices) for score in sets[real])
    values = {
        m.name: {name: np.array([_value(m, score) for score in scores], dtype=float) for name, scores in sets.items()}
        for m in measures
        if m.voices <= voices
    }
    units = {m.name: m.unit for m in measures}
    told_apart = _told_apart(values, sets, real)
    if training:
        values |= _copying(sets, training)
        units |= {"longest copy": "chords" if voices > 1 else "notes", "runs of 4 seen before": "%"}
    if bundle is not None:
        values["surprise"] = {name: np.array([h.nats.mean() for h in hear(bundle, scores)]) for name, scores in sets.items()}
        units["surprise"] = "nats a token"
    means = {name: {which: _means(v) for which, v in row.items()} for name, row in values.items()}
    rows = {name: {which: _interval(values[name][which], m) for which, m in row.items()} for name, row in means.items()}
    blind = {name: found for name, row in means.items() if (found := [c for c in controls if _alike(row[real], row[c])])}
    known = {name: row for name, row in means.items() if len(row[real])}
    untried = {name: found for name, row in known.items() if (found := [c for c in controls if not len(row[c])])}
    return Comparison(
        tuple(sets),
        real,
        values,
        {name: units[name] for name in values},
        rows,
        blind,
        untried,
        tuple(controls),
        {name: float(np.mean([left_out(score) for score in scores])) for name, scores in sets.items()},
        told_apart,
    )


def _check(sets: Mapping[str, Sequence[Score]], real: str, controls: Sequence[str], measures: Sequence[Measure]) -> None:
    if isinstance(controls, str) or real in controls:
        raise ValueError(f"controls={controls!r}: give a list of the sets that are known to be worse than {real}.")
    for name in (real, *controls):
        if name not in sets:
            raise ValueError(f"there is no set {name!r}; the sets are {', '.join(sets)}.")
    for measure in measures:
        if not isinstance(measure, Measure):
            raise ValueError(f"measures holds {measure!r}; a function of your own goes in as Measure('name', 'unit', function).")
    for name, scores in sets.items():
        if isinstance(scores, Score | str):
            raise ValueError(f"the set {name!r} is a {type(scores).__name__}; give a list of scores, if need be of one.")
        if not len(scores):
            raise ValueError(f"the set {name!r} is empty.")
        for number, score in enumerate(scores):
            if not isinstance(score, Score):
                raise ValueError(
                    f"piece {number} of the set {name!r} is a {type(score).__name__}, and no Score."
                    " A file is read by read_score()."
                )
            if not len(score):
                raise ValueError(f"piece {number} of the set {name!r} has no notes.")


def _by_controls(marked: Mapping[str, Sequence[str]]) -> Iterable[tuple[str, list[str]]]:
    """Turn measure -> controls into what is marked alike: (controls, measures)."""
    together: dict[str, list[str]] = {}
    for name, controls in marked.items():
        together.setdefault(" or ".join(controls), []).append(name)
    return together.items()


def _copying(sets: Mapping[str, Sequence[Score]], training: Sequence[Score]) -> dict[str, dict[str, np.ndarray]]:
    """Measure copying. A set of training pieces counts as copied throughout."""
    known = [grid_of(score) for score in training]
    grids = {name: [grid_of(score) for score in scores] for name, scores in sets.items()}
    return {
        "longest copy": {name: copied_runs(g, known).astype(float) for name, g in grids.items()},
        "runs of 4 seen before": {name: seen_runs(g, known) for name, g in grids.items()},
    }


def _told_apart(values: dict[str, dict[str, np.ndarray]], sets: Mapping[str, Sequence[Score]], real: str) -> dict[str, float]:
    """Let a classifier tell each set from the real one, if both have pieces enough."""
    features = {name: np.column_stack([row[name] for row in values.values()]) for name in sets} if values else {}
    return {
        name: classifier_accuracy(features[real], rows)
        for name, rows in features.items()
        if name != real and min(len(rows), len(features[real])) >= 10
    }


def _value(measure: Measure, score: Score) -> float:
    if len(score.voices) < measure.voices:
        return np.nan
    try:
        return float(measure.of(score))
    except Exception as error:  # a measure may be the student's own
        raise ValueError(
            f"the measure {measure.name!r} failed for {score.title or 'a piece without title'}: {error} ({type(error).__name__})."
        ) from error


def _means(values: np.ndarray) -> np.ndarray:
    """Return bootstrap means of the values that exist; none, if there are not two: one says nothing of others."""
    values = values[np.isfinite(values)]
    return bootstrap_means(values) if len(values) > 1 else np.zeros(0)


def _interval(values: np.ndarray, means: np.ndarray) -> tuple[float, float, float]:
    values = values[np.isfinite(values)]
    mean = float(values.mean()) if len(values) else np.nan
    low, high = np.percentile(means, [2.5, 97.5]) if len(means) else (np.nan, np.nan)
    return mean, float(low), float(high)


def _alike(a: np.ndarray, b: np.ndarray) -> bool:
    """Tell whether the interval of the difference of two means holds 0. Their draws do not depend on each other.

    Where there are no draws, for want of pieces, it is not tried.
    """
    if not len(a) or not len(b):
        return False
    low, high = np.percentile(np.random.default_rng(1).permutation(a) - b, [2.5, 97.5])
    return bool(low <= 0 <= high)


def _figure(mean: float, low: float, high: float) -> str:
    """Write a mean with its interval, to as many places as the interval makes sense of."""
    if not np.isfinite(mean):
        return "–"
    if not np.isfinite(low):
        return f"{mean:.2f}"
    width = high - low
    places = 0 if width >= 2 or abs(mean) >= 100 else 1 if width >= 0.2 else 2 if width >= 0.02 or not width else 3
    return f"{mean:.{places}f} ({low:.{places}f} to {high:.{places}f})"
