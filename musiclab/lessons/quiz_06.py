"""The quiz of lesson 06, Training."""

from __future__ import annotations

from musiclab.quiz import Choice, Listen, Number, Option, Several
from musiclab.score import Score


def _three_models() -> tuple[Score, ...]:
    """Four bars drawn token by token: all pitches and signs equally likely, by frequency alone, and by the melody network."""
    import numpy as np

    from musiclab.bundle import DATA, load_bundle
    from musiclab.encoding import GridEncoding
    from musiclab.files import read_score
    from musiclab.generation import generate

    grid, rng = GridEncoding(), np.random.default_rng(2)
    tunes = [read_score(path) for path in sorted((DATA / "tunes").glob("*.abc"))]
    frequent = np.concatenate([grid.encode(tune) for tune in tunes])
    uniform = grid.decode(rng.integers(1, grid.size, 64))  # token 0 would end it
    unigram = grid.decode(rng.choice(frequent, 64))
    return unigram, uniform, generate(load_bundle("melody"), length=16, seed=24, stop=False)


QUIZ = (
    Number(
        "On tokens that come from a list of 34 a model has a loss of 2.3 nats. It is then as unsure as somebody who draws one "
        "of how many equally likely tokens?",
        9.974,
        "e to the power of 2.3 is 9.97, the perplexity: about ten. How many tokens there are in all has no part in it.",
        within=0.1,
        slips=(
            (2.3, "That is the loss itself. The perplexity is e to its power."),
            (4.92, "You took 2 to the power of 2.3. That is for losses in bits; nats belong to e."),
            (34, "With 34 equally likely ones the loss would be ln 34 = 3.53."),
            (0.1, "That is a probability, e to the power of -2.3. You need its inverse."),
        ),
    ),
    Listen(
        "Three ways to draw 64 tokens of the grid: all tokens equally likely (4.88 nats); by how frequent each one is in tunes, "
        "whatever came before; with the melody network. Which is the second one, the unigram model?",
        _three_models,
        (
            Option(
                "A",
                "Its pitches are those that tunes use, and notes are held as often as in tunes. But what follows what is left to "
                "chance, so it has neither a line nor a beat.",
                right=True,
            ),
            Option(
                "B",
                "Pitches from the whole range of MIDI, and a new one at nearly every step: in tunes neither is frequent.",
            ),
            Option(
                "C",
                "Here one note leads to the next, and notes begin on the beat. To write that, a model has to look at what came "
                "before.",
            ),
        ),
    ),
    Choice(
        "A model has a loss of 1.0 on its training pieces and of 3.2 on pieces that it never saw. The unigram model has 3.0 on "
        "both. What do you conclude?",
        (
            Option(
                "It has not trained long enough: on new pieces the loss will fall, too, in time",
                "On its own pieces the loss has come down far. More of the same would teach it more about those.",
            ),
            Option(
                "The new pieces are harder than the training pieces",
                "Then they would surprise the unigram model more as well. It finds both equally hard.",
            ),
            Option(
                "The mean of both, 2.1, is what one should report",
                "The two numbers answer different questions. A mean answers neither.",
            ),
            Option(
                "It has learnt its pieces by heart; about music in general it knows no more than the unigram model",
                "What helps only with pieces that it knows already is no knowledge of a style. Without held-out pieces you "
                "would see the 1.0 and be pleased.",
                right=True,
            ),
        ),
    ),
    Number(
        "A batch has the losses `[[2, 1, 3, 2], [4, 0.1, 0.1, 0.1]]` and the weights `[[1, 1, 1, 1], [1, 0, 0, 0]]`. What is "
        "its mean loss?",
        2.4,
        "Five targets count: 2 + 1 + 3 + 2 + 4 = 12, divided by 5.",
        unit="nats",
        within=0.005,
        slips=(
            (1.5375, "You counted the padding in. It is easy to guess and makes every loss look better."),
            (1.5, "You left the losses on padding out of the sum, but divided by all eight places."),
            (
                3.0,
                "You took the mean of the two pieces' means. So the one target of the second piece weighs as much as four.",
            ),
            (12, "That is the sum. Divide by the number of targets."),
        ),
    ),
    Several(
        "After epoch 10 the training loss goes on falling, and the held-out loss rises. Which of these are sensible?",
        (
            Option("Keep the weights of epoch 10", "There the held-out loss was lowest.", right=True),
            Option(
                "Keep the weights of the last epoch, where the training loss is lowest",
                "That loss falls because the tunes are learnt by heart.",
            ),
            Option("Move the tunes to other pitches in each epoch", "Then their pitches cannot be learnt by heart.", right=True),
            Option(
                "Put the held-out tunes into the training set, so that they are learnt, too",
                "Their loss would fall, and say nothing about new music any more.",
            ),
            Option("Train on more tunes", "The more tunes, the harder to learn all of them by heart.", right=True),
            Option(
                "Raise the number of units, for the model is too small",
                "A model that learns its tunes by heart has room enough.",
            ),
        ),
    ),
    Choice(
        "On the Prelude, in which it was counted, the chain of order 4 is better than that of order 1. On unseen tunes order 5 "
        "is worse than order 3. Why?",
        (
            Option(
                "Tunes need less memory than a prelude by Bach",
                "Count the chain of order 5 in the unseen tunes themselves, and it would be the best there, too.",
            ),
            Option(
                "The unseen tunes are in more keys",
                "Other keys are harder for every order. They do not say why a longer context should be worse than a shorter one.",
            ),
            Option(
                "Of the longer runs in new tunes most were never counted, so they tell the chain nothing",
                "In the piece that was counted every run has been met. In new music the long ones are new, and the short ones "
                "are not.",
                right=True,
            ),
            Option(
                "A chain of order 5 has more weights, which were not trained long enough",
                "A chain counts; it has no weights that are trained, and counting is done after one pass.",
            ),
        ),
    ),
    Choice(
        "In the first epoch the held-out loss is lower than the training loss. Has something leaked?",
        (
            Option(
                "No: the training loss is a mean over the epoch, its bad start included, with dropout at work",
                "The held-out loss is taken at the end of the epoch, with better weights and no dropout. Later the order turns "
                "round.",
                right=True,
            ),
            Option(
                "Yes: a model is always better on what it was trained on",
                "If both were measured at the same moment and in the same way, it mostly would be. They are not.",
            ),
            Option(
                "Yes, but it is too early to say where",
                "A leak would show in every epoch, and more so later. Here the order turns round after some epochs.",
            ),
            Option(
                "No: held-out tunes are given without padding",
                "They have padding, too, more than the training tunes. In both the padding has the weight 0.",
            ),
        ),
    ),
)
