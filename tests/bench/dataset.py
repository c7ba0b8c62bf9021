"""What reading samples costs, in time and in memory."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from fwi import families
from fwi.dataset import Samples
from fwi.layout import CUBE_SHAPE, pair_names
from tests.bench.figure import Figure

_FILES, _SAMPLES_A_FILE = 4, 125
_READS = 400
_REPEAT = 7

_GROWTH = """
import os, statistics, sys
from pathlib import Path
import numpy as np, torch
from fwi import families
from fwi.dataset import Samples, loader
from probes import procfs

samples = Samples(families.index(Path(sys.argv[1])))
order = np.random.default_rng(0).integers(0, len(samples), int(sys.argv[2]) + 1000)
cpu = torch.device("cpu")
batches = loader(samples, batch_size=16, workers=2, device=cpu, sampler=order.tolist())

def tree():
    found = [procfs.memory(s.pid) for s in procfs.processes().values()
             if s.pid == os.getpid() or s.ppid == os.getpid()]
    return sum(m.pss for m in found if m is not None)

looks = []
done = 0
for n, (cube, _) in enumerate(batches):
    done += len(cube)
    if done >= 1000 and n % 10 == 0:
        looks.append(tree())
few = len(looks) // 10
print(statistics.median(looks[:few]), statistics.median(looks[-few:]), max(looks), done)
"""


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _write(root)
        return [_reading(root), _growth(root)]


def _write(root: Path) -> None:
    noise = np.random.default_rng(0).normal(0, 3, CUBE_SHAPE).astype(np.float16)
    for n in range(_FILES):
        seismic, velocity = (root / name for name in pair_names("FlatVel_A", n))
        for path in (seismic, velocity):
            path.parent.mkdir(parents=True, exist_ok=True)
        np.save(seismic, np.broadcast_to(noise, (_SAMPLES_A_FILE, *CUBE_SHAPE)))
        np.save(velocity, np.full((_SAMPLES_A_FILE, 1, 70, 70), 3000, np.float32))


def _reading(root: Path) -> Figure:
    samples = Samples(families.index(root))
    index = samples.index
    positions = np.random.default_rng(1).integers(0, len(samples), _READS)
    files = index.files_of(positions)
    inside = (positions - index.start[files]).tolist()
    cube = np.empty(CUBE_SHAPE, np.float16)
    velocity = np.empty((1, 70, 70), np.float32)
    opened = [os.open(index.path(n), os.O_RDONLY) for n in range(index.files)]
    maps = [os.open(index.velocity_path(n), os.O_RDONLY) for n in range(index.files)]

    def bare() -> float:
        began = time.perf_counter()
        for file, number in zip(files.tolist(), inside, strict=True):
            os.preadv(opened[file], [cube.data], 128 + number * cube.nbytes)
            os.preadv(maps[file], [velocity.data], 128 + number * velocity.nbytes)
        return time.perf_counter() - began

    def ours() -> float:
        began = time.perf_counter()
        for position in positions.tolist():
            samples[position]
        return time.perf_counter() - began

    bare(), ours()
    pairs = [(bare(), ours()) for _ in range(_REPEAT)]
    for descriptor in opened + maps:
        os.close(descriptor)
    ratios = [alone / through for alone, through in pairs]
    value = statistics.median(ratios)
    rate = _READS / statistics.median(through for _, through in pairs)
    return Figure(
        "random sample read, against a bare `preadv` of the same bytes into a reused buffer",
        value,
        "of its speed",
        ">= 0.7",
        value >= 0.7,
        f"fp16, warm cache, one process; median of {_REPEAT} × {_READS} reads, "
        f"{min(ratios):.2f} to {max(ratios):.2f}; {rate:,.0f} samples/s",
    )


def _growth(root: Path, reads: int = 20_000) -> Figure:
    out = subprocess.check_output([sys.executable, "-c", _GROWTH, str(root), str(reads)], text=True)
    early, late, largest, done = map(float, out.split())
    growth = (late - early) / 1e6
    return Figure(
        "host memory growth over 20,000 sample reads with 2 workers",
        growth,
        "MB PSS",
        "< 20 MB",
        growth < 20,
        f"main process and workers together, a look every 160 samples: median of the last tenth "
        f"against that of the first ({early / 1e6:.0f} MB), after 1,000 samples of warm-up; "
        f"largest look {largest / 1e6:.0f} MB (batches in flight); {done:,.0f} samples",
    )
