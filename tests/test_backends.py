"""The same script on every backend that is installed: the same losses; and on several devices, the same again."""

import importlib.util
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).parent
PEERS = [name for name in ("jax", "torch") if importlib.util.find_spec(name)]


@cache
def losses(backend, devices=1):
    """Train on a backend in a process of its own; return what it said, and the losses (epochs, 2)."""
    environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": str(HERE.parent)}
    environment["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={devices}"
    script = [sys.executable, str(HERE / "backend_losses.py")]
    done = subprocess.run(script, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout, np.array(json.loads(done.stderr.strip().splitlines()[-1]))


def test_jax_is_there_to_compare_with():
    assert "jax" in PEERS, "the extra `test` installs JAX"


@pytest.mark.parametrize("peer", PEERS)
def test_the_losses_are_the_same_on_every_backend(peer):
    (_, wanted), (said, found) = losses("tensorflow"), losses(peer)
    assert f"backend: {peer}" in said and "the plain kernel" in said
    assert np.allclose(found, wanted, atol=0.005)
    assert wanted[-1, 0] < wanted[0, 0] - 1  # there was something to learn


def test_two_devices_learn_what_one_does():
    (one, wanted), (two, found) = losses("jax"), losses("jax", devices=2)
    assert "training on cpu:0" in one and "training on 2 devices" in two
    assert np.allclose(found, wanted, atol=0.005)
