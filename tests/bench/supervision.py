"""What the supervisor costs, and how soon it acts."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from probes import procfs
from runner import supervisor
from runner.options import Supervision
from tests.bench.figure import Figure

_FAULTS = Path(__file__).resolve().parents[1] / "faults"
_REPEAT = 15


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder) / "runs"
        return [_start(runs), *_resident(runs), *_stall(runs)]


def _wall(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began


def _start(runs: Path) -> Figure:
    under = [sys.executable, "-m", "runner", "exec", "--runs-dir", str(runs), "--", "true"]
    _wall(under)
    extra = [_wall(under) - _wall(["true"]) for _ in range(_REPEAT)]
    value = statistics.median(extra)
    return Figure(
        "`python -m runner exec -- true`, wall beyond bare `true`",
        value,
        "s",
        "<= 0.5 s",
        value <= 0.5,
        f"median of {_REPEAT} pairs; {min(extra):.2f} to {max(extra):.2f}",
    )


def _resident(runs: Path) -> list[Figure]:
    """Resident and proportional memory of the supervisor after ten seconds of a job that prints."""
    job = [
        sys.executable,
        "-c",
        "import time\nfor n in range(1000): print(n * 100); time.sleep(.01)",
    ]
    child = subprocess.Popen(
        [sys.executable, "-m", "runner", "exec", "--runs-dir", str(runs), "--", *job],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    largest_rss = largest_pss = 0
    while child.poll() is None:
        found = procfs.memory(child.pid)
        if found is not None:
            largest_rss = max(largest_rss, found.rss)
            largest_pss = max(largest_pss, found.pss)
        time.sleep(0.25)
    peak = largest_rss / 1e6
    return [
        Figure(
            "supervisor's resident memory while a job runs",
            peak,
            "MB",
            "<= 45 MB",
            peak <= 45,
            f"largest of 40 looks over a 10 s job; PSS {largest_pss / 1e6:.1f} MB",
        )
    ]


def _stall(runs: Path) -> list[Figure]:
    late, gone = [], []
    options = Supervision(watchdog=2, grace=1, runs_dir=runs)
    for _ in range(3):
        result = supervisor.run(
            [sys.executable, str(_FAULTS / "ignores_sigterm.py")], options=options
        )
        picture, timing = result.end.evidence.stall, result.end.timing
        assert picture is not None
        assert timing.detected_s is not None
        late.append(picture.quiet_s - picture.limit_s)
        gone.append(timing.reaped_s - timing.detected_s - options.grace)
    return [
        Figure(
            "stall noticed after the watchdog's time",
            max(late),
            "s",
            "<= 1 s",
            max(late) <= 1,
            "worst of 3; a job that ignores SIGTERM, --watchdog 2",
        ),
        Figure(
            "tree gone after the grace time",
            max(gone),
            "s",
            "<= 3 s",
            max(gone) <= 3,
            "worst of 3; the capture of the stacks, before the grace time, is counted in",
        ),
    ]
