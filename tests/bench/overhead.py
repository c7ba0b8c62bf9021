"""A supervised train run against the same bare run."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from fwi import config
from tests.bench.figure import Figure

_PAIRS = 3
_SECONDS = 60.0


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        families = ["FlatVel_A", "CurveFault_A"]
        _run("fwi", "synth", "--families", *families, "--samples", "64",
             "--samples-per-file", "16", "--dtype", "float16", "--out", str(data))  # fmt: skip
        epochs = _epochs(data, folder)
        ratios, bare = [], []
        for pair in range(_PAIRS):
            alone = _train("fwi", data, f"{folder}/bare-{pair}", epochs)
            under = _train("runner", data, f"{folder}/under-{pair}", epochs)
            bare.append(alone)
            ratios.append(under / alone)
    value = statistics.median(ratios)
    return [
        Figure(
            "supervised train run against the same bare run, wall",
            value,
            "",
            "<= 1.01",
            value <= 1.01,
            f"median of {_PAIRS} pairs, one after the other, {min(ratios):.3f} to "
            f"{max(ratios):.3f}; {epochs} epochs of 112 maps, {statistics.median(bare):.0f} s bare",
        )
    ]


def _epochs(data: Path, folder: str) -> int:
    """How many epochs take about a minute."""
    short = _train("fwi", data, f"{folder}/one", 1)
    longer = _train("fwi", data, f"{folder}/three", 3)
    an_epoch = max(0.1, (longer - short) / 2)
    return max(3, round((_SECONDS - (short - an_epoch)) / an_epoch))


def _train(package: str, data: Path, out: str, epochs: int) -> float:
    job = config.Train(
        data=data, epochs=epochs, device="cpu", checkpoints=Path(out) / "checkpoints"
    )
    more = ["--runs-dir", f"{out}/runs"] if package == "runner" else []
    began = time.perf_counter()
    _run(package, "train", *config.to_argv(job), *more)
    return time.perf_counter() - began


def _run(package: str, *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", package, *arguments],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
