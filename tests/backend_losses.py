"""Train a small chorale model on whatever backend the environment names, and print its losses: run by test_backends.py."""

import json
import sys

import numpy as np

from musiclab.dataset import Piece, VoiceBatches
from musiclab.encoding import FIRST_PITCH, HOLD, ChoraleEncoding
from musiclab.models import chorale_model
from musiclab.training import chorale_optimizer, device_report, train, use_all_devices

print(use_all_devices())
encoding, rng = ChoraleEncoding(), np.random.default_rng(0)
pieces = []
for steps in (30, 41, 25, 38, 33, 29, 27):
    tokens = np.where(rng.random((steps, 4)) < 0.6, HOLD, rng.integers(FIRST_PITCH + 10, FIRST_PITCH + 16, (steps, 4)))
    tokens[0] = FIRST_PITCH + 12
    pieces.append(Piece(tokens.astype(np.int32)))
# No dropout, and weights from NumPy: each backend has chance numbers of its own.
model = chorale_model(encoding, units=(16,), head=16, embedding=8, dropout=0.0)
for weight in model.trainable_variables:
    weight.assign(rng.normal(0, 0.2, weight.shape))
batches = VoiceBatches(pieces, encoding, batch_size=4)
history = train(model, batches, batches, epochs=4, learning_rate=0.02, average=0.9, optimizer=chorale_optimizer(), progress=False)
print(device_report(model))
print(json.dumps([[row["loss"], row["valid"]] for row in history]), file=sys.stderr)
