"""``python -m tests.bench.memory_cpu``: profile the networks at real input size on the CPU and
write docs/results/memory-cpu.md. Rows that are done are kept in the runs' folder: started again, it
goes on. With ``--page-only`` the page is written of what is there."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

from fwi import config
from probes import files
from runner.options import Supervision
from runner.profiling.configuration import Matrix
from runner.profiling.row import Row
from runner.profiling.store import Profile
from runner.report import profile as report
from tests.bench.__main__ import RESULTS, _machine
from tests.bench.memory_tables import (
    is_complete,
    latest,
    old_question,
    table,
    worst_sum,
    worst_tensors,
)

_SMALL: tuple[config.Model, ...] = ("specproj", "hgnet", "convnext")
_ORIGINALS: tuple[config.Model, ...] = ("specproj-original", "specproj-dirac")
_PRECISIONS: tuple[config.Precision, ...] = ("fp32", "bf16")
_MATRICES = tuple(
    Matrix(models, batches, (dtype,), ("train", "infer"))
    for dtype in _PRECISIONS
    for models, batches in ((_SMALL, (1, 4)), (_ORIGINALS, (1,)))
)
_PAGE = RESULTS / "memory-cpu.md"
_COMMAND = "python -m tests.bench.memory_cpu"
_TENSORS, _OFF = 0.02, 0.01


def main() -> int:
    parser = argparse.ArgumentParser(prog=_COMMAND, description=__doc__)
    parser.add_argument("--page-only", action="store_true", help="measure nothing more")
    parser.add_argument("--steps", type=int, default=2, help="timed steps of a configuration")
    asked = parser.parse_args()
    runs = Supervision().runs()
    profiles = []
    for matrix in _MATRICES:
        profile = latest(runs, matrix)
        if not asked.page_only and (profile is None or not is_complete(profile)):
            _measure(profile, matrix, asked.steps)
            profile = latest(runs, matrix)
        if profile is not None:
            profiles.append(profile)
    rows = [row for profile in profiles for row in profile.rows()]
    if not rows:
        print("nothing has been measured yet")
        return 1
    files.write_text(_PAGE, _page(rows))
    print(f"written to {_PAGE.relative_to(RESULTS.parents[1])}")
    return 0 if worst_tensors(rows) <= _TENSORS else 1


def _measure(profile: Profile | None, matrix: Matrix, steps: int) -> None:
    if profile is not None:
        options = ["--resume", profile.id]
    else:
        options = ["--models", *matrix.models, "--dtypes", *matrix.dtypes, "--modes", *matrix.modes]
        options += ["--batch-sizes", *map(str, matrix.batch_sizes), "--steps", str(steps)]
        options += ["--warmup", "0", "--device", "cpu"]
    subprocess.run(
        [sys.executable, "-m", "runner", "profile", *options, "--deadline", "7200"], check=True
    )


def _page(rows: list[Row]) -> str:
    by = {row.configuration: row for row in rows}
    measured = [row for row in rows if row.is_measured]
    parts = [
        "# Memory on the CPU",
        f"Written by `{_COMMAND}` on {time.strftime('%Y-%m-%d', time.gmtime())}: every network at "
        "real input size, (5, 1000, 70), each configuration in a fresh supervised process "
        "([how](../profile.md)).",
        _machine()
        + " Other work went on beside it. Bytes do not depend on that; samples/s do, and "
        "are here only to compare rows roughly.",
        f"Predicted tensor bytes are at the most {100 * worst_tensors(rows):.3f} % off the "
        f"measured ones in {len(measured)} measured rows (target {100 * _TENSORS:g} %). "
        f"{_inside(measured)} The classes of every row add up to its tensors within "
        f"{100 * worst_sum(measured):g} % (target {100 * _OFF:g} %).",
        table(report.HEAD, map(report.cells, rows)),
        "`peak` is resident memory: Python, torch and their libraries (some 230 MiB before a "
        "network is built), tensors, and what kernels take beside them. `tensors` is what networks "
        "differ by.",
        _not_measured(rows),
        *old_question(by),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _inside(rows: list[Row]) -> str:
    known = [r for r in rows if r.predicted and r.held]
    inside = sum(r.predicted.total[0] <= r.held <= r.predicted.total[2] for r in known)
    return f"The measured peak lies inside the predicted range in {inside} of {len(known)} rows."


def _not_measured(rows: list[Row]) -> str:
    lines = [f"- `{r.configuration.key}`: {r.outcome}, {r.why}" for r in rows if not r.is_measured]
    there = {row.configuration for row in rows}
    missing = [one for matrix in _MATRICES for one in matrix.configurations() if one not in there]
    if missing:
        keys = ", ".join(f"`{one.key}`" for one in missing)
        lines.append(f"- not run yet (the same command goes on with them): {keys}")
    return "\n".join(["Not measured:", "", *lines]) if lines else ""


if __name__ == "__main__":
    raise SystemExit(main())
