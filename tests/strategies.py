"""Random music and random weights for the tests."""

import numpy as np
from hypothesis import strategies as st

from musiclab.score import Score

KEYS = [f"{t} major" for t in ("C", "D-", "E-", "F#", "B")] + [f"{t} minor" for t in ("A", "C#", "B-", "F", "E")]
METRES = [(2, 4), (3, 4), (4, 4), (6, 8), (9, 8), (5, 4), (2, 2), (3, 8), (7, 8), (12, 8)]


def times(top):
    """Times on a sixteenth grid, on a triplet grid, and anywhere, up to `top` quarter lengths."""
    return st.one_of(
        st.integers(0, int(4 * top)).map(lambda n: n / 4),
        st.integers(0, int(12 * top)).map(lambda n: n / 12),
        st.floats(0, top, allow_nan=False, allow_subnormal=False),
    )


def notes(voices=5, top=12.0):
    durations = times(6.0).filter(lambda d: d > 1e-6)
    return st.tuples(times(top), durations, st.integers(0, 127), st.integers(0, voices - 1), st.integers(0, 127))


def scores(min_size=0, max_size=25, voices=5, top=12.0):
    """Scores with chords, overlaps, equal notes, gaps, and up to `voices` voices."""
    return st.builds(
        Score,
        st.lists(notes(voices, top), min_size=min_size, max_size=max_size),
        title=st.sampled_from(["", "A tune"]),
        tempo=st.sampled_from([60.0, 120.0, 92.5]),
        time_signature=st.sampled_from(METRES),
        key=st.sampled_from([None, *KEYS]),
    )


def tune(pitches, length=0.5, **words):
    """A melody of equal notes."""
    return Score([(i * length, length, p) for i, p in enumerate(pitches)], **words)


def weights_for(encoding, units=4, embedding=4, seed=0):
    """Random weights under the names and in the shapes of `models.stream_model`."""
    rng = np.random.default_rng(seed)
    sizes = encoding.input_sizes
    width = [embedding if column == 0 else embedding // 4 for column in range(len(sizes))]
    shapes = {f"embedding_{c}/embeddings": (size, width[c]) for c, size in enumerate(sizes)}
    shapes |= {
        "lstm_0/kernel": (sum(width), 4 * units),
        "lstm_0/recurrent_kernel": (units, 4 * units),
        "lstm_0/bias": (4 * units,),
    }
    shapes |= {"dense/kernel": (units, encoding.size), "dense/bias": (encoding.size,)}
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
