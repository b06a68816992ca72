"""The course's Keras models.

They are ordinary Keras 3 models, written without a call to any one backend, so that the same code trains
on TensorFlow (the default), JAX or torch. Their LSTM layers are `layers.FastLSTM`, which is Keras's LSTM with a
faster loop for TensorFlow on a CPU. They keep to the arguments under which Keras uses NVIDIA's cuDNN kernel on a
GPU: tanh and sigmoid, no recurrent dropout, no unrolling.

Import Keras from here (``from musiclab.models import keras``): see `musiclab.backend`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from musiclab.backend import devices, keras
from musiclab.layers import FastLSTM

if TYPE_CHECKING:
    from musiclab.bundle import Bundle

__all__ = ["devices", "keras", "model_of", "original_model", "set_weights", "stream_model", "weights_of"]


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


def model_of(bundle: Bundle) -> keras.Model:
    """Build the Keras model of a bundle, with its weights."""
    settings = {name: value for name, value in bundle.model.items() if name != "kind"}
    if bundle.model["kind"] == "original":
        model = original_model(settings["window"], bundle.encoding.size)
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
