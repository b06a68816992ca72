"""Training: the figure it reports is the true one, and no interruption loses or changes anything."""

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from strategies import tune

from musiclab.dataset import Batches, encode_pieces
from musiclab.encoding import END, GridEncoding
from musiclab.generation import sample_tokens
from musiclab.lstm import Stream
from musiclab.models import keras, stream_model, weights_of
from musiclab.training import evaluate, train

GRID = GridEncoding(steps_per_quarter=2)
TUNES = [
    tune(pitches, time_signature=metre)
    for pitches, metre in [
        ([60, 62, 64, 65, 67], (4, 4)),
        ([72, 71, 69], (3, 4)),
        ([60, 60, 67, 67, 69, 69, 67], (4, 4)),
        ([64] * 12, (6, 8)),
        ([50, 52], (2, 4)),
        ([55, 57, 55, 57], (3, 4)),
        ([70] * 20, (4, 4)),  # one that is longer than a block of padding
    ]
]
ALL, SHORT = range(7), range(6)


def pieces(numbers=ALL):
    return encode_pieces([TUNES[n] for n in numbers], GRID)


def tiny(seed=0, dropout=0.2, units=(6,)):
    return stream_model(GRID.input_sizes, GRID.size, embedding=8, units=units, dropout=dropout, seed=seed)


def slow_loss(model, batches, epoch=0):
    """Cross-entropy over the targets alone, piece by piece, in float64."""
    nats = []
    for inputs, targets, weights in batches.epoch(epoch):
        logits = keras.ops.convert_to_numpy(model(inputs, training=False)).astype(np.float64)
        for row, row_targets, row_weights in zip(logits, targets, weights, strict=True):
            for step in np.flatnonzero(row_weights):
                nats.append(np.log(np.exp(row[step]).sum()) - row[step, row_targets[step]])
    return np.mean(nats)


def same(one, other):
    return one.keys() == other.keys() and all(one[name].tobytes() == other[name].tobytes() for name in one)


# --- the loss -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def untrained():
    model = tiny(dropout=0.0)
    rng = np.random.default_rng(0)
    for weight in model.trainable_variables:  # an untrained model is too even to tell a wrong mean from a right one
        weight.assign(rng.normal(0, 1, weight.shape))
    before = weights_of(model)
    history = train(model, Batches(pieces(), GRID, batch_size=2), epochs=1, learning_rate=1e-30, progress=False)
    assert same(weights_of(model), before)
    return model, history


def test_evaluate_is_the_mean_over_all_targets_without_padding(untrained):
    model, _ = untrained
    for batch_size in (1, 2, 5):  # batches of different sizes and paddings weigh by their targets
        batches = Batches(pieces(), GRID, batch_size=batch_size, shuffle=False)
        assert evaluate(model, batches) == pytest.approx(slow_loss(model, batches), rel=1e-5)


def test_the_loss_of_training_is_the_same_mean(untrained):
    model, history = untrained
    assert history[0]["loss"] == pytest.approx(slow_loss(model, Batches(pieces(), GRID, batch_size=2)), rel=1e-5)


def test_evaluate_equals_the_engine_in_numpy(untrained):
    model, _ = untrained
    stream = Stream(weights_of(model))
    nats = [stream.nats(GRID.inputs(p.tokens, p.time_signature), np.append(p.tokens, END)) for p in pieces()]
    assert evaluate(model, Batches(pieces(), GRID, batch_size=2)) == pytest.approx(np.concatenate(nats).mean(), rel=1e-5)


def test_evaluating_changes_nothing(untrained):
    model, _ = untrained
    before = weights_of(model)
    batches = Batches(pieces(), GRID, batch_size=2)
    assert evaluate(model, batches) == evaluate(model, batches)
    assert same(weights_of(model), before)


# --- learning -------------------------------------------------------------------------------------------


def test_a_small_model_learns_two_tunes_by_heart_and_plays_one():
    two = pieces([0, 3])
    model = tiny(units=(24,), dropout=0.0)
    batches = Batches(two, GRID)
    history = train(model, batches, epochs=120, learning_rate=0.1, progress=False)
    assert history[0]["loss"] > 4 and history[-1]["loss"] < 0.15
    assert [row["epoch"] for row in history] == list(range(1, 121))
    assert evaluate(model, batches) < 0.15
    for piece in two:
        played = list(sample_tokens(Stream(weights_of(model)), GRID, 30, time_signature=piece.time_signature, top_k=1))
        assert played == piece.tokens.tolist()


