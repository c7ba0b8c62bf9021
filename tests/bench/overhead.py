"""A supervised train run against the same bare run."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from fwi import config
from probes import procfs
from tests.bench.figure import Figure

_BLOCKS = 2
_SECONDS = 60.0


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
        bare: list[float] = []
        under: list[float] = []
        shares: list[float] = []
        for block in range(_BLOCKS):
            # Bare, supervised, supervised, bare: a machine that drifts favours neither.
            for n, package in enumerate(("fwi", "runner", "runner", "fwi")):
                wall, own = _train(package, data, Path(folder) / f"{block}-{n}", epochs)
                (bare if package == "fwi" else under).append(wall)
                if package == "runner":
                    shares.append(own / wall)
    value = min(under) / min(bare)
    medians = statistics.median(under) / statistics.median(bare)
    return [
        Figure(
            "supervised train run against the same bare run, wall",
            value,
            "",
            "<= 1.01",
            value <= 1.01,
            f"fastest of {len(under)} against fastest of {len(bare)}, since other load only adds; "
            f"medians {medians:.3f}; bare {_spread(bare)}, supervised {_spread(under)}; "
            f"{epochs} epochs of 96 maps",
        ),
        Figure(
            "processor time of the supervisor itself",
            100 * statistics.median(shares),
            "% of a core",
            "-",
            None,
            "median over the supervised runs above, start and report included",
        ),
    ]


def _spread(seconds: list[float]) -> str:
    return f"{min(seconds):.1f} to {max(seconds):.1f} s"


def _epochs(data: Path, folder: Path) -> int:
    """How many epochs take about a minute."""
    short, _ = _train("fwi", data, folder / "short", 1)
    longer, _ = _train("fwi", data, folder / "longer", 3)
    an_epoch = max(0.1, (longer - short) / 2)
    return max(3, round((_SECONDS - (short - an_epoch)) / an_epoch))


def _train(package: str, data: Path, out: Path, epochs: int) -> tuple[float, float]:
    """Wall seconds of a run, and processor seconds of its first process."""
    job = config.Train(data=data, epochs=epochs, device="cpu", checkpoints=out / "checkpoints")
    more = ["--runs-dir", str(out / "runs")] if package == "runner" else []
    return _run(package, "train", *config.to_argv(job), *more)


def _run(package: str, *arguments: str) -> tuple[float, float]:
    began = time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, "-m", package, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    own = 0.0
    while child.poll() is None:
        found = procfs.stat(child.pid)
        own = found.cpu_s if found else own
        time.sleep(0.1)
    if child.returncode:
        raise RuntimeError(f"python -m {package} {arguments[0]} ended with {child.returncode}")
    return time.perf_counter() - began, own
