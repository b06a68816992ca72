"""Lesson 10: your own music."""

import numpy as np

from musiclab.bundle import Bundle, load_bundle
from musiclab.exercises import Exercise, Mistake, expect, same
from musiclab.generation import generate

# --- 10.1 ---------------------------------------------------------------------------------------------


def _skyline(answer, rng):
    same(answer([(0, 2, 60), (0, 2, 64), (1, 1, 67)]), [(0, 1, 64), (1, 1, 67)])
    yield "keeps and cuts as in the example"
    same(answer([(0, 1, 60), (2, 1, 62)]), [(0, 1, 60), (2, 1, 62)])
    yield "leaves rests alone"
    same(answer([(0, 4, 72), (1, 1, 60)]), [(0, 1, 72), (1, 1, 60)])
    yield "lets a lower note that begins later take over"
    same(answer([(1, 1, 67), (0, 1, 60), (1, 1, 48)]), [(0, 1, 60), (1, 1, 67)])
    yield "sorts notes that come in any order"
    same(answer([(0, 1, 60), (0, 4, 48)]), [(0, 1, 60)])
    yield "takes the highest of an onset, and not the longest"
    for _ in range(4):
        pitches = rng.choice(np.arange(48, 80), 12, replace=False).tolist()  # no two are the same: only one can be the highest
        notes = [(float(rng.integers(8)), float(rng.integers(1, 5)), pitch) for pitch in pitches]
        got, wanted = answer(list(notes)), _top(notes)
        expect(isinstance(got, list), f"skyline should return a list, and returns a {type(got).__name__}.")
        expect(
            len(got) == len(wanted),
            f"for twelve notes with {len(wanted)} different onsets you return {len(got)}; it should be one for each onset.",
        )
        same(got, wanted, f"the skyline of {notes}")
    same(answer([]), [])
    yield "finds the highest line of anything, and nothing in nothing"


def _top(notes):
    highest = {}
    for onset, duration, pitch in sorted(notes, key=lambda note: (note[2], note[1])):
        highest[onset] = (onset, duration, pitch)
    line = [highest[onset] for onset in sorted(highest)]
    nexts = [onset for onset, _, _ in line[1:]] + [np.inf]
    return [(onset, min(duration, nexts[k] - onset), pitch) for k, (onset, duration, pitch) in enumerate(line)]


def _to_the_next(notes):
    """Make the mistake of holding each note up to the next, where there was a rest."""
    line = _top(notes)
    nexts = [onset for onset, _, _ in line[1:]] + [sum(line[-1][:2]) if line else 0]
    return [(onset, then - onset, pitch) for (onset, _, pitch), then in zip(line, nexts, strict=True)]


def _the_longest(notes):
    """Make the mistake of taking the longest note of each onset."""
    longest = {}
    for onset, duration, pitch in sorted(notes, key=lambda note: (note[1], note[2])):
        longest[onset] = (onset, duration, pitch)
    return _top(list(longest.values()))


def _uncut(notes):
    """Make the mistake of not cutting."""
    highest = {}
    for onset, duration, pitch in sorted(notes, key=lambda note: note[2]):
        highest[onset] = (onset, duration, pitch)
    return [highest[onset] for onset in sorted(highest)]


# --- 10.2 ---------------------------------------------------------------------------------------------


