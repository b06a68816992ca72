"""Quiz of lesson 10: your own music."""

from musiclab.quiz import Choice, Listen, Number, Option, Several
from musiclab.score import Score

#: The beginning of the Ode to Joy, low: onset, length, pitch.
_TUNE = tuple((float(beat), 1.0, pitch) for beat, pitch in enumerate((54, 54, 55, 57, 57, 55, 54, 52, 50, 50, 52, 54))) + (
    (12.0, 1.5, 54),
    (13.5, 0.5, 52),
    (14.0, 2.0, 52),
)
#: What is held above it now and then.
_ABOVE = ((2.0, 2.0, 69), (6.0, 2.0, 67), (9.0, 3.0, 66), (14.0, 2.0, 64))


def _piece_tune_skyline() -> tuple[Score, ...]:
    """Make a piece in one voice, its tune, and its skyline."""
    from musiclab.melody import find_melody

    piece = Score([*_TUNE, *_ABOVE], tempo=112)
    return piece, Score(_TUNE, tempo=112), find_melody(piece).score


QUIZ = (
    Several(
        "You fine-tune on a folder and report how surprised the model is by the tunes that were held out. Which of these make"
        " the figure look better than it is?",
        (
            Option(
                "A second take of a held-out tune is among the training tunes.",
                "The model has learned the tune from its twin. Near-duplicates belong on one side.",
                right=True,
            ),
            Option(
                "Old tunes of the first training are mixed in.",
                "They keep the model from forgetting, and tell it nothing about your held-out tunes.",
            ),
            Option(
                "Of ten trainings with other rates you keep the one that is best on the held-out test tunes.",
                "Then they have decided something, and the winner was partly lucky with them. Decide by the validation tunes.",
                right=True,
            ),
            Option(
                "The held-out tunes, moved to another key, are among the training tunes.",
                "A tune in another key is the same tune. What was learned from it is no longer held out.",
                right=True,
            ),
            Option(
                "The validation tunes decide when the training stops.",
                "That is what they are for. The test tunes are others and have decided nothing.",
            ),
        ),
    ),
    Number(
        "You have 31 blues of twelve bars in 4/4, on the grid of sixteenths. How many steps does the model read of them in an"
        " epoch?",
        31 * 12 * 16,
        "31 times 12 bars of 16 sixteenths each. The melody model has read nearly two million.",
        unit="steps",
        slips=(
            (31 * 12 * 4, "Those are quarters. Each has four steps."),
            (31 * 12, "Those are the bars. Each has sixteen steps."),
            (31 * 16, "Those are the steps of one bar of each tune. A tune has twelve."),
        ),
    ),
    Listen(
        "A is a piece in one track: a tune in the middle, and a held note above it now and then. B and C are two lines that"
        " were taken out of it. Which is the skyline?",
        _piece_tune_skyline,
        (
            Option(
                "B",
                "You know this tune, and so you follow it. The skyline knows no tunes: it asks at each moment which note is"
                " highest.",
            ),
            Option(
                "A",
                "A is the whole piece. A skyline has one note at a time.",
            ),
            Option(
                "C",
                "It takes the highest note of each moment, and leaves the tune wherever something sounds above it. That is why"
                " you are told by which rule a melody was found.",
                right=True,
            ),
        ),
    ),
    Choice(
        "`align` is given a recording of raindrops and says that it cannot tell where the beats are. Would it be better if it"
        " gave the most probable grid all the same?",
        (
            Option(
                "Yes: some grid is better than none, and a model can learn from it.",
                "It would learn bars that nobody played, and nothing would tell you which of your files they came from.",
            ),
            Option(
                "No: a grid that stands on hundredths of a second gives wrong bars, and nobody notices.",
                "A file that is declined can be looked after. A wrong grid goes into the training without a word.",
                right=True,
            ),
            Option(
                "It makes no difference, since the model does not look at the beat.",
                "It does: the position in the bar and the number of the bar are told to it at each step.",
            ),
        ),
    ),
    Number(
        "Your tunes have 6,000 steps. `fine_tune` mixes in three steps of old tunes for two of yours. How many old steps is"
        " that?",
        9000,
        "6,000 times 3 / 2. So more than half of what the model reads is old music.",
        unit="steps",
        slips=(
            (4000, "That is two old steps for three of yours: the other way round."),
            (15000, "That is both together."),
            (18000, "That is three old steps for each one of yours."),
            (3600, "That would be 3 / 5 of your steps. The old ones are 3 / 5 of all."),
        ),
    ),
    Choice(
        "After a training the blues are less surprising by 14 %, and the old tunes more surprising by 8 %. `fine_tune` goes"
        " back along the line between the old weights and the new until the old tunes are at 4 %. What do you expect of the"
        " blues?",
        (
            Option(
                "They are at half of the 14 %, because half of the forgetting is undone.",
                "That would be so if both rose evenly along the line. The picture in section 6 shows a curve that hangs through.",
            ),
            Option(
                "They are at 0 %: weights between two models belong to neither of them.",
                "For two models that were trained apart this may be so. These two are close: the one grew out of the other.",
            ),
            Option(
                "They are better than 14 %, since every model on the way knows both kinds.",
                "The blues were best where the training ended. On the way back some of it is given up; the question is how much.",
            ),
            Option(
                "They keep more than half of the 14 %.",
                "The first part of the way brings most of what is learned and costs little. What is forgotten comes late.",
                right=True,
            ),
        ),
    ),
    Choice(
        "How long is the longest run of notes that is shared? The numbers are: samples with tunes that were learned from /"
        " samples with tunes that were held out / held-out tunes with tunes that were learned from. Which row would alarm you?",
        (
            Option("9 / 9 / 9", "Long runs, but these tunes share as much with each other. It is how this folder is made."),
            Option(
                "14 / 7 / 7",
                "The samples share twice as much with what was learned as with what was not: the model quotes.",
                right=True,
            ),
            Option("5 / 5 / 8", "The samples share less with the tunes than the tunes do with each other. That is no copying."),
            Option("7 / 7 / 7", "As much with tunes that it never saw as with those that it learned from. Nothing was quoted."),
        ),
    ),
)
