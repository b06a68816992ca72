"""Evaluation: is it any good, and did it copy?

Each measure is a function of a `Score` (or of its grid), with its unit, its range and its source. None of them is worth
anything by itself: it takes real pieces, and controls that are known to be worse, to see what a figure means. `compare` puts
them side by side.

===============  ==============================================================================================
`grid`           what sounds, step by step and voice by voice
`likelihood`     how surprised a model is, by voice and by kind of token, and whether it knows how sure it may be
`pitch`          range, pitch classes, scale, steps and leaps
`rhythm`         density, durations, beats, groove
`form`           self-similarity, repeats
`counterpoint`   parallels, hidden ones, overlaps, crossing, spacing, range, leading notes
`copying`        the longest run copied from the training pieces, and what of it was seen before
`sets`           bootstrap, overlap, Jensen-Shannon, a classifier that tells two sets apart
`controls`       shuffled notes and Markov models
`comparison`     `compare`: one table, with intervals and warnings
===============  ==============================================================================================
"""

from musiclab.evaluation.comparison import MEASURES, Comparison, Measure, compare
from musiclab.evaluation.controls import markov_pieces, shuffled
from musiclab.evaluation.copying import Copy, copied_runs, longest_copy, seen_runs
from musiclab.evaluation.counterpoint import (
    CHOIR,
    crossing,
    find_parallels,
    hidden,
    out_of_range,
    overlaps,
    parallel_fifths,
    parallel_octaves,
    parallels,
    staff_places,
    unresolved_leading_notes,
    voice_leading,
    wide_spacing,
)
from musiclab.evaluation.form import longest_repeat, repeated_bars, self_similarity
from musiclab.evaluation.grid import changes_of, grid_of, left_out
from musiclab.evaluation.likelihood import (
    Heard,
    calibration,
    calibration_error,
    hear,
    nats_by_kind,
    nats_per_note,
    nats_per_step,
    perplexity,
)
from musiclab.evaluation.pitch import (
    interval_histogram,
    key_of,
    leaps,
    pitch_class_entropy,
    pitch_class_histogram,
    pitch_range,
    scale_consistency,
    small_steps,
)
from musiclab.evaluation.rhythm import (
    DURATIONS,
    duration_entropy,
    duration_histogram,
    groove_consistency,
    notes_on_beats,
    onset_density,
    onset_positions,
)
from musiclab.evaluation.sets import bootstrap_means, classifier_accuracy, histograms, jensen_shannon, overlap

__all__ = [
    "CHOIR",
    "DURATIONS",
    "MEASURES",
    "Comparison",
    "Copy",
    "Heard",
    "Measure",
    "bootstrap_means",
    "calibration",
    "calibration_error",
    "changes_of",
    "classifier_accuracy",
    "compare",
    "copied_runs",
    "crossing",
    "duration_entropy",
    "duration_histogram",
    "find_parallels",
    "grid_of",
    "groove_consistency",
    "hear",
    "hidden",
    "histograms",
    "interval_histogram",
    "jensen_shannon",
    "key_of",
    "leaps",
    "left_out",
    "longest_copy",
    "longest_repeat",
    "markov_pieces",
    "nats_by_kind",
    "nats_per_note",
    "nats_per_step",
    "notes_on_beats",
    "onset_density",
    "onset_positions",
    "out_of_range",
    "overlap",
    "overlaps",
    "parallel_fifths",
    "parallel_octaves",
    "parallels",
    "perplexity",
    "pitch_class_entropy",
    "pitch_class_histogram",
    "pitch_range",
    "repeated_bars",
    "scale_consistency",
    "seen_runs",
    "self_similarity",
    "shuffled",
    "small_steps",
    "staff_places",
    "unresolved_leading_notes",
    "voice_leading",
    "wide_spacing",
]
