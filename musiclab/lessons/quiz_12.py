"""Quiz of lesson 12: game music."""

from dataclasses import replace

from musiclab.quiz import Choice, Listen, Number, Option, Several
from musiclab.score import Score

_CHORDS = ((76, 67, 64, 48), (74, 67, 65, 55), (72, 69, 64, 57), (71, 67, 62, 55))


def _calm_and_excited() -> tuple[Score, ...]:
    """Play two bars slowly and softly, and the same notes fast and loudly."""
    onsets = [(2 * n + late, chord) for n, chord in enumerate(_CHORDS) for late in (0, 1, 1.5)]
    notes = [(o, 1 if o % 2 == 0 else 0.5, p, v) for o, chord in onsets for v, p in enumerate(chord)]
    calm = Score([(*note, 50) for note in notes], tempo=72, key="C major")
    return calm, replace(Score([(*note, 110) for note in notes], key="C major"), tempo=150)


QUIZ = (
    Listen(
        "B is more exciting than A. Which of the four numbers of section 1 is higher in B?",
        _calm_and_excited,
        (
            Option(
                "energy",
                "More notes a second, yes. But energy counts notes begun per quarter, and a quarter is shorter in B.",
            ),
            Option(
                "none",
                "They are the same notes: only tempo and loudness differ. The model knows nothing of these; the scene sets them.",
                right=True,
            ),
            Option("tension", "Tension is dissonance and foreign notes. Listen to the chords: they are the same."),
            Option("register", "That is the mean pitch of what sounds. Sing the highest note of each."),
        ),
    ),
    Number(
        "In a bar of 3/4 nine notes begin, in all voices together, and two more are held over from the bar before. What is its"
        " energy?",
        3,
        "Nine notes begin, and the bar has three quarters. A note counts where it begins, and only there.",
        within=0.005,
        slips=(
            (11 / 3, "The two that are held began in the bar before, and count there."),
            (9, "Those are notes a bar. Energy is per quarter, so that bars of different lengths can be compared."),
            (2.25, "A bar of 3/4 has three quarters, not four."),
            (0.75, "Nine notes for four voices and three quarters? All voices count together."),
        ),
    ),
    Choice(
        "The table in section 5 has a row for the model that was not told what was wanted. What would it mean if that row said"
        " 0.8 for tension?",
        (
            Option(
                "That the model finds out what you want.",
                "It cannot: the wishes were drawn by chance and never reached it.",
            ),
            Option(
                "That the model likes tension.",
                "Then the tension would be high for all wishes alike. A correlation asks whether it rises with the wish.",
            ),
            Option(
                "That telling is hardly needed for tension.",
                "There is nothing from which an untold model could know. So the number cannot come from the model.",
            ),
            Option(
                "That something is wrong with the measurement.",
                "Who is not told cannot obey. A control that obeys says that the wishes leak into what is measured.",
                right=True,
            ),
        ),
    ),
    Number(
        "Two tokens. Not told, the model gives them 0.5 and 0.5; told, 0.8 and 0.2. Which probability has the first one when it"
        " is pushed with f = 2? (Two decimals will do.)",
        1.28 / 1.36,
        "log p is 2 log p(told) - log p(untold), plus a constant: 0.64 / 0.5 = 1.28 and 0.04 / 0.5 = 0.08. Divided by their"
        " sum, 1.36, the first is 0.94.",
        within=0.006,
        slips=(
            (0.8, "That is f = 1: the told model as it is."),
            (1.1, "No probability is above 1. The step is taken with logarithms, and the result is divided by its sum."),
            (1.28, "That is before the two are divided by their sum."),
            (0.5, "That is f = 0: nothing is asked for."),
        ),
    ),
    Several(
        "Bar 5 sounds, bar 6 is written and waits in the browser. In the middle of bar 5 the player opens a door, and the scene"
        " changes. What happens?",
        (
            Option("Bar 5 is played to its end as it was written.", "It is being heard, so nobody can change it.", right=True),
            Option(
                "Bar 5 breaks off, and the new scene begins at once.",
                "A scene changes at a bar line: music that breaks off stumbles.",
            ),
            Option("Bar 6 is taken back and written anew, for the new scene.", "Nobody has heard it yet.", right=True),
            Option(
                "Bar 6 is played in the old scene, and bar 7 in the new one.",
                "Half a bar is left, and writing a bar takes much less than that.",
            ),
            Option(
                "If the new scene was there before, its theme returns in bar 6.",
                "The first four bars of a scene are kept, and come back when it does.",
                right=True,
            ),
        ),
    ),
    Choice(
        "Being told four numbers makes a bar less surprising by 3 % only. Is the model badly trained?",
        (
            Option(
                "Yes. With the right training the surprise would go towards 0.",
                "Then four numbers would settle every note, and each wish would have one single bar.",
            ),
            Option(
                "Yes. It hardly uses what it is told.",
                "It is helped in 29 of 32 bars, and the energy that comes follows the energy that was asked for.",
            ),
            Option(
                "No. Four numbers say how a bar is, and many bars are like that.",
                "What is left open is the music. Whether it obeys is measured by what comes out, in section 4.",
                right=True,
            ),
            Option(
                "No. Surprise cannot be compared, told and not told.",
                "It can: the same notes, the same model, and the same unit. Only what it knew beforehand differs.",
            ),
        ),
    ),
    Number(
        "At a certain tempo a bar lasts 43,902.4 frames. Somebody rounds each bar to a whole number of frames and adds up. By"
        " how many frames is the music off after 1,000 bars?",
        400,
        "Each bar loses 0.4 frames, always in the same direction. If the sum is rounded instead, no bar is off by more than"
        " half a frame.",
        unit="frames",
        slips=(
            (0.4, "That is one bar. The errors all have the same sign, so they add up."),
            (0.5, "That would be so if the sum was rounded. Here each bar is."),
            (0, "The errors cancel only if they are now up, now down. Here each bar is rounded down."),
            (1000, "A bar is off by 0.4 frames, not by a whole one."),
        ),
    ),
)
