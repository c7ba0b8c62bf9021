"""The main job and the solver on a CUDA device."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from fwi import config, geology, wave
from fwi.layout import Family
from tests.bench.figure import Figure

_MAPS = 512
_FAMILIES: tuple[Family, ...] = ("FlatVel_A", "CurveVel_B", "FlatFault_A", "Style_A")


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        synth = config.Synth(
            families=_FAMILIES, samples_per_file=50, dtype="float16", device="cuda", out=data
        )
        _run("synth", *config.to_argv(synth), folder=folder)
        figures = [_solver()]
        for dtype in ("fp16", "bf16"):
            figures += _train(data, dtype, folder)
    return figures


def _solver() -> Figure:
    maps = np.concatenate([geology.velocity_maps(f, _MAPS // 4, seed=1) for f in _FAMILIES])
    wave.simulate(maps[:16], device="cuda")
    torch.cuda.synchronize()
    began = time.perf_counter()
    wave.simulate(maps, device="cuda")
    torch.cuda.synchronize()
    rate = len(maps) / (time.perf_counter() - began) * 3600
    return Figure(
        "simulation, torch path", rate, "maps/h", "-", None, f"{len(maps)} maps of four families"
    )


def _train(data: Path, dtype: str, folder: str) -> list[Figure]:
    result = _run("train", "--data", str(data), "--dtype", dtype, "--device", "cuda",
                  "--batch-size", "64", "--epochs", "10", folder=folder)  # fmt: skip
    gauges, peaks = result["gauges"], result["peaks"]
    how = f"`python -m runner train --dtype {dtype} --batch-size 64 --epochs 10`, 2000 maps"
    return [
        Figure(f"{dtype}: throughput", gauges["samples_per_s"], "samples/s", "-", None, how),
        Figure(f"{dtype}: validation MAE", gauges["mae"], "m/s", "-", None, how),
        Figure(f"{dtype}: torch peak", peaks["device_allocated"] / 2**20, "MiB", "-", None, how),
        Figure(
            f"{dtype}: device peak (NVML)",
            max(peaks["device_used"].values()) / 2**20,
            "MiB",
            "-",
            None,
            how,
        ),
    ]


def _run(*arguments: str, folder: str) -> dict[str, dict[str, float]]:
    out = subprocess.check_output(
        [sys.executable, "-m", "runner", *arguments, "--json", "--runs-dir", f"{folder}/runs"]
    )
    result: dict[str, dict[str, float]] = json.loads(out.splitlines()[-1])
    return result
