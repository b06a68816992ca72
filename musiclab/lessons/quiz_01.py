"""The quiz of lesson 01, Background."""

from __future__ import annotations

from musiclab.quiz import Choice, Listen, Number, Option, Several
from musiclab.score import Score

# Printed numbers for bars 1 to 8 of a waltz, from the table of the game: two throws, and one whose columns are out of order.
_FIRST = (104, 157, 27, 167, 154, 68, 118, 91)
_SECOND = (152, 84, 42, 53, 80, 133, 159, 91)
_OUT_OF_ORDER = (159, 52, 80, 93, 171, 75, 72, 62)


def _waltzes() -> tuple[Score, ...]:
    """Eight bars of three waltzes; in the second one each bar comes from another column than it should."""
    from musiclab.bundle import DATA
    from musiclab.files import read_score

    whole = read_score(DATA / "dice_waltz.abc")
    size = whole.bar_length

    def join(numbers: tuple[int, ...]) -> Score:
        cut = (whole.slice((number - 1) * size, number * size) for number in numbers)
        rows = [(n * size + o, d, p, v, loud) for n, bar in enumerate(cut) for o, d, p, v, loud in bar.notes.tolist()]
        return Score(rows, tempo=whole.tempo, time_signature=whole.time_signature)

    return join(_FIRST), join(_OUT_OF_ORDER), join(_SECOND)


QUIZ = (
    Listen(
        "Eight bars each. In two of these every bar stands where the table of the dice game wants it; in the third each bar "
        "comes from a column that is not its own. Which is the third?",
        _waltzes,
        (
            Option(
                "A", "It sets out from C and comes to rest on G in its last bar, as bar 8 of the game does whatever you throw."
            ),
            Option(
                "B",
                "Every bar was written by the same hand, and yet it gets nowhere and ends on a chord that wants to go on. What "
                "holds the waltzes together is the order of the columns, and that is not left to the dice.",
                right=True,
            ),
            Option("C", "Hear the last two bars: they close the first half. The plan of the columns is kept."),
        ),
    ),
    Number(
        "A chain of order 1 has `{'G': ['A', 'A', 'B', 'G'], 'A': ['G']}`. What is its mean surprise, in nats, at the line "
        "G A G B? (Two decimals.)",
        0.693,
        "Three steps. G to A: p = 2/4, surprise ln 2. A to G: p = 1, surprise 0. G to B: p = 1/4, surprise ln 4. Together 2.079, "
        "and a third of it is 0.69.",
        unit="nats",
        within=0.006,
        slips=(
            (2.079, "That is the sum. The mean over the three steps was asked for."),
            (0.520, "You divided by the four items. The line has three steps from one item to the next."),
            (1.040, "You left out the step from A to G. It is a sure one: its surprise is 0, but it counts as a step."),
            (1.0, "Those are bits: you took the logarithm to the base 2. Nats take the natural one."),
            (-0.693, "A surprise is never negative: ln p is, and the minus sign turns it round."),
        ),
    ),
    Choice(
        "Somebody builds a chain of order 30 (thirty notes) from the 900 fiddle tunes, so that it can see whole phrases. What "
        "will it write?",
        (
            Option(
                "New tunes with a form, for it overlooks half a tune at a time",
                "It does see that much, but it can only continue what it has met. Ask how often thirty notes in a row occur "
                "twice.",
            ),
            Option(
                "Nothing: thirty notes in a row never come twice",
                "It need not meet them twice. Once in the training tunes is enough for an entry with one continuation.",
            ),
            Option(
                "Training tunes, most of them from beginning to end",
                "Nearly every entry leaves no choice, so after the first notes it can only go on as that one tune did. It looks "
                "back the furthest and has nothing of its own to say.",
                right=True,
            ),
            Option(
                "Notes that hardly hang together, for it knows too little",
                "That is what too low an order does. With a high order the chain knows its tunes too well.",
            ),
        ),
    ),
    Choice(
        "Section 3: a chain of two notes has a surprise of 2.85 on held-out tunes. Section 6: a chain of two sixteenths has "
        "1.18. What explains most of the difference?",
        (
            Option(
                "The second one counted in ten times as many tunes",
                "That helps, but it is not the main thing: compare what is guessed at each step.",
            ),
            Option(
                "One is a surprise a note, the other a surprise a sixteenth, and often a sixteenth only goes on with the note",
                "A quarter of four sixteenths holds 1.4 notes, so there are nearly three steps to a note, most of them easy. "
                "For a whole note, 1.18 · 4 / 1.4 = 3.4 nats: not less at all. Compare losses only where the steps are the same.",
                right=True,
            ),
            Option(
                "Two sixteenths tell more about a tune than two notes",
                "They tell less: two sixteenths may be one note and what is left of it.",
            ),
            Option(
                "The second one was asked about tunes that it had counted",
                "Both were asked about held-out tunes.",
            ),
        ),
    ),
    Several(
        "You want to know whether a network guesses better than a Markov chain. Which comparisons are fair?",
        (
            Option(
                "Both learn from the same 900 tunes, and both are asked about 100 others",
                "The same music to learn from, and an exam that neither has seen.",
                right=True,
            ),
            Option(
                "The network learns from 9,584 tunes, the chain from 900, and both are asked about tunes that neither has seen",
                "If the network wins, it may be the tunes that won, not the network.",
            ),
            Option(
                "Both learn from the same tunes; each is asked about those",
                "Then the winner is who knows most by heart. The chain of order 6 is hard to beat at that.",
            ),
            Option(
                "Both learn from the same 9,584 tunes and are told the place in the bar; both are asked about the same held-out "
                "tunes",
                "The same help for both, and new music for both.",
                right=True,
            ),
            Option(
                "Both learn from the same tunes; the network is told the place in the bar, the chain is not",
                "Place in the bar is a strong hint. What the network wins may be due to the hint alone.",
            ),
        ),
    ),
    Number(
        "You go downhill with `descend`: the slope at x is 2·x, you start at 1, and the rate is 1. Where are you after 100 "
        "steps?",
        1,
        "Each step subtracts 1 · 2x from x, so x becomes -x: 1, -1, 1, -1, … After 100 steps you are back at 1. The slope showed "
        "the way, but with so large a rate each step jumps to the other side of the valley.",
        slips=(
            (0, "That is the bottom, and a smaller rate would lead you there. Take the first two steps by hand."),
            (-1, "There you are after an odd number of steps."),
            (-199, "You subtracted the first slope a hundred times. Each step takes the slope of the place where it begins."),
        ),
    ),
    Choice(
        "Trained on 23 tunes, the network with eight intervals of context has 4.61 nats on held-out tunes. If it held all 25 "
        "intervals for equally likely, it would have 3.22. How can it be worse than knowing nothing?",
        (
            Option(
                "It has not trained long enough",
                "On its own 23 tunes it has 0.22 nats. It trained long enough to know those by heart.",
            ),
            Option(
                "It has too few weights for eight intervals",
                "It has 10,873 weights for 2,587 examples. There is room enough to keep every single one.",
            ),
            Option(
                "It is sure of itself, and wrong",
                "Surprise punishes that: who gives the right interval 1 in 1,000 pays 6.9 nats, who gives each 1 in 25 pays 3.2.",
                right=True,
            ),
            Option(
                "The slopes must be wrong, for training should only lower the loss",
                "It does lower the loss, on the tunes that it is trained on. Nothing forces the loss on others to follow.",
            ),
        ),
    ),
)