class Spy(Batches):
    """Notes the model's weights and learning rate whenever an epoch begins, and may do something then."""

    def __init__(self, *arguments, model=None, at=None, **words):
        super().__init__(*arguments, **words)
        self.model, self.at, self.weights, self.rates = model, at or {}, [], []

    def epoch(self, number=0):
        self.weights.append(weights_of(self.model))
        self.rates.append(float(self.model.optimizer.learning_rate))
        for place, batch in enumerate(super().epoch(number)):
            if (number, place) in self.at:
                self.at[number, place]()
            yield batch


def test_the_weights_of_the_epoch_with_the_lowest_validation_loss_are_kept():
    model = tiny()
    valid = Spy(pieces([4]), GRID, model=model)
    history = train(model, Batches(pieces([0, 1]), GRID), valid, epochs=12, learning_rate=0.2, progress=False)
    losses = [row["valid"] for row in history]
    best = int(np.argmin(losses))
    assert best < 11  # or the test would say nothing
    assert same(weights_of(model), valid.weights[best])
    assert evaluate(model, valid) == pytest.approx(losses[best], rel=1e-6)


def test_the_learning_rate_falls_from_the_one_given():
    model = tiny()
    batches = Spy(pieces([0]), GRID, model=model)
    train(model, batches, epochs=5, learning_rate=0.01, progress=False)
    assert batches.rates[0] == pytest.approx(0.01)
    assert all(a > b > 0 for a, b in zip(batches.rates, batches.rates[1:], strict=False))
    assert batches.rates[-1] < 0.0015


def test_a_loss_that_is_no_number_stops_the_training():
    model = tiny()
    model.trainable_variables[0].assign(np.full(model.trainable_variables[0].shape, np.nan))
    with pytest.raises(FloatingPointError, match="in epoch 1; lower the learning rate"):
        train(model, Batches(pieces(), GRID), epochs=2, progress=False)


# --- interruptions --------------------------------------------------------------------------------------


def run(model, checkpoint=None, at=None, epochs=4, **words):
    batches = Spy(pieces(SHORT), GRID, model=model, at=at, batch_size=2, semitones=(-3, 3), seed=1)
    words = {"valid": Batches(pieces([1]), GRID)} | words
    return train(model, batches, epochs=epochs, checkpoint=checkpoint, progress=False, **words)


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory):
    """A run from start to end; gives its history, its weights, those after the last epoch, and its checkpoint."""
    model, file = tiny(), tmp_path_factory.mktemp("runs") / "deep" / "run.npz"
    valid = Spy(pieces([1]), GRID, model=model)
    return run(model, file, valid=valid), weights_of(model), valid.weights[-1], file


@pytest.fixture
def uninterrupted(whole_run):
    return whole_run[:2]


@pytest.fixture
def checkpoint(whole_run):
    return whole_run[3]


def figures(history):
    return [{key: value for key, value in row.items() if key != "seconds"} for row in history]


def test_the_same_training_twice_is_the_same_to_the_last_bit(uninterrupted):
    model = tiny()
    history = run(model)
    assert figures(history) == figures(uninterrupted[0])
    assert same(weights_of(model), uninterrupted[1])


CHILD = """
import pathlib, sys, time
sys.path.insert(0, sys.argv[1])
from test_training import run, tiny
def reached():
    pathlib.Path(sys.argv[3]).touch()
    time.sleep(120)
run(tiny(), sys.argv[2], at={(2, 1): reached})
"""


def test_a_run_killed_in_the_middle_of_an_epoch_goes_on_as_if_nothing_had_been(uninterrupted, tmp_path, request):
    checkpoint, reached = tmp_path / "run.npz", tmp_path / "reached"
    arguments = [sys.executable, "-c", CHILD, str(request.path.parent), str(checkpoint), str(reached)]
    child = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 100
    while not reached.exists() and child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    message = child.communicate()[1]
    assert child.returncode == -signal.SIGKILL and reached.exists(), message.decode()[-2000:]
    begun = []
    model = tiny(seed=5)  # whatever it holds is replaced
    history = run(model, checkpoint, at={(epoch, 0): lambda epoch=epoch: begun.append(epoch) for epoch in range(4)})
    assert begun == [2, 3]  # two epochs were behind it
    assert figures(history) == figures(uninterrupted[0])
    assert same(weights_of(model), uninterrupted[1])


