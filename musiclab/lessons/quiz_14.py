"""Quiz of lesson 14: where next."""

from musiclab.quiz import Choice, Listen, Number, Option, Several
from musiclab.score import Score


def _three_returns() -> tuple[Score, ...]:
    """Play a phrase, and after it: another one; the phrase, moved; the phrase itself."""
    phrase = [(0, 1, 62), (1, 1, 66), (2, 0.5, 69), (2.5, 0.5, 67), (3, 1, 66), (4, 1, 64), (5, 1, 67), (6, 2, 62)]
    other = [
        (0, 0.5, 71),
        (0.5, 0.5, 69),
        (1, 1, 67),
        (2, 1, 64),
        (3, 0.5, 66),
        (3.5, 0.5, 67),
        (4, 1, 69),
        (5, 1, 66),
        (6, 2, 64),
    ]
    moved = [(onset, duration, pitch + 2) for onset, duration, pitch in phrase]
    return tuple(
        Score([*phrase, *((8 + onset, duration, pitch) for onset, duration, pitch in after)], tempo=120)
        for after in (other, moved, phrase)
    )


QUIZ = (
    Listen(
        "Each of A, B and C has two bars and then two more. In which of them does `repeated_bars` find a return?",
        _three_returns,
        (
            Option("In A.", "After two bars something else comes. Nothing returns."),
            Option(
                "In B and in C.",
                "You hear B as the same phrase, one tone higher. `repeated_bars` compares pitches, and in B all are others. A"
                " measure for what you hear would have to compare intervals.",
            ),
            Option(
                "In C alone.",
                "There the same pitches come at the same places. B returns to your ear, not to this measure.",
                right=True,
            ),
            Option("In all three.", "It would have to find the pitches of bars 1 and 2 again. Listen to how A goes on."),
        ),
    ),
    Choice(
        "The melody model is as surprised by a slow Ode to Joy as by a fast one, to the last digit. Why?",
        (
            Option(
                "It has learned that tempo does not change a tune.",
                "Nobody could teach it that: it has never been told a tempo.",
            ),
            Option(
                "Both give the same tokens: lengths are counted in sixteenths, and the tempo stands in none of them.",
                "So it can neither hear the difference nor write one.",
                right=True,
            ),
            Option(
                "The mean over all steps hides the difference.",
                "There is none to hide; compare them step by step. Look at what goes in.",
            ),
            Option(
                "Ode to Joy is so simple that nothing surprises it.", "It is surprised, by 0.43 nats a step. Only by both alike."
            ),
        ),
    ),
    Number(
        "Attention compares each note with itself and with every note before it. A piece has 100 notes. How many comparisons does"
        " one head make?",
        5050,
        "1 + 2 + … + 100 = 100 · 101 / 2. With 200 notes it would be 20,100, about four times as many.",
        slips=(
            (10000, "That is without the causal mask: half of those would look at what comes."),
            (4950, "Each note also looks at itself."),
            (100, "One for each note? Each looks at all that came before."),
        ),
    ),
    Choice(
        "Somebody builds attention and forgets the causal mask. What do they see?",
        (
            Option(
                "The loss becomes NaN, because the softmax runs over too many notes.",
                "A softmax over more notes is as good a softmax. Nothing breaks, and that is the trouble.",
            ),
            Option(
                "The held-out loss is high, because the network is confused by what comes later.",
                "What comes later does not confuse it. It contains the answer.",
            ),
            Option(
                "Training and held-out loss fall close to 0, and what it then writes is poor.",
                "It reads the next token off its input. When it writes there is no next token to read. A loss that is too good is"
                " a leak until you have shown that it is none.",
                right=True,
            ),
            Option(
                "The network trains as before, only slower.",
                "It trains, and measures something else than before. Which note could note t now look at?",
            ),
        ),
    ),
    Several(
        "A transformer reaches 1.65 nats and an LSTM 1.90 on the same held-out tunes. What else must be so before you may say"
        " that, here, the transformer is better?",
        (
            Option(
                "Both saw the same tunes, in the same tokens.",
                "Nats of other tokens or other tunes cannot be compared.",
                right=True,
            ),
            Option("The gap is larger than the spread over several seeds.", "A gap within the spread may be luck.", right=True),
            Option(
                "Both were trained with the same learning rate.",
                "One rate suits one of them better. Each should have its best, chosen on validation tunes.",
            ),
            Option(
                "Neither was chosen by its held-out figure.", "Who picks by the held-out figure has trained on it.", right=True
            ),
            Option(
                "The transformer has more layers.",
                "That is a difference, not a condition. What should be alike is the budget: weights, updates or time.",
            ),
        ),
    ),
    Number(
        "You train for 10 minutes on a computer that takes 120 watts, six times, because five attempts failed. How many"
        " watt-hours is that?",
        120,
        "10 minutes are a sixth of an hour: 120 / 6 = 20 Wh for each, and six of them. Failed attempts took the same power.",
        unit="Wh",
        within=0.5,
        slips=(
            (20, "That is the last attempt. The five before it took power, too."),
            (100, "Those are the five that failed; the sixth counts as well."),
            (7200, "You multiplied watts by minutes. An hour has 60 of them."),
            (432000, "Those are joules, watts times seconds. A watt-hour has 3,600."),
        ),
    ),
    Several(
        "Your samples share no run of more than 9 notes with the training pieces, in any key. Held-out pieces share up to 14."
        " What may you write in your report?",
        (
            Option(
                "The samples copy nothing.",
                "They share nine notes. And the measure sees runs alone: one changed note in each bar, and it is blind.",
            ),
            Option(
                "By this measure the samples share less with the training pieces than held-out pieces do.",
                "That is what was measured, with its yardstick.",
                right=True,
            ),
            Option(
                "Everybody may therefore sell them.",
                "A figure is no licence. What is protected differs by country and is not decided by a number of notes.",
            ),
            Option(
                "These figures are for these samples, at this temperature.",
                "Others need their own report: colder samples may copy more.",
                right=True,
            ),
        ),
    ),
)
