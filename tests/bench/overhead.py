"""A supervised train run against the same bare run."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from fwi import config
from probes import procfs
from tests.bench.figure import Figure

_BLOCKS = 2
_SECONDS = 60.0
_SETTLED_S = 10.0
"""After it, a run neither starts nor is followed allocation by allocation."""
_REPORT_S = 3.0
_RATE = re.compile(r"([0-9.]+) samples/s$", re.MULTILINE)


@dataclass(frozen=True)
class _Ran:
    wall_s: float
    own_s: float
    """Processor time of the first process."""
    settled: float
    """The part of a core that it took after the start, up to the end of the job."""
    rates: tuple[float, ...]
    """Samples a second in each epoch but the first."""


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        synth = config.Synth(
            families=("FlatVel_A", "CurveFault_A"),
            samples=64,
            samples_per_file=16,
            dtype="float16",
            out=data,
        )
        _run("fwi", "synth", *config.to_argv(synth))
        epochs = _epochs(data, Path(folder))
        bare: list[_Ran] = []
        under: list[_Ran] = []
        for block in range(_BLOCKS):
            # Bare, supervised, supervised, bare: a machine that drifts favours neither.
            for n, package in enumerate(("fwi", "runner", "runner", "fwi")):
                ran = _train(package, data, Path(folder) / f"{block}-{n}", epochs)
                (bare if package == "fwi" else under).append(ran)
    return [_whole(bare, under, epochs), _pace(bare, under), *_processor(under)]


def _whole(bare: list[_Ran], under: list[_Ran], epochs: int) -> Figure:
    walls = [[ran.wall_s for ran in runs] for runs in (bare, under)]
    value = min(walls[1]) / min(walls[0])
    medians = statistics.median(walls[1]) / statistics.median(walls[0])
    return Figure(
        "supervised train run against the same bare run, wall",
        value,
        "",
        "<= 1.01",
        value <= 1.01,
        f"fastest of {len(under)} against fastest of {len(bare)}, since other load only adds; "
        f"medians {medians:.3f}; bare {_spread(walls[0])}, supervised {_spread(walls[1])}; "
        f"{epochs} epochs of 96 maps; start, report and the followed first windows included",
    )


def _pace(bare: list[_Ran], under: list[_Ran]) -> Figure:
    rates = [[rate for ran in runs for rate in ran.rates] for runs in (bare, under)]
    value = 100 * (max(rates[0]) / max(rates[1]) - 1)
    return Figure(
        "probes' cost to a training run, wall",
        value,
        "%",
        "<= 0.5 %",
        value <= 0.5,
        f"the fastest of {len(rates[0])} bare epochs against that of {len(rates[1])} supervised "
        f"ones, the first of each run left out; medians "
        f"{100 * (statistics.median(rates[0]) / statistics.median(rates[1]) - 1):.2f} %",
    )


def _processor(under: list[_Ran]) -> list[Figure]:
    settled = 100 * statistics.median(ran.settled for ran in under)
    whole = 100 * statistics.median(ran.own_s / ran.wall_s for ran in under)
    return [
        Figure(
            "probes' cost to a training run, processor time of the supervisor",
            settled,
            "% of a core",
            "<= 1 %",
            settled <= 1,
            f"median over the {len(under)} supervised runs, from {_SETTLED_S:.0f} s on",
        ),
        Figure(
            "the same, start and report included",
            whole,
            "% of a core",
            "-",
            None,
            f"of runs of {statistics.median(ran.wall_s for ran in under):.0f} s",
        ),
    ]


def _spread(seconds: list[float]) -> str:
    return f"{min(seconds):.1f} to {max(seconds):.1f} s"


def _epochs(data: Path, folder: Path) -> int:
    """How many epochs take about a minute."""
    short = _train("fwi", data, folder / "short", 1).wall_s
    longer = _train("fwi", data, folder / "longer", 3).wall_s
    an_epoch = max(0.1, (longer - short) / 2)
    return max(3, round((_SECONDS - (short - an_epoch)) / an_epoch))


def _train(package: str, data: Path, out: Path, epochs: int) -> _Ran:
    job = config.Train(data=data, epochs=epochs, device="cpu", checkpoints=out / "checkpoints")
    more = ["--runs-dir", str(out / "runs")] if package == "runner" else []
    return _run(package, "train", *config.to_argv(job), *more)


def _run(package: str, *arguments: str) -> _Ran:
    began = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        child = subprocess.Popen(
            [sys.executable, "-m", package, *arguments], stdout=said, stderr=subprocess.DEVNULL
        )
        looks = [(0.0, 0.0)]
        while child.poll() is None:
            found = procfs.stat(child.pid)
            if found is not None:
                looks.append((time.perf_counter() - began, found.cpu_s))
            time.sleep(0.1)
        wall = time.perf_counter() - began
        said.seek(0)
        text = said.read().decode("utf-8", "replace")
    if child.returncode:
        raise RuntimeError(f"python -m {package} {arguments[0]} ended with {child.returncode}")
    # The report is made in the last moments; what came before is the watching.
    watching = [look for look in looks if _SETTLED_S <= look[0] <= wall - _REPORT_S] or looks
    (first_s, first), (last_s, last) = watching[0], watching[-1]
    return _Ran(
        wall_s=wall,
        own_s=looks[-1][1],
        settled=(last - first) / max(last_s - first_s, 1e-9),
        rates=tuple(float(rate) for rate in _RATE.findall(text)[1:]),
    )
