"""The quiz of lesson 04, The LSTM, gate by gate."""

from __future__ import annotations

from musiclab.quiz import Choice, Listen, Number, Option, Several
from musiclab.score import Score


def _told_and_lied_to() -> tuple[Score, ...]:
    """Six bars of 6/8 by the network: as it is, and with a table of positions that says "first step of the bar" at each step."""
    from dataclasses import replace

    from musiclab.bundle import load_bundle
    from musiclab.generation import generate

    melody = load_bundle("melody")
    weights = {name: weight.copy() for name, weight in melody.weights.items()}
    weights["embedding_1/embeddings"][:] = weights["embedding_1/embeddings"][0]
    deceived = replace(melody, weights=weights)
    return tuple(generate(bundle, 18, time_signature=(6, 8), seed=8, stop=False) for bundle in (deceived, melody))


QUIZ = (
    Number(
        "A cell state is -2. At the next step f = 0.25, i = 1 and g = 0.8. What is the new cell state?",
        0.3,
        "c = f · c + i · g = 0.25 · (-2) + 1 · 0.8 = 0.3.",
        within=0.001,
        slips=(
            (-0.7, "You kept 1 - f of the old. f is the share that is kept, though it is called the forget gate."),
            (-1.8, "The gates are exchanged: f belongs to the old cell state, i to the candidate."),
            (-1.2, "The whole old cell state is still in it. The forget gate acts first."),
            (-0.5, "That is what is kept of the old. The new is missing."),
            (0.291, "That is tanh of the new cell state, which is on its way to h."),
        ),
    ),
    Several(
        "A unit has stored a 3. It shall hold it for fifty steps without showing it. Which settings does it need all that time?",
        (
            Option("f near 1", "Otherwise a share of the 3 is lost at each step.", right=True),
            Option("i near 1", "Then the candidate of every step is added to the 3."),
            Option("i near 0", "Nothing new may come on top of it.", right=True),
            Option("g near 1", "With the input gate shut, the candidate may be what it likes: it is not let in."),
            Option("o near 0", "Then h is near 0 and the rest of the network does not see the 3.", right=True),
            Option("o near 1", "That would show it: h would be near tanh(3)."),
        ),
    ),
    Choice(
        "Somebody computes the cell candidate with σ in place of tanh, and trains the network like that from the start. What "
        "can a cell state, which begins at 0, no longer do?",
        (
            Option("Become larger than 1", "It can: each step may add up to 1, and a forget gate near 1 keeps what is there."),
            Option(
                "Become negative",
                "With σ the candidate lies between 0 and 1, and so do f and i. From sums and products of such numbers nothing "
                "below 0 can come.",
                right=True,
            ),
            Option("Become smaller", "It can: a forget gate below 1 takes a share of it away."),
            Option("Be forgotten", "Forgetting is the work of f, and f is what it was."),
        ),
    ),
    Number(
        "How many weights has an LSTM layer with 10 inputs and 20 units in Keras?",
        2480,
        "Four times a matrix of 20 · 10, one of 20 · 20 and a bias of 20: 4 · (200 + 400 + 20) = 2,480.",
        unit="weights",
        slips=(
            (620, "That is one of the four: i, f, g and o have weights of their own."),
            (2400, "The biases are missing: 20 for each of the four."),
            (2560, "That is with two biases for each gate, as in the equations. Keras keeps one."),
            (1860, "That is three times 620. The candidate g has weights, too, though it is no gate."),
            (880, "The matrices for h are missing: each unit also reads the h of all 20."),
            (1680, "W_h has the shape (units, units): its second side is 20, not the 10 inputs."),
        ),
    ),
    Choice(
        "By mistake you exchange W_if and W_ii, and the same two in the backward pass, so that both passes fit together. Which "
        "judge of your gradient notices?",
        (
            Option(
                "Finite differences, for they know nothing of the chain rule",
                "They push weights of your own forward pass. If backward fits to it, they agree, whatever it computes.",
            ),
            Option(
                "None: the gradient is right for what is computed",
                "For what is computed, yes. But two of the judges compute the six lines by themselves.",
            ),
            Option(
                "All three",
                "One of them asks only whether your backward pass belongs to your forward pass, and it does.",
            ),
            Option(
                "TensorFlow's tape and the Keras layer",
                "Both have a forward pass of their own, in which the two matrices are not exchanged. So their gradients differ.",
                right=True,
            ),
        ),
    ),
    Listen(
        "Two tunes of six bars in 6/8, from the same seed. For one of them the row for each position in the bar was replaced "
        "by the row for the first one: the network is told at every step that a bar begins. Which one?",
        _told_and_lied_to,
        (
            Option(
                "A",
                "A note begins at nearly every step, for at the first step of a bar a note nearly always begins. The network "
                "believes what it is told and does not count on its own.",
                right=True,
            ),
            Option(
                "B",
                "Tap along: long notes and short ones, and after the upbeat nearly every bar begins with a note. To write like "
                "that, it has to know where in the bar it is.",
            ),
        ),
    ),
    Choice(
        "Without the 32 units that follow the bar, 80 % of the bars begin with a note; with all units it was 95 %. Why were 32 "
        "others, drawn by chance, switched off as well?",
        (
            Option(
                "Because without any 32 units the network might lose the bar just as much",
                "An eighth of the network is gone in each case. Only what goes beyond the harm of any 32 tells of these 32.",
                right=True,
            ),
            Option(
                "To find units that follow the bar even more closely",
                "They were found by correlation. Drawing by chance is no search.",
            ),
            Option(
                "To take the mean over several trials, which is more exact",
                "A mean of other units would not make the figure for the chosen 32 any more exact.",
            ),
            Option(
                "To show that the network has more units than it needs",
                "All of them are in use: without 32 drawn by chance its surprise grew from 0.81 to 0.86 and more.",
            ),
        ),
    ),
)
