"""The quiz of lesson 05, Preprocessing."""

from __future__ import annotations

from musiclab.quiz import Choice, Listen, Number, Option, Several
from musiclab.score import Score


def _through_three() -> tuple[Score, ...]:
    """The beginning of Greensleeves after a grid of two steps a quarter, after note names, and after a grid of four steps."""
    from dataclasses import replace

    from musiclab.bundle import DATA
    from musiclab.encoding import GridEncoding, NoteNameEncoding
    from musiclab.files import read_score

    tune = replace(read_score(DATA / "tunes" / "greensleeves.abc"), title="")
    coarse, names, fine = (
        encoding.decode(encoding.encode(tune))
        for encoding in (GridEncoding(steps_per_quarter=2), NoteNameEncoding.of([tune], step=0.5), GridEncoding())
    )
    # Named notes have no tempo and no metre, so all three get those of the tune.
    return tuple(Score(score.notes, tempo=90, time_signature=(6, 8)).slice(0, 13) for score in (coarse, names, fine))


QUIZ = (
    Number(
        "Three pieces have 150, 90 and 100 tokens. You cut windows of 100 tokens with a target each, and no window may leave its "
        "piece. How many windows are there?",
        50,
        "The first piece gives 150 - 100 = 50. The second is too short, and the third has a window but no token left as its "
        "target.",
        unit="windows",
        slips=(
            (51, "One window too many: does each one have a token behind it that can be its target?"),
            (52, "150 - 100 + 1 counts a window whose target would lie behind the end of the piece. So does 100 - 100 + 1."),
            (240, "You joined the pieces to one long row. Most of those windows begin in one piece and end in another."),
            (240 + 1, "You joined the pieces, and the last of those windows has no target."),
            (1, "Windows overlap: each begins one token after the one before."),
            (3, "Windows overlap, and a piece that is too short gives none."),
        ),
    ),
    Listen(
        "Greensleeves begins in three versions. Each has been turned into tokens and back: by two grids and by note names. "
        "Which one went through note names?",
        _through_three,
        (
            Option(
                "A",
                "There are still long notes and short ones, and silence at the beginning. Something else has gone: the shortest "
                "notes and the dotted rhythm. This grid has too few steps.",
            ),
            Option(
                "B",
                "All notes are equally long, and the silence at the beginning is gone: a name tells which pitches, and nothing "
                "about time.",
                right=True,
            ),
            Option(
                "C",
                "This is the tune as it was written, with its rhythm and the silence before the upbeat. Nothing has been lost.",
            ),
        ),
    ),
    Several(
        "Which of these make the figure of the test look better than it should?",
        (
            Option(
                "All windows are cut, shuffled, and a tenth of them is the test",
                "Nearly every test window has a neighbour in the training set that shares all tokens but one with it.",
                right=True,
            ),
            Option(
                "Families of pieces are split; then the training pieces are moved into all keys",
                "What is moved stays on its side. This is augmentation as it should be.",
            ),
            Option(
                "All pieces are moved into all keys; then the pieces that result are split at random",
                "The same melody then stands on both sides, in two keys.",
                right=True,
            ),
            Option(
                "Families are split; of ten settings the one with the best test loss is reported",
                "The test has chosen the setting, so its figure is too good. Choosing is the job of the validation pieces.",
                right=True,
            ),
            Option(
                "Pieces are split at random, and a tune stands in two books under two names",
                "One may be for training and the other for the test. `duplicate_groups` finds such pairs.",
                right=True,
            ),
            Option(
                "Families are split, and the list of token names is made from the training pieces alone",
                "That is careful. A name that only the test has is then unknown to the network, as in real use.",
            ),
        ),
    ),
    Choice(
        "Somebody writes a grid without HOLD: as long as a note lasts, its pitch is written again at each step. What can no "
        "longer be told apart?",
        (
            Option("A note and a rest", "REST is still there: a step without a note looks different from one with a pitch."),
            Option(
                "A quarter note and four sixteenths of the same pitch",
                "Both are four times the same pitch. HOLD says: it sounds on, it does not begin anew.",
                right=True,
            ),
            Option("A high note and a low one", "Each step still names its pitch."),
            Option("A quarter note and a half note", "Alone they can be counted: four steps and eight."),
        ),
    ),
    Number(
        "How many tokens does a bar of 6/8 have on a grid of twelve steps a quarter?",
        36,
        "Six eighths are three quarters, and each has twelve steps: 36. That is three times as many as on the grid of four "
        "steps.",
        unit="tokens",
        slips=(
            (72, "You took six quarters. An eighth is half of one."),
            (12, "That is the bar on a grid of four steps a quarter."),
            (48, "That is a bar of 4/4."),
            (24, "A bar of 6/8 lasts three quarters, not two."),
        ),
    ),
    Choice(
        "Instead of the alphabet you number the notes by pitch, C2 = 0 and so on up, and feed the number to the network. What "
        "does the input still claim that may be wrong?",
        (
            Option(
                "Nothing: near numbers are now near pitches",
                "Near in pitch, yes. But is a C closer to the C sharp beside it than to the next C, in a tune in C major?",
            ),
            Option(
                "That the order of the names depends on chance",
                "The order of pitches is the same at every start. Look at what a network does with a number.",
            ),
            Option(
                "That a note far up is many times as much as a low one, and that a neighbour on the keyboard is nearly the same "
                "note",
                "A network multiplies its inputs. With one-hot rows or an embedding no token is larger than another, and "
                "training decides which are alike.",
                right=True,
            ),
            Option(
                "That all notes are equally far apart",
                "That is what one-hot rows say. Numbers say something else.",
            ),
        ),
    ),
    Choice(
        "You saved the weights of a network with 33 outputs, for the 33 names of the Prelude, but not the list of names. A week "
        "later you add a piece that has other notes, too, and make the list again, with `sorted`. You build the network with 33 "
        "outputs as before, load the weights, and number the Prelude by the new list. What happens?",
        (
            Option(
                "All is well, since `sorted` always gives the same order",
                "It does for the same names. The new piece brings others.",
            ),
            Option(
                "Only the new names are wrong, for they stand at the end",
                "Sorted means that a new name stands where the alphabet puts it, and that may be anywhere.",
            ),
            Option(
                "The network notices that the names are others and refuses to run",
                "Its layers have the size that the weights have, so they fit. It sees numbers only, and cannot notice what they "
                "stand for.",
            ),
            Option(
                "New names come in between, later ones get other numbers, and the weights stand for other notes",
                "So the list belongs to the trained network and is saved with it. That is what a bundle does.",
                right=True,
            ),
        ),
    ),
)
