"""The state of every global random generator, as plain data that a checkpoint can hold."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch


def seed(number: int) -> None:
    """Start all of them from a whole number of 0 to 2**63 − 1."""
    random.seed(number)
    np.random.seed(number % 2**32)
    torch.manual_seed(number)


def state() -> dict[str, Any]:
    """Python's, NumPy's, torch's and each CUDA device's, as containers and tensors only."""
    numpy_state = np.random.get_state(legacy=True)
    assert isinstance(numpy_state, tuple)  # a dict for legacy=False only
    kind, key, *rest = numpy_state
    return {
        "python": random.getstate(),
        "numpy": (kind, torch.from_numpy(np.asarray(key).astype(np.int64)), *rest),
        "torch": torch.get_rng_state(),
        "cuda": _cuda_states(),
    }


def _cuda_states() -> list[torch.Tensor]:
    running = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    return torch.cuda.get_rng_state_all() if running else []


def restore(saved: dict[str, Any]) -> None:
    """Put all back. CUDA's only where as many devices are there; other devices draw otherwise."""
    version, internal, gauss = saved["python"]
    random.setstate((version, tuple(internal), gauss))
    kind, key, *rest = saved["numpy"]
    np.random.set_state((kind, key.numpy().astype(np.uint32), *rest))
    torch.set_rng_state(saved["torch"])
    devices = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if saved["cuda"] and len(saved["cuda"]) == devices:
        torch.cuda.set_rng_state_all(saved["cuda"])


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """Whatever draws inside, the generators stand afterwards where they stood before."""
    before = state()
    try:
        yield
    finally:
        restore(before)
