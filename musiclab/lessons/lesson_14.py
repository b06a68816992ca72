"""Lesson 14: where next."""

import functools
import re
from pathlib import Path

import numpy as np

import musiclab.evaluation
from musiclab.bundle import load_bundle
from musiclab.corpus import load_folder
from musiclab.evaluation import hear, longest_copy
from musiclab.exercises import Exercise, Mistake, expect, same
from musiclab.score import Score

_TUNES = Path(__file__).resolve().parent.parent.parent / "data" / "tunes"

# --- 14.1 ---------------------------------------------------------------------------------------------


def _effects(answer, rng):
    one = np.array([[[1.0, 4.0], [3.0, 8.0]]])
    same(_pair(answer(one.copy())), (3.0, 4.0), "for one listener, minor 1 and 4, major 3 and 8: the pair of effects")
    yield "is right for one listener"
    for _ in range(3):
        ratings = rng.integers(0, 11, (int(rng.integers(3, 9)), 2, 2)).astype(float)
        same(_pair(answer(ratings.copy())), _differences(ratings), f"the pair of effects for {len(ratings)} listeners")
    yield "is the mean over all listeners"
    gaps = np.concatenate([ratings, rng.integers(0, 11, (2, 2, 2))]).astype(float)
    gaps[-1, 0, 1] = gaps[-2, 1, 0] = np.nan
    same(
        _pair(answer(gaps.copy())), _differences(ratings), "with two listeners who left out one rating each, the pair of effects"
    )
    yield "leaves out with all four whoever left out one"


def _pair(got):
    if got is None:
        return None
    expect(
        isinstance(got, tuple | list | np.ndarray) and np.shape(got) == (2,), "it should return two numbers, as in: return a, b."
    )
    return tuple(float(value) for value in got)


def _differences(ratings):
    means = ratings.mean(axis=0)  # (mode, tempo)
    return float((means[1] - means[0]).mean()), float((means[:, 1] - means[:, 0]).mean())


def _nan_by_nan(ratings):
    """Make the mistake of leaving out single ratings: then the four means are of different listeners."""
    return _differences(np.nanmean(ratings, axis=0, keepdims=True))


# --- 14.2 ---------------------------------------------------------------------------------------------


def _looked(q, k, v, reach, *, root=True, largest=True, future=False, past=True, hidden=-np.inf):
    n, d = q.shape
    scores = q @ k.T / (np.sqrt(d) if root else 1)
    t, s = np.arange(n)[:, None], np.arange(n)
    seen = ((s <= t) | future) & ((s > t - reach) | (not past))
    scores = np.where(seen, scores, hidden)
    with np.errstate(all="ignore"):
        weights = np.exp(scores - (scores.max(axis=1, keepdims=True) if largest else 0))
        return weights / weights.sum(axis=1, keepdims=True) @ v


def _largest_of_all(q, k, v, reach):
    """Make the mistake of subtracting the largest score of a row before it is known which of them the note may see."""
    scores = q @ k.T / np.sqrt(q.shape[1])
    t, s = np.arange(len(q))[:, None], np.arange(len(q))
    with np.errstate(all="ignore"):
        weights = np.exp(scores - scores.max(axis=1, keepdims=True)) * ((s <= t) & (s > t - reach))
        return weights / weights.sum(axis=1, keepdims=True) @ v


def _short_look(answer, rng):
    n, d, e = int(rng.integers(6, 10)), int(rng.integers(2, 5)), int(rng.integers(5, 8))
    q, k, v = rng.normal(size=(n, d)), rng.normal(size=(n, d)), rng.normal(size=(n, e))
    same(answer(q.copy(), k.copy(), v.copy(), 1), v, "with a reach of 1, where each note sees itself alone, the outputs")
    yield "lets a note see itself"
    got = np.asarray(answer(q.copy(), k.copy(), v.copy(), n), dtype=float)
    expect(got.shape == (n, e), f"for v of shape {(n, e)} the outputs have the shape {got.shape}; it should be {(n, e)}.")
    later = v.copy()
    later[-1] += 100
    changed = np.asarray(answer(q.copy(), k.copy(), later, n), dtype=float)
    expect(
        np.allclose(changed[:-1], got[:-1]), "when the last note changes, outputs of earlier notes change: they see what comes."
    )
    yield "does not see what comes"
    same(got, _looked(q, k, v, n), "with a reach as long as the piece, the outputs")
    yield "weighs by softmax(q · k / √d)"
    for reach in (2, 3, n - 1):
        same(answer(q.copy(), k.copy(), v.copy(), reach), _looked(q, k, v, reach), f"with a reach of {reach}, the outputs")
    yield "sees as many notes as it should"
    # The first note's own score, the one that it sees, becomes -10,000, and no other is as far from 0: what is subtracted must be
    # the largest of those that a note sees, and what hides the others must be lower than any score.
    q[0] *= 10
    for keys in (k, -q):
        q = q * 1e4 / np.abs(q @ keys.T / np.sqrt(d)).max()
        got = np.asarray(answer(q.copy(), keys.copy(), v.copy(), 3), dtype=float)
        expect(
            np.isfinite(got),
            "with scores of 10,000 some outputs are not finite: first subtract the largest score that the note may see.",
        )
        same(got, _looked(q, keys, v, 3), "with scores from -10,000 to 10,000 (what hides a note must be lower), the outputs")
    yield "does not overflow"


