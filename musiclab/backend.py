"""Keras, started without noise, and the devices that it finds.

TensorFlow prints a page of start-up messages that no setting turns off. This module imports Keras and holds
them back; everything else in the course takes Keras from here or from `musiclab.models`.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["devices", "keras"]


@contextmanager
def _quiet_start() -> Iterator[None]:
    """Hold back what C code writes to file descriptor 2; show it after all if the block fails."""
    import tempfile

    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as log:
        os.dup2(log.fileno(), 2)
        try:
            yield
        except BaseException:
            log.seek(0)
            os.write(kept, log.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


# TensorFlow logs as errors, on some processors, what is none (a masked LSTM does it). Real errors come as exceptions.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

with _quiet_start():
    import keras

    keras.ops.convert_to_numpy(keras.ops.zeros(1) + 1)  # the first operation is what starts the device

# TensorFlow warns of "retracing" when a notebook trains its fifth model, in words that differ from run to run.
logging.getLogger("tensorflow").setLevel(logging.ERROR)


def devices() -> list[str]:
    """List the devices that can train: "gpu:0", …, or "cpu:0"."""
    if keras.backend.backend() == "torch":  # for which Keras has no list
        import torch

        return [f"gpu:{number}" for number in range(torch.cuda.device_count())] or ["cpu:0"]
    return keras.distribution.list_devices()
