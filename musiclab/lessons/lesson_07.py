"""Lesson 07: generation."""

import numpy as np

from musiclab.exercises import Exercise, Mistake, Wrong, describe, expect, same
from musiclab.generation import distribution
from musiclab.score import Score, pitch_name

# --- 7.1 ----------------------------------------------------------------------------------------------


def _period(answer, rng):
    def finds(notes, wanted):
        got, what = answer(list(notes)), f"period({describe(notes, 60)})"
        if isinstance(got, int | np.integer) and got != wanted:
            raise Wrong(f"{what} is {got}, it should be {wanted}: {_why_no_period(notes, int(got), wanted)}")
        same(got, wanted, what)

    for _ in range(4):
        loop = _names(rng, int(rng.integers(3, 9)))
        finds(loop * int(rng.integers(3, 6)), len(loop))
    yield "finds the loop when it fits a whole number of times"
    for _ in range(4):
        loop = _names(rng, int(rng.integers(4, 9)))
        cut = int(rng.integers(1, len(loop)))
        finds((loop * 4)[cut : -int(rng.integers(1, len(loop)))], len(loop))
    yield "finds it when the tail begins and ends in the middle of the loop"
    for _ in range(4):
        a, b, c = _names(rng, 3)
        finds([a, b, b, c, b] * 4, 5)
    yield "is not taken in by a note that comes back within the loop"
    for _ in range(3):
        a, b, c, d = _names(rng, 4)
        finds([a, b, c, a, b, c, d] * 3, 7)  # its first three notes come twice
        finds([d, a, b, c, a, b, c] * 3, 7)  # its last three notes come twice
    yield "is not taken in by notes that come twice within the loop"
    for _ in range(3):
        loop = _names(rng, int(rng.integers(3, 9)))
        finds(loop + loop[: int(rng.integers(2, len(loop)))], len(loop))
        finds(loop + loop[:1], len(loop))
    yield "finds a loop that has not yet come twice"
    finds(_names(rng, 1) * int(rng.integers(5, 20)), 1)
    yield "gives 1 when one note is repeated for ever"
    for _ in range(3):
        notes = _names(rng, int(rng.integers(5, 12)))
        finds(notes, len(notes))
    yield "gives the whole length when nothing repeats"


def _why_no_period(notes, got, wanted):
    """Say why `got` is not the smallest period: at which note it fails, or that a smaller one fits."""
    if got < 1 or got > len(notes):
        return f"a period is 1 or more, and at most the length of the list, {len(notes)}."
    fails = [i for i in range(got, len(notes)) if notes[i] != notes[i - got]]
    if fails:
        i = fails[0]
        return f"notes[{i}] is {notes[i]!r}, and {got} before it stands {notes[i - got]!r}. Every note must agree."
    told = f"from notes[{wanted}] on each note equals the one {wanted} before it, and {wanted} is smaller."
    return f"{told} A list may end in mid-loop."


def _names(rng, count):
    """Draw `count` different note names."""
    return [pitch_name(int(p)) for p in rng.choice(np.arange(48, 84), count, replace=False)]


def _nearest_return(notes):
    """Measure how far back the last note was heard before."""
    for p in range(1, len(notes)):
        if notes[-1 - p] == notes[-1]:
            return p
    return len(notes)


