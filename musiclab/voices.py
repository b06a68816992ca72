"""The chorale model in NumPy: an LSTM that hears all voices, and a head for each voice that chooses its next token.

It computes what `models.chorale_model` describes, from the same weights, with no TensorFlow, for any number of pieces side
by side; a test holds the two against each other. A step goes like this::

    voices.listen(rows)                      # what the encoding tells of the past, one row a piece
    for voice in range(4):                   # from the highest down
        surprise = voices.log_probabilities(voice)
        voices.choose(voice, tokens)         # the voices below will see this
"""

from __future__ import annotations

import copy
from collections.abc import Mapping

import numpy as np

from musiclab.encoding import END, FIRST_PITCH, HOLD, ChoraleEncoding
from musiclab.lstm import LSTM, log_softmax
from musiclab.past import INTERVALS, LEAP, NOBODY, SILENT

__all__ = ["Voices", "opinion_sizes"]


def opinion_sizes(encoding: ChoraleEncoding, voice: int) -> list[int]:
    """Return the sizes of a voice's opinions.

    Token; melodic step; degree from home, from the key; echo of all voices, of the own one; and for each voice above: the
    interval to it when a note begins and when one is held, a parallel fifth with it, a parallel octave.
    """
    intervals = INTERVALS[1] - INTERVALS[0] + 1
    return [encoding.size, 2 * LEAP + 1, 12, 12, 1, 1, *[intervals, intervals, 1, 1] * voice]


