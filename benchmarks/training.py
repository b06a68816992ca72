"""Training on the CPU: our LSTM layer against Keras's own, against torch's, and against the machine's limit.

    python benchmarks/training.py [--peers PYTHON]

All train the same model for the same steps: an embedding of 128 numbers for each of 100 tokens, one LSTM layer of 256
units or two of 512, an output layer; batches of 64 pieces of 100 tokens, cross-entropy, Adam. Then ours and Keras's
train the course's melody model as the course does, on tunes that are made up here: pieces of different length and
metre, padding, dropout.

Each trains in a process of its own, with the threads that its library chooses. They take turns, with a pause before
each turn: for up to 0.2 s after their work, idle threads of some of them keep a core busy.

The limit is the rate of a large product of matrices, see `limits.py`. A token costs at least 6 operations for each
weight that takes part in a product: a multiplication and an addition forwards, the same for the gradient of the
inputs, and the same for the gradient of the weights.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

from table import at_least, at_most, row, spread

os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # on the CPU, also where there is a GPU

TOKENS, EMBEDDING, BATCH, STEPS = 100, 128, 64, 100
ROUNDS, PAUSE = 11, 0.35
CASES = {"256 units": ((256,), 6), "2 x 512 units": ((512, 512), 2)}  # the layers, and the batches in a turn
MELODY_BATCHES = 4
WHY = "of our 108 ms a batch 74 are products in the layer, 15 are outside it (output layer, loss, Adam)"

Batch = Callable[[], int]  # trains on one batch, and returns how many tokens that were


# --- those who train --------------------------------------------------------------------------------


def keras_batch(units: tuple[int, ...], stock: bool) -> Batch:
    """Train with our layer, or with Keras's own."""
    import numpy as np

    from musiclab.backend import keras
    from musiclab.layers import FastLSTM

    inputs = keras.Input((None,), dtype="int32")
    x = keras.layers.Embedding(TOKENS, EMBEDDING)(inputs)
    for size in units:
        x = (keras.layers.LSTM if stock else FastLSTM)(size, return_sequences=True)(x)
    model = keras.Model(inputs, keras.layers.Dense(TOKENS)(x))
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    xs, ys = np.random.default_rng(0).integers(0, TOKENS, (2, BATCH, STEPS), dtype=np.int32)

    def batch() -> int:
        model.train_on_batch(xs, ys)
        return xs.size

    return batch


def torch_batch(units: tuple[int, ...]) -> Batch:
    """Train with torch's nn.LSTM, whose layers are of one size."""
    import torch

    embedding = torch.nn.Embedding(TOKENS, EMBEDDING)
    lstm = torch.nn.LSTM(EMBEDDING, units[0], num_layers=len(units), batch_first=True)
    dense = torch.nn.Linear(units[0], TOKENS)
    adam = torch.optim.Adam([*embedding.parameters(), *lstm.parameters(), *dense.parameters()])
    xs, ys = torch.randint(0, TOKENS, (2, BATCH, STEPS))

    def batch() -> int:
        adam.zero_grad()
        logits = dense(lstm(embedding(xs))[0])
        loss = torch.nn.functional.cross_entropy(logits.reshape(-1, TOKENS), ys.reshape(-1))
        loss.backward()
        adam.step()
        loss.item()  # Keras returns the loss as a number, too
        return xs.numel()

    return batch


