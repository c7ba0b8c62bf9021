"""How fast a pack job is beside a plain loop over the same files, and what memory it takes."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from fwi.layout import CUBE_SHAPE, pair_names
from probes import procfs
from tests.bench.figure import Figure

_FILES, _RECORDS = 4, 500
_REPEAT = 5
_LARGE = 500
"""Records of the published files, for the look at memory."""

_PLAIN = """
import sys, time
from pathlib import Path
import numpy as np

size, source, dest = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
if size == "72":
    import torch
    from torch.nn import functional as F
files = sorted(source.rglob("data*.npy"))
began = time.perf_counter()
for path in files:
    cubes = np.load(path)
    if size == "72":
        area = F.interpolate(torch.from_numpy(cubes), size=(70, 70), mode="area")
        cubes = F.pad(area, (1, 1, 1, 1), mode="replicate").half().numpy()
    else:
        cubes = cubes.astype(np.float16)
    np.save(dest / path.name, cubes)
print(time.perf_counter() - began)
"""

_OURS = """
import sys, time
from pathlib import Path
from fwi import config, packing
from fwi.repack import Repack

size, source, dest = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
Repack((5, 1000, 70), "float32", size, "float16")()
began = time.perf_counter()
packing.pack(config.Pack(source=source, dest=dest, size=size))
print(time.perf_counter() - began)
"""


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _write(root / "source", _FILES, _RECORDS)
        return [
            _speed(root, "full", 1.5),
            _speed(root, "72", 3),
            *(_memory(root, size) for size in ("full", "72")),
        ]


def _write(root: Path, files: int, records: int) -> None:
    noise = np.random.default_rng(0).normal(0, 3, (4, *CUBE_SHAPE)).astype(np.float32)
    for n in range(files):
        seismic, velocity = (root / name for name in pair_names("FlatVel_A", n))
        for path in (seismic, velocity):
            path.parent.mkdir(parents=True, exist_ok=True)
        np.save(seismic, np.resize(noise, (records, *CUBE_SHAPE)))
        np.save(velocity, np.full((records, 1, 70, 70), 3000, np.float32))


def _speed(root: Path, size: str, target: float) -> Figure:
    def took(program: str) -> float:
        dest = root / "dest"
        shutil.rmtree(dest, ignore_errors=True)
        dest.mkdir()
        os.sync()
        out = subprocess.check_output(
            [sys.executable, "-c", program, size, str(root / "source"), str(dest)],
            text=True,
            stderr=subprocess.DEVNULL,
        )
        return float(out.splitlines()[-1])

    took(_OURS)
    pairs = [(took(_PLAIN), took(_OURS)) for _ in range(_REPEAT)]
    ratios = [plain / ours for plain, ours in pairs]
    value = statistics.median(ratios)
    records = _FILES * _RECORDS
    gigabytes = records * 1.4e6 / 1e9
    plain = {
        "full": "`np.load`, `astype(float16)`, `np.save`",
        "72": "`np.load`, PyTorch's `interpolate`, `pad` and `half`, `np.save`",
    }
    return Figure(
        f"pack --size {size}, against a plain loop over the same files",
        value,
        "times its speed",
        f">= {target:g} on 2 cores",
        value >= target,
        f"{plain[size]}; {_FILES} float32 files, {gigabytes:.2f} GB, in the page cache; "
        f"checksums, maps and syncs to the disk on our side only; median of {_REPEAT}, "
        f"{min(ratios):.1f} to {max(ratios):.1f}; ours "
        f"{records / statistics.median(ours for _, ours in pairs):,.0f} records/s",
    )


def _memory(root: Path, size: str) -> Figure:
    """The largest PSS of a job over files of the published length, whose data is a hole."""
    source, dest = root / "large", root / "large-dest"
    shutil.rmtree(source, ignore_errors=True)
    shutil.rmtree(dest, ignore_errors=True)
    _write(source, 3, 1)
    for path in source.rglob("*.npy"):
        shape = np.load(path, mmap_mode="r").shape[1:]
        array = np.lib.format.open_memmap(path, "w+", np.float32, (_LARGE, *shape))
        del array
    child = subprocess.Popen(
        [sys.executable, "-m", "fwi", "pack", str(source), str(dest), "--size", size],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    looks = []
    while child.poll() is None:
        tree = [s.pid for s in procfs.processes().values() if child.pid in (s.pid, s.ppid)]
        found = [procfs.memory(pid) for pid in tree]
        looks.append(sum(m.pss for m in found if m is not None and m.pss is not None))
        time.sleep(0.02)
    if child.returncode:
        raise RuntimeError(f"the pack job ended with {child.returncode}")
    made = json.loads((dest / "pack.json").read_text())
    value = max(looks) / 1e6
    shutil.rmtree(dest)
    return Figure(
        f"host memory of pack --size {made['size']}",
        value,
        "MB PSS",
        "<= 300 MB",
        value <= 300,
        f"main process and whatever it starts, largest of {len(looks)} looks; 3 files of {_LARGE} "
        "records, 2.1 GB",
    )
