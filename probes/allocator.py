"""torch's device allocator, from inside the job: a cheap reading for the pulse, and a snapshot.

Nothing here imports torch until it is called, and nothing starts CUDA: where it is not running, a
reading is None and a snapshot is not written.
"""

from __future__ import annotations

import os
import pickle
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from probes import files, pulse

_READING_EVERY_S = 0.1


@dataclass(frozen=True)
class Memory:
    """Bytes of one device that torch's allocator holds."""

    allocated: int
    """In tensors."""
    reserved: int
    """Taken from the driver."""
    peak_allocated: int
    peak_reserved: int


def memory(device: int | None = None) -> Memory | None:
    """What the allocator of a device (None: the current one) holds now and held at the most.

    None where CUDA is not running in this process. About 50 µs: torch collects all of its
    statistics for one number.
    """
    import torch

    if not torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        return None
    statistics = torch.cuda.memory_stats(device)
    return Memory(
        allocated=statistics.get("allocated_bytes.all.current", 0),
        reserved=statistics.get("reserved_bytes.all.current", 0),
        peak_allocated=statistics.get("allocated_bytes.all.peak", 0),
        peak_reserved=statistics.get("reserved_bytes.all.peak", 0),
    )


class Meter:
    """Leaves readings in the flight recorder, ten a second at the most; call it at every step."""

    def __init__(self, device: int | None = None) -> None:
        self._device = device
        self._next_s = 0.0

    def read(self, *, now: bool = False) -> None:
        """Leave a reading if one is due, or ``now``."""
        at_s = time.monotonic()
        if not now and at_s < self._next_s:
            return
        self._next_s = at_s + _READING_EVERY_S
        found = memory(self._device)
        if found is not None:
            pulse.memory(found.allocated, found.reserved, found.peak_allocated, found.peak_reserved)


def snapshot(path: Path) -> bool:
    """Write the allocator's segments and blocks to ``path``, for https://pytorch.org/memory_viz.

    Whether it was written: not where CUDA is not running. Made for the moment after an
    out-of-memory error, so it takes no device memory; the file is a pickle, as the viewer wants it.
    Raises OSError where ``path`` cannot be written.
    """
    import torch

    if not torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        return False
    content = pickle.dumps(torch.cuda.memory._snapshot())
    files.write_bytes(path, content)
    return True


def record_end() -> None:
    """After an out-of-memory error, in a supervised job: a last reading, and ``snapshot.pickle``
    beside the flight recorder.

    Never raises: the error that is being handled must reach its reader. What went wrong here is
    said on standard error.
    """
    recorder = os.environ.get(pulse.ENVIRONMENT)
    if not recorder:
        return
    try:
        Meter().read(now=True)
        snapshot(Path(recorder).with_name("snapshot.pickle"))
    except Exception as error:
        print(f"no allocator snapshot was written: {error}", file=sys.stderr, flush=True)