def melody_batch(stock: bool) -> Batch:
    """Train the model of the shipped melody bundle from the beginning, with the settings of `musiclab.training.train`."""
    from musiclab import load_bundle
    from musiclab.dataset import Batches, encode_pieces
    from musiclab.layers import FastLSTM
    from musiclab.models import keras, stream_model
    from musiclab.training import use_deterministic_kernels

    def own_or_stock(layer: Any) -> Any:
        kind = keras.layers.LSTM if stock and isinstance(layer, FastLSTM) else type(layer)
        return kind.from_config(layer.get_config())

    bundle = load_bundle("melody")
    settings = {name: value for name, value in bundle.model.items() if name != "kind"}
    model = stream_model(bundle.encoding.input_sizes, bundle.encoding.size, **settings)
    model = keras.models.clone_model(model, clone_function=own_or_stock)
    use_deterministic_kernels()
    model.compile(
        keras.optimizers.Adam(2e-3, clipnorm=1.0),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight"),
    )
    pieces = encode_pieces(random_tunes(32 * MELODY_BATCHES), bundle.encoding)
    batches = list(Batches(pieces, bundle.encoding, batch_size=32).epoch(0))

    def batch() -> int:
        inputs, targets, weights = batches[0]
        batches.append(batches.pop(0))
        model.train_on_batch(inputs, targets, sample_weight=weights)
        return int(weights.sum())  # padding is no token

    return batch


def random_tunes(count: int) -> list[Any]:
    """Make up tunes of 8 to 24 bars: random walks through the scale of C major."""
    import numpy as np

    from musiclab import Score

    rng = np.random.default_rng(0)
    scale = np.array([12 * octave + step for octave in (5, 6) for step in (0, 2, 4, 5, 7, 9, 11)])
    tunes = []
    for _ in range(count):
        metre = [(4, 4), (3, 4), (6, 8), (2, 4)][rng.integers(4)]
        length = rng.integers(8, 25) * 4 * metre[0] / metre[1]  # quarter lengths
        durations = rng.choice([0.25, 0.5, 1.0], size=int(4 * length), p=[0.2, 0.6, 0.2])
        onsets = np.cumsum(durations) - durations
        walk = np.abs(np.cumsum(rng.integers(-2, 3, len(onsets)))) % 28
        pitches = scale[np.minimum(walk, 27 - walk)]  # turned back at the ends of the scale
        inside = onsets + durations <= length
        tunes.append(Score(zip(onsets[inside], durations[inside], pitches[inside], strict=True), time_signature=metre))
    return tunes


# --- taking turns -----------------------------------------------------------------------------------


def serve(who: str, case: str) -> None:
    """Be the process of one of them: for each line that comes in, a count of batches, train and answer with a line."""
    if case == "melody":
        batch = melody_batch(stock=who == "stock")
    elif who == "torch":
        batch = torch_batch(CASES[case][0])
    else:
        batch = keras_batch(CASES[case][0], stock=who == "stock")
    for _ in range(2 * MELODY_BATCHES):  # the first of each shape compiles
        batch()
    answer("ready")
    for line in sys.stdin:
        if line == "limit\n":
            from limits import product_rate

            answer(product_rate())
        else:
            started = time.perf_counter()
            tokens = sum(batch() for _ in range(int(line)))
            answer(tokens / (time.perf_counter() - started))


def answer(message: Any) -> None:
    """Send one line of JSON to the process that asks."""
    print(json.dumps(message), flush=True)


class Process:
    """Another Python that runs a script of ours and answers each line with one of JSON."""

    def __init__(self, python: str, script: str, *arguments: str) -> None:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([python, script, *arguments], stdin=pipe, stdout=pipe, text=True)

    def ask(self, line: Any) -> Any:
        """Send a line, and wait for the answer."""
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        return self.hear()

    def hear(self) -> Any:
        """Wait for an answer. Raises RuntimeError if the process ends without one."""
        if not (line := self.process.stdout.readline()):
            raise RuntimeError(f"{' '.join(self.process.args[1:])} ended with status {self.process.wait()}.")
        return json.loads(line)

    def close(self) -> None:
        """End it."""
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


@contextmanager
def started(case: str, pythons: dict[str, str]) -> Iterator[dict[str, Process]]:
    """Start a process for each of them, one after the other, and end them all."""
    processes: dict[str, Process] = {}
    try:
        for who, python in pythons.items():
            processes[who] = Process(python, __file__, "--serve", who, case)
            assert processes[who].hear() == "ready"
        yield processes
    finally:
        for process in processes.values():
            process.close()