def interrupt():
    raise KeyboardInterrupt


def test_the_stop_button_is_no_error_and_keeps_the_best_weights(uninterrupted, tmp_path, capsys):
    checkpoint = tmp_path / "run.npz"
    model = tiny()
    history = run(model, checkpoint, at={(2, 1): interrupt})
    assert figures(history) == figures(uninterrupted[0][:2])
    assert "Stopped after 2 of 4 epochs" in (said := capsys.readouterr().out) and "goes on from run.npz" in said
    best = min(row["valid"] for row in history)
    assert evaluate(model, Batches(pieces([1]), GRID)) == pytest.approx(best, rel=1e-6)
    assert figures(run(model, checkpoint)) == figures(uninterrupted[0])
    assert same(weights_of(model), uninterrupted[1])


def test_stopping_without_a_checkpoint_or_in_the_first_epoch_works_too(capsys):
    model = tiny()
    assert run(model, at={(0, 1): interrupt}) == []
    assert "Stopped after 0 of 4 epochs" in (said := capsys.readouterr().out) and "goes on" not in said
    assert all(np.isfinite(w).all() for w in weights_of(model).values())


def test_without_validation_the_last_epoch_counts(whole_run):
    model = tiny()
    assert all("valid" not in row for row in run(model, valid=None))
    assert same(weights_of(model), whole_run[2])


def test_a_finished_run_is_not_run_again(uninterrupted, checkpoint):
    model, before = tiny(seed=9), checkpoint.read_bytes()
    assert figures(run(model, checkpoint, at={(e, 0): interrupt for e in range(4)})) == figures(uninterrupted[0])
    assert same(weights_of(model), uninterrupted[1])
    assert checkpoint.read_bytes() == before
    assert [file.name for file in checkpoint.parent.iterdir()] == ["run.npz"]


def others():
    def with_batches(**words):
        settings = {"batch_size": 2, "semitones": (-3, 3), "seed": 1} | words
        numbers = settings.pop("numbers", SHORT)
        return lambda file: train(tiny(), Batches(pieces(numbers), GRID, **settings), epochs=4, checkpoint=file, progress=False)

    yield "epochs was 4 and is now 2", lambda file: run(tiny(), file, epochs=2)
    yield "learning_rate was 0.002 and is now 0.1", lambda file: run(tiny(), file, learning_rate=0.1)
    for words in (
        {"seed": 2},
        {"batch_size": 3},
        {"semitones": (0, 0)},
        {"shuffle": False},
        {"numbers": [0, 1]},
        {"numbers": [1, 0, 2, 3, 4, 5]},
    ):
        yield "data was ", with_batches(**words)
    yield "model was ", lambda file: run(tiny(dropout=0.9), file)
    yield "valid was ", lambda file: run(tiny(), file, valid=Batches(pieces([0]), GRID, shuffle=False))
    yield "model of another shape", lambda file: run(tiny(units=(7,)), file)
    yield "model of another shape", lambda file: run(tiny(units=(6, 6)), file)


@pytest.mark.parametrize(("message", "go_on"), list(others()))
def test_a_checkpoint_of_another_training_is_refused_and_left_alone(checkpoint, message, go_on):
    before = checkpoint.read_bytes()
    with pytest.raises(ValueError, match=f"run.npz belongs to a.*{message}.*another file, or delete"):
        go_on(checkpoint)
    assert checkpoint.read_bytes() == before


@pytest.mark.parametrize("data", [b"", b"garbage" * 99, None], ids=["empty", "garbage", "truncated"])
def test_a_file_that_is_no_checkpoint_is_refused_and_left_alone(checkpoint, tmp_path, data):
    file = tmp_path / "my-thesis.npz"
    file.write_bytes(data := checkpoint.read_bytes()[:-200] if data is None else data)
    with pytest.raises(ValueError, match=r"my-thesis\.npz is not a checkpoint, or is damaged"):
        run(tiny(), file)
    assert file.read_bytes() == data