def _share(answer, rng):
    for _ in range(8):
        groups = rng.permutation(np.repeat(np.arange(12), rng.integers(1, 8, 12)))
        part = float(rng.uniform(0.1, 0.3))
        got = np.asarray(answer(groups.copy(), part, np.random.default_rng(int(rng.integers(2**32)))))
        expect(
            got.shape == groups.shape and got.dtype == bool,
            f"for {len(groups)} pieces you return an array of shape {got.shape} and type {got.dtype}; it should be one bool for"
            " each piece: True for those that are held out.",
        )
        for group in np.unique(groups):
            inside = got[groups == group]
            expect(inside.all() or not inside.any(), f"group {group} is on both sides: a piece that was trained on leaks.")
        held, wanted = f"{got.sum()} of {len(groups)} pieces are held out", part * len(groups)
        expect(got.sum() >= wanted - 1e-9, f"{held}, and {part:.0%} are {wanted:.1f}: go on until there are enough.")
        largest = max((groups[got] == group).sum() for group in np.unique(groups[got]))
        expect(
            got.sum() - largest < wanted,
            f"{held}, and {part:.0%} are {wanted:.1f}: without one of the groups there would still be enough.",
        )
    yield "holds out whole groups, enough of them, and no more than needed"
    half = np.asarray(answer(np.repeat(np.arange(8), 2), 0.5, np.random.default_rng(int(rng.integers(2**32)))))
    expect(
        half.sum() == 8,
        f"of 8 groups of two pieces, half are to be held out, and {half.sum() // 2} groups are: at exactly this share there are"
        " enough, so compare with >= and not with >.",
    )
    yield "stops at exactly the share that was asked for"
    groups = np.arange(30)
    drawn = [np.asarray(answer(groups.copy(), 0.3, np.random.default_rng(seed))) for seed in range(4)]
    expect(len({d.tobytes() for d in drawn}) > 1, "with other random numbers the same pieces are held out: draw with rng.")
    yield "draws the groups at random"
    again = np.asarray(answer(groups.copy(), 0.3, np.random.default_rng(0)))
    expect(np.array_equal(again, drawn[0]), "with the same random numbers other pieces are held out: use rng and nothing else.")
    yield "draws the same with the same random numbers"


def _groups_drawn(groups, part, rng):
    held, order = np.zeros(len(groups), dtype=bool), rng.permutation(np.unique(groups))
    for group in order:
        if held.mean() >= part:
            break
        held |= groups == group
    return held


def _by_piece(groups, part, rng):
    """Make the mistake of drawing pieces."""
    held = np.zeros(len(groups), dtype=bool)
    held[rng.permutation(len(groups))[: int(np.ceil(part * len(groups)))]] = True
    return held


def _too_many(groups, part, rng):
    """Make the mistake of taking that share of the groups and one more."""
    names = rng.permutation(np.unique(groups))
    return np.isin(groups, names[: int(np.ceil(part * len(names))) + 2])


def _one_group_fewer(groups, part, rng):
    """Make the mistake of stopping before the share is reached."""
    held = np.zeros(len(groups), dtype=bool)
    for group in rng.permutation(np.unique(groups)):
        if (held | (groups == group)).mean() >= part:
            break
        held |= groups == group
    return held


def _beyond_the_share(groups, part, rng):
    """Make the mistake of going on when the share is reached exactly."""
    held = np.zeros(len(groups), dtype=bool)
    for group in rng.permutation(np.unique(groups)):
        if held.mean() > part:
            break
        held |= groups == group
    return held


def _first_ones(groups, part, rng):
    """Make the mistake of not drawing."""
    return _groups_drawn(groups, part, np.random.default_rng(0))


# --- 10.3 ---------------------------------------------------------------------------------------------


