"""Every option of supervision: its unit and its default."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from probes import files
from runner import limits
from runner.watchdog import Limits

_AUTO_RETRIES = 2
_MOST_RETRIES = 100


@dataclass(frozen=True, kw_only=True)
class Supervision:
    """How a job is watched, stopped and recorded."""

    watchdog: float = 600.0
    """Seconds without progress that make a stall; 0: never. Progress is a pulse, or any byte of
    output from a program that has never pulsed."""
    watchdog_startup: float | None = None
    """The same before the first step. Default: --watchdog."""
    watchdog_evaluate: float | None = None
    """The same while evaluating. Default: --watchdog."""
    watchdog_checkpoint: float | None = None
    """The same while writing a checkpoint. Default: --watchdog."""
    strict: bool = False
    """Stop at the first stall: no second time for a job whose stacks still move."""
    deadline: float = 0.0
    """Seconds that the job may take in all, over all attempts; 0: any."""
    retries: int | None = None
    """Further attempts after a failure, each with what the failure asks for changed. Default: 0; 2
    with --auto."""
    auto: bool = False
    """Recover without being asked: two retries, unless --retries says otherwise."""
    wait_device: float = 300.0
    """Seconds to wait, before another attempt, for other processes to give the device back."""
    max_host_memory: str | None = None
    """Host memory that the job may hold, as 20G or 80% (of the cgroup's limit where there is one,
    else of the machine's memory); beyond it the job is stopped, before the kernel would. Default:
    no limit."""
    grace: float = 15.0
    """Seconds between SIGTERM and SIGKILL, in which a checkpoint may be written."""
    progress: Literal["pulse", "cpu"] = "pulse"
    """cpu: processor time, bytes of disks and work of devices count as progress of a program that
    does not pulse."""
    sample: float = 1.0
    """Seconds between samples of memory."""
    metrics_file: Path | None = None
    """Keep the run's live numbers in this file, for node_exporter's textfile collector, which reads
    names that end in .prom. Default: none."""
    log_limit: int = 16
    """MiB of output kept, the newest; at least 1."""
    runs_dir: Path | None = None
    """Folder of the ledger and the runs. Default: $FWI_RUNS_DIR, else runs."""
    json: bool = False
    """Print the result as one line of JSON, last on standard output."""
    exit_passthrough: bool = False
    """End with the job's own exit status."""

    def runs(self) -> Path:
        return self.runs_dir or Path(os.environ.get("FWI_RUNS_DIR") or "runs")

    def attempts(self) -> int:
        """How many attempts a run may have."""
        retries = self.retries if self.retries is not None else _AUTO_RETRIES * self.auto
        return 1 + retries

    def limits(self) -> Limits:
        own = {
            "startup": self.watchdog_startup,
            "evaluate": self.watchdog_evaluate,
            "checkpoint": self.watchdog_checkpoint,
        }
        return Limits(
            watchdog=self.watchdog,
            phases={phase: limit for phase, limit in own.items() if limit is not None},
            deadline=self.deadline,
        )

    def problems(self) -> list[str]:
        """What is wrong, each line naming the option, its value and what fits."""
        found = []
        for name in (
            "watchdog",
            "watchdog_startup",
            "watchdog_evaluate",
            "watchdog_checkpoint",
            "deadline",
            "grace",
            "wait_device",
        ):
            value = getattr(self, name)
            if value is not None and not 0 <= value < 1e9:
                flag = "--" + name.replace("_", "-")
                found.append(f"{flag} {value}: expected seconds, a number from 0")
        if not 0.05 <= self.sample < 1e9:
            found.append(f"--sample {self.sample}: expected seconds, a number from 0.05")
        if self.max_host_memory is not None:
            try:
                limits.parse(self.max_host_memory)
            except ValueError as error:
                found.append(f"--max-host-memory {self.max_host_memory}: {error}")
        if self.metrics_file is not None and not self.metrics_file.parent.is_dir():
            found.append(
                f"--metrics-file {self.metrics_file}: expected a file in a folder that is there"
            )
        elif self.metrics_file is not None:
            try:
                files.named(self.metrics_file)
            except OSError as error:
                found.append(f"--metrics-file {self.metrics_file}: {error.strerror}")
        if self.log_limit < 1:
            found.append(f"--log-limit {self.log_limit}: expected MiB, a whole number from 1")
        if self.retries is not None and not 0 <= self.retries <= _MOST_RETRIES:
            found.append(
                f"--retries {self.retries}: expected a whole number from 0 to {_MOST_RETRIES}"
            )
        return found
