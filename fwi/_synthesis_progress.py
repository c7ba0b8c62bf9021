"""How far a synth or pack job is: a bar on a terminal, a line every tenth elsewhere; on stderr."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import (
    Progress as Bar,
)


class Progress:
    """``done`` of ``total`` of a unit; a context manager."""

    def __init__(
        self, total: int, *, doing: str = "simulating", did: str = "simulated", unit: str = "maps"
    ) -> None:
        self.total = total
        self._did, self._unit = did, unit
        self.done = 0
        self._began = time.monotonic()
        self._tenths = 0
        self._bar: Bar | None = None
        if total and sys.stderr.isatty():
            self._bar = Bar(
                TextColumn(doing),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn(unit),
                TextColumn("{task.fields[rate]}"),
                TimeRemainingColumn(),
                console=Console(stderr=True),
            )
            self._task = self._bar.add_task(unit, total=total, rate="")

    def __enter__(self) -> Progress:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def advance_to(self, done: int) -> None:
        self.done = done
        rate = done / max(time.monotonic() - self._began, 1e-9) * 3600
        if self._bar is not None:
            self._bar.update(self._task, completed=done, rate=f"{rate:,.0f} {self._unit}/h")
        elif (tenths := done * 10 // self.total) > self._tenths:
            self._tenths = tenths
            print(
                f"{self._did} {done:,} of {self.total:,} {self._unit}, {rate:,.0f} an hour",
                file=sys.stderr,
                flush=True,
            )
