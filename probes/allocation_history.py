"""Keeps, in a job on a CUDA device, who made each live allocation and what was done last, so that
``snapshot.pickle`` can say it after an out-of-memory error; as long as it costs next to nothing."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

from probes import pulse

ENTRIES = 20_000
"""Of the newest allocations and frees; more would cost host memory, some hundred bytes each."""
COST_SHARE = 0.005
"""Part of the job's time that keeping stacks may take."""
_TRIALS = 200
_SETTLED = 8
"""Windows that are not measured: the first are followed by other probes, and warm up."""
_MEASURED = 10


def is_affordable(cost_s: float, allocations: int, seconds: float) -> bool:
    """Whether ``allocations`` in ``seconds``, each dearer by ``cost_s``, stay within the share."""
    return cost_s * allocations <= COST_SHARE * seconds


class History:
    """``begin`` at the start; ``window`` after each move of the optimizer. Does nothing where the
    device is no CUDA device, and in a job that nobody supervises."""

    def __init__(self, device: Any) -> None:
        self._device = device
        self._cost_s = 0.0
        self._windows = -1
        self._since: tuple[float, int] = (0.0, 0)

    def begin(self) -> None:
        if self._device.type != "cuda" or pulse.ENVIRONMENT not in os.environ:
            return
        from probes import _torch_private as private

        bare = self._trial()
        private.record_allocations(ENTRIES)
        self._cost_s = max(0.0, self._trial() - bare)
        self._windows = 0

    def window(self, say: Callable[[str], None]) -> None:
        """Count a window; keeping stacks ends, and that is said, where it turns out too dear."""
        if self._windows < 0:
            return
        self._windows += 1
        if self._windows == _SETTLED:
            self._since = time.monotonic(), self._allocations()
        if self._windows < _SETTLED + _MEASURED:
            return
        self._windows = -1
        began, before = self._since
        seconds, made = time.monotonic() - began, self._allocations() - before
        if is_affordable(self._cost_s, made, seconds):
            return
        from probes import _torch_private as private

        private.record_allocations(0)
        say(
            f"stacks of device allocations are not kept any more: {made / seconds:,.0f} "
            f"allocations a second, {1e6 * self._cost_s:.1f} µs each, are more than "
            f"{COST_SHARE:.1%} of the time"
        )

    def _trial(self) -> float:
        """Seconds that one small allocation and its end take."""
        import torch

        torch.empty(1, device=self._device)
        began = time.perf_counter()
        for _ in range(_TRIALS):
            torch.empty(1, device=self._device)
        return (time.perf_counter() - began) / _TRIALS

    def _allocations(self) -> int:
        import torch

        return int(torch.cuda.memory_stats(self._device).get("allocation.all.allocated", 0))
