"""Quiz of lesson 07: generation."""

from musiclab.quiz import Choice, Listen, Number, Option, Several
from musiclab.score import Score


def _temperatures() -> tuple[Score, ...]:
    """Let the melody model write four bars at three temperatures, from the same seed."""
    from musiclab.bundle import load_bundle
    from musiclab.generation import generate

    melody = load_bundle("melody")
    return tuple(generate(melody, 16, temperature=t, seed=5, stop=False) for t in (1.0, 0.6, 1.4))


QUIZ = (
    Choice(
        "Two people run the recipe with argmax, from different windows. After 37 notes the second one's window holds, number"
        " for number, what the first one's held after 12. What follows?",
        (
            Option(
                "They agree for some notes, and then small differences of rounding lead them apart.",
                "Both models compute the same numbers from the same window. There is no difference that could grow.",
            ),
            Option(
                "They agree only until the window holds nothing but new notes.",
                "The new notes are the same, too: each comes from a window that is the same. So the next window is the same"
                " again.",
            ),
            Option(
                "From there on the second writes what the first wrote, for ever.",
                "The window is all that the model is told, and argmax leaves nothing to chance. The same window gives the same"
                " note, and so the same next window.",
                right=True,
            ),
            Option(
                "Nothing: how they got there still plays a part.",
                "The recipe's LSTM begins each window with an empty memory. What stood before the window is not known to it.",
            ),
        ),
    ),
    Number(
        "You want 500 notes after a prompt of 100 numbers. The recipe lets its LSTM read 100 numbers for every note. How many"
        " steps does an LSTM take in all if it keeps its state instead, and is fed the prompt and every note, the last one too?",
        600,
        "100 steps for the prompt, and then one for each note. The recipe's way costs 500 times 100.",
        unit="steps",
        slips=(
            (50000, "That is the recipe's way: the whole window is read again for each of the 500 notes."),
            (500, "One step for each new note is right. But the prompt has to be read, too, once."),
            (100, "That is the prompt alone. Each new note is fed as well, so that the state knows of it."),
            (599, "That is enough to write them: nothing is asked after the last note. But here it is fed as well."),
        ),
    ),
    Number(
        "Three tokens have the probabilities 0.6, 0.3 and 0.1. Which probability has the first one at temperature 0.5? (Two"
        " decimals will do.)",
        0.36 / 0.46,
        "Dividing a logarithm by 0.5 doubles it, so each probability is squared: 0.36, 0.09 and 0.01. Then all are divided by"
        " their sum, 0.46: 0.36 / 0.46 = 0.78.",
        within=0.006,
        slips=(
            (0.36, "Squared, yes. But the three must sum to 1 again: divide by their sum."),
            (
                0.6,
                "Dividing the probabilities themselves by 0.5 changes nothing once they sum to 1 again. Divide the logarithms.",
            ),
            (0.4727, "That is temperature 2: it evens the choice out. Below 1 the likely becomes likelier."),
            (1.2, "No probability is above 1. It is the logarithm that is divided by the temperature."),
        ),
    ),
    Number(
        "The probabilities of five tokens are 0.5, 0.2, 0.15, 0.1 and 0.05. How many of them can still be drawn with"
        " `top_p=0.8`?",
        3,
        "0.5, then 0.7, then 0.85: the third token crosses the limit and is kept, so that the kept ones together reach it.",
        unit="tokens",
        slips=(
            (2, "They reach 0.7 only. The token that crosses the limit is kept, too."),
            (4, "These reach 0.95. Count from the likeliest and stop as soon as the sum reaches the limit."),
            (1, "Top-p looks at the sum of the likeliest tokens, and 0.5 is not yet 0.8."),
        ),
    ),
    Several(
        "At the beginning of a tune HOLD makes no sense, and the model gives it 0.0015. The grammar is switched off. With which"
        " of these can HOLD be drawn all the same, if you draw often enough?",
        (
            Option(
                "temperature 0.5",
                "A low temperature makes the unlikely less likely, and never impossible: small stays above 0.",
                right=True,
            ),
            Option("argmax", "Argmax takes the likeliest token, always. HOLD is far from it here."),
            Option(
                "temperature 1",
                "0.0015 is about one time in 670. A long evening brings it about.",
                right=True,
            ),
            Option("`top_k=3`", "HOLD is none of the three likeliest, and all others get 0 before anything is drawn."),
            Option(
                "temperature 2",
                "Above 1 the unlikely becomes likelier: here about one time in a hundred.",
                right=True,
            ),
        ),
    ),
    Listen(
        "The melody model wrote four bars three times, from the same seed, at the temperatures 0.6, 1.0 and 1.4. Which one is"
        " that of 0.6?",
        _temperatures,
        (
            Option("A", "Listen to the lengths of the notes. HOLD is the most common token, and a low temperature favours it."),
            Option(
                "B",
                "The fewest notes and the longest: HOLD is the most common token, and at a low temperature the likely becomes"
                " likelier still.",
                right=True,
            ),
            Option("C", "So many short notes mean that HOLD lost many draws. When does an unlikely token win more often?"),
        ),
    ),
    Choice(
        "The melody model was trained with the places in a bar counted from 0. Somebody writes a loop of their own that counts"
        " them from 1. What will they notice?",
        (
            Option(
                "Keras stops with an error, for the model is told places that do not exist.",
                "Bars of other metres are longer, so the model has rows for more places than a bar of 4/4 has. It cannot know"
                " that its 5 should be a 4.",
            ),
            Option(
                "Nothing is changed: to a network places are numbers like any other, and all are moved alike.",
                "Each place has a row of its own in a table, and the model has learned what happens there. Told of place 0, it"
                " begins a note; in this loop it never hears of a place 0.",
            ),
            Option(
                "The loss of the training rises.",
                "The training is over and did everything right. No loss is computed when music is written.",
            ),
            Option(
                "No error at all; notes begin a sixteenth before the beat, and nothing says why.",
                "In ten tunes like this hardly a bar begins with a note; without the slip more than nine of ten do. That is why"
                " this lesson compares the rows that were fed with the rows that training would make of the same tune.",
                right=True,
            ),
        ),
    ),
)
