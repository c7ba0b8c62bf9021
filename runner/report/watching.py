"""``watch``: a run that goes on, seen from another terminal. Nothing of it is touched.

What the job says of itself is read from its flight recorder and its log, memory from its processes,
which are known by the run's mark, and the devices from the ledger.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from probes import host, pulse
from probes.pulse import Record
from runner import lost, supervisors
from runner.console import printable
from runner.ledger import Ledger, LedgerError
from runner.outcomes import Outcome, exit_status
from runner.paths import RunPaths, ledger_path
from runner.report import forms, material, told
from runner.report.pace import Pace
from runner.supervisors import Running
from runner.units import duration, size

_PERIOD_S = 0.5
_LEDGER_S = 2.0
_LOOKS = 3
"""Without a ledger, and a word on who supervises it: as often no process of a run is seen before it
is lost."""
_PLAIN_S = 10.0
_LINES = 8
_TAIL = 16 << 10


@dataclass(frozen=True)
class Look:
    """A run at one moment. Bytes and seconds; None: not known."""

    run: str
    job: str
    state: str
    """running, done or lost."""
    attempt: int
    ran_s: float | None
    record: Record | None
    quiet_s: float | None
    """Since the newest pulse."""
    per_second: float | None
    left_s: float | None
    held: int | None
    """PSS of the tree."""
    processes: int
    devices: dict[str, int] = field(default_factory=dict)
    lines: tuple[str, ...] = ()
    """The newest of its output."""


def watch(runs: Path, paths: RunPaths) -> int:
    """Show the run until it ends; the exit status of its outcome, 0 after Ctrl-C.

    On a terminal the picture is kept up to date; elsewhere there is a line now and then.
    """
    console = Console(highlight=False)
    watcher = Watcher(runs, paths)
    try:
        if console.is_terminal:
            with Live(console=console, auto_refresh=False, transient=False) as live:
                for look in watcher.looks(_PERIOD_S):
                    live.update(picture(look), refresh=True)
        else:
            for look in watcher.looks(_PLAIN_S):
                console.print(Text(line(look)), soft_wrap=True)
    except KeyboardInterrupt:
        console.print("left; the run goes on")
        return 0
    return _say_the_end(runs, paths, console)


def _say_the_end(runs: Path, paths: RunPaths, console: Console) -> int:
    result = material.gather(runs, paths).result
    outcome = Outcome(result["outcome"]) if result["outcome"] in set(Outcome) else Outcome.LOST
    console.print(Text(f"{outcome.value}: {outcome.meaning}"))
    for fact in result["evidence"]:
        console.print(Text(printable(f"evidence: {fact['source']}: {fact['text']}")))
    for advice in result["advice"]:
        console.print(Text(printable(f"advice: {advice}")))
    return exit_status(outcome)


class Watcher:
    """Looks at a run as often as it is asked."""

    def __init__(self, runs: Path, paths: RunPaths) -> None:
        self._runs = runs
        self._paths = paths
        self._pace = Pace()
        self._state = "running"
        self._devices: dict[str, int] = {}
        self._asked = -_LEDGER_S
        description = material.read_json(paths.description)
        self._job = str(description.get("job", "?"))
        self._started = str(description.get("started", ""))
        self._supervisor = _supervisor(description)
        self._seen_none = 0

    def looks(self, period_s: float) -> Iterator[Look]:
        """One look after the other, the last when the run has ended."""
        while True:
            look = self.look()
            yield look
            if look.state != "running":
                return
            until = time.monotonic() + period_s
            while (left := until - time.monotonic()) > 0:
                time.sleep(min(left, _PERIOD_S))
                self._ask_ledger()
                if self._state != "running":
                    break

    def look(self) -> Look:
        now = time.monotonic()
        self._ask_ledger()
        n = material.newest_attempt(self._paths.folder)
        attempt = self._paths.attempt(n)
        record = None
        with suppress(OSError):
            record = pulse.read(attempt.pulse)
        if record is not None and record.pulse.number:
            self._pace.see(now, record.pulse.step)
        members = lost.look_at(self._paths.folder.name, self._runs).processes
        held = host.tree_memory(members, with_pss=True) if members else None
        text = material.read_text(attempt.output, _TAIL) or ""
        return Look(
            run=self._paths.folder.name,
            job=self._job,
            state=self._state,
            attempt=n,
            ran_s=_ran_s(self._started),
            record=record,
            quiet_s=None if record is None or not record.pulse.number else now - record.pulse.at_s,
            per_second=self._pace.per_second(),
            left_s=self._pace.left_s(record.pulse.total) if record is not None else None,
            held=None if held is None else held.pss if held.pss is not None else held.rss,
            processes=len(members),
            devices=self._devices,
            lines=tuple(printable(said) for said in _last_lines(text)),
        )

    def _ask_ledger(self) -> None:
        now = time.monotonic()
        if now - self._asked < _LEDGER_S:
            return
        self._asked = now
        run = self._paths.folder.name
        try:
            ledger = Ledger(ledger_path(self._runs), reading=True)
            try:
                self._state = "lost" if run in ledger.orphaned() else ledger.state(run) or "lost"
                rows = ledger.sample_rows(run, ("device_used",), newest=1)
            finally:
                ledger.close()
        except LedgerError:
            # Busy, or on a full disk: the next look may have it. Its folder tells the end, too, and
            # what is written there before its supervisor is gone.
            is_left = self._is_left()
            if material.gather(self._runs, self._paths).state == "done":
                self._state = "done"
            elif is_left:
                self._state = "lost"
            return
        if rows and rows[0][0]:
            self._devices = json.loads(rows[0][0])

    def _is_left(self) -> bool:
        """Whether nobody supervises the run any more, as its folder and its processes tell."""
        if self._supervisor is not None:
            seen = _newest(self._paths)
            return supervisors.is_orphaned(dataclasses.replace(self._supervisor, seen=seen))
        is_seen = bool(lost.look_at(self._paths.folder.name, self._runs).processes)
        self._seen_none = 0 if is_seen else self._seen_none + 1
        return self._seen_none >= _LOOKS


def _supervisor(description: Mapping[str, Any]) -> Running | None:
    """None where the run's file does not tell."""
    found = description.get("supervisor")
    if found is None or told.place(forms.DESCRIPTION["supervisor"], found) is not None:
        return None
    names = ("boot", "pid", "start_ticks", "place", "host")
    return Running(**{name: found[name] for name in names})


