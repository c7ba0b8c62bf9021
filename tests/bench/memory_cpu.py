"""``python -m tests.bench.memory_cpu``: profile the networks at real input size on the CPU and
write docs/results/memory-cpu.md. Rows that are done are kept in the runs' folder: started again, it
goes on. With ``--page-only`` the page is written of what is there."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from fwi import config
from probes import files
from runner.options import Supervision
from runner.profiling import difference, store
from runner.profiling.configuration import Configuration, Matrix, parse
from runner.profiling.row import Row
from runner.profiling.store import NoProfile, Profile
from runner.report import profile as report
from runner.units import size
from tests.bench.__main__ import RESULTS, _machine

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
        profile = _latest(runs, matrix)
        if not asked.page_only and (profile is None or not _is_complete(profile)):
            _measure(profile, matrix, asked.steps)
            profile = _latest(runs, matrix)
        if profile is not None:
            profiles.append(profile)
    rows = [row for profile in profiles for row in profile.rows()]
    if not rows:
        print("nothing has been measured yet")
        return 1
    files.write_text(_PAGE, _page(rows))
    print(f"written to {_PAGE.relative_to(RESULTS.parents[1])}")
    return 0 if _worst_tensors(rows) <= _TENSORS else 1


def _latest(runs: Path, matrix: Matrix) -> Profile | None:
    """The newest profile of these configurations."""
    found = []
    for folder in sorted((runs / "profiles").glob("*")):
        try:
            profile = store.find(runs, str(folder))
        except NoProfile:
            continue
        if profile.matrix.as_dict() == matrix.as_dict():
            found.append(profile)
    return found[-1] if found else None


def _is_complete(profile: Profile) -> bool:
    rows = profile.rows()
    wanted = len(profile.matrix.configurations())
    return len(rows) == wanted and all(row.is_done for row in rows)


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
        f"Predicted tensor bytes are at the most {100 * _worst_tensors(rows):.3f} % off the "
        f"measured ones in {len(measured)} measured rows (target {100 * _TENSORS:g} %). "
        f"{_inside(measured)} The classes of every row add up to its tensors within "
        f"{100 * _worst_sum(measured):g} % (target {100 * _OFF:g} %).",
        _table(report.HEAD, map(report.cells, rows)),
        "`peak` is resident memory: Python, torch and their libraries (some 230 MiB before a "
        "network is built), tensors, and what kernels take beside them. `tensors` is what networks "
        "differ by.",
        _not_measured(rows),
        *_old_question(by),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def _worst_tensors(rows: Iterable[Row]) -> float:
    return max(
        (abs(r.predicted.tensors / r.tensors - 1) for r in rows if r.predicted and r.tensors),
        default=0.0,
    )


def _worst_sum(rows: Iterable[Row]) -> float:
    return max((abs(sum(r.steady["by_kind"].values()) / r.tensors - 1) for r in rows if r.tensors),
               default=0.0)  # fmt: skip


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


def _old_question(by: Mapping[Configuration, Row]) -> list[str]:
    names = ("specproj-original", "specproj-dirac", "specproj")
    found = [by.get(parse(f"{name}/fp32/train/b1")) for name in names]
    if any(row is None or not row.is_measured for row in found):
        return []
    original, dirac, ours = (row for row in found if row is not None)
    held = {row.configuration.model: _held(row) for row in (original, dirac, ours)}
    repeat, everything = held["specproj-original"]["repeat"], original.tensors or 1
    kept = original.steady["by_kind"].get("activations", 0)
    change = difference.between(original, dirac)
    rows = [
        (name, size(held[name]["tensors"]), size(held[name]["activations"]),
         size(held[name]["unets"]) if held[name]["unets"] else "-",
         size(held[name]["repeat"]) if held[name]["repeat"] else "-")
        for name in names
    ]  # fmt: skip
    return [
        "## What did the five-fold repeat cost, and what was it really?",
        "The notes of the network as first written blamed the repeat of each gather to five "
        "channels. At the peak of a training step of one sample in fp32:",
        _table(("network", "tensors", "activations", "of the two U-Nets", "of the repeat"), rows),
        f"The repeated channels are {size(repeat)} of {size(everything)}: "
        f"{100 * repeat / everything:.2f} %, and {100 * repeat / max(kept, 1):.2f} % of the "
        f"activations. Without the repeat as such, with a learned 1→5 convolution in its place "
        f"(`specproj-dirac`), the step holds {size(abs(change.tensors.bytes))} "
        f"{'more' if change.tensors.bytes > 0 else 'less'}. What fills the memory is the two "
        f"U-Nets at the full 1000×70, which every source goes through: "
        f"{size(held['specproj-original']['unets'])}, "
        f"{100 * held['specproj-original']['unets'] / everything:.1f} % of everything. "
        f"`specproj` takes one pass a sample at 70×70. Its step holds {size(ours.tensors)}, "
        f"1/{everything / (ours.tensors or 1):.0f} of that, and most of it is no activation: the "
        f"parameters, their average and the optimizer's state are {size(_state(ours))}. "
        f"Of the activations {size(ours.steady['by_kind'].get('activations', 0))} are left at its "
        f"peak, in the phase `{ours.steady['phase']}`; what it keeps for the "
        f"backward pass stands on [its page](../network.md#memory).",
        "Where both are in one profile, "
        "`python -m runner profile --diff last:specproj-original/fp32/train/b1/w0 "
        "last:specproj-dirac/fp32/train/b1/w0` shows the same by class, module and phase.",
    ]


def _state(row: Row) -> int:
    kinds = row.steady["by_kind"]
    return sum(int(kinds.get(name, 0)) for name in ("parameters", "buffers", "ema", "optimizer"))


def _held(row: Row) -> dict[str, int]:
    modules = row.steady["by_module"]
    return {
        "tensors": row.tensors or 0,
        "activations": row.steady["by_kind"].get("activations", 0),
        "unets": modules.get("unet_up", 0) + modules.get("unet_down", 0),
        "repeat": modules.get("repeat_up", 0) + modules.get("repeat_down", 0),
    }


if __name__ == "__main__":
    raise SystemExit(main())
