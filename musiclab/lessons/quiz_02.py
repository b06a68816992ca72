"""The quiz of lesson 02, Music as data."""

from __future__ import annotations

from musiclab.quiz import Choice, Listen, Number, Option, Several
from musiclab.score import Score


def _tune_and_three() -> tuple[Score, ...]:
    """Two bars of the minuet; then its pitches in another rhythm, its intervals upside down, and the tune five semitones up."""
    from dataclasses import replace

    from musiclab.bundle import DATA
    from musiclab.files import read_score

    tune = replace(read_score(DATA / "tunes" / "minuet_in_g.abc").slice(0, 6), title="", key=None)  # no words to give it away
    turned, moved = tune.notes.copy(), tune.notes.copy()
    turned["pitch"] = 2 * int(tune.notes["pitch"][0]) - tune.notes["pitch"].astype(int)
    moved["duration"] = [0.5, 0.5, 1.0, 0.5, 0.5, 1.0, 1.5, 0.5]
    moved["onset"] = [0.0, 0.5, 1.0, 2.0, 2.5, 3.0, 4.0, 5.5]
    return tune, replace(tune, notes=moved), replace(tune, notes=turned), tune.transpose(5)


QUIZ = (
    Number(
        "A tone has the MIDI number 93. What is its frequency?",
        1760,
        "93 is 69 + 24: two octaves above A4. Each octave doubles the frequency: 440, 880, 1,760 Hz.",
        unit="Hz",
        within=0.5,
        slips=(
            (880, "That is one octave above A4, MIDI number 81."),
            (1320, "You added 440 for each octave. An octave multiplies by 2, wherever it begins."),
            (593.04, "You took 440 · 93 / 69. Equal steps of the number are equal factors of the frequency, not equal shares."),
            (464, "You added 24 Hz. The 24 counts semitones."),
        ),
    ),
    Listen(
        "A is the beginning of a tune. Which of the others has all of its intervals and its rhythm?",
        _tune_and_three,
        (
            Option(
                "B",
                "The pitches are those of A, one after the other, but their lengths are not. Clap both, and you hear it.",
            ),
            Option(
                "C",
                "The rhythm is that of A. But where A falls this one rises, by as many semitones: the intervals have the other "
                "sign.",
            ),
            Option(
                "D",
                "It is A, moved up by five semitones. Every number of its pitch column is another, and to the ear it is the "
                "same tune.",
                right=True,
            ),
        ),
    ),
    Number(
        "A bar of 4/4 holds a chord of three notes that lasts a half note, then a rest of a quarter, then a note of a quarter. "
        "How many rows does the table of a Score have for it?",
        4,
        "The chord is three rows with the same onset, the rest is no row at all, the last note is one: 4.",
        unit="rows",
        slips=(
            (
                3,
                "That is the number of objects in music21: chord, rest, note. In the table a chord is a row for each note.",
            ),
            (5, "A rest needs no row. It is where nothing sounds."),
            (2, "Notes that begin together are still notes, each with a pitch of its own."),
        ),
    ),
    Number(
        "In a MIDI file stand the bytes `82 05` where a waiting time is due. How many ticks?",
        261,
        "82 to the base 16 is 128 + 2: the 2 counts, and another byte follows. 2 · 128 + 5 = 261.",
        unit="ticks",
        slips=(
            (33285, "You read both bytes as one number to the base 256. The top bit of a byte is no part of the number here."),
            (517, "Each byte carries 7 bits, so the 2 is worth 2 · 128, not 2 · 256."),
            (135, "You added the bytes without their places."),
            (7, "The 2 stands in front of seven further bits: it is worth more than 2."),
            (130, "The first byte says that another one follows."),
            (642, "The first byte is the large part: it was written first."),
        ),
    ),
    Several(
        "You write a piece as a MIDI file and read it back. What is sure to have survived?",
        (
            Option(
                "That a note is an A flat and not a G sharp",
                "Both are key 68, and the number is all that the file has. The reader guesses the name.",
            ),
            Option("That a note comes a little late", "The waiting times are counted in ticks, and a tick is short.", right=True),
            Option("How hard each key is struck", "Each note that goes down brings its velocity.", right=True),
            Option(
                "That a long note was written as two heads with a tie",
                "It is one key press: down, and later up. How it was drawn is not in the file.",
            ),
            Option("Which notes sound together", "They go down after a wait of 0 ticks and are down at once.", right=True),
            Option(
                "Where the bar lines stand",
                "A file may state a time signature, and then one can count. It need not, and an upbeat leads the count astray.",
            ),
        ),
    ),
    Choice(
        "Somebody plays a song in eighth notes, at tempo 120, and is up to 100 thousandths of a second early or late. How many "
        "lines a quarter should the grid have, so that each note ends up where it is written?",
        (
            Option("1", "Half of the eighth notes lie between the lines of this grid. They have no place to go."),
            Option(
                "4",
                "A line then stands every 125 thousandths of a second, and a note that is 100 off lies nearer to a wrong one.",
            ),
            Option(
                "16",
                "So fine a grid keeps the errors and writes them down as notation.",
            ),
            Option(
                "2",
                "A quarter lasts half a second, so the lines stand 250 thousandths apart, and an error of less than 125 goes "
                "back to the right one. And each eighth has a line.",
                right=True,
            ),
        ),
    ),
    Choice(
        "A student moves each of 500 songs into twelve keys, shuffles the 6,000 pieces, and puts 600 aside as a test. The "
        "network does very well on them. What does that say about music that it has not seen?",
        (
            Option(
                "That it will do as well there, for none of the 600 was trained on",
                "None of them as it stands. But what is a tune to a network that has met it in other keys?",
            ),
            Option(
                "Next to nothing: nearly every test piece has its own tune among the training pieces, in another key",
                "A network that learnt 500 tunes by their intervals knows all the answers. Put songs aside first, then "
                "transpose.",
                right=True,
            ),
            Option(
                "Next to nothing: 600 pieces are too few to measure on",
                "600 pieces have tens of thousands of notes. The number is not the trouble.",
            ),
            Option(
                "That it will do better there, for twelve keys are harder than one",
                "How hard the pieces are says nothing, as long as the answers were in the training pieces.",
            ),
        ),
    ),
)
