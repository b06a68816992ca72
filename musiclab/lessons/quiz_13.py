"""Quiz of lesson 13: music for you."""

from math import exp

from musiclab.quiz import Choice, Listen, Number, Option, Several
from musiclab.score import Score

#: A tune of four bars in D major: lengths and pitches.
_LENGTHS = 2 * (1, 0.5, 0.5, 1, 1, 1, 0.5, 0.5, 2)
_PITCHES = (62, 64, 66, 69, 66, 71, 69, 67, 66, 67, 66, 64, 62, 66, 69, 67, 64, 62)


def _bright_and_dark() -> tuple[Score, ...]:
    """Play a tune as it is, and in minor and a whole tone higher."""
    onsets = [sum(_LENGTHS[:n]) for n in range(len(_LENGTHS))]
    dark = [pitch + 2 - (pitch in (66, 71)) for pitch in _PITCHES]  # the third and the sixth are lowered
    return tuple(Score(zip(onsets, _LENGTHS, p, strict=True), tempo=116) for p in (_PITCHES, dark))


QUIZ = (
    Number(
        "A listener has the weight 1 for lively and -2 for major. Piece a is one deviation livelier than b, and one deviation"
        " more major. In how many percent of the cases do they take a?",
        100 / (1 + exp(1)),
        "The difference of utilities is 1 times 1 plus -2 times 1, that is -1; and σ(-1) is 27 %.",
        unit="%",
        within=0.6,
        slips=(
            (73.1, "That is how often they take b. Which of the two has more utility?"),
            (95.3, "That is σ(3): the weight of major is -2, so more major lowers the utility."),
            (88.1, "That is σ(2): liveliness counts, too."),
            (11.9, "That is σ(-2): liveliness counts, too."),
            (0, "Not never: whoever likes b more takes a now and then. That is what σ says."),
        ),
    ),
    Listen(
        "Both pieces are described by the eight features. In which of these four do A and B differ most, counted in deviations"
        " of usual pieces?",
        _bright_and_dark,
        (
            Option("height", "B is a little higher, by a tone at most. That is little beside how far apart usual pieces lie."),
            Option(
                "speed",
                "The same number of notes in the same time. Tap with both.",
            ),
            Option(
                "mode",
                "B is the same tune in minor: its third and its sixth are lowered. They are few notes, and they change the"
                " piece most.",
                right=True,
            ),
            Option("rhythm", "The lengths of the notes are the same, one by one."),
        ),
    ),
    Choice(
        "You want to learn how much a listener cares for speed. Which pair do you let them hear?",
        (
            Option(
                "Two pieces that are alike in everything.",
                "Then the answer is a coin, whatever the weights are. It tells nothing.",
            ),
            Option(
                "A very lively and a very calm one, after they have taken the livelier one each time.",
                "You know what they will say. A choice that anyone would have foretold tells next to nothing.",
            ),
            Option(
                "Two that differ in climb, with the same speed.",
                "Speed takes no part in this choice. It tells about the weight of climb.",
            ),
            Option(
                "Two that differ in speed, and of which you cannot say which one they will take.",
                "Either answer teaches you something. `next_pair` looks for such pairs.",
                right=True,
            ),
        ),
    ),
    Choice(
        "After 15 choices the machine believes in the weight 1.1 for speed; in truth it is 2. Nothing was miscounted. Why is it"
        " too small?",
        (
            Option(
                "The belief began around 0, and 15 choices pull it only a part of the way.",
                "That is what the prior does. With more choices it counts for less and less.",
                right=True,
            ),
            Option(
                "The listener changed their mind in between.",
                "This one has fixed weights, and chooses by chance as the formula says. The same would happen without any"
                " change.",
            ),
            Option(
                "Laplace's approximation always halves the weights.",
                "It looks for the top of the belief and its curvature. On a grid, without any approximation, it is the same.",
            ),
            Option(
                "The feature was cut at 3 deviations.",
                "That changes odd pieces only. It is not what draws all the weights towards 0.",
            ),
        ),
    ),
    Number(
        "Two candidates differ in utility by 0.5. With strength 3, how many times as likely is the better one to be drawn?",
        exp(1.5),
        "The chances are proportional to e to the power of strength times utility, so their ratio is e to the power of 1.5:"
        " about 4.5.",
        unit="times",
        within=0.06,
        slips=(
            (1.5, "That is the exponent. Take e to its power."),
            (exp(0.5), "That is strength 1. At strength 3 the difference counts three times."),
            (3, "The strength multiplies the utilities in the exponent, not the chances."),
            (exp(3), "That would be a difference of 1. It is 0.5."),
        ),
    ),
    Several(
        "Somebody sets the strength of the steering to 30. Which of these are true of what they hear?",
        (
            Option(
                "It still is music that the model writes by itself.",
                "All candidates come from the model. Steering only chooses among them.",
                right=True,
            ),
            Option(
                "They hear one piece again and again.",
                "`steer` refuses near copies, and 512 candidates are many. The pieces still differ.",
            ),
            Option(
                "Hardly anything comes from the other side of their taste.",
                "That is the bubble: what they like less is all but gone, and so they cannot find out that they would like it"
                " today.",
                right=True,
            ),
            Option(
                "The machine becomes surer of their taste.",
                "The strength changes what is played and not what is believed. Only choices change the belief.",
            ),
        ),
    ),
    Choice(
        "A listener likes what is neither lively nor calm. After 15 choices the belief is narrow. How can one find out that the"
        " machine has understood nothing?",
        (
            Option(
                "By the width of the belief: it must become wider when something does not fit.",
                "It hardly does. The width says how sure the weights are if a weighted sum is the right picture.",
            ),
            Option(
                "By the weights: they must all be 0.",
                "With 15 choices some weights look real by chance, and 0 would also be the right answer for somebody who does"
                " not care.",
            ),
            Option(
                "By letting the listener choose between new pieces that were made for them and others.",
                "Their own choice is the judge. If it is no better than a coin, the model of their taste does not fit.",
                right=True,
            ),
            Option(
                "By asking the machine how likely it finds the 15 choices.",
                "It has bent its weights to these very choices. What it has learned from cannot judge it.",
            ),
        ),
    ),
)
