"""Quiz of lesson 09: is it any good?"""

from math import comb

from musiclab.quiz import Choice, Listen, Number, Option, Several
from musiclab.score import Score


def _shuffled_and_not() -> tuple[Score, ...]:
    """Let the chorale model write four bars, and put the pitches of each voice into a random order."""
    from musiclab.bundle import load_bundle
    from musiclab.evaluation import shuffled
    from musiclab.generation import generate

    written = generate(load_bundle("chorale"), 16, temperature=0.8, seed=3, stop=False)
    return shuffled(written, 0), written


QUIZ = (
    Several(
        "`shuffled` puts the pitches of each voice in a random order and keeps the rhythm. Which measures cannot notice it at"
        " all, whatever the piece?",
        (
            Option(
                "steps among moves",
                "A move is from one note to the next, so the order is all that it looks at.",
            ),
            Option("pitch range", "The highest and the lowest note are still there.", right=True),
            Option("parallel fifths", "Two voices that move together: which notes follow each other is what counts here."),
            Option("notes a quarter", "The rhythm is as it was, to the last note.", right=True),
            Option(
                "notes in one scale",
                "The same notes, so the same share of them lies in the scale that fits best.",
                right=True,
            ),
        ),
    ),
    Listen(
        "A model wrote four bars; then the pitches of each voice were shuffled. The pitch-class entropy of both pieces is the"
        " same to the last digit. Which is the shuffled one?",
        _shuffled_and_not,
        (
            Option(
                "A",
                "Voices that leap about, and chords that follow from nothing. Your ears hear order, which that number does not"
                " look at.",
                right=True,
            ),
            Option("B", "Follow one voice, the soprano or the bass: does it move mostly by step, or does it leap about?"),
            Option(
                "That cannot be heard: all measures agree.",
                "One measure agrees, because it is blind to order. Yours need not be: follow the soprano once more.",
            ),
        ),
    ),
    Number(
        "With 24 pieces the interval of a mean is 4 percentage points wide. How many pieces do you need, about, for one that is"
        " 2 wide?",
        96,
        "The width falls with the square root of the number: half the width takes four times the pieces.",
        unit="pieces",
        slips=(
            (48, "Twice the pieces make it narrower by the square root of 2 only: about 2.8 wide."),
            (12, "Fewer pieces make the interval wider."),
            (576, "That is 24 squared. How often do you have to take 24 for half the width?"),
        ),
    ),
    Choice(
        "Model X has no parallel fifths in 100 chorales. Bach's own have a few. What does that say of X?",
        (
            Option(
                "It keeps the rules better than Bach, so it is the better composer.",
                "If a rule alone decided, one chord held for ever would win. It has no parallel fifths either.",
            ),
            Option(
                "Its chance of parallel fifths is 0: the bootstrap interval is 0 to 0.",
                "A bootstrap draws from what was found, and cannot draw what never came. 0 in 100 pieces is not never.",
            ),
            Option(
                "In this it differs from Bach; whether the music is better the number does not say.",
                "The yardstick is Bach's own figure. Zero may come from care, or from hardly moving at all.",
                right=True,
            ),
            Option(
                "Nothing at all: rules have nothing to do with music.",
                "Rules describe habits, and as such they tell Bach from a control well. It is the yardstick zero that is wrong.",
            ),
        ),
    ),
    Choice(
        "The model is surprised by its own pieces at temperature 0.6 with 0.15 nats a token, by Bach's with 0.35. What follows?",
        (
            Option(
                "Its own pieces are more predictable to it than Bach's.",
                "That is all that it says. The surest way to surprise nobody is to repeat what is likeliest.",
                right=True,
            ),
            Option(
                "Its own pieces are better: a good listener finds good music likely.",
                "Then a single held note would be the best music of all. Real pieces surprise even a good listener.",
            ),
            Option(
                "The model has learned its own pieces by heart.",
                "It never learned from them: it wrote them. Low surprise comes from drawing what is likely.",
            ),
            Option(
                "The model has not learned Bach well enough.",
                "Bach's figure is low for music that it has never seen. The comparison is about the pieces, not about the"
                " training.",
            ),
        ),
    ),
    Number(
        "A test has six trials with two choices each. How probable is it to get 5 or more right by luck alone, in percent?",
        100 * (comb(6, 5) + comb(6, 6)) / 2**6,
        "There are 6 ways to miss one and 1 way to miss none: 7 of 64, or 10.9 %. So 5 of 6 is no evidence yet.",
        unit="%",
        within=0.15,
        slips=(
            (9.375, "That is exactly 5. Whoever has all 6 right has 5 or more, too."),
            (1.5625, "That is all 6 right. Five of six can come about in six ways besides."),
            (83.3, "That is the share of right answers, not how easily luck brings it about."),
            (50, "Half is the chance of one trial. Five or more of six is much rarer."),
        ),
    ),
    Several(
        "Somebody takes ten bars from a training chorale and changes them. Which changes will `longest_copy` see through?",
        (
            Option("They move them to another key.", "It compares how the voices move, in any key.", right=True),
            Option(
                "They change one note in each bar.",
                "Each change ends a run, and only short ones are left. A thief with patience is not caught.",
            ),
            Option(
                "They double all note values.",
                "It looks at the chords from one change to the next, whatever the rhythm.",
                right=True,
            ),
            Option(
                "They keep the soprano and write new lower voices.",
                "A run is of whole chords. With other lower voices the chords are others.",
            ),
        ),
    ),
)