class Voices:
    """A trained chorale model, one step at a time.

    Parameters
    ----------
    weights : mapping of str to array
        As `models.weights_of` names them: "sounding/embeddings", "lstm_0/kernel", "hidden_0/kernel", …
    encoding : ChoraleEncoding
        The one it was trained with.
    count : int
        Pieces side by side.

    Raises
    ------
    ValueError
        If the weights are of a model for another encoding; the message names the first that is.
    """

    def __init__(self, weights: Mapping[str, np.ndarray], encoding: ChoraleEncoding, count: int = 1) -> None:
        self._weights, self._encoding = dict(weights), encoding
        self._layout, self._places = encoding.layout, encoding.places  # asked for many times a step
        self._rows: dict[tuple[str, int, int], np.ndarray] = {}  # where the tables of some columns begin
        self._wishes = tuple(f"wanted {wish}" for wish in encoding.wishes)
        self._check()
        ends = [np.cumsum(opinion_sizes(encoding, voice)) for voice in range(encoding.voices)]
        self._opinions = [list(map(slice, [0, *end[:-1]], end)) for end in ends]  # where each opinion of a voice's head stands
        layers = [f"lstm_{n}" for n in range(len(weights)) if f"lstm_{n}/kernel" in weights]
        parts = ("kernel", "recurrent_kernel", "bias")
        self._layers = [LSTM.from_keras(*(weights[f"{name}/{part}"] for part in parts)) for name in layers]
        self._pitches = np.arange(encoding.lowest + 1, encoding.highest + 2)  # (pitches,): counted as `sounding` is
        self.reset(count)

    def reset(self, count: int | None = None) -> None:
        """Begin new pieces, as many as before or `count`."""
        count = len(self._states[0][0]) if count is None else count
        self._states = [(np.zeros((count, n.units), n.dtype), np.zeros((count, n.units), n.dtype)) for n in self._layers]

    def copy(self) -> Voices:
        """Return a model of the same weights that goes its own way from here."""
        twin = copy.copy(self)
        twin._states = list(self._states)  # a step puts new arrays there and leaves the old ones as they are
        return twin

    def keep(self, which: np.ndarray) -> None:
        """Go on with some of the pieces: those where `which`, bool array (pieces,), is True, or those with these numbers."""
        self._states = [(h[which], c[which]) for h, c in self._states]

    def listen(self, rows: np.ndarray) -> None:
        """Take in what is known before a step: int array (pieces, columns), from `ChoraleEncoding.past` and `context`."""
        x = known = self._features(rows)
        for number, layer in enumerate(self._layers):
            gates = layer.step(x, *self._states[number])
            self._states[number] = (gates.h, gates.c)
            x = gates.h
        self._known = np.concatenate([x, known], axis=-1)

    def listen_through(self, rows: np.ndarray) -> None:
        """Take in whole pieces at once, of which all is known: int array (pieces, steps, columns), padded at their ends.

        After it `log_probabilities` and `choose` have a row for each step of each piece, piece after piece: the heads remember
        nothing, so they can look at all steps at the same time. The states stay as they are.
        """
        pieces, steps, _ = rows.shape
        known = self._features(rows.reshape(pieces * steps, -1))  # (pieces * steps, features)
        x = known.reshape(pieces, steps, -1)
        for layer in self._layers:
            h = c = np.zeros((pieces, layer.units), layer.dtype)
            heard = np.empty((pieces, steps, layer.units), layer.dtype)
            for step in range(steps):
                gates = layer.step(x[:, step], h, c)
                h, c = gates.h, gates.c
                heard[:, step] = h
            x = heard
        self._known = np.concatenate([x.reshape(pieces * steps, -1), known], axis=-1)

    def _features(self, rows: np.ndarray) -> np.ndarray:
        """Begin a step: forget what was chosen, and embed what is known, (n, columns), side by side: (n, features)."""
        self._now = {name: rows[:, place] for name, place in self._places.items()}
        self._chosen: list[np.ndarray] = []
        self._seen: list[np.ndarray] = []
        flat = [self._flat(self._pitch_vectors("sounding", self._now["sounding"]))]
        names = ("held", "position", "metre", "mode", "echo length", "echo step", "own length", "own step", *self._wishes)
        flat += [self._flat(self._embed(name.replace(" ", "_"), self._now[name])) for name in names]
        if self._encoding.voices > 1:
            flat.append(self._flat(self._embed("interval", self._now["interval"])))
        return np.concatenate(flat, axis=-1)

    def log_probabilities(self, voice: int) -> np.ndarray:
        """Return how likely each token is for a voice, now that those above it have chosen: float array (pieces, size)."""
        z = np.maximum(self._dense(f"hidden_{voice}", np.concatenate([self._known, *self._seen], axis=-1)), 0)
        depth = 1
        while f"hidden_{voice}_{depth}/kernel" in self._weights:
            z = z + np.maximum(self._dense(f"hidden_{voice}_{depth}", z), 0)
            depth += 1
        logits = self._summed(voice, self._dense(f"opinions_{voice}", z))
        if voice == 0:
            logits[:, END] += self._embed("length", self._now["bar"])[:, 0, 0]
        return log_softmax(logits)

    def choose(self, voice: int, tokens: np.ndarray) -> None:
        """Settle the tokens of a voice, int array (pieces,), for those below to see."""
        tokens = np.asarray(tokens)
        sounding = np.where(tokens >= FIRST_PITCH, tokens - FIRST_PITCH + self._encoding.lowest + 1, SILENT)
        sounding = np.where(tokens == HOLD, self._now["sounding"][:, voice], sounding)  # (pieces,)
        vectors = self._pitch_vectors("chosen", sounding[:, None], first=voice)[:, 0]  # (pieces, embedding)
        before = self._now["sounding"][:, voice]
        moves = np.where((before > SILENT) & (sounding > SILENT), np.clip(sounding - before, -LEAP, LEAP) + LEAP, 2 * LEAP + 1)
        vectors += self._embed("move", moves[:, None], first=voice)[:, 0]
        self._seen.append(vectors + self._weights["kind/embeddings"][np.minimum(tokens, FIRST_PITCH)])
        self._chosen.append(sounding)

    def _summed(self, voice: int, opinions: np.ndarray) -> np.ndarray:
        """Add up the opinions of a voice's head, as `models._summed` does, to logits (pieces, size)."""
        token, step, home, tonic, echo, own_echo, *above = (opinions[:, place] for place in self._opinions[voice])
        sounding = self._now["sounding"][:, voice : voice + 1]  # (pieces, 1)
        sings = sounding > SILENT
        moves = self._pitches - sounding  # (pieces, pitches)
        logits = token.copy()
        hold, begin = logits[:, HOLD : HOLD + 1], logits[:, FIRST_PITCH:]  # views
        begin += _look_up(step, _between(moves, -LEAP, LEAP), sings)
        for table, name in ((home, "home"), (tonic, "tonic")):
            reference = self._now[name]
            begin += _look_up(table, (self._pitches - 1 - reference) % 12, reference < NOBODY)
        for number, other in enumerate(self._chosen):
            of_begin, of_hold, *of_parallels = above[4 * number : 4 * number + 4]
            before, other = self._now["sounding"][:, number : number + 1], other[:, None]
            sounds = other > SILENT
            apart = other - self._pitches  # (pieces, pitches)
            begin += _look_up(of_begin, _between(apart, *INTERVALS), sounds)
            hold += _look_up(of_hold, _between(other - sounding, *INTERVALS), sounds & sings)
            alike = sounds & sings & (before > SILENT) & ((other - before) * moves > 0)
            was, becomes = abs(before - sounding) % 12, abs(apart) % 12
            for size, opinion in zip((7, 0), of_parallels, strict=True):
                begin += np.where(alike & (was == size) & (becomes == size), opinion, 0)
        trusts = (
            self._embed("trust_echo", self._now["echo length"])[:, 0],
            self._embed("trust_own", self._now["own length"])[:, voice],
        )
        for strength, trust, name in zip((echo, own_echo), trusts, ("echo token", "own token"), strict=True):
            heard = self._now[name][:, voice]
            logits[np.arange(len(heard)), heard] += np.where(heard != END, (strength + trust)[:, 0], 0)
        return logits

    def _pitch_vectors(self, name: str, sounding: np.ndarray, first: int = 0) -> np.ndarray:
        """Embed what sounds, (pieces, n), in the voices from `first` on: (pieces, n, embedding)."""
        silent = sounding == SILENT
        vectors = self._embed(name, sounding, first) + self._embed(
            f"{name}_class", np.where(silent, NOBODY, (sounding + 11) % 12), first
        )
        for reference in ("home", "tonic"):
            origin = self._now[reference]
            degree = np.where(silent | (origin == NOBODY), NOBODY, (sounding + 11 - origin) % 12)
            vectors += self._embed(f"degree_{reference}", degree, first)
        return vectors

    def _embed(self, name: str, values: np.ndarray, first: int = 0) -> np.ndarray:
        """Look up vectors for values (..., n), each column in a table of its own: (..., n, length)."""
        which = name, first, values.shape[-1]
        if which not in self._rows:  # asked for dozens of times a step
            self._rows[which] = self._columns(name)[1] * (first + np.arange(values.shape[-1]))
        return self._weights[f"{name}/embeddings"][values + self._rows[which]]

    def _columns(self, name: str) -> tuple[int, int]:
        """Return how many columns the table of this name is for, and how many values each has."""
        voices, layout = self._encoding.voices, self._layout
        if name.endswith("_class") or name.startswith("degree_"):
            return voices, NOBODY + 1
        others = {
            "chosen": layout["sounding"],
            "move": (voices, 2 * LEAP + 2),
            "trust_echo": layout["echo length"],
            "trust_own": layout["own length"],
            "length": layout["bar"],
            "kind": (1, FIRST_PITCH + 1),
        }
        return others.get(name) or layout[name.replace("_", " ")]

    def _check(self) -> None:
        """Compare the tables and the opinions with what the encoding asks for."""
        wanted = {name: self._columns(name.removesuffix("/embeddings")) for name in self._weights if name.endswith("/embeddings")}
        rows = {name: count * size for name, (count, size) in wanted.items()}
        rows |= {f"opinions_{v}/bias": sum(opinion_sizes(self._encoding, v)) for v in range(self._encoding.voices)}
        for name, count in rows.items():
            if len(self._weights[name]) != count:
                raise ValueError(f"{name} has {len(self._weights[name])} rows, and the encoding asks for {count}.")

    def _dense(self, name: str, x: np.ndarray) -> np.ndarray:
        return x @ self._weights[f"{name}/kernel"] + self._weights[f"{name}/bias"]

    @staticmethod
    def _flat(vectors: np.ndarray) -> np.ndarray:
        return vectors.reshape(len(vectors), -1)


def _between(values: np.ndarray, low: int, high: int) -> np.ndarray:
    """Cut whole numbers off at `low` and `high`, and count them from `low`: places in a table."""
    return np.minimum(np.maximum(values, low), high) - low


def _look_up(table: np.ndarray, places: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Read rows of a table (pieces, n) at places (pieces, m); 0 where the reference, (pieces, 1), is not known."""
    return np.where(known, table[np.arange(len(table))[:, None], places], 0)
