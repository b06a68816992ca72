"""Music for you: is what is made for a listener what they like, and is it still various?

Listeners are simulated, so that their taste is known. Each makes 15 choices between pieces of the melody model, as they would
in lesson 13; then pieces are made for them, and they judge them against fresh unsteered ones. Two figures: how often they would
choose the piece that was made for them (for they choose by chance, with a probability that grows with the difference), and how
often it is the better one by their own utility.

Three kinds of listeners have a taste that a weighted sum of the eight features can express: of one feature, of three, of all.
Five have not. "The middle" likes a certain amount of everything best; for "it depends" lively music is better in major, and calm
music in minor; what the next one likes is not among the features (repeated notes, and a rhythm that stays the same); one gives
a third of the answers by chance; and one does not care. They have no bar, but their own rows. The last kind is drawn from what
is assumed before any choice: only for it must the probabilities be right.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from table import at_least, at_most, row, spread

from musiclab.bundle import load_bundle
from musiclab.evaluation import groove_consistency
from musiclab.score import Score
from musiclab.taste import FEATURES, PRIOR, STRENGTH, Taste, steer, unsteered, variety

CHOICES = 15
EXPRESSIBLE = ("one feature", "three features", "all features")
OTHERS = ("the middle", "it depends", "not among the features", "a third by chance", "indifferent")
EACH = 16  # listeners of each kind
POOL, CANDIDATES, JUDGED = 64, 512, 24  # pieces to choose from in a session; to draw from; to judge, of both sorts


@dataclass(frozen=True)
class Listener:
    """Somebody whose taste is known.

    Attributes
    ----------
    kind : str
    utility : callable
        Score -> float, in logits.
    weights : float array (8,) or None
        For those whom the features can express.
    careless : float
        The share of choices that are made by a coin.
    """

    kind: str
    utility: Callable[[Score], float]
    weights: np.ndarray | None = None
    careless: float = 0.0

    def chance(self, better: np.ndarray | float) -> np.ndarray:
        """Return how probable it is that they take a piece that is better by so much than another."""
        return self.careless / 2 + (1 - self.careless) / (1 + np.exp(-np.asarray(better)))


def listener(kind: str, scale: Taste, rng: np.random.Generator) -> Listener:
    """Make up a listener; `scale` measures the features."""
    size = rng.uniform(2, 4)  # a taste that is worth learning: of two usual pieces they take the better one in 80 to 90 %
    if kind == "as assumed":
        weights = rng.normal(0, PRIOR, len(FEATURES))
        return Listener(kind, lambda score: float(weights @ scale.standard(score)), weights)
    if kind in (*EXPRESSIBLE, "a third by chance"):
        used = rng.permutation(len(FEATURES))[: {"one feature": 1, "three features": 3}.get(kind, len(FEATURES))]
        weights = np.zeros(len(FEATURES))
        weights[used] = rng.normal(size=len(used))
        weights *= size / np.linalg.norm(weights)
        careless = 1 / 3 if kind == "a third by chance" else 0.0
        return Listener(kind, lambda score: float(weights @ scale.standard(score)), weights, careless)
    if kind == "the middle":
        wanted = rng.normal(size=len(FEATURES))
        return Listener(kind, lambda score: -size / 4 * float(np.square(scale.standard(score) - wanted).sum()) / 2)
    if kind == "it depends":
        return Listener(kind, lambda score: size * float(np.prod(scale.standard(score)[[0, 2]])))
    if kind == "not among the features":
        return Listener(kind, lambda score: size * _unheard(score))
    return Listener(kind, lambda score: 0.0)


@functools.cache
def _unheard(score: Score) -> float:
    """Return how far a piece repeats its notes and keeps its rhythm, about standardised."""
    repeated = 100 * np.mean(np.diff(score.notes["pitch"].astype(int)) == 0)
    return float((repeated - 19) / 10 + (groove_consistency(score) - 94.5) / 2) / 2**0.5


def learn(
    someone: Listener,
    taste: Taste,
    pool: Sequence[Score],
    choices: int,
    rng: np.random.Generator,
    *,
    informative: bool = True,
) -> Taste:
    """Let a listener make choices, as the widget asks for them: no piece comes twice."""
    pool = list(pool)
    for _ in range(choices):
        a, b = taste.next_pair(pool) if informative else (pool[0], pool[1])
        pool = [score for score in pool if score is not a and score is not b]
        taste.choose(*((a, b) if rng.random() < someone.chance(someone.utility(a) - someone.utility(b)) else (b, a)))
    return taste


def judge(someone: Listener, made: Sequence[Score], fresh: Sequence[Score]) -> tuple[float, float]:
    """Return how often a piece that was made is better than a fresh one, and how often it would be chosen, in percent."""
    mine, theirs = (np.array([someone.utility(score) for score in part]) for part in (made, fresh))
    by = mine[:, None] - theirs  # (made, fresh)
    return 100 * float(np.mean(by > 0) + np.mean(by == 0) / 2), 100 * float(someone.chance(by).mean())


class World:
    """Pieces of a model, from which each listener gets their own."""

    def __init__(self, count: int = 4000, seed: int = 0) -> None:
        melody = load_bundle("melody")
        self.usual, self.pieces = unsteered(melody, 256, seed=seed), unsteered(melody, count, seed=seed + 1)

    def taste(self) -> Taste:
        """Return a taste that knows nothing."""
        return Taste(self.usual)

    def deal(self, rng: np.random.Generator) -> tuple[list[Score], list[Score], list[Score]]:
        """Deal a pool for choices, candidates, and fresh pieces to be judged against; none twice."""
        drawn = [self.pieces[k] for k in rng.permutation(len(self.pieces))[: POOL + CANDIDATES + JUDGED]]
        return drawn[:POOL], drawn[POOL:-JUDGED], drawn[-JUDGED:]


def session(
    world: World, kind: str, seed: int, *, choices: int = CHOICES, strength: float = STRENGTH, informative: bool = True
) -> dict:
    """Let one listener choose, make pieces for them, and have them judged."""
    rng = np.random.default_rng([seed, *kind.encode()])
    someone = listener(kind, world.taste(), rng)
    pool, candidates, fresh = world.deal(rng)
    taste = learn(someone, world.taste(), pool, choices, rng, informative=informative)
    made = steer(candidates, taste, JUDGED, strength=strength, seed=seed)
    better, chosen = judge(someone, made, fresh)
    pairs = list(itertools.combinations(fresh, 2))
    result = {
        "better": better,
        "chosen": chosen,
        "made": variety(made, taste),
        "fresh": variety(fresh, taste),
        "said": [taste.probability(a, b) for a, b in pairs],
        "chance": [float(someone.chance(someone.utility(a) - someone.utility(b))) for a, b in pairs],
    }
    if someone.weights is not None:
        deviations = np.sqrt(np.diag(taste.covariance))
        result["inside"] = np.abs(taste.mean - someone.weights) < 1.96 * deviations
    return result


def miscalibration(sessions: Sequence[dict], bins: int = 10) -> float:
    """Return how far what is said lies from how often it happens, in percent points: in tenths of what is said, on average.

    The expected calibration error (Naeini et al., 2015), with the listeners' own probabilities in the place of single answers.
    """
    said, chance = (np.concatenate([s[which] for s in sessions]) for which in ("said", "chance"))
    tenth = np.minimum((said * bins).astype(int), bins - 1)
    return 100 * sum(abs((said - chance)[tenth == k].sum()) for k in range(bins)) / len(said)


def main() -> None:
    world = World()
    sessions = {kind: [session(world, kind, seed) for seed in range(EACH)] for kind in EXPRESSIBLE + OTHERS}
    known = [s for kind in EXPRESSIBLE for s in sessions[kind]]
    chosen = [s["chosen"] for s in known]
    who = f"{len(known)} listeners whom the features can express"
    what = f"pieces made for a listener after {CHOICES} choices are chosen over unsteered ones: {who}"
    row(
        what,
        f"{np.mean(chosen):.0f} ({min(chosen):.0f} to {max(chosen):.0f}) %",
        **at_least(80, np.mean(chosen), " %"),
        front=True,
    )
    row("the same, counted as better by the listener's own utility", f"{spread([s['better'] for s in known], '.0f')} %")

    blank = [session(world, kind, seed, choices=0)["chosen"] for kind in EXPRESSIBLE for seed in range(EACH)]
    error = np.std(blank) / len(blank) ** 0.5
    row(
        "the same after 0 choices",
        f"{np.mean(blank):.1f} %, standard error {error:.1f}",
        "50 %, within two standard errors",
        abs(np.mean(blank) - 50) <= 2 * error,
    )
    at_random = [session(world, kind, seed, informative=False)["chosen"] for kind in EXPRESSIBLE for seed in range(EACH)]
    row("the same with pairs at random, and not those that tell most", f"{np.mean(at_random):.0f} %")
    for kind in OTHERS:
        row(f"the same for listeners of the kind: {kind}", f"{np.mean([s['chosen'] for s in sessions[kind]]):.0f} %")

    def mean(side: str, which: str) -> float:
        return float(np.mean([s[side][which] for s in known]))

    ratio = mean("made", "distance") / mean("fresh", "distance")
    row(
        "variety: distance between two pieces made for the same listener / two unsteered ones",
        f"{ratio:.2f}",
        **at_least(0.8, ratio),
    )
    for which, unit in (("shared runs", " %"), ("self-similarity", "")):
        form = ".0f" if unit else ".3f"
        row(
            f"variety: {which}, made and unsteered",
            " and ".join(f"{mean(side, which):{form}}{unit}" for side in ("made", "fresh")),
        )

    off = miscalibration([session(world, "as assumed", seed) for seed in range(3 * EACH)])
    what = "probabilities given for fresh pairs: how far off, in percent points"
    why = "" if off <= 5 else "Laplace's weights are too small, so what is said is too near to a half"
    row(f"{what}; listeners as assumed", f"{off:.1f}", **at_most(5, off), note=why)
    row(f"{what}; {who}", f"{miscalibration(known):.1f}", note="too modest: their tastes are stronger than assumed")
    inside = 100 * np.mean([s["inside"] for s in known])
    row("true weights inside the interval that should hold 95 % of them", f"{inside:.0f} %")


if __name__ == "__main__":
    main()