def test_history_can_be_stored_as_text(uninterrupted):
    assert json.loads(json.dumps(uninterrupted[0])) == uninterrupted[0]


# --- averages, patience, warming up -----------------------------------------------------------------------


def test_the_average_is_the_running_mean_of_the_weights_after_each_batch():
    spied = tiny()
    batches = Spy(pieces(SHORT), GRID, model=spied, batch_size=6, seed=1)  # one batch an epoch
    train(spied, batches, epochs=5, progress=False)
    trajectory = [*batches.weights[1:], weights_of(spied)]
    mean = {name: value.copy() for name, value in batches.weights[0].items()}
    for number, weights in enumerate(trajectory, start=1):
        share = 1 - min(0.3, (1 + number) / (10 + number))
        mean = {name: value + share * (weights[name] - value) for name, value in mean.items()}
    averaged = tiny()
    train(averaged, Batches(pieces(SHORT), GRID, batch_size=6, seed=1), epochs=5, average=0.3, progress=False)
    found = weights_of(averaged)
    assert all(np.allclose(found[name], mean[name], atol=1e-6) for name in mean)
    assert not same(found, weights_of(spied))


def test_what_is_measured_is_the_average():
    model = tiny()
    valid = Batches(pieces([1]), GRID)
    history = train(model, Batches(pieces(SHORT), GRID, batch_size=2), valid, epochs=3, average=0.7, progress=False)
    assert min(row["valid"] for row in history) == pytest.approx(evaluate(model, valid), abs=1e-6)


def test_an_interrupted_average_goes_on_as_if_nothing_had_been(tmp_path):
    whole, parted, file = tiny(), tiny(), tmp_path / "run.npz"
    history = run(whole, average=0.8, warm_up=7)

    def stop(history):
        if len(history) == 2:
            raise KeyboardInterrupt

    run(parted, file, average=0.8, warm_up=7, watch=stop)
    again = tiny()
    left = []
    run(again, file, average=0.8, warm_up=7, watch=lambda history: left.append(len(history)))
    assert left == [3, 4]  # both epochs before the interruption were kept
    again = tiny()  # a finished training, called again, trains no more
    assert figures(run(again, file, average=0.8, warm_up=7)) == figures(history)
    assert same(weights_of(again), weights_of(whole))


def test_patience_stops_after_as_many_epochs_without_progress(monkeypatch):
    losses = iter([3.0, 2.0, 2.5, 2.1, 1.9, 2.0, 2.0, 2.0, 2.0])
    monkeypatch.setattr("musiclab.training.evaluate", lambda model, batches: next(losses))
    history = run(tiny(), epochs=9, patience=3)
    assert [row["valid"] for row in history] == [3.0, 2.0, 2.5, 2.1, 1.9, 2.0, 2.0, 2.0]


def test_a_training_whose_patience_is_at_an_end_is_not_begun_again(monkeypatch, tmp_path):
    losses = iter([2.0, 3.0, 3.0, 0.0])
    monkeypatch.setattr("musiclab.training.evaluate", lambda model, batches: next(losses))
    for _ in range(2):
        history = run(tiny(), tmp_path / "run.npz", epochs=9, patience=2)
        assert [row["valid"] for row in history] == [2.0, 3.0, 3.0]


def test_the_rate_warms_up_batch_by_batch():
    model, rates = tiny(), []
    batches = Batches(pieces(SHORT), GRID, batch_size=3)  # two an epoch
    watch = {"watch": lambda history: rates.append(float(model.optimizer.learning_rate))}
    train(model, batches, epochs=6, learning_rate=0.01, last_rate=1.0, warm_up=8, progress=False, **watch)
    assert rates == pytest.approx([0.01 * n / 8 for n in (2, 4, 6, 8, 8, 8)])


def test_another_optimizer_is_used_and_its_checkpoint_is_its_own(tmp_path):
    file, words = tmp_path / "run.npz", {"epochs": 2}
    run(tiny(), file, optimizer=keras.optimizers.SGD(), **words)
    with pytest.raises(ValueError, match="checkpoint"):
        run(tiny(), file, optimizer=keras.optimizers.SGD(momentum=0.5), **words)
