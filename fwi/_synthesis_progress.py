"""How far a synth job is: a bar on a terminal, a line every tenth elsewhere; all on stderr."""

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
    """``done`` of ``total`` maps; a context manager."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0
        self._began = time.monotonic()
        self._tenths = 0
        self._bar: Bar | None = None
        if total and sys.stderr.isatty():
            self._bar = Bar(
                TextColumn("simulating"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("maps"),
                TextColumn("{task.fields[rate]}"),
                TimeRemainingColumn(),
                console=Console(stderr=True),
            )
            self._task = self._bar.add_task("maps", total=total, rate="")

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
            self._bar.update(self._task, completed=done, rate=f"{rate:,.0f} maps/h")
        elif (tenths := done * 10 // self.total) > self._tenths:
            self._tenths = tenths
            print(
                f"simulated {done:,} of {self.total:,} maps, {rate:,.0f} an hour",
                file=sys.stderr,
                flush=True,
            )
