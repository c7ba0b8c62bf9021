"""What a look at the machine costs."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from runner import preflight
from tests.bench.figure import Figure

_ROUNDS = 7


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        whole = []
        for _ in range(_ROUNDS):
            began = time.perf_counter()
            subprocess.run(
                [sys.executable, "-m", "runner", "doctor", "--runs-dir", folder],
                check=False,
                stdout=subprocess.DEVNULL,
            )
            whole.append(time.perf_counter() - began)
        short = []
        for _ in range(_ROUNDS):
            began = time.perf_counter()
            preflight.brief(Path(folder), lambda line: None)
            short.append((time.perf_counter() - began) * 1e3)
    seconds, brief_ms = statistics.median(whole), statistics.median(short)
    return [
        Figure(
            "runner doctor",
            seconds,
            "s",
            "<= 1 s",
            seconds <= 1,
            f"the whole command; median of {_ROUNDS}, worst {max(whole):.2f}",
        ),
        Figure(
            "the short form before a job",
            brief_ms,
            "ms",
            "<= 50 ms",
            brief_ms <= 50,
            f"median of {_ROUNDS}, worst {max(short):.1f}",
        ),
    ]
