"""The course's Keras models.

They are ordinary Keras 3 models, written without a call to any one backend, so that the same code trains
on TensorFlow (the default), JAX or torch. Their LSTM layers are `layers.FastLSTM`, which is Keras's LSTM with a
faster loop for TensorFlow on a CPU. They keep to the arguments under which Keras uses NVIDIA's cuDNN kernel on a
GPU: tanh and sigmoid, no recurrent dropout, no unrolling.

Import Keras from here (``from musiclab.models import keras``): see `musiclab.backend`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from musiclab.backend import devices, keras
from musiclab.encoding import FIRST_PITCH, HOLD, ChoraleEncoding
from musiclab.layers import FastLSTM
from musiclab.past import ECHOES, INTERVALS, LEAP, NOBODY, SILENT
from musiclab.voices import opinion_sizes

if TYPE_CHECKING:
    from musiclab.bundle import Bundle

__all__ = ["chorale_model", "devices", "keras", "model_of", "original_model", "set_weights", "stream_model", "weights_of"]


@keras.saving.register_keras_serializable(package="musiclab")
class Table(keras.layers.Embedding):
    """`keras.layers.Embedding` with a gradient for the whole table.

    On TensorFlow the usual one has a gradient for each vector that was looked up, and a vector looked up twice counts twice
    when gradients are clipped to a length. So a model would train otherwise than on the other backends.
    """

    def call(self, inputs: Any) -> Any:
        """Look up vectors for whole numbers (...): (..., length)."""
        return keras.ops.take(self.embeddings * 1.0, inputs, axis=0)


def original_model(window: int, size: int) -> keras.Model:
    """Build the model of the original recipe: LSTM(256), Dropout(0.2), Dense(softmax).

    Parameters
    ----------
    window : int
        Notes that the model looks back on.
    size : int
        Number of different notes and chords.

    Returns
    -------
    keras.Model
        From float array (batch, window, 1) to probabilities (batch, size).
    """
    return keras.Sequential(
        [
            keras.Input((window, 1)),
            FastLSTM(256, name="lstm_0"),
            keras.layers.Dropout(0.2),
            keras.layers.Dense(size, activation="softmax", name="dense"),
        ]
    )


def stream_model(
    input_sizes: tuple[int, ...],
    outputs: int,
    *,
    embedding: int = 64,
    units: tuple[int, ...] = (256,),
    dropout: float = 0.2,
    seed: int = 0,
) -> keras.Model:
    """Build a model that reads a piece step by step and predicts each next token.

    Each column of the input is embedded, the vectors are put side by side, and a stack of LSTM layers reads
    them. What it knows of the past is in its state alone, so it can go on for ever at the same cost a step.

    Parameters
    ----------
    input_sizes : tuple of int
        Number of different values in each column of the input (`Encoding.input_sizes`).
    outputs : int
        Size of the vocabulary.
    embedding : int
        Length of the vector for a token; the other columns get a quarter of it.
    units : tuple of int
        Units of each LSTM layer.
    dropout : float
        Share of the LSTM's inputs and outputs that are blanked in training.
    seed : int
        Of the initial weights and the dropout.

    Returns
    -------
    keras.Model
        From int array (batch, steps, columns) to logits (batch, steps, outputs).
    """
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((None, len(input_sizes)), dtype="int32")  # (batch, steps, columns)
    vectors = [
        keras.layers.Embedding(size, embedding if column == 0 else embedding // 4, name=f"embedding_{column}")(
            inputs[:, :, column]
        )
        for column, size in enumerate(input_sizes)
    ]
    x = keras.layers.Concatenate()(vectors) if len(vectors) > 1 else vectors[0]  # (batch, steps, all embeddings)
    for layer, size in enumerate(units):
        x = keras.layers.Dropout(dropout)(x)
        x = FastLSTM(size, return_sequences=True, name=f"lstm_{layer}")(x)  # (batch, steps, units)
    x = keras.layers.Dropout(dropout)(x)
    return keras.Model(inputs, keras.layers.Dense(outputs, name="dense")(x))  # (batch, steps, outputs)


def chorale_model(
    encoding: ChoraleEncoding,
    *,
    units: tuple[int, ...] = (192,),
    head: int = 256,
    depth: int = 2,
    embedding: int = 32,
    dropout: float = 0.5,
    seed: int = 0,
) -> keras.Model:
    """Build a model that writes several voices together, one step of an LSTM for each step of the music.

    The LSTM reads what `ChoraleEncoding.inputs` tells of the past. Then the voices choose, one after the other, from the
    highest down, and each sees what the ones before it chose: p(S, A, T, B) = p(S) p(A | S) p(T | S, A) p(B | S, A, T). So a
    step is one proper distribution over chords, and not four over notes. With a single voice nobody waits for
    anybody, and what is left is the melody model: embeddings, LSTM, one choice.

    A choice is the sum of several opinions, each a table that a head fills in for this step: on the token as such; on the
    melodic step it would be; on the interval to each voice that has chosen, and on moving in parallel fifths or octaves
    with it; on the degree of the scale, from home and from the key; and on following the echo. Most of them mean the same
    in every key.

    Parameters
    ----------
    encoding : ChoraleEncoding
    units : tuple of int
        Units of each LSTM layer.
    head, depth : int
        Units between the LSTM and a voice's choice, and in how many layers. A second one adds to what the first found.
    embedding : int
        Length of the vector for a pitch; the others have from an eighth to a half of it.
    dropout : float
        Share of what is blanked in training between the layers: there whole features for a whole piece, in the
        heads single numbers. Of the LSTM's inputs it is seven tenths of this.
    seed : int
        Of the initial weights and the dropout.

    Returns
    -------
    keras.Model
        From a dict of int arrays to logits (batch, steps, voices, size). ``past`` (batch, steps, columns) is what the
        encoding tells; ``now`` (batch, steps, voices) are the tokens of the step itself, of which a voice sees those of the
        voices above it.
    """
    keras.utils.set_random_seed(seed)
    ops, layers, layout, voices = keras.ops, keras.layers, encoding.layout, encoding.voices
    total = sum(count for count, _ in layout.values())
    past = keras.Input((None, total), dtype="int32", name="past")  # (batch, steps, columns)
    now = keras.Input((None, voices), dtype="int32", name="now")  # (batch, steps, voices)
    column = {name: past[:, :, place] for name, place in encoding.places.items()}

    def wide() -> keras.initializers.Initializer:
        """Return where embeddings start; a new one each time, for each draws the same numbers again."""
        return keras.initializers.RandomNormal(stddev=0.3)

    def embed(name: str, values: Any, size: int, length: int) -> Any:
        """Embed values (batch, steps, n), each column by a table of its own, to (batch, steps, n, length)."""
        count = values.shape[-1]
        table = Table(count * size, length, embeddings_initializer=wide(), name=name)
        return table(values + np.arange(count, dtype="int32") * size)

    def flat(vectors: Any) -> Any:
        """Put the vectors of all columns side by side: (batch, steps, n * length)."""
        return layers.Reshape((-1, vectors.shape[2] * vectors.shape[3]))(vectors)

    degrees = [Table(voices * (NOBODY + 1), embedding, name=f"degree_{reference}") for reference in ("home", "tonic")]

    def pitches(name: str, sounding: Any) -> Any:
        """Embed what sounds, (batch, steps, voices): as a pitch, a pitch class, and a degree seen from home and from the key."""
        of_voice = np.arange(voices, dtype="int32") * (NOBODY + 1)
        silent = ops.equal(sounding, 0)
        vectors = embed(name, sounding, 129, embedding)
        vectors = vectors + embed(f"{name}_class", ops.where(silent, NOBODY, (sounding + 11) % 12), NOBODY + 1, embedding)
        for table, reference in zip(degrees, (column["home"], column["tonic"]), strict=True):
            unknown = ops.logical_or(silent, ops.equal(reference, NOBODY))
            vectors = vectors + table(ops.where(unknown, NOBODY, (sounding + 11 - reference) % 12) + of_voice)
        return vectors  # (batch, steps, voices, embedding)

    # What is known of the step before anybody has chosen.
    known = [flat(pitches("sounding", column["sounding"]))]
    known += [
        flat(embed(name.replace(" ", "_"), column[name], layout[name][1], length))
        for name, length in {
            "held": embedding // 2,
            "position": embedding // 2,
            "metre": embedding // 8,
            "mode": embedding // 2,
            "echo length": embedding // 2,
            "echo step": embedding // 4,
            "own length": embedding // 4,
            "own step": embedding // 4,
            **{f"wanted {wish}": size for wish, size in encoding.wishes.items()},
        }.items()
    ]
    if voices > 1:
        known.append(flat(embed("interval", column["interval"], layout["interval"][1], embedding // 2)))
    x = layers.SpatialDropout1D(0.7 * dropout)(ops.concatenate(known, axis=-1))
    for number, count in enumerate(units):
        x = FastLSTM(count, return_sequences=True, name=f"lstm_{number}")(x)
        x = layers.SpatialDropout1D(dropout)(x)
    known = ops.concatenate([x, *known], axis=-1)  # (batch, steps, features)

    # What each voice chose, for those below it: what sounds then, whether it begins, and how far it moved.
    chosen = ops.where(ops.greater_equal(now, FIRST_PITCH), now - FIRST_PITCH + encoding.lowest + 1, SILENT)
    chosen = ops.where(ops.equal(now, HOLD), column["sounding"], chosen)  # (batch, steps, voices)
    kinds = Table(FIRST_PITCH + 1, embedding, embeddings_initializer=wide(), name="kind")(ops.minimum(now, FIRST_PITCH))
    moves = ops.clip(chosen - column["sounding"], -LEAP, LEAP) + LEAP
    moves = ops.where(ops.logical_and(chosen > SILENT, column["sounding"] > SILENT), moves, 2 * LEAP + 1)
    vectors = pitches("chosen", chosen) + kinds  # (batch, steps, voices, embedding)
    vectors = vectors + embed("move", moves, 2 * LEAP + 2, embedding)
    trust = [embed(f"trust_{name}", column[f"{name} length"], len(ECHOES) + 1, 1) for name in ("echo", "own")]
    logits = []
    for voice in range(voices):
        seen = [known, *(vectors[:, :, above] for above in range(voice))]
        z = layers.Dense(head, activation="relu", name=f"hidden_{voice}")(ops.concatenate(seen, axis=-1))
        z = layers.Dropout(dropout)(z)
        for number in range(1, depth):
            z = z + layers.Dropout(dropout)(layers.Dense(head, activation="relu", name=f"hidden_{voice}_{number}")(z))
        opinions = layers.Dense(sum(opinion_sizes(encoding, voice)), name=f"opinions_{voice}")(z)
        parts = ops.split(opinions, np.cumsum(opinion_sizes(encoding, voice))[:-1].tolist(), axis=-1)
        own = slice(voice, voice + 1)
        logits.append(
            _summed(
                encoding,
                parts,
                sounding=column["sounding"][:, :, own],
                above=[(column["sounding"][:, :, u : u + 1], chosen[:, :, u : u + 1]) for u in range(voice)],
                degrees=(column["home"], column["tonic"]),
                echoes=(
                    (column["echo token"][:, :, own], trust[0][:, :, 0]),
                    (column["own token"][:, :, own], trust[1][:, :, voice]),
                ),
            )
        )
    # How likely an end is depends on how long the piece is already.
    ends = embed("length", column["bar"], layout["bar"][1], 1)[:, :, 0]  # (batch, steps, 1)
    logits[0] = ops.concatenate([logits[0][:, :, :1] + ends, logits[0][:, :, 1:]], axis=-1)
    return keras.Model({"past": past, "now": now}, ops.stack(logits, axis=2))  # (batch, steps, voices, size)


def _summed(
    encoding: ChoraleEncoding,
    opinions: list[Any],
    *,
    sounding: Any,
    above: list[tuple[Any, Any]],
    degrees: tuple[Any, Any],
    echoes: tuple[tuple[Any, Any], tuple[Any, Any]],
) -> Any:
    """Add up a voice's opinions.

    Parameters
    ----------
    opinions : list of float arrays (batch, steps, …)
        As long as `opinion_sizes` says.
    sounding : int array (batch, steps, 1)
        What sounds in this voice before the step.
    above : list of pairs of int arrays (batch, steps, 1)
        What sounds in each voice above before the step, and from this step on.
    degrees : two int arrays (batch, steps, 1)
        Pitch classes of home and of the key.
    echoes : two pairs
        Token of the echo, int array (batch, steps, 1), and how far an echo of this length is trusted, float (batch, steps, 1).

    Returns
    -------
    float array (batch, steps, size)
    """
    ops = keras.ops
    token, step, *scales, echo, own_echo = opinions[:6]
    # Every pitch that the voice might begin, counted as `sounding` is: (pitches,)
    pitches = np.arange(encoding.lowest + 1, encoding.highest + 2, dtype="int32")

    def look_up(table: Any, places: Any, known: Any) -> Any:
        """Read a table (batch, steps, n) at places (batch, steps, m); 0 where the reference is not known."""
        return ops.where(known, ops.take_along_axis(table, places, axis=-1), 0.0)

    def interval(other: Any, pitch: Any) -> Any:
        return ops.clip(other - pitch, *INTERVALS) - INTERVALS[0]

    sings = ops.greater(sounding, SILENT)
    begin = look_up(step, ops.clip(-sounding + pitches, -LEAP, LEAP) + LEAP, sings)  # (batch, steps, pitches)
    for table, reference in zip(scales, degrees, strict=True):
        begin = begin + look_up(table, (-reference + (pitches - 1)) % 12, ops.less(reference, NOBODY))
    hold = 0.0 * echo  # (batch, steps, 1); zeros_like would be folded to a wrong shape by TensorFlow for a single piece
    for number, (before, other) in enumerate(above):
        of_begin, of_hold, *of_parallels = opinions[6 + 4 * number : 10 + 4 * number]
        sounds = ops.greater(other, SILENT)
        begin = begin + look_up(of_begin, interval(other, pitches), sounds)
        hold = hold + look_up(of_hold, interval(other, sounding), ops.logical_and(sounds, sings))
        # Would both voices go from a fifth to a fifth, or from an octave to an octave, in the same direction?
        moved = ops.logical_and(ops.logical_and(sounds, sings), ops.greater(before, SILENT))
        alike = ops.logical_and(moved, ops.greater((other - before) * (-sounding + pitches), 0))  # (batch, steps, pitches)
        for size, opinion in zip((7, 0), of_parallels, strict=True):
            both = ops.logical_and(ops.equal(ops.absolute(before - sounding) % 12, size), alike)
            both = ops.logical_and(both, ops.equal(ops.absolute(other - pitches) % 12, size))
            begin = begin + ops.where(both, opinion, 0.0)
    logits = token + ops.concatenate([ops.zeros_like(token[:, :, :HOLD]), hold, begin], axis=-1)
    for strength, (heard, trust) in zip((echo, own_echo), echoes, strict=True):
        there = ops.cast(ops.greater(heard, 0), strength.dtype) * (strength + ops.cast(trust, strength.dtype))
        logits = logits + there * ops.one_hot(heard[:, :, 0], encoding.size, dtype=strength.dtype)
    return logits


def model_of(bundle: Bundle) -> keras.Model:
    """Build the Keras model of a bundle, with its weights."""
    settings = {name: value for name, value in bundle.model.items() if name != "kind"}
    if bundle.model["kind"] == "original":
        model = original_model(settings["window"], bundle.encoding.size)
    elif bundle.model["kind"] == "chorale":
        model = chorale_model(bundle.encoding, **settings)
    else:
        model = stream_model(bundle.encoding.input_sizes, bundle.encoding.size, **settings)
    set_weights(model, bundle.weights)
    return model


def weights_of(model: keras.Model) -> dict[str, np.ndarray]:
    """Return the weights of a model by name: "lstm_0/kernel", "dense/bias", …"""
    return {
        f"{layer.name}/{weight.name}": keras.ops.convert_to_numpy(weight)
        for layer in model.layers
        for weight in layer.trainable_weights
    }


def set_weights(model: keras.Model, weights: dict[str, np.ndarray]) -> None:
    """Give a model the weights of `weights_of`. Raises ValueError, naming it, for a weight that does not fit."""
    own = {f"{layer.name}/{weight.name}": weight for layer in model.layers for weight in layer.trainable_weights}
    for name in sorted(own.keys() ^ weights.keys()):
        raise ValueError(
            f"weight {name!r} is only in the {'model' if name in own else 'file'}; they are not of the same architecture."
        )
    for name, weight in own.items():
        if tuple(weight.shape) != weights[name].shape:
            raise ValueError(f"weight {name!r} has shape {weights[name].shape}, but the model wants {tuple(weight.shape)}.")
        weight.assign(weights[name])
