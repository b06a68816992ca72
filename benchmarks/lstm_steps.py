"""One step of a model at a time: our engine against a step of TensorFlow and a step of torch.

    python benchmarks/lstm_steps.py [--torch PYTHON]

All run the same weights, an embedding, LSTM(256) and an output layer, from a token to the log-probabilities of
the next, as a NumPy array. TensorFlow's step is a tf.function around the layer's own cell, as it is and
compiled with XLA; torch's is nn.LSTM under inference_mode. Each is held to one thread by the settings below,
and they take turns, so that a busy machine disturbs all. torch is no part of the course: it runs in a process
of its own, in the Python that --torch names, and is left out where it is not installed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

# Read when NumPy, TensorFlow and torch are imported. The last one silences XLA's report of its start.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
os.environ.update(dict.fromkeys(THREADS, "1"), TF_CPP_MIN_LOG_LEVEL="2")

import numpy as np  # noqa: E402
from table import at_least, at_most, row, spread  # noqa: E402

TOKENS, EMBEDDING, UNITS = 131, 64, 256
STEPS, ROUNDS = 1000, 9

Step = Callable[[int], np.ndarray]  # from a token to log-probabilities (TOKENS,)


def our_step(weights: dict[str, np.ndarray]) -> Step:
    """Step with the engine that generation uses."""
    from musiclab.lstm import Stream

    stream = Stream(weights)
    return lambda token: stream.step(np.array([token]))


def tensorflow_step(model, compiled: bool) -> Step:
    """Step with a tf.function that takes the states and returns the new ones."""
    import tensorflow as tf

    embedding, lstm, dense = (model.get_layer(name) for name in ("embedding_0", "lstm_0", "dense"))
    state = tf.TensorSpec([1, UNITS])

    @tf.function(jit_compile=compiled, input_signature=[tf.TensorSpec([1], tf.int32), state, state])
    def advance(token, h, c):
        h, (_, c) = lstm.cell(embedding(token), [h, c])
        return tf.nn.log_softmax(dense(h))[0], h, c

    h = c = tf.zeros([1, UNITS])

    def step(token: int) -> np.ndarray:
        nonlocal h, c
        result, h, c = advance(tf.constant([token], tf.int32), h, c)
        return result.numpy()

    return step


def torch_step(weights: dict[str, np.ndarray]) -> Step:
    """Step with nn.LSTM, which has the gates in Keras's order."""
    import torch

    embeddings, kernel, recurrent, bias, out, out_bias = (torch.tensor(w) for w in weights.values())
    embedding = torch.nn.Embedding.from_pretrained(embeddings)
    lstm, dense = torch.nn.LSTM(EMBEDDING, UNITS), torch.nn.Linear(UNITS, TOKENS)
    ours = (kernel.T, recurrent.T, bias, torch.zeros(4 * UNITS), out.T, out_bias)
    with torch.no_grad():
        for theirs, own in zip((*lstm.parameters(), *dense.parameters()), ours, strict=True):
            theirs.copy_(own)
    states = None

    @torch.inference_mode()
    def step(token: int) -> np.ndarray:
        nonlocal states
        result, states = lstm(embedding(torch.tensor([token])), states)
        return torch.log_softmax(dense(result[0]), dim=-1).numpy()

    return step


def run(step: Step, tokens: list[int]) -> tuple[float, np.ndarray]:
    """Return the seconds a step takes, and the last result."""
    started = time.perf_counter()
    for token in tokens:
        result = step(token)
    return (time.perf_counter() - started) / len(tokens), result


def serve_torch(file: str) -> None:
    """Be the process for torch: for each line that comes in, run a round and answer with a line."""
    weights = dict(np.load(file))
    tokens = weights.pop("tokens").tolist()
    step = torch_step(weights)
    print("ready", flush=True)
    for _ in sys.stdin:
        seconds, result = run(step, tokens)
        print(seconds, *result.tolist(), flush=True)


def compare(torch: subprocess.Popen, model, weights: dict[str, np.ndarray], tokens: list[int]) -> None:
    """Run all in turns, and print what came out."""
    steps = {
        "ours": our_step(weights),
        "tf.function": tensorflow_step(model, compiled=False),
        "tf.function with XLA": tensorflow_step(model, compiled=True),
    }
    rounds = {name: lambda step=step: run(step, tokens) for name, step in steps.items()}

    def ask_torch() -> tuple[float, np.ndarray]:
        torch.stdin.write("\n")
        torch.stdin.flush()
        seconds, *result = (float(word) for word in torch.stdout.readline().split())
        return seconds, np.array(result)

    if torch.stdout.readline() == "ready\n":
        rounds["torch nn.LSTM"] = ask_torch
    else:
        row("a step, one stream: torch nn.LSTM / ours", "–", note="torch is not installed in the Python of --torch")

    times: dict[str, list[float]] = {name: [] for name in rounds}
    for _ in range(ROUNDS + 1):  # the first compiles, and is not counted
        results = {}
        for name, one_round in rounds.items():
            seconds, results[name] = one_round()
            times[name].append(seconds)
    times = {name: values[1:] for name, values in times.items()}

    # All have now read the same tokens, without a reset between the rounds.
    difference = float(max(np.abs(np.exp(result) - np.exp(results["ours"])).max() for result in results.values()))
    row(
        f"largest difference of probabilities after {(ROUNDS + 1) * STEPS} steps",
        f"{difference:.1e}",
        **at_most(1e-5, difference),
    )
    rates = 1 / np.array(times["ours"])
    row("steps a second, one stream, 256 units, one thread", spread(rates, ",.0f"), **at_least(10_000, float(np.median(rates))))
    for name in list(rounds)[1:]:
        ratios = np.divide(times[name], times["ours"])
        bar = at_least(4 if "torch" in name else 3, float(np.median(ratios)))
        row(f"a step, one stream, 256 units, one thread each: {name} / ours", spread(ratios, ".1f"), **bar, front=True)


def main(python: str) -> None:
    """Make a model, start the process for torch, and compare."""
    from musiclab.models import stream_model, weights_of

    model = stream_model((TOKENS,), TOKENS, embedding=EMBEDDING, units=(UNITS,))
    rng = np.random.default_rng(0)
    for weight in model.trainable_variables:
        weight.assign(rng.normal(0, 0.1, weight.shape))
    weights, tokens = weights_of(model), rng.integers(0, TOKENS, STEPS)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "weights.npz")
        np.savez(file, tokens=tokens, **weights)
        command = [python, __file__, "--serve-torch", str(file)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        with subprocess.Popen(command, text=True, **pipes) as torch:
            compare(torch, model, weights, tokens.tolist())


def many() -> None:
    """Write 64 pieces at once, as `sampling.py` does, here with one thread for us and for the limit."""
    from sampling import many_pieces

    many_pieces((256,), 400, "one thread each")
    many_pieces((512, 512), 80, "one thread each")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torch", metavar="PYTHON", default=sys.executable, help="a Python that has torch; by default this one")
    parser.add_argument("--serve-torch", metavar="FILE", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve_torch:
        serve_torch(given.serve_torch)
    else:
        main(given.torch)
        many()
