"""``python -m tests.bench.memory_gpu``: profile the networks at real input size on a CUDA device,
batches up to a card of 80 GB, and write docs/results/memory-CARD.md. Rows that are done are kept in
the runs' folder: started again, it goes on. With ``--page-only`` the page is written of what is
there, on any machine; its predictions are always those of the code as it is now."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from fwi import config
from probes import files
from runner import prediction
from runner.cards import Card, card_of
from runner.footprints import Footprint
from runner.options import Supervision
from runner.prediction import Span
from runner.profiling import predicting
from runner.profiling.configuration import Configuration, Matrix
from runner.profiling.row import Predicted, Row
from runner.profiling.store import Profile
from runner.units import size
from tests.bench.__main__ import RESULTS
from tests.bench.memory_tables import (
    is_complete,
    latest,
    old_question,
    table,
    worst_sum,
    worst_tensors,
)

_COMMAND = "python -m tests.bench.memory_gpu"
_CLOSE, _INSIDE, _OFF = 0.08, 0.95, 0.01
_PRECISIONS: tuple[config.Precision, ...] = ("fp16", "bf16", "fp32")
_TRAIN: dict[config.Model, tuple[int, ...]] = {
    "specproj": (1, 16, 64, 512),
    "hgnet": (1, 16, 64, 512),
    "convnext": (1, 16, 64),
    "specproj-original": (1, 4, 16),
    "specproj-dirac": (1, 4, 16),
}
_FULL: tuple[tuple[config.Model, config.Precision, int], ...] = (
    ("specproj", "fp16", 2048),
    ("hgnet", "bf16", 2048),
    ("convnext", "fp32", 144),
    ("specproj-original", "fp32", 32),
    ("specproj-original", "bf16", 32),
)
_A_SAMPLE = {
    "specproj": 0.027,
    "hgnet": 0.036,
    "convnext": 0.33,
    "specproj-original": 2.2,
    "specproj-dirac": 2.2,
}
"""GiB at the most, in fp32: for what may be measured side by side."""
_ROOM = 74.0
"""GiB that are given out at once."""


@dataclass(frozen=True)
class Unit:
    """One configuration, as the matrix of a profile of its own."""

    matrix: Matrix
    gib: float
    """Of the device, at the most."""


def units(models: Sequence[str]) -> list[Unit]:
    """What is measured, the largest first."""
    rows = [
        (model, dtype, mode, batch)
        for model, batches in _TRAIN.items()
        for dtype in (_PRECISIONS if model != "specproj-dirac" else ("fp32",))
        for mode, sizes in (("train", batches), ("infer", (1, 16)))
        for batch in sizes
    ]
    rows += [(model, dtype, "train", batch) for model, dtype, batch in _FULL]
    found = [_unit(*row) for row in rows if not models or row[0] in models]  # type: ignore[arg-type]
    return sorted(found, key=lambda unit: -unit.gib)


def _unit(model: config.Model, dtype: config.Precision, mode: config.Mode, batch: int) -> Unit:
    part = (1.0 if dtype == "fp32" else 0.6) * (1.0 if mode == "train" else 0.2)
    return Unit(
        Matrix((model,), (batch,), (dtype,), (mode,)), 1.5 + _A_SAMPLE[model] * part * batch
    )


class Queue:
    """Units that are measured side by side: each worker takes the largest that has room."""

    def __init__(self, waiting: Sequence[Unit], gib: float) -> None:
        self._waiting = list(waiting)
        self._free = gib
        self._changed = threading.Condition()

    def work(self, measure: Callable[[Unit], None]) -> None:
        while (unit := self._taken()) is not None:
            try:
                measure(unit)
            finally:
                with self._changed:
                    self._free += unit.gib
                    self._changed.notify_all()

    def _taken(self) -> Unit | None:
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting or self._fitting() is not None)
            unit = self._fitting()
            if unit is not None:
                self._waiting.remove(unit)
                self._free -= unit.gib
            return unit

    def _fitting(self) -> Unit | None:
        return next((unit for unit in self._waiting if unit.gib <= self._free), None)


def main() -> int:
    parser = argparse.ArgumentParser(prog=_COMMAND, description=__doc__)
    parser.add_argument("models", nargs="*", help="these alone")
    parser.add_argument("--page-only", action="store_true", help="measure nothing more")
    parser.add_argument("--no-page", action="store_true", help="write no page")
    parser.add_argument("--steps", type=int, default=3, help="timed steps of a configuration")
    parser.add_argument("--at-once", type=int, default=1, help="measured side by side")
    asked = parser.parse_args()
    runs = Supervision().runs()
    wanted = units(asked.models)
    if not asked.page_only:
        queue = Queue(wanted, _ROOM)
        with ThreadPoolExecutor(asked.at_once) as pool:
            workers = [
                pool.submit(queue.work, lambda unit: _measure(unit, asked.steps))
                for _ in range(asked.at_once)
            ]
        for worker in workers:
            worker.result()
    if asked.no_page:
        return 0
    found = [(unit, latest(runs, unit.matrix)) for unit in wanted]
    profiles = [profile for _, profile in found if profile is not None]
    rows = sorted(
        (row for profile in profiles for row in profile.rows()),
        key=lambda row: _place(row.configuration),
    )
    card = _card(profiles)
    if card is None or not any(row.is_measured for row in rows):
        print("nothing has been measured yet on a card of the table")
        return 1
    rows, footprints = _predicted_anew(rows, card)
    command = _COMMAND + (f" --at-once {asked.at_once}" if asked.at_once > 1 else "")
    place = RESULTS / f"memory-{card.name}.md"
    files.write_text(place, _page(rows, card, profiles, command))
    told = {"schema": 1, "card": card.name, "rows": list(_compact(rows, footprints))}
    files.write_text(place.with_suffix(".json"), json.dumps(told, indent=1) + "\n")
    print(f"written to {place.relative_to(RESULTS.parents[1])}")
    return 0 if _share_close(rows) == 1 and _share_inside(rows) >= _INSIDE else 1


def _measure(unit: Unit, steps: int) -> None:
    runs = Supervision().runs()
    there = latest(runs, unit.matrix)
    if there is not None and is_complete(there):
        return
    if there is not None:
        options = ["--resume", there.id]
    else:
        matrix = unit.matrix
        options = ["--models", *matrix.models, "--dtypes", *matrix.dtypes, "--modes", *matrix.modes]
        options += ["--batch-sizes", *map(str, matrix.batch_sizes), "--steps", str(steps)]
        options += ["--warmup", "1", "--device", "cuda"]
    # The room is given out here; what others hold of the card is no reason to leave a row out.
    words = [sys.executable, "-m", "runner", "profile", *options, "--run-too-large"]
    subprocess.run(words, check=False)


def _place(one: Configuration) -> tuple[int, bool, int, int]:
    models, dtypes = list(_TRAIN), list(_PRECISIONS)
    return models.index(one.model), one.mode == "infer", dtypes.index(one.dtype), one.batch_size


def _card(profiles: Sequence[Profile]) -> Card | None:
    for profile in profiles:
        name = str(profile.description.get("device_name") or "")
        total = profile.description.get("device_total")
        if isinstance(total, int) and (card := card_of(name, total)) is not None:
            return card
    return None


def _predicted_anew(
    rows: Sequence[Row], card: Card
) -> tuple[list[Row], dict[Configuration, Footprint]]:
    """The rows with the predictions that the code makes now, knowing the card and no run."""
    footprints = predicting.footprints(
        [row.configuration for row in rows], "cuda", lambda text: print(text, end="\r")
    )
    found = []
    for row in rows:
        footprint = footprints[row.configuration]
        total = prediction.predict(footprint, card).total
        tensors = int(footprint["steady"]["bytes"])
        predicted = Predicted(tensors, (total.least, total.likely, total.most))
        found.append(replace(row, predicted=predicted))
    return found, footprints


def _compact(
    rows: Sequence[Row], footprints: Mapping[Configuration, Footprint]
) -> Iterator[dict[str, Any]]:
    """What a test of the prediction needs of each measured row."""
    for row in rows:
        beside = (row.peaks or {}).get("device_overhead")
        if row.measured is None or beside is None:
            continue
        footprint, memory = footprints[row.configuration], row.measured["device_memory"]
        told = ("model", "mode", "dtype", "batch_size", "allocator", "largest_operator")
        yield {
            "configuration": row.configuration.key,
            "reserved": memory["peak_reserved"],
            "beside": beside,
            "footprint": {name: footprint[name] for name in (*told, "libraries")}
            | {"steady": {"bytes": footprint["steady"]["bytes"]}},
        }


def off(row: Row) -> float | None:
    """How far the likely prediction is from the measured peak, as a part of it."""
    if row.predicted is None or row.held is None:
        return None
    return row.predicted.total[1] / row.held - 1


def _share_close(rows: Sequence[Row]) -> float:
    known = [part for row in rows if (part := off(row)) is not None]
    return sum(abs(part) <= _CLOSE for part in known) / max(len(known), 1)


def _share_inside(rows: Sequence[Row]) -> float:
    known = [row for row in rows if row.predicted and row.held]
    inside = [r for r in known if r.predicted and Span(*r.predicted.total).holds(r.held or 0)]
    return len(inside) / max(len(known), 1)


def _page(rows: list[Row], card: Card, profiles: Sequence[Profile], command: str) -> str:
    by = {row.configuration: row for row in rows}
    measured = [row for row in rows if row.is_measured]
    worst = max((abs(off(row) or 0.0) for row in measured), default=0.0)
    facts = profiles[0].description
    parts = [
        f"# Memory on {facts.get('device_name')}",
        f"Written by `{command}`: every network at real input size, (5, 1000, 70), each "
        f"configuration in a fresh supervised process ([how](../profile.md)), measured on "
        f"{str(facts.get('started'))[:10]}.",
        _machine(facts),
        f"{len(measured)} rows measured. `fit` is within {100 * _CLOSE:g} % of the peak in "
        f"{100 * _share_close(measured):.1f} % of them (target: every row), {100 * worst:.1f} % "
        f"off at the most; the peak lies inside the predicted range in "
        f"{100 * _share_inside(measured):.1f} % (target {100 * _INSIDE:g} %). Predicted tensor "
        f"bytes are {100 * worst_tensors(measured):.2f} % off the followed ones at the most. The "
        f"classes of every row add up to its tensors within {100 * worst_sum(measured):g} % "
        f"(target {100 * _OFF:g} %).",
        "The factors by which libraries' workspaces are predicted (`runner/calibration.py`) were "
        "chosen on 52 of the H100's rows, and [predicting](../fit.md) tells how near the others "
        "came: the likely value is so near on this card and with these versions. On another card, "
        "with other libraries or for another network the range is what is promised, until runs "
        "there are in the ledger.",
        table(
            (
                "configuration", "peak", "predicted", "off", "tensors", "predicted tensors",
                "torch allocated", "torch reserved", "beside torch", "first step",
            ),
            [_cells(row) for row in measured],
        ),
        "`peak`: of the process, as the driver tells it: what torch reserved at the most, and what "
        "lay beside torch's memory (the CUDA context and libraries). `tensors`: the largest moment "
        "of the steady step, every storage followed. `torch allocated`: at the peak of the steps "
        "that nothing follows; beyond the tensors it has the rounding and the workspaces of "
        "libraries. `first step`: reserved in it. Rows were measured side by side, each in its own "
        "process: bytes do not depend on that, and how fast they were is not told here; "
        "[the networks side by side](baselines-gpu.md) has that.",
        _not_measured(rows),
        *old_question(by),
    ]  # fmt: skip
    return "\n\n".join(part for part in parts if part) + "\n"


def _machine(facts: Any) -> str:
    machine = facts.get("machine") or {}
    packages = ", ".join(f"{k} {v}" for k, v in (machine.get("packages") or {}).items() if v)
    return (
        f"Machine: {facts.get('device_name')}, {size(facts.get('device_total'))}, driver "
        f"{machine.get('nvidia_driver') or '?'}; Python {machine.get('python')}, {packages}."
    )


def _cells(row: Row) -> tuple[str, ...]:
    memory = row.measured["device_memory"] if row.measured else {}
    first = (row.measured or {})["tensors"]["first"].get("torch") or {}
    predicted, part = row.predicted, off(row)
    assert predicted is not None
    return (
        row.configuration.key.removesuffix("/w0"),
        size(row.held),
        f"{size(predicted.total[1])} ({size(predicted.total[0])} - {size(predicted.total[2])})",
        f"{100 * part:+.1f} %" if part is not None else "-",
        size(row.tensors),
        size(predicted.tensors),
        size(memory.get("peak_allocated")),
        size(memory.get("peak_reserved")),
        size((row.peaks or {}).get("device_overhead")),
        size(first.get("reserved")),
    )


def _not_measured(rows: Sequence[Row]) -> str:
    lines = [f"- `{r.configuration.key}`: {r.outcome}, {r.why}" for r in rows if not r.is_measured]
    there = {row.configuration for row in rows}
    asked: list[Configuration] = [
        one for unit in units(()) for one in unit.matrix.configurations() if one not in there
    ]
    if asked:
        keys = ", ".join(f"`{one.key}`" for one in asked)
        lines.append(f"- not run (the same command goes on with them): {keys}")
    return "\n".join(["Not measured:", "", *lines]) if lines else ""


if __name__ == "__main__":
    raise SystemExit(main())
