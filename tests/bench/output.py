"""What it costs a job to print 1 GB under the supervisor, against ``> file`` and ``| cat > file``,
and what it costs the supervisor."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from probes import procfs
from tests.bench.figure import Figure

_BYTES = 10**9
_ROUNDS = 5

_LINES = """
import sys, time
count, line = int(sys.argv[1]) // 100, "x" * 99
sys.stdout.reconfigure(line_buffering=True)
began = time.perf_counter()
for _ in range(count):
    print(line)
open(sys.argv[2], "w").write(str(time.perf_counter() - began))
"""
_BLOCKS = """
import os, sys, time
left, block = int(sys.argv[1]), (b"x" * 99 + b"\\n") * 656
began = time.perf_counter()
while left > 0:
    left -= os.write(1, block[:left])
open(sys.argv[2], "w").write(str(time.perf_counter() - began))
"""


@dataclass
class _Printed:
    """Seconds that the job itself counted, in every round; and the supervisor's memory."""

    bare: list[float] = field(default_factory=list)
    cat: list[float] = field(default_factory=list)
    to_file: list[float] = field(default_factory=list)
    to_null: list[float] = field(default_factory=list)
    peak: int = 0
    """Largest resident memory of the supervisor, bytes."""
    growth: int = 0
    """From a quarter of the job's time on, bytes; the largest of all rounds."""


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = _measure(folder, _LINES)
        blocks = _measure(folder, _BLOCKS)
    peak = max(lines.peak, blocks.peak) / 1e6
    growth = max(lines.growth, blocks.growth) / 1e6
    return [
        _slowed("a job that prints 1 GB in lines of 100 bytes, each written at once", lines, 1.05),
        _slowed("a job that writes 1 GB in blocks of 64 KiB, as fast as it can", blocks, None),
        Figure(
            "supervisor's resident memory while a job prints 1 GB",
            peak,
            "MB",
            "<= 50 MB",
            peak <= 50,
            f"largest of {4 * _ROUNDS} runs of the two jobs above; grows by {growth:.1f} MB at "
            f"the most after a quarter of the job",
        ),
    ]


def _slowed(name: str, seen: _Printed, target: float | None) -> Figure:
    value = min(seen.to_file) / min(seen.bare)
    return Figure(
        f"{name}: supervised to a file, against `> file`",
        value,
        "of its time",
        f"<= {target}" if target else "-",
        value <= target if target else None,
        f"fastest of {_ROUNDS} each, alternating, the job's own clock: `> file` "
        f"{min(seen.bare):.2f} s, `| cat > file` {min(seen.cat):.2f} s, supervised to a file "
        f"{min(seen.to_file):.2f} s, supervised to /dev/null {min(seen.to_null):.2f} s; medians "
        f"{_medians(seen)} s",
    )


def _medians(seen: _Printed) -> str:
    kinds = (seen.bare, seen.cat, seen.to_file, seen.to_null)
    return ", ".join(f"{statistics.median(kind):.2f}" for kind in kinds)


def _measure(folder: Path, source: str) -> _Printed:
    seen = _Printed()
    report, out = folder / "seconds", folder / "out"
    job = [sys.executable, "-c", source, str(_BYTES), str(report)]
    under = [sys.executable, "-m", "runner", "exec", "--runs-dir", str(folder / "runs"), "--", *job]
    for _ in range(_ROUNDS):
        with open(out, "wb") as to:
            subprocess.run(job, stdout=to, check=True)
        seen.bare.append(float(report.read_text()))
        with open(out, "wb") as to:
            cat = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=to)
            subprocess.run(job, stdout=cat.stdin, check=True)
            cat.communicate()
        seen.cat.append(float(report.read_text()))
        for target, times in ((str(out), seen.to_file), ("/dev/null", seen.to_null)):
            with open(target, "wb") as to:
                _watch(subprocess.Popen(under, stdout=to, stderr=subprocess.DEVNULL), seen)
            times.append(float(report.read_text()))
    return seen


def _watch(supervisor: subprocess.Popen[bytes], seen: _Printed) -> None:
    looks = []
    while supervisor.poll() is None:
        found = procfs.stat(supervisor.pid)
        if found is not None and found.rss:
            looks.append(found.rss)
            seen.peak = max(seen.peak, procfs.peak_rss(supervisor.pid) or 0)
        time.sleep(0.02)
    if supervisor.returncode:
        raise RuntimeError(f"the supervisor ended with {supervisor.returncode}")
    early = max(looks[: max(1, len(looks) // 4)])
    seen.growth = max(seen.growth, max(looks) - early)