# --- 14.3 ---------------------------------------------------------------------------------------------


def _footprint(answer, rng):
    same(_pair(answer(3600, 30, 400)), (30.0, 12.0), "for an hour at 30 watts and 400 g a kWh: Wh and grams")
    yield "is 30 Wh and 12 g for an hour at 30 W and 400 g a kWh"
    for _ in range(3):
        seconds, watts, grams = float(rng.uniform(5, 5000)), float(rng.uniform(5, 400)), float(rng.uniform(20, 900))
        wanted = (seconds * watts / 3600, seconds * watts / 3600 / 1000 * grams)
        same(
            _pair(answer(seconds, watts, grams)),
            wanted,
            f"for {seconds:.0f} s at {watts:.0f} W and {grams:.0f} g a kWh: Wh and grams",
        )
    yield "is right for any time, power and grid"


# --- 14.4 ---------------------------------------------------------------------------------------------


@functools.cache
def _pieces():
    """Return tunes that anyone has, each once: old ones and blues, whole."""
    return [score for score in load_folder(_TUNES, progress=False) if len(score)]  # with those in its folders


def _lines(score):
    """Return what stays the same when a melody is moved to another key."""
    notes = score.notes
    return notes["onset"].tobytes(), notes["duration"].tobytes(), np.diff(notes["pitch"].astype(int)).tobytes()


_FIGURES = {
    "nats": lambda bundle, samples, training, held_out: float(np.mean([h.nats.mean() for h in hear(bundle, held_out)])),
    "leaks": lambda bundle, samples, training, held_out: sum(_lines(s) in set(map(_lines, training)) for s in held_out),
    "twins": lambda bundle, samples, training, held_out: len(samples) - len({s.notes.tobytes() for s in samples}),
    "copied": lambda bundle, samples, training, held_out: max(longest_copy(s, training).chords for s in samples),
    "usual": lambda bundle, samples, training, held_out: max(longest_copy(s, training).chords for s in held_out),
}


def _project_report(answer, rng):
    bundle = load_bundle("melody")
    pieces = [_pieces()[k] for k in rng.permutation(len(_pieces()))[:14]]
    training, held_out, samples = pieces[:6], pieces[6:9], [piece.slice(0, 32) for piece in pieces[9:]]
    thief = Score(training[2].slice(8, 32).notes, title="A sample").transpose(2)

    def compare(key, mine, others, where=""):
        given = mine, training, others
        got = answer(bundle, *(list(scores) for scores in given))
        if got is not None:
            expect(isinstance(got, dict), f"it returns something of type {type(got).__name__}; it should be a dict.")
            expect(key in got, f"the report lacks the key {key!r}.")
        same(got and got[key], _FIGURES[key](bundle, *given), f"the figure {key!r}{where}", tolerance=1e-4)

    compare("nats", samples, held_out, " (each piece's mean first, then the mean of these)")
    yield "measures the held-out pieces"
    compare("leaks", samples, [*held_out, training[0]], ", with a training piece among those held out,")
    other_key = training[0].transpose(1)
    compare("leaks", samples, [*held_out, training[0], other_key], ", with one of two that leaked in another key,")
    slower = Score([(2 * o, 2 * d, p) for o, d, p, *_ in training[1].notes.tolist()])
    compare("leaks", samples, [*held_out, slower], ", where one has a training piece's pitches in another rhythm,")
    yield "finds what leaked, in any key"
    twins = [samples[1], Score(samples[1].notes, title="Another"), samples[0]]
    shorter = samples[2].notes.copy()
    shorter["duration"] /= 2
    alike = [samples[3].transpose(1), Score(shorter)]
    compare("twins", [*samples, *twins], held_out, ", with three samples that stand there before, one under another title,")
    compare("twins", [*samples, *twins, *alike], held_out, ", with two more that differ in key or in the lengths of notes,")
    yield "finds samples that are the same"
    compare("copied", [*samples[:2], thief, samples[2]], held_out, ", with a sample that is stolen")
    yield "finds the longest copy of all samples"
    compare("usual", samples, [*held_out, thief], ", with a held-out piece that quotes")
    yield "and says what held-out pieces share, too"


