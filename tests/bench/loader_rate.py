"""``python -m tests.bench.loader_rate DATA BATCH WORKERS DEVICE``: seconds that the loader alone
takes for a sample, files in the page cache as far as they fit. A faster network waits for it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

_FIRST, _MORE = 16, 60
"""Batches that are waited for, and batches that are timed."""


def measured(data: Path, batch: int, workers: int, device: str) -> float:
    """In a process of its own."""
    words = [str(data), str(batch), str(workers), device]
    said = subprocess.check_output([sys.executable, "-m", "tests.bench.loader_rate", *words])
    return float(json.loads(said.splitlines()[-1]))


def _measure(data: Path, batch: int, workers: int, device: str) -> float:
    import torch

    from fwi import families
    from fwi.dataset import Samples, loader
    from fwi.precision import resolve_device

    samples = Samples(families.index(data))
    count = min(len(samples), batch * (_FIRST + _MORE))
    order = torch.randperm(len(samples), generator=torch.Generator().manual_seed(0))[:count]
    batches = iter(
        loader(
            samples,
            batch_size=batch,
            workers=workers,
            device=resolve_device(device),
            sampler=order.tolist(),
        )
    )
    for _ in range(_FIRST):
        next(batches)
    began, timed = time.perf_counter(), 0
    for cube, _velocity in batches:
        timed += len(cube)
    return (time.perf_counter() - began) / timed


if __name__ == "__main__":
    folder, size, count, where = sys.argv[1:]
    print(json.dumps(_measure(Path(folder), int(size), int(count), where)))
