"""Sampling: our engine, one token at a time, against one call of Keras's predict for each token.

    python benchmarks/sampling.py

Both run the shipped melody model. `predict` gets a single step of input and keeps no state, which is the
least that it could be asked for: a program that hands it a window of the last 100 tokens waits longer.
The two take turns, so that a busy machine disturbs both.
"""

from __future__ import annotations

import time

import numpy as np

from musiclab import load_bundle
from musiclab.generation import distribution, sample_tokens
from musiclab.models import keras, model_of

ROUNDS = 5


def seconds(call) -> float:
    """Time one call."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def main() -> None:
    """Print the ratios."""
    bundle = load_bundle("melody")
    encoding, stream, model = bundle.encoding, bundle.stream(), model_of(bundle)
    tokens = np.fromiter(sample_tokens(stream, encoding, 64, seed=0), dtype=np.int32)
    inputs = encoding.inputs(tokens, (4, 4))

    exact = keras.ops.convert_to_numpy(keras.ops.softmax(model(inputs[None])))[0]
    difference = np.abs(exact - np.exp(stream.log_probabilities(inputs))).max()
    print(f"largest difference between NumPy's and Keras's probabilities: {difference:.1e} (bar: 1e-5)")

    def by_predict(count: int = 20) -> None:
        rng = np.random.default_rng(0)
        for row in inputs[:count]:
            logits = model.predict(row[None, None], verbose=0)[0, 0]
            rng.choice(encoding.size, p=distribution(logits))

    def by_engine(count: int = 2000) -> None:
        # 0.25 quarter lengths a token; stop=False keeps it going.
        assert sum(1 for _ in sample_tokens(stream, encoding, count / 4, stop=False, seed=0)) == count

    by_predict(3), by_engine(100)  # the first calls compile
    ratios, ours = [], []
    for _ in range(ROUNDS):
        ours.append(seconds(by_engine) / 2000)
        ratios.append(seconds(by_predict) / 20 / ours[-1])
    print(f"a sampled token: {1e3 * np.median(ours):.3f} ms (fastest round {1e3 * min(ours):.3f} ms)")
    print(f"predict / ours: {np.median(ratios):.0f} (from {min(ratios):.0f} to {max(ratios):.0f}; bar: 300)")

    # Flatness: the tokens around number 10,000 against those around number 100, in one run each.
    flat = []
    for seed in range(ROUNDS):
        stamps = []
        for _ in sample_tokens(stream, encoding, 10_200 / 4, stop=False, seed=seed):
            stamps.append(time.perf_counter())
        cost = np.diff(stamps)
        flat.append(np.median(cost[9_900:10_100]) / np.median(cost[50:250]))
    print(f"token 10,000 / token 100: {np.median(flat):.2f} (from {min(flat):.2f} to {max(flat):.2f}; bar: about 1)")


if __name__ == "__main__":
    main()