def _report_with(key, figure):
    """Make a report that is right but for one figure."""
    return lambda *given: {name: (figure if name == key else right)(*given) for name, right in _FIGURES.items()}


def _same_key(bundle, samples, training, held_out):
    """Make the mistake of comparing whole scores: a copy in another key is overlooked."""
    return sum(score in training for score in held_out)


def _same_steps(bundle, samples, training, held_out):
    """Make the mistake of looking at the intervals alone: then the same pitches in another rhythm are a leak, too."""
    known = {_lines(score)[2] for score in training}
    return sum(_lines(score)[2] in known for score in held_out)


# --- 14.5 ---------------------------------------------------------------------------------------------

_NO_LICENCE = {"", "?", "unknown", "none", "internet", "the internet", "online", "google", "youtube", "free", "ok", "fair use"}
_NO_LICENCE |= {"web", "the web", "found online", "downloaded", "spotify", "i don't know", "not known", "n/a", "todo", "tbd"}
_TOOLS = {
    "bootstrap_means",
    "changes_of",
    "compare",
    "find_parallels",
    "grid_of",
    "key_of",
    "left_out",
    "markov_pieces",
    "shuffled",
}
# Whole words, so that neither a task nor a year is an ear.
_LISTENERS = (
    r"\b(listen\w*|blind|ask|asks|asking|people|ears?|hear|hears|friends?|classmates?|in class|votes?|survey|interviews?)\b"
)
_SIMPLE = r"baseline|markov|unigram|unchanged|untouched|untrained|shipped|bundle|shuffled|chance|without (my|our|the|any) change"
_OPEN = r"how (can|could|should|to|do i|do we)\b|what is the best\b"


def _words(plan, key, count):
    text = plan[key]
    expect(isinstance(text, str), f"my_plan[{key!r}] should be a text.")
    expect(len(text.split()) >= count, f"my_plan[{key!r}] has {len(text.split())} words; say it in {count} or more.")
    return text


def _my_plan(answer, rng):
    keys = ("question", "music", "held_out", "measure", "control", "milestones", "if_it_fails")
    expect(isinstance(answer, dict), "my_plan should be a dict, as it stands in the cell.")
    for key in keys:
        expect(key in answer and answer[key] is not ..., f"my_plan[{key!r}] is not filled in yet.")
    yield "is filled in"
    question = _words(answer, "question", 8)
    expect(
        question.rstrip().endswith("?"), "my_plan['question'] is no question: what could turn out to be yes or no, more or less?"
    )
    expect(
        not re.match(_OPEN, question.strip().lower()),
        "my_plan['question'] asks for advice; ask what can turn out either way, as in: does … more often than …?",
    )
    yield "asks a question"
    music = answer["music"]
    expect(isinstance(music, dict) and music, "my_plan['music'] should be a dict, from each source to its licence.")
    for source, licence in music.items():
        known = isinstance(licence, str) and licence.strip().lower().rstrip(".!") not in _NO_LICENCE
        expect(known, f"{licence!r} says of {source!r} neither a licence nor whose permission you have.")
    yield "says of each source by which right it is used"
    held_out = answer["held_out"]
    expect(
        isinstance(held_out, int) and not isinstance(held_out, bool) and held_out >= 8,
        f"{held_out!r} pieces held out; with fewer than 8 an interval is too wide to tell anything. Give a whole number.",
    )
    measure = answer["measure"]
    there = isinstance(measure, str) and measure in set(musiclab.evaluation.__all__) - _TOOLS
    expect(
        there and measure.islower(), f"{measure!r} is no measure of musiclab.evaluation; give the name of a function, in quotes."
    )
    _words(answer, "control", 2)
    yield "holds pieces out, and has a measure and a control"
    days = answer["milestones"]
    expect(isinstance(days, dict) and len(days) >= 4, "my_plan['milestones'] should be a dict with four days or more.")
    numbers = all(isinstance(day, int) and 1 <= day <= 14 for day in days)
    expect(
        numbers and list(days) == sorted(days),
        f"the days are {list(days)}; they should be whole numbers that rise, from 1 to 14 at most: the day on which it is done.",
    )
    said = " ".join(map(str, days.values())).lower()
    expect(re.search(_LISTENERS, said), "no day is for listeners: when do others hear it?")
    first = " ".join(str(text) for day, text in days.items() if day <= 5).lower()
    expect(
        re.search(_SIMPLE, first),
        "nothing simple stands in the first five days to compare with: a baseline, or the model without your change.",
    )
    _words(answer, "if_it_fails", 6)
    yield "leaves time for a baseline, for listeners, and for failing"


