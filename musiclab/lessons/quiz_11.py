"""Quiz of lesson 11: composing partner."""

from math import exp

from musiclab.quiz import Choice, Listen, Number, Option, Several
from musiclab.score import Score

_RHYTHM = (1, 1, 0.5, 0.5, 1, 1, 1, 2)
_QUESTION = (67, 71, 69, 71, 74, 72, 71, 69)


def _answered(pitches: tuple[int, ...], lengths: tuple[float, ...] = _RHYTHM) -> Score:
    """Play a phrase of two bars, and an answer."""
    notes, onset = [], 0.0
    for pitch, length in zip(_QUESTION + pitches, _RHYTHM + lengths, strict=True):
        notes.append((onset, length, pitch))
        onset += length
    return Score(notes, tempo=126, key="G major")


def _three_answers() -> tuple[Score, ...]:
    """Answer the phrase as section 1 asks; with an open end; and in another rhythm."""
    return (
        _answered((74, 69, 71, 72, 71, 67, 69, 67)),
        _answered((71, 67, 69, 71, 72, 76, 72, 74)),
        _answered((74, 72, 71, 69, 67), (1.5, 0.5, 2, 1, 3)),
    )


QUIZ = (
    Listen(
        "Three answers to the same phrase of two bars in G major. Which of them does both things that section 1 asks of an"
        " answer?",
        _three_answers,
        (
            Option("A", "It has the rhythm of the phrase, note for note, its own pitches, and it closes on G.", right=True),
            Option("B", "The rhythm is that of the phrase. But hum its last note: is this a close, or does it go on asking?"),
            Option("C", "It does close on G. But clap the phrase and then the answer: are they the same rhythm?"),
        ),
    ),
    Number(
        "A phrase in 3/4 begins at 2, with an upbeat, and ends at 10; all in quarters. When does its answer begin?",
        11,
        "The phrase lasts 8 quarters, which is two bars and two thirds. Rounded up these are three bars, 9 quarters after 2:"
        " the answer has an upbeat, too.",
        slips=(
            (10, "There the phrase is over. But the answer has to fall on the same beats as the phrase, whole bars after it."),
            (12, "There is the next bar line. The phrase began with an upbeat, and so does its answer."),
            (8, "The phrase still sounds at 8: its bars are rounded up, not down."),
            (9, "Three bars, yes. But they are counted from the beginning of the phrase, and that is 2."),
        ),
    ),
    Several(
        "Which of these hold for every answer that you are shown, whatever the model thinks?",
        (
            Option("It has the rhythm of your phrase.", "Where you have no onset the model may not begin a note.", right=True),
            Option(
                "All its notes lie in the key.",
                "Nobody asked for that. The share is measured and written beside the answer, because it may be less than 100 %.",
            ),
            Option(
                "It ends on the tonic.",
                "Many are drawn, and those that end elsewhere are set aside. None that does is left.",
                right=True,
            ),
            Option(
                "It shares no long run with a known tune.",
                "The longest run is shown to you, and nothing is thrown away for it. You decide.",
            ),
        ),
    ),
    Choice(
        "The likeliest answers share longer runs with known tunes than the least likely ones. Why?",
        (
            Option(
                "Because the model stores its training tunes and reads them out.",
                "It keeps weights and no tunes. And the tunes themselves, the yardstick, share runs with each other, too.",
            ),
            Option(
                "Because the list is sorted by the runs that are shared.",
                "It is sorted by likelihood. The runs are looked up afterwards.",
            ),
            Option(
                "Because likely answers have fewer notes.",
                "All answers have the rhythm of the phrase, so all have the same number of notes.",
            ),
            Option(
                "Because likely means: as in many tunes that the model has read.",
                "What often came is what it expects. The same holds for every model that learned by likelihood.",
                right=True,
            ),
        ),
    ),
    Number(
        "`vary` has two candidates for a bar. With the first the bars that stay cost 30 nats, with the second 33. How many"
        " times as likely is the first to be drawn?",
        exp(3),
        "A weight is the probability of the bars that follow, e to the power of minus the nats. The ratio is e to the power of"
        " 3, about 20.",
        unit="times",
        within=0.3,
        slips=(
            (1.1, "Nats are logarithms: what counts is their difference, and not their ratio."),
            (3, "That is the difference of the logarithms. Take e to its power."),
            (1000, "Nats are natural logarithms: e to the power of 3, and not 10."),
            (8, "That would be the ratio if these were bits. In nats the base is e."),
        ),
    ),
    Choice(
        "Of the endings, 100 % are on the tonic. Which figure says whether the model understands closes?",
        (
            Option(
                "This one. It could not be higher.",
                "Everything that ended elsewhere was thrown away. A model that draws notes by dice would get 100 %, too.",
            ),
            Option(
                "How many nats a step an ending costs.",
                "That says how predictable it is. A phrase that never closes can be predictable.",
            ),
            Option(
                "The share of plain continuations on the tonic, beside that of real tunes.",
                "There nobody asked for the tonic, so the model shows what it does by itself. It had 31 %, and the tunes 35 %.",
                right=True,
            ),
            Option(
                "How many notes of the endings lie in the key.",
                "A tune may lie in the key from beginning to end and stop anywhere.",
            ),
        ),
    ),
    Choice(
        "For one of forty phrases `ending` returns an empty list. What should a program do with it?",
        (
            Option(
                "Put the tonic at the next bar line, whatever the model says.",
                "Then you get an ending that nobody looked for, and cannot tell it from one that was found.",
            ),
            Option(
                "Tell the user that none was found, and offer to look further.",
                "An empty list is an answer: in 96 continuations no bar line had the tonic and an end that the model expected.",
                right=True,
            ),
            Option(
                "Treat it as an error: the model is broken.",
                "It did what it was asked, and found nothing that meets the conditions. With another seed it may.",
            ),
        ),
    ),
)