def _newest(paths: RunPaths) -> float | None:
    """When something was last written to a run's folder, seconds of the wall clock."""
    times = []
    for path in paths.folder.glob("**/*"):
        with suppress(OSError):
            times.append(path.lstat().st_mtime)
    return max(times, default=None)


def _ran_s(started: str) -> float | None:
    with suppress(ValueError):
        return max(0.0, time.time() - datetime.datetime.fromisoformat(started).timestamp())
    return None


def _last_lines(text: str) -> list[str]:
    # A progress bar that redraws itself is one line: what it shows now.
    lines = [said.rstrip("\r").rpartition("\r")[2].rstrip() for said in text.split("\n")]
    return [said for said in lines if said][-_LINES:]


def line(look: Look) -> str:
    """``train forward  step 12/400  1.5 steps/s  4:18 left  host 1.9 GiB (3)  pulse 0.3 s ago``."""
    parts = [f"{look.job} {look.state}" if look.state != "running" else look.job]
    parts += [f"{what} {value}".strip() for what, value in _facts(look)]
    return printable("  ".join(parts))


def _facts(look: Look) -> Iterator[tuple[str, str]]:
    if look.attempt > 1:
        yield "attempt", str(look.attempt)
    if look.record is not None and look.record.pulse.number:
        at = look.record.pulse
        yield "phase", at.phase
        if at.step:
            yield "step", f"{at.step:,}" + (f"/{at.total:,}" if at.total else "")
        if look.per_second is not None:
            rate = look.per_second
            yield "rate", f"{rate:.3g} steps/s" if rate >= 0.1 else f"{1 / rate:.1f} s/step"
        if look.left_s is not None:
            yield "left", duration(look.left_s)
        for name, words in (("loss", "{:.5g}"), ("mae", "{:.1f} m/s")):
            if name in look.record.gauges:
                yield name, words.format(look.record.gauges[name])
        if look.record.torch_allocated is not None:
            yield "torch", size(look.record.torch_allocated)
    if look.held is not None:
        yield "host", f"{size(look.held)} ({look.processes})"
    for index, used in sorted(look.devices.items()):
        yield f"GPU {index}", size(used)
    if look.quiet_s is not None:
        yield "pulse", f"{duration(max(0.0, look.quiet_s))} ago"


def picture(look: Look) -> Group:
    """The run on a terminal."""
    style = {"running": "cyan", "done": "green"}.get(look.state, "red")
    head = Text.assemble(
        (look.run, "bold"), "  ", (look.state, f"bold {style}"), f"  {duration(look.ran_s)}"
    )
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim")
    table.add_column()
    if look.record is not None and look.record.pulse.total:
        at = look.record.pulse
        table.add_row("done", ProgressBar(at.total, min(at.step, at.total), width=50))
    for what, value in _facts(look):
        table.add_row(what, Text(printable(value)))
    parts: list[Text | Table] = [head, table]
    parts += [Text(said, style="dim", no_wrap=True, overflow="ellipsis") for said in look.lines]
    return Group(*parts)
