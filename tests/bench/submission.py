"""Writing the whole submission, beside the plain ways of writing it."""

from __future__ import annotations

import csv
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fwi.layout import VELOCITY_MAX, VELOCITY_MIN
from fwi.predictions import CHUNK, Predictions
from fwi.submission import COLUMNS, HEADER, ROWS
from tests.bench.figure import Figure

RECORDS = 65_818
PLAIN, CELLS = RECORDS // 20, RECORDS // 400
"""Records that the plain writers are timed on."""
_NEEDED = 4 * 2**30
_REPEAT = 3

Maps = NDArray[np.float32]

# A process of its own, so that its peak is that of writing.
_OURS = """
import sys, time
from pathlib import Path
from fwi import _rows
from fwi.predictions import Predictions
from fwi.submission import write_csv
from probes import procfs

folder, target, records, whole = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
kept = Predictions(folder, records)
oids = [f"{n:010x}" for n in range(records)]
_rows.prepare()
before = procfs.memory(__import__("os").getpid()).rss
peak = 0

def look():
    global peak
    peak = max(peak, procfs.memory(__import__("os").getpid()).rss)

began = time.perf_counter()
blocks = (kept.read(chunk).clip(1500, 4500) for chunk in range(kept.chunks))
write_csv(target, oids, blocks, whole=whole == "whole", advance=look)
print(time.perf_counter() - began, before, peak)
"""


@dataclass(frozen=True)
class _Try:
    seconds: float
    """Of writing it all."""
    usual_s: float
    """Of the plain writer, scaled to all."""
    before: int
    peak: int
    """Resident memory of the process that writes, bytes."""


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        free = shutil.disk_usage(folder).free
        if free < _NEEDED:
            raise SystemExit(f"{folder}: {free / 2**30:.1f} GiB free, 4 GiB are needed ($TMPDIR)")
        kept = _predicted(folder / "predictions")
        figures = []
        for form in ("whole", "decimal"):
            tries = [_try(kept, folder, form) for _ in range(_REPEAT)]
            if form == "whole":
                _require_same(folder, kept)
            figures.append(_figure(form, tries, (folder / "ours.csv").stat().st_size))
        figures.append(_dict_writer(folder, kept))
        return figures


def _try(kept: Predictions, folder: Path, form: str) -> _Try:
    # The plain writer right before and after: the machine may be shared.
    plain = _plain(folder / "plain.csv", kept)
    seconds, before, peak = _ours(kept, folder / "ours.csv", form)
    plain += _plain(folder / "plain.csv", kept)
    return _Try(seconds, plain / 2 * RECORDS / PLAIN, before, peak)


def _figure(form: str, tries: Sequence[_Try], size: int) -> Figure:
    what = {"whole": "in whole m/s", "decimal": "with one decimal"}[form]
    ratios = [one.usual_s / one.seconds for one in tries]
    ratio = statistics.median(ratios)
    seconds = statistics.median(one.seconds for one in tries)
    usual_s = statistics.median(one.usual_s for one in tries)
    before = max(one.before for one in tries) / 2**20
    peak = max(one.peak for one in tries) / 2**20
    return Figure(
        f"writing the submission {what}, against rounding and joining",
        ratio,
        "times as fast",
        ">= 5",
        ratio >= 5,
        f"all {RECORDS * ROWS:,} rows, {size / 2**20:,.0f} MiB, in {seconds:.1f} s, read from disk "
        f"and synced; the plain writer of whole m/s, from memory and unsynced, takes {usual_s:.1f} "
        f"s ({PLAIN:,} records, before and after, scaled to all); medians of {len(tries)}, "
        f"{min(ratios):.1f} to {max(ratios):.1f}; memory {before:.0f} MiB before, {peak:.0f} MiB "
        "at the most",
    )


def _dict_writer(folder: Path, kept: Predictions) -> Figure:
    maps, oids = _some(kept, CELLS), _oids(CELLS)
    began = time.perf_counter()
    with open(folder / "cells.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, ["oid_ypos", *COLUMNS])
        writer.writeheader()
        for oid, rows in zip(oids, maps, strict=True):
            for y in range(ROWS):
                row: dict[str, object] = {"oid_ypos": f"{oid}_y_{y}"}
                row |= {f"x_{x}": rows[y, x] for x in range(1, ROWS, 2)}
                writer.writerow(row)
    seconds = (time.perf_counter() - began) * RECORDS / CELLS
    return Figure(
        "writing the submission cell by cell, csv.DictWriter",
        seconds,
        "s",
        "-",
        None,
        f"for comparison; from {CELLS:,} records, scaled to all",
    )


def _predicted(folder: Path) -> Predictions:
    """A full set of predictions on disk: 258 files of the same random maps in another order."""
    folder.mkdir()
    kept = Predictions(folder, RECORDS)
    maps = np.random.default_rng(0).uniform(VELOCITY_MIN, VELOCITY_MAX, (CHUNK, 70, 70))
    for chunk in range(kept.chunks):
        kept.write(chunk, np.roll(maps, chunk, 0)[: kept.size(chunk)].astype(np.float32))
    return kept


def _some(kept: Predictions, records: int) -> Maps:
    chunks = [kept.read(chunk) for chunk in range(-(-records // CHUNK))]
    return np.concatenate(chunks)[:records]


def _oids(records: int) -> list[str]:
    return [f"{n:010x}" for n in range(records)]


def _plain(path: Path, kept: Predictions) -> float:
    """Seconds of the way that anybody would write first, for :data:`PLAIN` records."""
    maps, oids = _some(kept, PLAIN), _oids(PLAIN)
    began = time.perf_counter()
    with open(path, "w") as file:
        file.write(HEADER + "\n")
        for oid, rows in zip(oids, maps, strict=True):
            whole = np.round(rows[:, 1::2]).astype(np.int32).tolist()
            for y, row in enumerate(whole):
                file.write(f"{oid}_y_{y}," + ",".join(map(str, row)) + "\n")
    return time.perf_counter() - began


def _ours(kept: Predictions, target: Path, form: str) -> tuple[float, int, int]:
    out = subprocess.check_output(
        [sys.executable, "-c", _OURS, str(kept.folder), str(target), str(RECORDS), form], text=True
    )
    seconds, before, peak = out.split()
    return float(seconds), int(before), int(peak)


def _require_same(folder: Path, kept: Predictions) -> None:
    """What the fast writer wrote is, as far as the plain one went, what that wrote."""
    size = os.stat(folder / "plain.csv").st_size
    with open(folder / "plain.csv", "rb") as plain, open(folder / "ours.csv", "rb") as ours:
        if plain.read() != ours.read(size):
            raise AssertionError("the two writers differ")