def _whole_loops(notes):
    """Allow only periods that divide the length."""
    n = len(notes)
    return next(p for p in range(1, n + 1) if n % p == 0 and notes[:p] * (n // p) == notes)


def _from_two(notes):
    return next(p for p in range(2, len(notes) + 1) if notes[p:] == notes[:-p])


def _at_most_half(notes):
    return next((p for p in range(1, len(notes) // 2 + 1) if notes[p:] == notes[:-p]), len(notes))


def _begins_again(notes):
    """Wait until the first p notes have come again, and look no further."""
    return next((p for p in range(1, len(notes)) if notes[p : 2 * p] == notes[:p]), len(notes))


def _ends_again(notes):
    return next((p for p in range(1, len(notes)) if notes[-2 * p : -p] == notes[-p:]), len(notes))


# --- 7.2 ----------------------------------------------------------------------------------------------


def _temperature(answer, rng):
    for temperature in (1.0, *rng.uniform(0.3, 2.0, 4)):
        p = answer(_log_p(rng, 6), float(temperature))
        told = f"at temperature {temperature:.2f} you give {np.min(p):.3g}. No probability is below 0: np.exp makes them of logs."
        expect(not np.any(np.asarray(p) < 0), told)
        total = float(np.sum(p))
        expect(
            abs(total - 1) < 1e-6,
            f"at temperature {temperature:.2f} your probabilities sum to {total:.4g}; after the change divide them by their sum.",
        )
    yield "gives probabilities that sum to 1"
    for _ in range(3):
        log_p = _log_p(rng, 6)
        p = answer(log_p.copy(), 1.0)
        for wrong, slip in (
            (
                log_p / log_p.sum(),
                "you divide the log-probabilities by their sum. First make probabilities of them, with np.exp.",
            ),
            (_softmax(np.exp(log_p)), "you take np.exp twice. What is divided by the temperature is log_p itself."),
        ):
            alike = np.shape(p) == wrong.shape and np.allclose(p, wrong)
            expect(
                not alike,
                f"at temperature 1 nothing should change, but the largest goes from {np.exp(log_p.max()):.3f} to"
                f" {np.max(p):.3f}: {slip}",
            )
        same(p, np.exp(log_p))
    yield "changes nothing at temperature 1"
    for low, high in ((0.5, 1.0), (0.8, 1.0)):
        log_p = _log_p(rng, 6)
        changed = float(np.max(answer(log_p, low)))
        expect(
            changed > float(np.exp(log_p.max())) + 1e-6,
            f"at temperature {low} the likeliest token should become likelier than at {high}, but yours goes from"
            f" {np.exp(log_p.max()):.3f} to {changed:.3f}. What is divided by the temperature, and before or after exp?",
        )
    yield "makes the likely likelier below 1"
    for temperature in rng.uniform(0.3, 2.5, 6):
        log_p = _log_p(rng, int(rng.integers(3, 12)))
        same(answer(log_p, float(temperature)), distribution(log_p, temperature=float(temperature)))
    yield "equals what generate() uses"
    log_p = _log_p(rng, 6)
    p = np.asarray(answer(log_p.copy(), 0.00001), dtype=float)
    expect(
        np.isfinite(p),
        "at temperature 0.00001 your probabilities are NaN: to a computer e to the power of -2000 is 0, and 0/0 is no number."
        " Subtract the largest value before exp; the division by the sum cancels it.",
    )
    best = int(np.argmax(log_p))
    told = f"at temperature 0.00001 the likeliest token, {best}, should have the probability 1; you give it {p[best]:.5f}."
    expect(abs(p[best] - 1) < 1e-6, f"{told} Do not bound anything: subtract the largest value before exp.")
    yield "survives a very low temperature, and has all on one token there"


def _log_p(rng, size):
    """Draw log-probabilities with one clear favourite."""
    logits = rng.normal(0, 1, size)
    logits[rng.integers(size)] = logits.max() + 0.5
    return logits - np.logaddexp.reduce(logits)


def _softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum()


def _divides_p(log_p, temperature):
    p = np.exp(log_p) / temperature
    return p / p.sum()


def _naive(log_p, temperature):
    with np.errstate(all="ignore"):
        p = np.exp(log_p / temperature)
        return p / p.sum()


def _never_that_low(log_p, temperature):
    return _softmax(log_p / max(temperature, 0.01))


def _zeros_for_nan(log_p, temperature):
    return np.nan_to_num(_naive(log_p, temperature))


# --- 7.3 ----------------------------------------------------------------------------------------------


def _top_p(answer, rng):
    for limit in (*rng.uniform(0.2, 0.95, 4), 0.05):  # the last is below the probability of the likeliest
        p = np.asarray(answer(_p(rng, 7), float(limit)), dtype=float)
        told = f"seven probabilities go in, an array of shape {p.shape} comes out; give a dropped token the probability 0."
        expect(p.shape == (7,), told)
        told = f"with limit {limit:.2f} you keep no token at all. The token that crosses the limit is kept too."
        expect(np.isfinite(p).any() and np.any(p), told)
        total = float(np.sum(p))
        expect(
            abs(total - 1) < 1e-6,
            f"with limit {limit:.2f} your probabilities sum to {total:.4g}; divide what is kept by its sum.",
        )
    yield "gives probabilities that sum to 1"
    likeliest_last = np.array([0.05, 0.05, 0.05, 0.1, 0.1, 0.25, 0.4])
    for p in (likeliest_last, *(_p(rng, 7) for _ in range(4))):
        kept = np.asarray(answer(p.copy(), float(rng.uniform(0.3, 0.55))), dtype=float)
        best = int(np.argmax(p))
        expect(
            kept[best] == kept.max() and kept[best] > 0,
            f"token {best} was the likeliest, with {p[best]:.2f}; in your answer it has {kept[best]:.2f}. Keep"
            " the likely ones, and leave each in its place.",
        )
    yield "keeps the likeliest token, in its place"
    for limit in rng.uniform(0.2, 0.95, 8):
        p = _p(rng, int(rng.integers(3, 10)))
        kept = np.asarray(answer(p, float(limit)), dtype=float) > 0
        reached = float(p[kept].sum())
        expect(
            reached >= limit - 1e-9,
            f"with limit {limit:.2f} the tokens you keep reach only {reached:.3f} together. The token that"
            " crosses the limit is kept too.",
        )
        least = float(p[kept].min())
        expect(
            reached - least < limit,
            f"with limit {limit:.2f} you keep {int(kept.sum())} tokens that reach {reached:.3f}, and the limit is"
            " reached without the last of them.",
        )
    yield "keeps just enough tokens to reach the limit"
    for limit in (*rng.uniform(0.1, 0.99, 6), 1.0, 1e-6):
        p = _p(rng, int(rng.integers(3, 12)))
        same(answer(p, float(limit)), distribution(np.log(p), top_p=float(limit)))
    yield "equals what generate() uses, also for the limits 1 and 0.000001"


def _p(rng, size):
    return np.exp(_log_p(rng, size))


def _top_p_by(p, keep, renormalise=True):
    """Keep the tokens for which ``keep(running sum, probability)`` holds, the likeliest first."""
    order = np.argsort(-p)
    out = np.zeros_like(p)
    kept = order[keep(np.cumsum(p[order]), p[order])]
    out[kept] = p[kept]
    return out / max(out.sum(), 1e-12) if renormalise else out


def _ascending(p, limit):
    order = np.argsort(p)
    out = np.zeros_like(p)
    kept = order[np.cumsum(p[order]) - p[order] < limit]
    out[kept] = p[kept]
    return out / out.sum()


def _in_their_order(p, limit):
    """Forget to sort."""
    kept = np.where(np.cumsum(p) - p < limit, p, 0)
    return kept / kept.sum()


# --- 7.4 ----------------------------------------------------------------------------------------------


def _draw(answer, rng):
    def draws(p, u):
        got, edges = answer(p.copy(), u), np.append(0, np.cumsum(p))
        right = int(np.searchsorted(edges[1:], u, side="right"))
        call = f"draw({p.round(3).tolist()}, {u:.3f})"
        if np.ndim(got) == 0 and isinstance(got, int | np.integer) and got != right:
            stretch = f"the stretch of token {right} goes from {edges[right]:.3f} to {edges[right + 1]:.3f}."
            raise Wrong(f"{call} is {got}, it should be {right}: {stretch}")
        same(got, right, call)

    for u in (0.4, 0.6, 0.9):
        draws(np.array([0.5, 0.3, 0.2]), u)
    yield "draws as in the example"
    for _ in range(12):
        p = _p(rng, int(rng.integers(3, 9)))
        draws(p, float(rng.random()))
    yield "finds the stretch in which the given number lies"
    for _ in range(6):
        p = _p(rng, 5)
        p[rng.choice(5, 2, replace=False)] = 0
        p[0] = 0  # a number of 0 must not land on it
        if p.sum() == 0:
            p[4] = 1
        p /= p.sum()
        for u in (0.0, float(rng.random())):
            token = answer(p, u)
            expect(
                p[token] > 0,
                f"draw({np.round(p, 3).tolist()}, {u:.3g}) is {token}, a token of probability 0. It must never be drawn.",
            )
    yield "never draws a token of probability 0"
    p = _p(rng, 6)
    counts = np.bincount([answer(p, float(u)) for u in rng.random(3000)], minlength=6)[:6] / 3000
    far = int(np.argmax(np.abs(counts - p)))
    expect(
        abs(counts[far] - p[far]) < 0.06,
        f"in 3,000 draws token {far} came in {counts[far]:.2f} of all cases; its probability is {p[far]:.2f}.",
    )
    yield "draws each token as often as its probability says"


def _running_sum_late(p, u):
    """Leave the loop one token too late."""
    total = 0.0
    for token in range(len(p)):
        if total > u:
            return token
        total += p[token]
    return len(p) - 1


def _at_least(p, u):
    return int(np.searchsorted(np.cumsum(p), u, side="left"))


def _rng_again(p, u):
    return int(np.random.default_rng().choice(len(p), p=p))


# --- 7.5 ----------------------------------------------------------------------------------------------

_LOWEST, _HIGHEST = 55, 88  # G3, the lowest note of a violin, to E6


def _tune(answer, rng):
    expect(
        isinstance(answer, Score),
        f"my_tune is of type {type(answer).__name__}; give the Score that generate() returns, not its tokens or"
        " the name of its file.",
    )
    expect(len(answer) > 0, "my_tune has no note.")
    yield "is a Score"
    bars = answer.duration / answer.bar_length
    expect(
        8 <= bars <= 32,
        f"my_tune is {bars:.2f} bars long; it should have 8 to 32. Length is counted in quarter lengths: 16 bars of 4/4 are 64.",
    )
    yield "is 8 to 32 bars long"
    notes = answer.notes
    low, high = int(notes["pitch"].min()), int(notes["pitch"].max())
    expect(
        _LOWEST <= low and high <= _HIGHEST,
        f"my_tune goes from {pitch_name(low)} to {pitch_name(high)}; it should lie between {pitch_name(_LOWEST)}"
        f" and {pitch_name(_HIGHEST)}, where a violin plays at ease."
        " Score.transpose may help.",
    )
    yield "can be played on a violin"
    ends = notes["onset"] + notes["duration"]
    both = notes["onset"][1:][ends[:-1] > notes["onset"][1:] + 1e-9]
    told = (
        f"in my_tune two notes sound at once, at {describe(both[:1].tolist())[1:-1]} quarter lengths; a tune has one at a time."
    )
    expect(len(both) == 0, told)
    told = f"my_tune has {len(answer.voices)} voices, {describe(list(answer.voices))}; a tune has one."
    expect(len(answer.voices) == 1, told)
    yield "has one note at a time"
    starts = np.arange(0, answer.duration, answer.bar_length)
    begun = np.isin(np.round(starts, 4), np.round(notes["onset"], 4))
    expect(
        begun.mean() >= 0.75,
        f"in my_tune {begun.mean():.0%} of the bars begin with a note; at least 75% should. Bar {int(begun.argmin()) + 1} does"
        " not. Try another seed or a lower temperature.",
    )
    yield "begins three of four bars with a note"
    contents = {tuple(_bar(answer, start)) for start in starts}
    expect(
        len(contents) >= 4,
        f"my_tune has only {len(contents)} different bars; it should have at least 4. Try a higher temperature.",
    )
    yield "has at least four different bars"
    home = int(notes["pitch"][-1]) % 12
    in_scale = max((np.isin((notes["pitch"] - home) % 12, scale) for scale in _SCALES), key=np.sum)
    others = ", ".join(sorted({pitch_name(60 + int(p) % 12)[:-1] for p in notes["pitch"][~in_scale]}))
    expect(
        in_scale.mean() >= 0.9,
        f"my_tune ends on {pitch_name(60 + home)[:-1]}, but only {in_scale.mean():.0%} of its notes are in the"
        f" major or minor scale of that note; at least 90% should be. These are not: {others}.",
    )
    yield "ends on the home note of its scale"


_SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10))


def _bar(score, start):
    inside = score.notes[(score.notes["onset"] >= start) & (score.notes["onset"] < start + score.bar_length)]
    return [(round(float(n["onset"] - start), 4), int(n["pitch"])) for n in inside]


def _melody(pitches, step=1.0):
    return Score([(i * step, step, int(p)) for i, p in enumerate(pitches)])


_SCALE = (60, 62, 64, 65, 67, 69, 71, 72)


# --- 7.6 ----------------------------------------------------------------------------------------------


def _write_on(answer, rng):
    def write(length, count, size):
        tokens, fed = rng.integers(1, size, length + count).tolist(), []

        def predict(x):
            """Stand for the network: note what it is fed, and find the next of the tokens the likeliest."""
            fed.append(np.array(x, dtype=float).ravel())
            token = tokens[min(length + len(fed), len(tokens)) - 1]
            return np.where(np.arange(size) == token, 0.5, 0.5 / (size - 1))

        got = answer(predict, tokens[:length], count, size)
        expect(isinstance(got, list | tuple | np.ndarray), f"write_on gives {describe(got)}; it should give a list of tokens.")
        told = f"with count {count} predict is to be called once for each new token; the number of calls was {len(fed)}."
        expect(len(fed) == count, told)
        for k, x in enumerate(fed):
            where = f"in call {k + 1} of predict the network gets"
            _explain_fed(x, tokens[k : k + length], size, where, fed[0] if k else None)
        expect(len(got) == count, f"write_on gives {len(got)} tokens, it should give {count}: the new ones, without the window.")
        scaled = np.allclose(np.array(got, dtype=float) * size, tokens[length:])
        told = f"write_on gives {got[0]:.4g} for the token {tokens[length]}. What you feed is scaled, what you return is not."
        expect(not scaled, told)
        same(list(got), tokens[length:], "the list of tokens")

    write(6, 1, 30)
    yield "scales the window and takes the likeliest token"
    for _ in range(4):
        write(int(rng.integers(4, 9)), int(rng.integers(5, 20)), int(rng.integers(20, 60)))
    yield "feeds at every step what training would have fed"
    write(3, 40, 34)
    yield "goes on when nothing of the window is left"


def _explain_fed(x, tokens, size, where, first):
    """Compare what the network was fed with what it should have been; name the usual slips."""
    wanted = np.array(tokens) / size
    expect(len(x) == len(tokens), f"{where} {len(x)} numbers, it should get {len(tokens)}: one in, one out.")
    if np.allclose(x, wanted):
        return
    if x.max() >= 1:
        raise Wrong(f"{where} the number {x.max():g}. In training it never saw one of 1 or more: divide by {size}.")
    if np.allclose(x[:-1], wanted[:-1] / size):
        raise Wrong(f"{where} {x[0]:.4f} for the token {tokens[0]}: that was divided by {size} twice.")
    if first is not None and np.array_equal(x, first):
        raise Wrong(f"{where} the first window again. Append each new token, and drop the first.")
    raise Wrong(f"{where} {describe(x.round(3).tolist())}, it should get {describe(wanted.round(3).tolist())}.")


def _raw_fed_back(predict, window, count, size):
    window, tokens = np.array(window) / size, []
    for _ in range(count):
        tokens.append(int(np.argmax(predict(window))))
        window = np.append(window[1:], tokens[-1])
    return tokens


def _never_scaled(predict, window, count, size):
    return _raw_fed_back(lambda x: predict(x * size), window, count, size)


def _scaled_again(predict, window, count, size):
    """Divide the whole window at each step, what was divided before included."""
    window, tokens = np.array(window, dtype=float), []
    for _ in range(count):
        window = window / size
        tokens.append(int(np.argmax(predict(window))))
        window = np.append(window[1:], tokens[-1])
    return tokens


def _stands_still(predict, window, count, size):
    return [int(np.argmax(predict(np.array(window) / size))) for _ in range(count)]


def _window_grows(predict, window, count, size):
    tokens = list(window)
    for _ in range(count):
        tokens.append(int(np.argmax(predict(np.array(tokens) / size))))
    return tokens[len(window) :]


def _written(predict, window, count, size):
    tokens = list(window)
    for _ in range(count):
        tokens.append(int(np.argmax(predict(np.array(tokens[-len(window) :]) / size))))
    return tokens[len(window) :]


# --- 7.7 ----------------------------------------------------------------------------------------------


def _numbers_of(answer, rng):
    def vocabulary():
        return ["END", *_names(rng, 20)]

    saved = vocabulary()
    same(answer(saved[1:], list(saved)), list(range(1, 21)))
    yield "numbers all names as they were numbered in training"
    for _ in range(5):
        saved = vocabulary()
        wanted = rng.integers(1, 21, int(rng.integers(3, 12))).tolist()
        got = answer([saved[i] for i in wanted], list(saved))
        told = "A piece that uses few of the names must not number them anew."
        expect(isinstance(got, list | tuple | np.ndarray), f"numbers_of gives {describe(got)}; it should give a list of numbers.")
        expect(list(got) == wanted, f"numbers_of gives {describe(list(got))}, it should give {describe(wanted)}. {told}")
    yield "gives a name the same number in every piece"
    for _ in range(3):
        saved = vocabulary()
        known, unknown = saved[1:15], saved[15]
        del saved[15]
        piece = [*known[:4], unknown, *known[4:]]
        try:
            got = answer(piece, list(saved))
        except ValueError as error:
            expect(unknown in str(error), f"the error should name what training never saw, {unknown!r}; it says {str(error)!r}.")
        except KeyError:
            raise Wrong(f"{unknown!r} is not in the vocabulary, and you raise a KeyError. Raise a ValueError.") from None
        else:
            raise Wrong(
                f"{unknown!r} is not in the vocabulary, and numbers_of gives {describe(got)}. The network has no place for it:"
                " raise a ValueError that names it."
            )
    yield "refuses a name that training never saw, and says which"


def _rebuilt(names, vocabulary):
    return [sorted(set(names)).index(name) for name in names]


def _rebuilt_with_end(names, vocabulary):
    """Do as the exhibit does: number what is there today."""
    today = ["END", *sorted(set(names), key=vocabulary.index)]
    return [today.index(name) for name in names]


def _places(vocabulary):
    return {name: number for number, name in enumerate(vocabulary)}


def _put_behind(names, vocabulary):
    longer = [*vocabulary, *(name for name in names if name not in vocabulary)]
    return [longer.index(name) for name in names]


# --- 7.8 ----------------------------------------------------------------------------------------------


def _choose(answer, rng):
    def draws(p, seed, count):
        generator = np.random.default_rng(seed)
        got = [answer(p.copy(), generator) for _ in range(count)]
        whole = all(isinstance(token, int | np.integer) and 0 <= token < len(p) for token in got)
        expect(whole, f"choose gives {describe(got[0])}; it should give the number of a token, 0 to {len(p) - 1}.")
        return [int(token) for token in got]

    for _ in range(3):
        p = 0.4 * _p(rng, 4) + 0.15  # every token has a fair chance
        got = draws(p, int(rng.integers(1000)), 200)
        expect(
            len(set(got)) > 1,
            f"for the probabilities {np.round(p, 2).tolist()} all of 200 draws are token {got[0]}. Either the likeliest is taken,"
            " or each draw makes a generator of its own and begins anew: draw from the rng that you are given.",
        )
    yield "does not always take the same token"
    p, seed = _p(rng, 6), int(rng.integers(1000))
    told = "two generators with the same seed give different rows of tokens. Take all chance from the rng that you are given."
    expect(draws(p, seed, 40) == draws(p, seed, 40), told)
    yield "takes its chance from the generator alone"
    p = np.array([0.0, 0.6, 0.0, 0.4])[rng.permutation(4)]
    never = [token for token in draws(p, int(rng.integers(1000)), 200) if p[token] == 0]
    expect(not never, f"for the probabilities {p.tolist()} token {(never or [0])[0]} was drawn. Its probability is 0.")
    yield "never takes a token of probability 0"
    for _ in range(2):
        p = np.array([0.6, 0.25, 0.1, 0.05])[rng.permutation(4)]
        shares = np.bincount(draws(p, int(rng.integers(1000)), 4000), minlength=4) / 4000
        far = int(np.argmax(np.abs(shares - p)))
        told = f"in 4,000 draws token {far} came in {shares[far]:.2f} of all cases; its probability is {p[far]:.2f}."
        expect(abs(shares[far] - p[far]) < 0.04, told)
    yield "takes each token as often as its probability says"


def _among_the_best(p, rng):
    return int(rng.choice(np.flatnonzero(p == p.max())))


EXERCISES = [
    Exercise(
        id="7.1",
        title="Find the loop",
        name="period",
        hints=(
            "A list with period p equals itself when it is moved by p places.",
            "Compare notes[p:] with notes[:-p]: both have len(notes) - p items.",
            "Try p = 1, 2, 3, … and return the first that fits. Nothing fits? Then return len(notes).",
        ),
        test=_period,
        mistakes=(
            Mistake(_nearest_return, "it should be 5"),
            Mistake(_whole_loops, "A list may end in mid-loop"),
            Mistake(_from_two, "it should be 1"),
            Mistake(lambda notes: len(set(notes)), "it should be 5"),
            Mistake(_at_most_half, "it should be"),
            Mistake(_begins_again, "Every note must agree"),
            Mistake(_ends_again, "it should be 7"),
            Mistake(lambda notes: (notes[1:] + notes[:1]).index(notes[0]) + 1, "Every note must agree"),
            Mistake(lambda notes: max(p for p in range(1, len(notes)) if notes[p:] == notes[:-p]), "equals the one"),
        ),
    ),
    Exercise(
        id="7.2",
        title="Temperature",
        name="with_temperature",
        hints=(
            "Three steps: divide the log-probabilities by the temperature, take np.exp, divide by the sum.",
            "np.exp(x - x.max()) has the same proportions as np.exp(x), and its largest value is always 1.",
        ),
        test=_temperature,
        mistakes=(
            Mistake(_divides_p, "What is divided by the temperature"),
            Mistake(lambda log_p, temperature: np.exp(log_p / temperature), "divide them by their sum"),
            Mistake(lambda log_p, temperature: _softmax(log_p * temperature), "should become likelier"),
            Mistake(_naive, "Subtract the largest value"),
            Mistake(_zeros_for_nan, "should have the probability 1"),
            Mistake(lambda log_p, temperature: _naive(np.maximum(log_p, -700 * temperature), temperature), "the probability 1"),
            Mistake(lambda log_p, temperature: np.log(_softmax(log_p / temperature)), "No probability is below 0"),
            Mistake(lambda log_p, temperature: log_p / log_p.sum(), "you divide the log-probabilities by their sum"),
            Mistake(lambda log_p, temperature: _softmax(np.exp(log_p) / temperature), "you take np.exp twice"),
        ),
    ),
    Exercise(
        id="7.3",
        title="Top-p",
        name="keep_top_p",
        hints=(
            "order = np.argsort(-p) lists the tokens from the likeliest to the least likely.",
            "np.cumsum(p[order]) is what the tokens reach up to and with each one. Minus p[order] it is what the"
            " likelier ones reach without it.",
            "A token is kept if the likelier ones alone have not reached the limit. Set the others to 0 in a"
            " copy of p, then divide by the sum.",
        ),
        test=_top_p,
        mistakes=(
            Mistake(
                lambda p, limit: _top_p_by(p, lambda run, _: (run <= limit) | (np.arange(len(run)) == 0)),
                "crosses the limit is kept too",
            ),
            Mistake(
                lambda p, limit: _top_p_by(p, lambda run, one: run - one < limit, renormalise=False),
                "divide what is kept by its sum",
            ),
            Mistake(lambda p, limit: _top_p_by(p, lambda run, _: run < limit), "you keep no token at all"),
            Mistake(lambda p, limit: _top_p_by(p, lambda run, one: run - one < limit)[p >= 0.2], "give a dropped token"),
            Mistake(_in_their_order, "Keep the likely ones"),
            Mistake(_ascending, "Keep the likely ones"),
            Mistake(lambda p, limit: np.sort(p)[::-1] / p.sum(), "leave each in its place"),
        ),
    ),
    Exercise(
        id="7.4",
        title="Draw from probabilities",
        name="draw",
        hints=(
            "Lay the probabilities side by side on a line from 0 to 1. In whose stretch does u lie?",
            "Add up the probabilities one after the other. The first token at which the sum is above u is the one.",
        ),
        test=_draw,
        mistakes=(
            Mistake(lambda p, u: int(np.argmax(p)), "it should be 1"),
            Mistake(_running_sum_late, "it should be 0"),
            Mistake(_at_least, "a token of probability 0"),
            Mistake(lambda p, u: int(np.argmin(np.abs(p - u))), "it should be"),
            Mistake(lambda p, u: int(u * len(p)), "it should be"),
            Mistake(lambda p, u: int((np.cumsum(p) < u).sum()) + 1, "the stretch of token 0 goes from 0.000 to 0.500"),
            Mistake(lambda p, u: int(np.argmax(np.cumsum(np.sort(p)[::-1]) > u)), "the stretch of token"),
        ),
    ),
    Exercise(
        id="7.5",
        title="A tune to keep",
        name="my_tune",
        hints=(
            "Write many and keep few: a for loop over seeds, with generate(melody, 64, temperature=0.8, seed=seed).",
            "What a check cannot tell you is whether you like it. Ask the check first, then look at the piano"
            " roll of those that pass.",
            "The last property is the rarest: compare the last pitch with all others, (pitch - last) % 12, and"
            " keep the tune if at least"
            " 90% of them are in the major scale {0, 2, 4, 5, 7, 9, 11}.",
        ),
        test=_tune,
        mistakes=(
            Mistake(_melody(_SCALE), "8 to 32"),
            Mistake(_SCALE, "give the Score"),
            Mistake(_melody(_SCALE * 8).transpose(24), "violin"),
            Mistake(_melody((60, 60, 60, 60) * 12), "different bars"),
            Mistake(_melody(_SCALE * 5 + (60, 64, 67, 72) * 2 + (61,)), "major or minor scale"),
            Mistake(_melody(_SCALE * 8, step=0.7), "begin with a note"),
            Mistake([_melody(_SCALE * 8)], "of type list"),
            Mistake(Score([*_melody(_SCALE * 8).notes.tolist(), (5, 2, 84)]), "at once, at 5 quarter lengths"),
            Mistake(Score([(i, 1, p, i % 2) for i, p in enumerate(_SCALE * 8)]), "2 voices"),
        ),
    ),
    Exercise(
        id="7.6",
        title="Feed what training fed",
        name="write_on",
        hints=(
            "Keep whole numbers, and scale at one place only: where you call predict.",
            "tokens = list(window); at each step predict(np.array(tokens[-length:]) / size), with length = len(window).",
            "Append the argmax to tokens as it is. In the end return tokens[length:].",
        ),
        test=_write_on,
        mistakes=(
            Mistake(_raw_fed_back, "In training it never saw one of 1 or more"),
            Mistake(_never_scaled, "In training it never saw one of 1 or more"),
            Mistake(_scaled_again, "divided by"),
            Mistake(_stands_still, "the first window again"),
            Mistake(_window_grows, "one in, one out"),
            Mistake(lambda *given: [token / given[-1] for token in _written(*given)], "What you feed is scaled"),
        ),
    ),
    Exercise(
        id="7.7",
        title="The vocabulary of the training",
        name="numbers_of",
        hints=(
            "The number of a name is its place in `vocabulary`. Nothing else may have a say: no set, no sorted.",
            'If a name is not in it: raise ValueError(f"training never saw {name!r}").',
        ),
        test=_numbers_of,
        mistakes=(
            Mistake(_rebuilt, "it should be 1"),
            Mistake(_rebuilt_with_end, "must not number them anew"),
            Mistake(_put_behind, "The network has no place for it"),
            Mistake(lambda names, vocabulary: [vocabulary.index(n) for n in names if n in vocabulary], "raise a ValueError"),
            Mistake(lambda names, vocabulary: [_places(vocabulary).get(name, 0) for name in names], "raise a ValueError"),
            Mistake(lambda names, vocabulary: [_places(vocabulary)[name] for name in names], "you raise a KeyError"),
        ),
    ),
    Exercise(
        id="7.8",
        title="A choice that is a draw",
        name="choose",
        hints=(
            "rng.choice takes a row of probabilities, one for each number: rng.choice(len(p), p=p).",
            "Or take one random number, rng.random(), and your draw of exercise 7.4.",
        ),
        test=_choose,
        mistakes=(
            Mistake(_among_the_best, "Either the likeliest is taken"),
            Mistake(lambda p, rng: int(np.random.default_rng(0).choice(len(p), p=p)), "begins anew"),
            Mistake(lambda p, rng: _rng_again(p, 0.0), "two generators with the same seed"),
            Mistake(lambda p, rng: int(rng.integers(len(p))), "Its probability is 0"),
            Mistake(lambda p, rng: int(rng.choice(np.flatnonzero(p))), "in 4,000 draws"),
            Mistake(lambda p, rng: int(rng.choice(len(p), p=p**2 / (p**2).sum())), "in 4,000 draws"),
            Mistake(lambda p, rng: int(rng.choice(len(p), p=distribution(np.log(p + 1e-9), top_k=3))), "in 4,000 draws"),
        ),
    ),
]