def rates(case: str, pythons: dict[str, str], batches: int, limit: bool = False) -> dict[str, list[float]]:
    """Return the tokens a second of each of them in each round; under "limit", operations a second of the machine."""
    with started(case, pythons) as processes:
        result: dict[str, list[float]] = {who: [] for who in [*processes, *["limit"] * limit]}
        for _ in range(ROUNDS):
            for who in result:
                time.sleep(PAUSE)
                process, line = (processes["ours"], "limit") if who == "limit" else (processes[who], batches)
                result[who].append(process.ask(line))
        return result


# --- what comes out ---------------------------------------------------------------------------------


def operations(units: tuple[int, ...]) -> int:
    """Count the floating-point operations that training on a token takes at least."""
    inputs = (EMBEDDING, *units[:-1])
    weights = sum((before + size) * 4 * size for before, size in zip(inputs, units, strict=True)) + units[-1] * TOKENS
    return 6 * weights


def quotients(of: list[float], by: list[float]) -> list[float]:
    """Divide round by round: what disturbs the machine for a while then disturbs both."""
    return [a / b for a, b in zip(of, by, strict=True)]


def card() -> None:
    """Print what training has reached: the shipped melody model against the best that counts instead of learning."""
    from musiclab import load_bundle

    nats = load_bundle("melody").card["metrics"]
    ours, markov = nats["test nats/step"], min(value for name, value in nats.items() if name.startswith("Markov"))
    what = "nats per step on held-out tunes: the shipped melody model / the best Markov model"
    note = "from the card of the bundle, which `tests/test_shipped_bundles.py` measures again"
    row(what, f"{ours / markov:.2f}, of {ours:.3f} / {markov:.3f}", **at_most(0.85, ours / markov), note=note, front=True)


def main(peers: str) -> None:
    """Train, and print the rows."""
    card()
    here = sys.executable
    has_torch = subprocess.run([peers, "-c", "import torch"], capture_output=True).returncode == 0
    for case, (units, batches) in CASES.items():
        pythons = {"ours": here, "stock": here} | ({"torch": peers} if has_torch else {})
        speed = rates(case, pythons, batches, limit=True)
        row(f"training, {case}: ours", f"{spread(speed['ours'], ',.0f')} tokens/s")
        ratio = quotients(speed["ours"], speed["stock"])
        row(f"training, {case}: ours / Keras's LSTM on TensorFlow", spread(ratio), front=True)
        what = f"training, {case}: ours / torch's nn.LSTM"
        if has_torch:
            ratio = quotients(speed["ours"], speed["torch"])
            bar = at_least(1, median(ratio))
            row(what, spread(ratio), **bar, note="" if bar["reached"] else WHY, front=True)
        else:
            row(what, "not measured", "at least 1", note="torch is not installed in the Python of --peers", front=True)
        shares = [100 * operations(units) * rate / max(speed["limit"]) for rate in speed["ours"]]
        bar = at_least(60, median(shares), " %") if case == "2 x 512 units" else {}
        row(f"training, {case}: share of the limit, {max(speed['limit']) / 1e9:.0f} GFLOP/s", spread(shares, ".0f") + " %", **bar)
    speed = rates("melody", {"ours": here, "stock": here}, MELODY_BATCHES)
    row("training the course's melody model: ours", f"{spread(speed['ours'], ',.0f')} tokens/s")
    ratio = quotients(speed["ours"], speed["stock"])
    row("training the course's melody model: ours / with Keras's LSTM on TensorFlow", spread(ratio), front=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", metavar="PYTHON", default=sys.executable, help="a Python that has torch; by default this one")
    parser.add_argument("--serve", nargs=2, metavar=("WHO", "CASE"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    serve(*given.serve) if given.serve else main(given.peers)