def _mixture(answer, rng):
    for ratio in (1.0, 2.5):
        new = [[1] * int(n) for n in rng.integers(25, 40, 6)]  # longer than the old ones: so many pieces are too few
        old = [[k] * int(n) for k, n in enumerate(rng.integers(5, 20, 120), start=100)]
        got = answer([list(piece) for piece in new], old, ratio, np.random.default_rng(int(rng.integers(2**32))))
        expect(isinstance(got, list), f"mixture should return a list, and returns a {type(got).__name__}.")
        expect(
            all(isinstance(piece, list) for piece in got),
            "mixture should return a list of pieces, each of them a list; yours holds single steps. [*new, *added] keeps pieces"
            " whole.",
        )
        kept = [piece for piece in got if piece and piece[0] == 1]
        expect(
            sorted(map(len, kept)) == sorted(map(len, new)), f"{len(kept)} of the {len(new)} new pieces are there; all should be."
        )
        added = [piece for piece in got if piece and piece[0] != 1]
        expect(len({piece[0] for piece in added}) == len(added), "an old piece stands in the mixture twice.")
        steps, wanted = sum(map(len, added)), ratio * sum(map(len, new))
        expect(steps >= wanted, f"the old pieces have {steps} steps; {ratio:g} times those of the new ones are {wanted:g}.")
        expect(
            steps - max(map(len, added)) < wanted,
            f"the old pieces have {steps} steps, and {wanted:g} were wanted: stop as soon as there are enough.",
        )
    yield "holds all new pieces and enough old ones, none twice"
    try:
        got = answer([[1, 1]], [[5] * 9, [6] * 9], 100, np.random.default_rng(0))
    except (IndexError, StopIteration) as error:
        expect(
            False,
            "where there are fewer old pieces than are wanted your function looks for one more"
            f" ({type(error).__name__}: {error}). Stop when there are no more.",
        )
    same(len(got), 3, "the number of pieces, where there are too few old ones,")
    none = answer([[1, 1]], [[5] * 9], 0, np.random.default_rng(0))
    expect(
        len(none) != 2,
        "at a ratio of 0 no old piece is wanted, and you take one: ask whether there are enough before you take the next one.",
    )
    same(none, [[1, 1]], "the mixture at a ratio of 0")
    yield "takes what there is, and nothing at a ratio of 0"
    old = [[k] * 3 for k in range(100, 140)]
    seen = {str(sorted(map(list, answer([[1] * 6], old, 1, np.random.default_rng(seed))))) for seed in range(4)}
    expect(len(seen) > 1, "with other random numbers the same old pieces are taken: draw with rng.")
    yield "draws the old pieces at random"
    again = [str(answer([[1] * 6], old, 1, np.random.default_rng(0))) for _ in range(3)]
    expect(len(set(again)) == 1, "with the same random numbers other old pieces are taken: use rng and nothing else.")
    yield "draws the same with the same random numbers"


def _mixed(new, old, ratio, rng):
    added, steps = [], 0
    for k in rng.permutation(len(old)):
        if steps >= ratio * sum(map(len, new)):
            break
        added.append(old[k])
        steps += len(old[k])
    return [*new, *added]


def _by_number(new, old, ratio, rng):
    """Make the mistake of counting pieces and not steps."""
    return [*new, *(old[k] for k in rng.permutation(len(old))[: round(ratio * len(new))])]


def _with_replacement(new, old, ratio, rng):
    """Make the mistake of drawing a piece more than once."""
    added = []
    while sum(map(len, added)) < ratio * sum(map(len, new)) and len(added) < 500:
        added.append(old[int(rng.integers(min(8, len(old))))])
    return [*new, *added]


def _asks_too_late(new, old, ratio, rng):
    """Make the mistake of taking a piece first and asking then."""
    added = []
    for k in rng.permutation(len(old)):
        added.append(old[k])
        if sum(map(len, added)) >= ratio * sum(map(len, new)):
            break
    return [*new, *added]


def _never_empty(new, old, ratio, rng):
    """Make the mistake of taking pieces from what may be empty."""
    order, added = rng.permutation(len(old)).tolist(), []
    while sum(map(len, added)) < ratio * sum(map(len, new)):
        added.append(old[order.pop()])
    return [*new, *added]


def _growing(new, old, ratio, rng):
    """Make the mistake of counting the pieces that were added among the new ones."""
    mixed, steps = list(new), 0
    for k in rng.permutation(len(old)):
        if steps >= ratio * sum(map(len, mixed)):
            break
        mixed.append(old[k])
        steps += len(old[k])
    return mixed


def _in_order(new, old, ratio, rng):
    """Make the mistake of taking the first ones."""
    return _mixed(new, old, ratio, np.random.default_rng(0))


