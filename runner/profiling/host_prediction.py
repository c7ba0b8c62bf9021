"""From the footprint of a step to the host's memory, for a job that computes on the CPU. Pure.

What a process holds is: Python, torch and their libraries (measured: by the child that finds the
footprints, on this machine), the tensors (found under fake tensors), what the kernels and the
allocator of the C library take beside them, and what loader workers hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.prediction import Span, exactly

_MIB = 1 << 20
_BESIDE = Span(40 * _MIB, 160 * _MIB, 320 * _MIB)
"""Kernels' code and threads, oneDNN's primitives, gathered as steps run; whatever the batch."""
_GROWS = (0.0, 0.10, 0.45)
"""Beside the tensors, as a part of them: kernels' scratch memory, blocks given back and kept."""
_WORKER = Span(6 * _MIB, 12 * _MIB, 40 * _MIB)
"""Of one loader worker alone: pages that it does not share."""
_SHARED = 0.6
"""At the least, of the libraries: PSS counts a page in part that others have mapped too."""
_UNKNOWN_BASE = 300 * _MIB
PREFETCH = 2
"""Batches that a worker prepares ahead: the train job's default."""


def predict_host(footprint: Mapping[str, Any], workers: int) -> Span:
    """Bytes of the process and its workers. ``footprint`` is a line of the footprint job's."""
    tensors = max(footprint["first"]["bytes"], footprint["steady"]["bytes"])
    base = footprint.get("base") or _UNKNOWN_BASE
    beside = Span(*(int(part * tensors) for part in _GROWS)) + _BESIDE
    batch = int(footprint["steady"]["by_kind"].get("inputs", 0))
    ahead = exactly(workers * PREFETCH * batch)
    own = Span(workers * _WORKER.least, workers * _WORKER.likely, workers * _WORKER.most)
    libraries = Span(int(_SHARED * base), base, base)
    return libraries + exactly(tensors) + beside + own + ahead