_PLAN = {
    "question": "Does my model write blues that listeners take for blues more often than the untouched one?",
    "music": {"data/tunes/blues": "CC0", "my own twelve tunes": "mine"},
    "held_out": 12,
    "measure": "repeated_bars",
    "control": "shuffled held-out blues",
    "milestones": {2: "data, split", 4: "baseline: the melody bundle", 8: "fine-tune", 11: "blind listening", 14: "report"},
    "if_it_fails": "Then I report by how much, and why the data were too few.",
}


EXERCISES = [
    Exercise(
        id="14.1",
        title="Which number moved them?",
        name="effects",
        hints=(
            "Leave out listeners first: np.isnan(ratings).any(axis=(1, 2)) says who left something out.",
            "means = ratings.mean(axis=0) has the shape (mode, tempo). Major above minor is (means[1] - means[0]).mean().",
            "Fast above slow is (means[:, 1] - means[:, 0]).mean().",
        ),
        test=_effects,
        mistakes=(
            Mistake(lambda r: _differences(r)[::-1], "it should be 3"),
            Mistake(lambda r: tuple(-np.array(_differences(r))), "it should be 3"),
            Mistake(lambda r: tuple(2 * np.array(_differences(r))), "it should be 3"),
            Mistake(_differences, "left out one rating each"),
            Mistake(_nan_by_nan, "left out one rating each"),
            Mistake(lambda r: _differences(np.nan_to_num(r)), "left out one rating each"),
            Mistake(lambda r: _differences(r)[0], "two numbers"),
        ),
    ),
    Exercise(
        id="14.2",
        title="A short look",
        name="short_look",
        hints=(
            "Begin as in the lesson: scores = q @ k.T / np.sqrt(q.shape[1]), of shape (notes, notes).",
            "With t = np.arange(n)[:, None] and s = np.arange(n), note t may see s where (s <= t) & (s > t - reach). Give all"
            " other scores -np.inf.",
            "weights = np.exp(scores - scores.max(axis=1, keepdims=True)), divide each row by its sum, and then weights @ v.",
        ),
        test=_short_look,
        mistakes=(
            Mistake(lambda q, k, v, reach: _looked(q, k, v, reach, future=True), "with a reach of 1"),
            Mistake(lambda q, k, v, reach: _looked(q, k, v, reach, root=False), "as long as the piece"),
            Mistake(lambda q, k, v, reach: _looked(q, k, v, reach + 1), "with a reach of 1"),
            Mistake(lambda q, k, v, reach: _looked(q, k, v, reach, past=False), "with a reach of 1"),
            Mistake(lambda q, k, v, reach: _looked(q, k, v, reach, hidden=0.0), "with a reach of 1"),
            Mistake(lambda q, k, v, reach: _looked(q, k, v, reach, hidden=-1e4), "must be lower"),
            Mistake(_largest_of_all, "that the note may see"),
            Mistake(lambda q, k, v, reach: _looked(q, k, v, reach, largest=False), "first subtract the largest"),
            Mistake(lambda q, k, v, reach: _looked(q, k, v, reach, future=reach > 1), "they see what comes"),
        ),
    ),
    Exercise(
        id="14.3",
        title="Energy and carbon",
        name="footprint",
        hints=(
            "A watt-hour is a watt for an hour: seconds * watts / 3600.",
            "The grid's figure is in grams for a kilowatt-hour, and a kilowatt-hour is 1,000 watt-hours.",
        ),
        test=_footprint,
        mistakes=(
            Mistake(lambda s, w, g: (s * w, s * w * g / 3.6e6), "it should be 30"),
            Mistake(lambda s, w, g: (s * w / 3600, s * w / 3600 * g), "it should be 12"),
            Mistake(lambda s, w, g: (s * w / 3.6e6, s * w / 3.6e6 * g), "it should be 30"),
            Mistake(lambda s, w, g: (s * w / 60, s * w / 60 / 1000 * g), "it should be 30"),
            Mistake(lambda s, w, g: s * w / 3600, "two numbers"),
        ),
    ),
    Exercise(
        id="14.4",
        title="A checklist that counts",
        name="project_report",
        hints=(
            "nats: the mean of heard.nats.mean() over hear(bundle, held_out). twins: the number of samples minus the number of"
            " different ones, len({score.notes.tobytes() for score in samples}).",
            "leaks: what stays the same in another key are the onsets, the durations and np.diff of the pitches (as int). Put the"
            " three as bytes into a tuple, make a set of those of the training pieces, and count the held-out ones in it.",
            "copied: max(longest_copy(score, training).chords for score in samples); usual: the same with held_out.",
        ),
        test=_project_report,
        seconds=30,
        mistakes=(
            Mistake(_report_with("nats", lambda b, s, t, h: float(np.mean([x.nats.mean() for x in hear(b, t)]))), "'nats'"),
            Mistake(_report_with("nats", lambda b, s, t, h: float(np.mean([x.nats.sum() for x in hear(b, h)]))), "'nats'"),
            Mistake(_report_with("leaks", _same_key), "in another key"),
            Mistake(_report_with("leaks", _same_steps), "in another rhythm"),
            Mistake(_report_with("twins", lambda b, s, t, h: len(s) - len(set(map(id, s)))), "under another title"),
            Mistake(_report_with("leaks", lambda b, s, t, h: len(set(map(_lines, t)) & set(map(_lines, h)))), "in another key"),
            Mistake(_report_with("twins", lambda b, s, t, h: len(s) - len(set(map(_lines, s)))), "differ in key"),
            Mistake(_report_with("twins", lambda b, s, t, h: len(s) - len({x.notes["pitch"].tobytes() for x in s})), "lengths"),
            Mistake(_report_with("copied", lambda b, s, t, h: longest_copy(s[0], t).chords), "'copied'"),
            Mistake(_report_with("usual", lambda b, s, t, h: max(longest_copy(x, t).chords for x in s)), "'usual'"),
            Mistake(lambda bundle, samples, training, held_out: {"nats": 0.5}, "'nats'"),
            Mistake(lambda bundle, samples, training, held_out: [0.5, 0, 0, 3, 3], "a dict"),
        ),
    ),
    Exercise(
        id="14.5",
        title="Your project",
        name="my_plan",
        hints=(
            "Begin with a question that can turn out either way: 'Does … more often than …?' is one; 'I want a jazz model'"
            " is none.",
            "music = {'data/tunes/blues': 'CC0', 'my own tunes': 'mine'}: from each source to its licence, or whose leave you"
            " have.",
            "milestones = {2: 'data and split', 4: 'baseline: …', 8: '…', 11: 'blind listening with …', 14: 'report'}.",
        ),
        test=_my_plan,
        mistakes=(
            Mistake({**_PLAN, "question": ...}, "not filled in"),
            Mistake({**_PLAN, "question": "I want to make a model that writes good jazz."}, "no question"),
            Mistake({**_PLAN, "question": "How can I make a model that writes really good jazz?"}, "either way"),
            Mistake({**_PLAN, "music": {"some MIDI files": "internet"}}, "neither a licence"),
            Mistake({**_PLAN, "music": ["blues"]}, "from each source to its licence"),
            Mistake({**_PLAN, "held_out": 0}, "too wide"),
            Mistake({**_PLAN, "measure": "goodness"}, "no measure of musiclab.evaluation"),
            Mistake({**_PLAN, "milestones": {1: "a", 2: "baseline", 30: "listen", 31: "b"}}, "from 1 to 14"),
            Mistake({**_PLAN, "measure": "bootstrap_means"}, "no measure of musiclab.evaluation"),
            Mistake({**_PLAN, "milestones": {"1-2": "data", "3": "baseline", "9": "listen", "14": "report"}}, "whole numbers"),
            Mistake({**_PLAN, "milestones": {1: "data", 3: "baseline", 9: "train", 14: "report"}}, "when do others hear it"),
            Mistake({**_PLAN, "milestones": {1: "data", 3: "baseline", 9: "next task", 14: "it appears"}}, "when do others hear"),
            Mistake({**_PLAN, "milestones": {1: "split without leaks", 3: "train", 9: "listen", 14: "report"}}, "nothing simple"),
            Mistake({**_PLAN, "milestones": {1: "data", 3: "train", 9: "listen", 14: "report"}}, "nothing simple"),
            Mistake("a jazz model", "should be a dict"),
        ),
    ),
]
