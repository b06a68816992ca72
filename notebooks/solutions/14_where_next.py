# Worked answers of lesson 14.
import numpy as np

from musiclab.evaluation import hear, longest_copy


# %% 14.1 Which number moved them?
def effects(ratings):
    """Return how much higher major is rated than minor, and fast than slow."""
    complete = ratings[~np.isnan(ratings).any(axis=(1, 2))]
    means = complete.mean(axis=0)  # (mode, tempo)
    return (means[1] - means[0]).mean(), (means[:, 1] - means[:, 0]).mean()


# %% 14.2 A short look
def short_look(q, k, v, reach):
    """Return what causal attention that sees `reach` notes puts out."""
    scores = q @ k.T / np.sqrt(q.shape[1])  # (notes, notes)
    t, s = np.arange(len(q))[:, None], np.arange(len(q))
    scores = np.where((s <= t) & (s > t - reach), scores, -np.inf)
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True) @ v  # (notes, e)


# %% 14.3 Energy and carbon
def footprint(seconds, watts, grams_per_kwh):
    """Return the energy in Wh and the carbon dioxide in grams."""
    watt_hours = seconds * watts / 3600
    return watt_hours, watt_hours / 1000 * grams_per_kwh


# %% 14.4 A checklist that counts
def in_any_key(score):
    """Return what stays the same when a melody is moved to another key."""
    notes = score.notes
    return notes["onset"].tobytes(), notes["duration"].tobytes(), np.diff(notes["pitch"].astype(int)).tobytes()


def project_report(bundle, samples, training, held_out):
    """Return the figures that a project stands on."""
    known = {in_any_key(score) for score in training}
    return {
        "nats": float(np.mean([heard.nats.mean() for heard in hear(bundle, held_out)])),
        "leaks": sum(in_any_key(score) in known for score in held_out),
        "twins": len(samples) - len({score.notes.tobytes() for score in samples}),
        "copied": max(longest_copy(score, training).chords for score in samples),
        "usual": max(longest_copy(score, training).chords for score in held_out),
    }


# %% 14.5 Your project
# One of many.
my_plan = {
    "question": "Do bars return more often in tunes of a transformer than in tunes of an LSTM of the same size?",
    "music": {"the melody corpora of music21": "public domain; some transcriptions ask not to be sold", "my ten tunes": "mine"},
    "held_out": 40,
    "measure": "repeated_bars",
    "control": "the held-out tunes, shuffled",
    "milestones": {
        2: "data and split, with the report of leaks",
        4: "baseline: Markov model and the LSTM",
        8: "the transformer, three seeds",
        10: "measures with intervals, copying report",
        12: "blind listening test in class",
        14: "report with the footprint, and one minute of music",
    },
    "if_it_fails": "I report the losses of both with their spread, and what a longer training would cost.",
}