def _unseeded(new, old, ratio, rng):
    """Make the mistake of drawing with other random numbers than those that were given."""
    return _mixed(new, old, ratio, np.random.default_rng())


def _pops(new, old, ratio, rng):
    """Make the mistake of emptying the list that was given."""
    added = []
    while old and sum(map(len, added)) < ratio * sum(map(len, new)):
        added.append(old.pop(int(rng.integers(len(old)))))
    return [*new, *added]


# --- 10.4 ---------------------------------------------------------------------------------------------


def _my_model(answer, rng):
    expect(
        isinstance(answer, Bundle),
        f"my_model is of type {type(answer).__name__}; give the Bundle that fine_tune() or train_own() returns.",
    )
    yield "is a bundle"
    training = answer.card.get("training", {})
    expect(
        not isinstance(training, dict) or training.get("way gone", 1) != 0,
        'fine_tune found nothing better than the weights it began with, and kept them: its card says "way gone": 0. Give it more'
        " tunes, a dozen at least, or train on yours alone with train_own().",
    )
    for name in ("melody", "chorale", "recipe", "scenes"):
        shipped = load_bundle(name)
        alike = shipped.weights.keys() == answer.weights.keys() and all(
            np.array_equal(shipped.weights[key], answer.weights[key]) for key in shipped.weights
        )
        expect(
            not alike,
            f"my_model is the shipped bundle {name!r}, weight for weight. Move it towards your pieces with fine_tune().",
        )
    yield "is none of the shipped ones"
    split = answer.card.get("split", {})
    held_out = split.get("test", 0) if isinstance(split, dict) else 0
    expect(held_out, "no piece was held out, so nobody can say what my_model has learned. It takes four different ones or more.")
    measured = answer.card.get("metrics", {})
    expect(
        isinstance(measured, dict) and any(name.startswith("test nats/step") for name in measured),
        "the card of my_model has no figure for the held-out pieces. fine_tune() and train_own() write it there.",
    )
    yield "was tested on pieces that were held out"
    metres = answer.card.get("metres") or ["4/4"]
    metre = tuple(int(number) for number in metres[0].split("/"))
    written = [generate(answer, 6 * metre[0] * 4 / metre[1], seed=seed, time_signature=metre) for seed in range(6)]
    longest = max(score.duration / score.bar_length for score in written if len(score)) if any(map(len, written)) else 0
    expect(
        longest >= 4,
        f"in six tries my_model writes {longest:.1f} bars at most. It has learned too little yet: train it for longer.",
    )
    yield "writes four bars and more"


def _barely_trained():
    """Return a bundle with nothing held out."""
    return _moved(1.001, {"split": {"train": 1, "valid": 0, "test": 0}})


def _no_better():
    """Return what `fine_tune` returns where training only made things worse: the weights of before."""
    return _moved(1.0, {"split": {"train": 2, "valid": 1, "test": 1}, "training": {"from": "melody", "way gone": 0.0}})


def _not_measured():
    """Return a bundle that says what was held out, and not what was measured on it."""
    return _moved(1.001, {"split": {"train": 9, "valid": 1, "test": 2}, "metrics": {}})


def _moved(factor, card):
    melody = load_bundle("melody")
    weights = {name: array * factor for name, array in melody.weights.items()}
    return Bundle("mine", weights, melody.encoding, melody.model, {"metres": ["4/4"], **card})


