"""The quiz of lesson 00, Start here."""

from __future__ import annotations

from musiclab.quiz import Choice, Listen, Number, Option, Several
from musiclab.score import Score


def _two_written_one_thrown() -> tuple[Score, ...]:
    """Two tunes that the network wrote, and between them the rhythm of a third with pitches that chance alone chose."""
    from dataclasses import replace

    import numpy as np

    from musiclab.bundle import load_bundle
    from musiclab.generation import generate

    melody = load_bundle("melody")
    first, rhythm, third = (generate(melody, length=16, seed=seed, stop=False) for seed in (24, 23, 37))
    notes = rhythm.notes.copy()
    notes["pitch"] = np.random.default_rng(0).integers(57, 82, len(notes))
    return first, replace(rhythm, notes=notes), third


QUIZ = (
    Choice(
        "You run `generate(melody, length=64, seed=22)` a hundred times. What do you have?",
        (
            Option(
                "A hundred different tunes",
                "The draws are not made anew: they follow from the seed. Change the seed with each call to get different tunes.",
            ),
            Option(
                "A hundred tunes that get better and better",
                "Writing is not training. The weights in the bundle stay as they are, however often it writes.",
            ),
            Option(
                "The same tune a hundred times",
                "The probabilities follow from the weights and the notes so far, the draws from the seed. Nothing else plays a "
                "part.",
                right=True,
            ),
            Option(
                "Tunes that begin alike and then part",
                "They would part at the first draw that differs, and with one seed no draw differs.",
            ),
        ),
    ),
    Listen(
        "Two of these three were written by the network. In the third, every pitch between A3 and A5 was equally likely at each "
        "note (the rhythm is the network's). Which is the third?",
        _two_written_one_thrown,
        (
            Option(
                "A",
                "Listen for the small steps and the notes that come back: this melody stays on a few pitches that go together.",
            ),
            Option(
                "B",
                "It leaps about and settles on no pitches. Equal chances make no tune. The network draws, too, but it makes some "
                "notes far likelier than others.",
                right=True,
            ),
            Option(
                "C",
                "Sing it after hearing it twice: most of its notes lie close to the one before. That is a habit of tunes, and "
                "equal chances do not have it.",
            ),
        ),
    ),
    Number(
        "A waltz in 3/4 is 8 bars long, at tempo 90. How many seconds does it last?",
        16,
        "8 bars of 3 quarters are 24 quarters, and at tempo 90 each lasts 60 / 90 of a second: 16 seconds.",
        unit="seconds",
        within=0.05,
        slips=(
            (24, "That is the number of quarters. At tempo 60 they would be seconds, too."),
            (36, "You multiplied with 90 / 60. A higher tempo makes a piece shorter, not longer."),
            (21.33, "That counts 4 quarters a bar. In 3/4 there are 3."),
            (5.33, "That is the time of 8 quarters. A bar of 3/4 has three of them."),
            (12, "That is right for tempo 120, at which a quarter lasts half a second."),
        ),
    ),
    Choice(
        "In a piece in 3/4 a note has onset 6.00 and duration 0.50. Where in the piano roll is its block?",
        (
            Option("At the start of bar 2", "Bar 2 begins when three quarters have passed, at onset 3."),
            Option("At the start of bar 6", "Onsets count quarters, not bars."),
            Option("It is the sixth block", "The onset says when a note begins, not how many notes came before it."),
            Option("In the middle of bar 2", "Bar 2 reaches from 3 to 6, so its middle is 4.5."),
            Option(
                "At the start of bar 3",
                "Onsets are counted from 0: bar 1 is 0 to 3, bar 2 is 3 to 6. The block is half a quarter long.",
                right=True,
            ),
        ),
    ),
    Several(
        "You give a friend `first_tune.mid` and nothing else. What can she read in it?",
        (
            Option("When each note begins", "A MIDI file holds notes, and a note has an onset.", right=True),
            Option(
                "What other notes the network held for likely",
                "The probabilities were gone as soon as the note was drawn. The file holds what was chosen.",
            ),
            Option(
                "How the piano of the player sounds",
                "No sound is in it. Her program plays the notes with an instrument of its own.",
            ),
            Option("How high each note is", "The pitch of each note is there, as a number.", right=True),
            Option("With which seed it was written", "The seed decided the draws, and only their result was saved."),
            Option("How long each note lasts", "Its duration is there: it can be drawn as a piano roll.", right=True),
        ),
    ),
    Choice(
        "The card of the bundle says: test nats/step 0.81, and for a Markov model 1.06. What does that tell you?",
        (
            Option(
                "It is right at 81 % of the steps",
                "Nats measure surprise, not a share of right answers. A surprise can be larger than 1.",
            ),
            Option(
                "Its tunes sound better than those of the Markov model",
                "That may be so, but a surprise at other people's tunes does not measure how the own ones sound.",
            ),
            Option(
                "It knows its training tunes better than the Markov model",
                "The test tunes are none of the training tunes. How well those are known, this number does not say.",
            ),
            Option(
                "Tunes that it never saw surprise it less than they surprise the Markov model",
                "Test means: not seen in training. And the lower the surprise, the better it foresaw what came.",
                right=True,
            ),
        ),
    ),
    Choice(
        "4 % of the runs of eight intervals in the twenty jigs stand in Ryan's collection. May you say: 4 % of what the network "
        "writes is copied from its training tunes?",
        (
            Option(
                "Yes, for that collection was part of the training",
                "A part, yes: one of four. A run that stands only in one of the other three was not counted.",
            ),
            Option(
                "No: the other three collections were not searched, so the share may be higher",
                "The number says something about one book. Lesson 01 asks again, with all the tunes that it learnt from.",
                right=True,
            ),
            Option(
                "No: a run that was moved up or down would not be found, so the share may be higher",
                "It would be found: intervals stay the same when a tune is moved.",
            ),
            Option(
                "No: the network draws its notes at random, so nothing can be copied",
                "The draws follow learnt probabilities. After a run from a training tune, its next note may be the likeliest.",
            ),
        ),
    ),
)
