"""Sampling: our engine, one token at a time, against one call of Keras's predict for each; and many pieces at once.

    python benchmarks/sampling.py

The first part runs the shipped melody model. `predict` gets a single step of input and keeps no state, which is the
least that it could be asked for: a program that hands it a window of the last 100 tokens waits longer.

The second part writes 64 pieces at once, with models of the same vocabulary and made-up weights. The limit is the rate of
a large product of matrices, measured in turns with the pieces; all products of a step count, and the time includes
everything, down to the drawing of the tokens.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from limits import product_rate
from table import at_least, at_most, row, spread

from musiclab import GridEncoding, load_bundle
from musiclab.generation import distribution, sample_many, sample_tokens
from musiclab.lstm import Stream, Streams
from musiclab.models import keras, model_of, stream_model, weights_of

ROUNDS = 7
PIECES = 64


def seconds(call) -> float:
    """Time one call."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def one_piece() -> None:
    """One token after the other, against predict."""
    bundle = load_bundle("melody")
    encoding, stream, model = bundle.encoding, bundle.stream(), model_of(bundle)
    tokens = np.fromiter(sample_tokens(stream, encoding, 64, seed=0), dtype=np.int32)
    inputs = encoding.inputs(tokens, (4, 4))

    exact = keras.ops.convert_to_numpy(keras.ops.softmax(model(inputs[None])))[0]
    difference = float(np.abs(exact - np.exp(stream.log_probabilities(inputs))).max())
    row("largest difference of probabilities, NumPy and Keras", f"{difference:.1e}", **at_most(1e-5, difference))

    def by_predict(count: int = 20) -> None:
        rng = np.random.default_rng(0)
        for step in inputs[:count]:
            logits = model.predict(step[None, None], verbose=0)[0, 0]
            rng.choice(encoding.size, p=distribution(logits))

    def by_engine(count: int = 2000) -> None:
        # 0.25 quarter lengths a token; stop=False keeps it going.
        assert sum(1 for _ in sample_tokens(stream, encoding, count / 4, stop=False, seed=0)) == count

    by_predict(3), by_engine(100)  # the first calls compile
    ratios, ours = [], []
    for _ in range(ROUNDS):
        ours.append(seconds(by_engine) / 2000)
        ratios.append(seconds(by_predict) / 20 / ours[-1])
    row("a sampled token", f"{spread([1e3 * s for s in ours], '.3f')} ms")
    bar = at_least(300, float(np.median(ratios)))
    row("a sampled token: `model.predict` / ours", spread(ratios, ".0f"), **bar, front=True)

    # Flatness: the tokens around number 10,000 against those around number 100, in one run each.
    flat = []
    for seed in range(ROUNDS):
        stamps = []
        for _ in sample_tokens(stream, encoding, 10_200 / 4, stop=False, seed=seed):
            stamps.append(time.perf_counter())
        cost = np.diff(stamps)
        flat.append(np.median(cost[9_900:10_100]) / np.median(cost[50:250]))
    row("cost of token 10,000 / token 100", spread(flat), **at_most(1.1, float(np.median(flat))), front=True)


def many_pieces(units: tuple[int, ...], steps: int, threads: str, note: str = "") -> None:
    """Write 64 pieces at once, against the limit and against one piece 64 times, all with the threads that NumPy has."""
    encoding = GridEncoding()
    weights = weights_of(stream_model(encoding.input_sizes, encoding.size, embedding=64, units=units))
    streams, stream = Streams(weights, 1), Stream(weights)
    # A product with each weight but those of the embeddings and their kernel, which are one table: 2 operations a piece.
    products = sum(w.size for name, w in weights.items() if "kernel" in name) - weights["lstm_0/kernel"].size

    def many(**controls: float) -> Callable[[], object]:
        return lambda: sample_many(streams, encoding, PIECES, steps / 4, stop=False, seed=0, **controls)

    def one() -> None:
        for _ in sample_tokens(stream, encoding, steps / 4, stop=False, seed=0):
            pass

    def share(call: Callable[[], object]) -> float:
        """Return the rate of the products in per cent of the limit."""
        limit = product_rate()
        time.sleep(0.3)  # its idle threads keep a core busy for a while
        return 100 * 2 * products * PIECES * steps / seconds(call) / limit

    name = f"{PIECES} pieces at once, {f'{len(units)} x ' if len(units) > 1 else ''}{units[0]} units, {threads}"
    many()()
    shares = [share(many()) for _ in range(ROUNDS)]
    bar = at_least(50, float(np.median(shares)), " %")
    row(f"{name}: share of the limit", f"{spread(shares, '.0f')} %", **bar, note="" if bar["reached"] else note, front=True)
    shares = [share(many(top_p=0.9)) for _ in range(ROUNDS)]
    row(f"{name}, with top_p = 0.9: share of the limit", f"{spread(shares, '.0f')} %")
    ratios = [seconds(one) * PIECES / seconds(many()) for _ in range(ROUNDS)]
    row(f"{name}: one after the other / at once", spread(ratios, ".1f"))


def main() -> None:
    """Print the figures."""
    one_piece()
    why = "one core does it all: beside such short products two would only wait for each other; see one thread each"
    many_pieces((256,), 400, "all cores", why)
    many_pieces((512, 512), 80, "all cores")


if __name__ == "__main__":
    main()
