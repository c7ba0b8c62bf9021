"""torch's device allocator, from inside the job: a cheap reading for the pulse, and a snapshot.

Nothing here imports torch until it is called, and nothing starts CUDA: where it is not running, a
reading is None and a snapshot is not written.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from probes import files, live_blocks, pulse

_READING_EVERY_S = 0.1
_PINNED_EVERY_S = 1.0


@dataclass(frozen=True)
class Memory:
    """Bytes of one device that torch's allocator holds."""

    allocated: int
    """In tensors."""
    reserved: int
    """Taken from the driver."""
    peak_allocated: int
    peak_reserved: int
    peak_requested: int = 0
    """What tensors asked for, before the allocator rounded it."""
    inactive: int = 0
    """In free parts of segments that are in use."""

    def as_dict(self) -> dict[str, int]:
        """The peaks, as ``torch`` of a step in memory.json."""
        return {
            "requested": self.peak_requested,
            "allocated": self.peak_allocated,
            "reserved": self.peak_reserved,
            "inactive": self.inactive,
        }


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
        peak_requested=statistics.get("requested_bytes.all.peak", 0),
        inactive=statistics.get("inactive_split_bytes.all.current", 0),
    )


def pinned() -> int | None:
    """Bytes of page-locked host memory that torch holds; None where CUDA does not run, or a torch
    before 2.7 does not count them."""
    import torch

    told = getattr(torch.cuda, "host_memory_stats", None)
    if told is None or not torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        return None
    return int(told().get("allocated_bytes.current", 0))


class Meter:
    """Leaves readings in the flight recorder, ten a second at the most; call it at every step."""

    def __init__(self, device: int | None = None) -> None:
        self._device = device
        self._next_s = 0.0
        self._pinned_s = 0.0
        self._allocated = self._reserved = 0
        """The peaks of the laps before this one."""

    def read(self, *, now: bool = False) -> None:
        """Leave a reading if one is due, or ``now``."""
        at_s = time.monotonic()
        if not now and at_s < self._next_s:
            return
        self._next_s = at_s + _READING_EVERY_S
        found = memory(self._device)
        if found is not None:
            self._leave(found)
            if at_s >= self._pinned_s:
                self._pinned_s = at_s + _PINNED_EVERY_S
                if (held := pinned()) is not None:
                    pulse.gauge("bytes.pinned", held)

    def lap(self) -> Memory | None:
        """A reading whose peaks are those since the lap before; torch's own begin anew. None where
        CUDA does not run."""
        found = memory(self._device)
        if found is None:
            return None
        import torch

        self._leave(found)
        self._allocated = max(self._allocated, found.peak_allocated)
        self._reserved = max(self._reserved, found.peak_reserved)
        torch.cuda.reset_peak_memory_stats(self._device)
        return found

    def _leave(self, found: Memory) -> None:
        pulse.memory(
            found.allocated,
            found.reserved,
            max(self._allocated, found.peak_allocated),
            max(self._reserved, found.peak_reserved),
        )


def snapshot(path: Path) -> bool:
    """Write the allocator's segments and blocks to ``path``, for https://pytorch.org/memory_viz.

    Whether it was written: not where CUDA is not running. Made for the moment after an
    out-of-memory error, so it takes no device memory; the file is a pickle, as the viewer wants it.
    Raises OSError where ``path`` cannot be written.
    """
    taken = _take()
    if taken is None:
        return False
    files.write_bytes(path, pickle.dumps(taken))
    return True


def _take() -> dict[str, Any] | None:
    import torch

    if not torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        return None
    from probes import _torch_private as private

    return private.allocator_snapshot()


def record_end() -> None:
    """After an out-of-memory error, in a supervised job: a last reading, and beside the flight
    recorder ``snapshot.pickle``, and ``oom.json`` with the largest live allocations of it.

    Never raises: the error that is being handled must reach its reader. What went wrong here is
    said on standard error.
    """
    recorder = os.environ.get(pulse.ENVIRONMENT)
    if not recorder:
        return
    try:
        Meter().read(now=True)
        taken = _take()
        if taken is not None:
            # The small file first: it is what the report shows, and the disk may be full, too.
            told = json.dumps(live_blocks.summary(taken))
            files.write_text(Path(recorder).with_name("oom.json"), told + "\n")
            content = pickle.dumps(taken)
            files.write_bytes(Path(recorder).with_name("snapshot.pickle"), content)
    except Exception as error:
        print(f"no allocator snapshot was written: {error}", file=sys.stderr, flush=True)
