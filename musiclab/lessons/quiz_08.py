"""Quiz of lesson 08: the chorale machine."""

from musiclab.quiz import Choice, Listen, Number, Option, Several
from musiclab.score import Score

#: The first line of Old Hundredth, a chord a beat, from the soprano down.
_LINE = (
    (67, 62, 59, 55),
    (67, 62, 59, 55),
    (66, 62, 57, 50),
    (64, 59, 55, 52),
    (62, 59, 55, 47),
    (67, 62, 59, 55),
    (69, 66, 57, 50),
    (71, 67, 62, 43),
)


def _moved_and_not() -> tuple[Score, ...]:
    """Set a line of a hymn twice: once with its lower voices moved by two beats, once as they are."""
    settings = []
    for late in (2, 0):
        chords = [(_LINE[beat][0], *_LINE[beat - late][1:]) for beat in range(len(_LINE))]
        notes = [(beat, 1, p, voice) for beat, chord in enumerate(chords) for voice, p in enumerate(chord)]
        settings.append(Score(notes, tempo=84, key="G major"))
    return tuple(settings)


QUIZ = (
    Listen(
        "A line of a hymn, twice. Every voice has the same notes in both, but in one of the two the alto, tenor and bass are"
        " moved by two beats against the soprano. Which one is as it was written?",
        _moved_and_not,
        (
            Option(
                "A",
                "Listen to the chords and not to the tune: where do two voices sound a second or a tritone apart?",
            ),
            Option(
                "B",
                "Here the voices agree at each beat. In the other each voice is as good a melody as here, and together they"
                " clash.",
                right=True,
            ),
            Option(
                "That cannot be said: each voice by itself is the same melody.",
                "It is, and that is the point of section 1: the quality of a chorale lies between the voices. Listen once more.",
            ),
        ),
    ),
    Number(
        "The soprano is on E with the probability 0.2. If it is, the bass is on C with 0.5; without knowing the soprano, with"
        " 0.25. How likely is it that the soprano is on E and the bass on C?",
        0.1,
        "p(S) times p(B | S) is 0.2 times 0.5. This is true whether the two depend on each other or not.",
        within=0.0005,
        slips=(
            (0.05, "That multiplies by the probability of the bass alone, as if it did not hear the soprano."),
            (0.5, "That is the bass given the soprano. How often is the soprano on E in the first place?"),
            (0.7, "Probabilities of things that happen together are multiplied, not added."),
            (0.125, "The soprano's own probability, 0.2, does not occur in that product."),
        ),
    ),
    Choice(
        "The heads choose soprano, alto, tenor, bass. Somebody builds the same network with the order bass, tenor, alto,"
        " soprano. Does it still give a probability for every chord?",
        (
            Option(
                "No. The probabilities of all chords would no longer sum to 1.",
                "Each factor sums to 1 over its own voice, whatever it is told. So does the product.",
            ),
            Option(
                "Yes, and exactly: the product holds in any order. The single factors are others.",
                "p(B) p(T | B) … is as true as p(S) p(A | S) …. Which order a network learns more easily is a question for a"
                " measurement.",
                right=True,
            ),
            Option(
                "Only approximately, because in truth the bass depends on the soprano.",
                "Nothing is left out: the soprano is chosen last and is told the bass. The dependence is in its factor.",
            ),
            Option(
                "Only if the voices do not depend on each other.",
                "If they did not, nobody would have to be told anything. The product with conditions is for voices that do.",
            ),
        ),
    ),
    Number(
        "A batch holds two pieces of one voice: one of 10 steps at 0.4 nats each, one of 5 steps at 0.7 nats each, filled up to"
        " 10 steps. At the filling the model is sure: 0 nats. What is the mean surprise at a step?",
        0.5,
        "10 times 0.4 and 5 times 0.7 are 7.5 nats, over 15 steps of music.",
        unit="nats",
        within=0.0005,
        slips=(
            (0.375, "That is 7.5 nats over 20 steps: the filling has slipped into the mean, and the figure looks too good."),
            (0.55, "That is the mean of the two pieces' means. The longer piece has more steps, and each step counts the same."),
            (7.5, "That is the sum. Divide it by the number of steps that are music."),
        ),
    ),
    Several(
        "Two papers report nats per voice and step on Bach's chorales. Which of these would make their figures impossible to"
        " compare?",
        (
            Option(
                "One model is told the true chord of the step that it predicts.",
                "Then the figure is not the probability of the music any more: part of the answer was given away.",
                right=True,
            ),
            Option(
                "One model was trained on copies in all keys, the other was not.",
                "How a model learns is its own affair. What counts is that both are measured on the same held-out pieces.",
            ),
            Option(
                "One counts all steps, the other only those in which a note begins.",
                "A held note is easy, and most steps hold one. In this lesson the same model had 0.34 nats in the one way and"
                " 1.06 in the other.",
                right=True,
            ),
            Option(
                "One is an LSTM, the other a Transformer.",
                "Different models on the same test: that is what a benchmark is for.",
            ),
            Option(
                "In one, a repeated note and a held note look the same.",
                "The two predict different things then, and one of them has less to guess.",
                right=True,
            ),
        ),
    ),
    Choice(
        "A tune by Bach is forced upon the model, which writes the lower voices as it goes. Afterwards the soprano costs 0.65"
        " nats, and under Bach's own lower voices 0.25. But its notes are the same. Why?",
        (
            Option(
                "The soprano's head was not used, so it is not prepared to judge.",
                "The head is the same in both measurements, and both were made after the whole setting was written.",
            ),
            Option(
                "The lower voices were drawn by chance, and chance is always surprising.",
                "They are drawn from what the model finds likely. Their own figures rise by much less than the soprano's.",
            ),
            Option(
                "Its surprise depends on what the lower voices did before, and they had led somewhere else.",
                "The model read from left to right: its alto, tenor and bass did not know where the tune would go. Bach's did.",
                right=True,
            ),
            Option(
                "The tune was among the training pieces, and with other voices it is not.",
                "The three chorales were held out. And no piece has to be known for its tune to fit or not to fit.",
            ),
        ),
    ),
    Choice(
        "A choir director fills bar 5 of a finished chorale with `gaps=`. Why is it not enough to let the model read bars 1 to"
        " 4 and write bar 5?",
        (
            Option(
                "Because the new bar would not know the key.",
                "The key can be heard in four bars; the model is even told which key fits them best.",
            ),
            Option(
                "Because it must lead into bar 6, which stays as it is.",
                "What was written must make the bars behind it likely, too. A filter that keeps the settings that expected what"
                " comes next does that.",
                right=True,
            ),
            Option(
                "Because the model would begin a new piece after four bars.",
                "It goes on from whatever it has read, as with a prompt.",
            ),
        ),
    ),
)
