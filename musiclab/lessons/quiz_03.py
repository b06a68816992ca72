"""The quiz of lesson 03, Networks with memory."""

from __future__ import annotations

from musiclab.quiz import Choice, Listen, Number, Option, Several
from musiclab.score import Score


def _rhythms() -> tuple[Score, ...]:
    """The clave, a stroke every fourth step, and a rhythm of eight steps: each for 32 steps of an eighth."""
    rounds = ("x..x..x...x.x..." * 2, "x..." * 8, "x..x.x.." * 4)
    return tuple(
        Score([(step / 2, 0.5, 72) for step, sign in enumerate(steps) if sign == "x"], tempo=180, time_signature=(4, 4))
        for steps in rounds
    )


QUIZ = (
    Choice(
        "A network without memory sees only the present step, 1 or 0. One of these rhythms, which go round, it can learn to a "
        "loss of 0. Which?",
        (
            Option("`xx..`", "After a stroke comes a stroke or silence, after silence a stroke or silence: it is never sure."),
            Option("`x..`", "After a stroke it is sure. But after silence comes silence or a stroke."),
            Option(
                "`x.`",
                "After a stroke always silence, after silence always a stroke: the present step settles the next one.",
                right=True,
            ),
            Option("`x.x..`", "Silence is followed by a stroke at one place of the round and by silence at another."),
        ),
    ),
    Number(
        "What is the least loss, in nats a step, of a network that sees only the present step, for the rhythm `x..` that goes "
        "round? (Two decimals.)",
        0.462,
        "After the stroke it is sure: 0. After a silent step a stroke comes in one of two cases: ln 2 = 0.693. Two of three "
        "steps are silent, so the mean is 2 · 0.693 / 3 = 0.46.",
        unit="nats a step",
        within=0.006,
        slips=(
            (
                0.693,
                "That is the surprise at a step after silence. A third of the steps come after a stroke, and there it is sure.",
            ),
            (0.637, "That is for a network that sees nothing and only knows that one step in three is a stroke."),
            (0.231, "You counted one unsure step in three. The silent steps are two in three."),
            (0.347, "The mean of ln 2 and 0 would be right if strokes and silent steps were equally many."),
            (0.667, "That is in bits: a logarithm to the base 2."),
            (0, "After a silent step two things can follow, and with one step in sight it cannot know which."),
        ),
    ),
    Listen(
        "A network sees the last four steps of an eighth, and nothing before. One of these three rhythms it could play for ever "
        "without being unsure. Which?",
        _rhythms,
        (
            Option(
                "A",
                "This is the clave. Its first two figures sound the same and go on differently, and four steps do not tell them "
                "apart.",
            ),
            Option(
                "B",
                "A stroke and three silent steps, again and again. Whoever sees four steps sees the last stroke, and can count "
                "from there.",
                right=True,
            ),
            Option(
                "C",
                "After the four steps `..x.` it goes on with a stroke at one place of its round and with silence at another. In "
                "four steps one cannot hear which place it is.",
            ),
        ),
    ),
    Number(
        "A forget gate stays at 0.95. How many percent of a value of the memory are left after 20 steps? (To the nearest "
        "percent.)",
        36,
        "Each step leaves 95 % of what is there: 0.95 to the power of 20 is 0.358.",
        unit="%",
        within=1,
        slips=(
            (0, "You took away 5 % of the beginning twenty times. Each step takes 5 % of what is still there."),
            (95, "That is what a single step leaves."),
            (64, "That is what is lost."),
            (5, "That is what one step takes away."),
        ),
    ),
    Choice(
        "A fresh network of radius 1.5 explodes without tanh: over 64 steps the reach is 6 · 10^10. With tanh, on the clave, "
        "the same network is below 1 % after 88 steps. Why?",
        (
            Option(
                "Because training has made its weights smaller",
                "It was not trained at all. Look at what stands beside W_hh in the matrix of one step.",
            ),
            Option(
                "Because the input has silent steps, in which no gradient flows",
                "The gradient of the reach goes from state to state, through W_hh, at silent steps as well.",
            ),
            Option(
                "Because tanh limits the states to -1 to 1, and a gradient cannot be larger than 1",
                "A gradient may well be larger than 1: in the explorer a plain network of radius 2 explodes in spite of tanh.",
            ),
            Option(
                "Because large states lie where tanh is flat, and each step back multiplies with that slope",
                "A matrix of one step is diag(1 - h²) · W_hh. Where h is near -1 or 1 the first factor is near 0 and wins over "
                "1.5.",
                right=True,
            ),
        ),
    ),
    Choice(
        "The trained network plays the clave for ever. Yet its reach over 128 steps is less than a thousandth. How do the two go "
        "together?",
        (
            Option(
                "Not at all: one of the measurements must be wrong",
                "Both were checked. One asks what the network does, the other what a small disturbance long ago changes.",
            ),
            Option(
                "It goes back to its rhythm after any small disturbance; so a disturbance leaves no trace, and that is what the "
                "gradient measures",
                "The rhythm is safe because disturbances die out. For the same reason nothing far back can be taught any more.",
                right=True,
            ),
            Option(
                "It knows the 32 steps of its training by heart and starts over",
                "It has no list of steps to start over. It goes from state to state, and after a round the state is the same "
                "again.",
            ),
            Option(
                "The gradient matters while it learns; afterwards it is no longer defined",
                "The gradient can be computed at any time, and here it was computed after the training.",
            ),
        ),
    ),
    Several(
        "A plain network of radius 0.5 has to name the first of 32 notes, and learns nothing: the gradient has vanished. Which "
        "of these go to the root of it?",
        (
            Option(
                "Clip the gradient at a limit of 1",
                "Clipping shortens what is too long. What arrives here is far too short.",
            ),
            Option(
                "Begin with a W_hh that changes no length",
                "Then at least the matrix takes nothing away on the way back. (tanh still does.)",
                right=True,
            ),
            Option(
                "Give it a memory with a gate near 1",
                "One step back multiplies with the gate, so much arrives even after 32 steps.",
                right=True,
            ),
            Option(
                "Cut the sequences into pieces of 8 steps for the training",
                "Then the slopes stop at each cut, and nothing of the end reaches the first note.",
            ),
            Option(
                "Give it 64 units in place of 16",
                "The task needs one bit of room. With the same radius, each step back loses as much as before.",
            ),
        ),
    ),
)
