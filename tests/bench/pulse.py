"""What a pulse costs the job."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from probes import pulse
from tests.bench.figure import Figure

_SOURCE = """
import timeit
from probes import pulse
pulse.attach()
n = 200_000
for code in ("beat(5, 400)", "forward.__enter__(); forward.__exit__(None, None, None)"):
    names = {"beat": pulse.beat, "forward": pulse.phase("forward")}
    print(*[t / n for t in timeit.repeat(code, number=n, repeat=7, globals=names)])
"""


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pulse"
        pulse.create(path)
        out = subprocess.check_output(
            [sys.executable, "-c", _SOURCE], env={pulse.ENVIRONMENT: str(path)}, text=True
        )
    beat, phase = ([float(t) * 1e6 for t in line.split()] for line in out.splitlines())
    cost = statistics.median(beat)
    return [
        Figure(
            "one pulse",
            cost,
            "µs",
            "<= 1 µs",
            cost <= 1,
            f"median of 7 × 200,000 calls of beat(); best {min(beat):.2f}, worst {max(beat):.2f}",
        ),
        Figure(
            "entering and leaving a phase",
            statistics.median(phase),
            "µs",
            "-",
            None,
            "two pulses and the phase's account; median of 7 × 200,000",
        ),
    ]