EXERCISES = [
    Exercise(
        id="10.1",
        title="A skyline",
        name="skyline",
        hints=(
            "First the highest note of each onset: go through the notes from the lowest pitch up, and let a dict remember one"
            " for each onset.",
            "Then sort by onset. Each note ends where the next one begins, or earlier: min(duration, next onset - onset).",
            "The last note has no next one, and stays as it is.",
        ),
        test=_skyline,
        mistakes=(
            Mistake(_uncut, "it should be"),
            Mistake(lambda notes: sorted(notes), "it should have 2"),
            Mistake(lambda notes: [max(notes, key=lambda note: note[2])] if notes else [], "it should have 2"),
            Mistake(lambda notes: _top([n for n in notes if n[2] >= 60]), "should be"),
            Mistake(lambda notes: [(o, o + d, p) for o, d, p in _top(notes)], "[1][1] is 2, it should be 1"),
            Mistake(lambda notes: [(o, d, -p) for o, d, p in _top([(o, d, -p) for o, d, p in notes])], "is 60, it should be 64"),
            Mistake(_to_the_next, "at [0][1] is 2, it should be 1"),
            Mistake(_the_longest, "should be"),
            Mistake(lambda notes: _top(notes)[:-1], "it should have 2"),
            Mistake(lambda notes: [max(notes)] and _top(notes), "([]) raised"),
        ),
    ),
    Exercise(
        id="10.2",
        title="No leak",
        name="share",
        hints=(
            "Draw the groups, not the pieces: rng.permutation(np.unique(groups)).",
            "Begin with held = np.zeros(len(groups), dtype=bool). Add group after group, held |= groups == group, and stop as"
            " soon as held.mean() >= part.",
        ),
        test=_share,
        mistakes=(
            Mistake(_by_piece, "leaks"),
            Mistake(_too_many, "still be enough"),
            Mistake(_first_ones, "draw with rng"),
            Mistake(lambda groups, part, rng: np.flatnonzero(_groups_drawn(groups, part, rng)), "one bool for each piece"),
            Mistake(lambda groups, part, rng: ~_groups_drawn(groups, part, rng), "still be enough"),
            Mistake(lambda groups, part, rng: _groups_drawn(groups, part, rng).astype(int), "type int"),
            Mistake(lambda groups, part, rng: _groups_drawn(groups, part, np.random.default_rng()), "use rng and nothing else"),
            Mistake(_one_group_fewer, "go on until there are enough"),
            Mistake(_beyond_the_share, "and not with >"),
        ),
    ),
    Exercise(
        id="10.3",
        title="Mix",
        name="mixture",
        hints=(
            "Steps, not pieces: sum(map(len, new)) are the steps of the new ones.",
            "Go through old in a random order, for k in rng.permutation(len(old)), and stop as soon as the added ones have"
            " enough steps.",
        ),
        test=_mixture,
        mistakes=(
            Mistake(_by_number, "steps"),
            Mistake(_with_replacement, "twice"),
            Mistake(_in_order, "draw with rng"),
            Mistake(_unseeded, "use rng and nothing else"),
            Mistake(_pops, "changed its input"),
            Mistake(lambda new, old, ratio, rng: _mixed(new, old, ratio, rng)[len(new) :], "all should be"),
            Mistake(lambda new, old, ratio, rng: [*new, *old], "as soon as there are enough"),
            Mistake(
                lambda new, old, ratio, rng: [step for piece in _mixed(new, old, ratio, rng) for step in piece],
                "keeps pieces whole",
            ),
            Mistake(_asks_too_late, "before you take the next one"),
            Mistake(_never_empty, "Stop when there are no more"),
            Mistake(_growing, "as soon as there are enough"),
        ),
    ),
    Exercise(
        id="10.4",
        title="A model of your own",
        name="my_model",
        hints=(
            "my_model = fine_tune(melody, scores, 'mine') with a list of scores: load_folder(path) returns one.",
            "Pieces of several voices: take their melodies first, scores, left_out = usable_melodies(path).",
            "With three different pieces or fewer none is held out. With four it is tested, but fine_tune hardly finds anything"
            " better in them; a dozen or more are what it needs.",
        ),
        test=_my_model,
        seconds=30,
        mistakes=(
            Mistake("my_blues.bundle", "give the Bundle"),
            Mistake(load_bundle("melody"), "weight for weight"),
            Mistake([load_bundle("melody")], "give the Bundle"),
            Mistake(_barely_trained(), "no piece was held out"),
            Mistake(_no_better(), "found nothing better"),
            Mistake(_not_measured(), "no figure"),
        ),
    ),
]
