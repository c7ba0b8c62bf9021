"""The networks trained side by side, under supervision, on one simulated set.

Each network gets the same time, and each the same samples. What is done is kept in a folder of the
settings' own: a comparison that was killed goes on with the rows that are missing.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fwi import config
from fwi.layout import FAMILIES, Family
from probes import files
from tests.bench import loader_rate, step_rate
from tests.bench.baselines_entries import ENTRIES, MEASURED_ALONE, Entry, Kind, Settings
from tests.bench.step_rate import StepRate

_SETTINGS = "settings.json"
_GPU_SIMULATIONS = 3
TRAINING = ("data", "transfer", "forward", "loss", "backward", "optimizer", "ema", "train")
"""Phases of a run that count as training; the others are startup, validation, checkpoints."""


@dataclass(frozen=True)
class Row:
    """A network after its training."""

    entry: str
    kind: Kind
    epochs: int
    samples: int
    """Learned from."""
    mae: float
    """m/s, of the validation maps."""
    by_family: dict[str, float]
    samples_per_s: float
    """By the wall clock, while it trained."""
    training_s: float
    """By the wall clock, without startup, validation and checkpoints."""
    processor_s: float
    """User and system, of the whole run with its supervisor, its part that was training."""
    host_peak: int
    """Bytes, PSS of all processes of the run."""
    device_peak: int | None
    """Bytes that torch had allocated."""


@dataclass(frozen=True)
class Comparison:
    settings: Settings
    rates: dict[str, StepRate]
    """By the entries' names."""
    rows: tuple[Row, ...]


def measure(
    settings: Settings,
    say: Callable[[str], None],
    entries: Sequence[Entry] = ENTRIES,
    alone: Sequence[Entry] = MEASURED_ALONE,
    kinds: Sequence[Kind] = ("time", "samples"),
) -> Comparison:
    """Simulate the set, measure a step of each network and of those ``alone``, train what is not
    yet trained."""
    work = config.cache_dir() / settings.name
    work.mkdir(parents=True, exist_ok=True)
    files.write_text(work / _SETTINGS, json.dumps(asdict(settings)) + "\n")
    say(f"what is done is kept in {work}; remove the folder to begin anew")
    _simulate(settings, work)
    rates = {}
    floor = _loader_s(settings, work)
    for entry in (*entries, *alone):
        rates[entry.name] = _rate(settings, work, entry)
        rate = rates[entry.name]
        say(f"{entry.name}: {1 / _cost_s(settings, rate):.2f} samples a second of {_of(settings)}")
    asked = [one for one in planned(settings, entries, rates, floor) if one[1] in kinds]
    missing = [one for one in asked if not _place(work, *one[:2]).exists()]
    expected = sum(expected_s(settings, entry, rates[entry.name], n) for entry, _, n in missing)
    say(f"{len(missing)} of {len(asked)} trainings to do, about {expected / 60:.0f} min")
    rows = []
    for entry, kind, epochs in asked:
        place = _place(work, entry, kind)
        if not place.exists():
            began = time.monotonic()
            row = _train(settings, work, entry, kind, epochs)
            files.write_text(place, json.dumps(asdict(row)))
            say(f"{entry.name}, {epochs} epochs: MAE {row.mae:.1f} m/s, "
                f"{(time.monotonic() - began) / 60:.1f} min")  # fmt: skip
        rows.append(Row(**json.loads(place.read_text())))
    return Comparison(settings, rates, tuple(rows))


def read(work: Path) -> Comparison:
    """What is done so far in a folder of this; nothing is run. Raises OSError or ValueError where
    it is none."""
    settings = Settings(**json.loads((work / _SETTINGS).read_text()))
    known = [one for one in (*ENTRIES, *MEASURED_ALONE) if _step_place(work, one).exists()]
    rates = {one.name: StepRate(**json.loads(_step_place(work, one).read_text())) for one in known}
    kinds: tuple[Kind, ...] = ("time", "samples")
    places = [_place(work, one, kind) for one in known for kind in kinds]
    rows = [Row(**json.loads(place.read_text())) for place in places if place.exists()]
    return Comparison(settings, rates, tuple(rows))


def planned(
    settings: Settings, entries: Sequence[Entry], rates: dict[str, StepRate], floor: float = 0.0
) -> Iterator[tuple[Entry, Kind, int]]:
    """Which networks are trained for how many epochs: of the same time, the nearest whole number,
    at least one; of the same samples, what the slowest of them has time for (pure). ``floor``: what
    the loader takes for a sample."""
    costs = {one.name: max(floor, _cost_s(settings, rates[one.name])) for one in entries}
    epochs = {
        name: max(1, round(60 * settings.minutes / cost / settings.training))
        for name, cost in costs.items()
    }
    for entry in entries:
        yield entry, "time", epochs[entry.name]
    least = min(epochs.values())
    for entry in entries:
        if epochs[entry.name] > least:
            yield entry, "samples", least


def expected_s(settings: Settings, entry: Entry, rate: StepRate, epochs: int) -> float:
    """Wall seconds that a run takes on a machine that does nothing else, about (pure)."""
    passes = settings.validation * (2 if entry.mirrored else 1) / 3
    return 30 + rate.wall_s * epochs * (settings.training + passes)


def _cost_s(settings: Settings, rate: StepRate) -> float:
    return rate.processor_s if settings.device == "cpu" else rate.wall_s


def _of(settings: Settings) -> str:
    return "processor time" if settings.device == "cpu" else "wall-clock time"


def _place(work: Path, entry: Entry, kind: Kind) -> Path:
    return work / f"{entry.model}-{entry.encoder or 'whole'}-{kind}.json"


def _step_place(work: Path, entry: Entry) -> Path:
    return work / f"{entry.model}-{entry.encoder or 'whole'}-step.json"


def _simulate(settings: Settings, work: Path) -> None:
    def made(families: tuple[Family, ...]) -> None:
        job = config.Synth(
            families=families,
            samples=settings.maps + settings.file,
            samples_per_file=settings.file,
            seed=settings.seed,
            dtype="float16",
            device=settings.device,
            out=work / "data",
        )
        _supervised(settings, work, "synth", *config.to_argv(job))

    # One process uses every processor, or a part of a GPU's time.
    at_once = 1 if settings.device == "cpu" else _GPU_SIMULATIONS
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(made, [FAMILIES[n::at_once] for n in range(at_once)]))


def _loader_s(settings: Settings, work: Path) -> float:
    """Seconds of a sample that no network can be faster than. 0 on a CPU, where both share the
    processors and the processor's time is what counts."""
    if settings.device == "cpu":
        return 0.0
    place = work / "loader.json"
    if not place.exists():
        found = loader_rate.measured(
            work / "data", settings.batch_size, settings.workers, settings.device
        )
        files.write_text(place, json.dumps(found))
    return float(json.loads(place.read_text()))


def _rate(settings: Settings, work: Path, entry: Entry) -> StepRate:
    place = _step_place(work, entry)
    if not place.exists():
        alone = entry in MEASURED_ALONE and settings.device == "cpu"
        batch = 2 if alone else settings.batch_size
        rate = step_rate.measured(
            entry.model, entry.encoder, settings.device, batch, settings.threads
        )
        files.write_text(place, json.dumps(asdict(rate)))
    return StepRate(**json.loads(place.read_text()))


def job_of(settings: Settings, entry: Entry, epochs: int, data: Path) -> config.Train:
    """The training of an entry, as ``python -m runner train`` takes it (pure)."""
    return config.Train(
        data=data,
        split="random",
        # Of a family's files one; a seed of the split that all networks share.
        validation_fraction=settings.file / (settings.maps + settings.file),
        model=entry.model,
        encoder=entry.encoder,
        epochs=epochs,
        batch_size=settings.batch_size,
        lr=entry.lr,
        weight_decay=entry.weight_decay,
        workers=settings.workers,
        device=settings.device,
    )


def _train(settings: Settings, work: Path, entry: Entry, kind: Kind, epochs: int) -> Row:
    job = job_of(settings, entry, epochs, work / "data")
    result, processor_s = _supervised(settings, work, "train", *config.to_argv(job))
    shutil.rmtree(work / "runs" / result["run"] / "checkpoints", ignore_errors=True)
    return row_of(entry, kind, settings, epochs, result, processor_s)


def row_of(
    entry: Entry,
    kind: Kind,
    settings: Settings,
    epochs: int,
    result: dict[str, Any],
    processor_s: float,
) -> Row:
    """A row of the page from a run's result and the processor time of all of it (pure)."""
    seconds = {phase["name"]: phase["seconds"] for phase in result["phases"]}
    training = sum(seconds.get(name, 0.0) for name in TRAINING)
    gauges, peaks = result["gauges"], result["peaks"]
    return Row(
        entry=entry.name,
        kind=kind,
        epochs=epochs,
        samples=epochs * settings.training,
        mae=gauges["mae"],
        by_family={name: gauges[f"mae.{name}"] for name in FAMILIES},
        samples_per_s=epochs * settings.training / training,
        training_s=training,
        processor_s=processor_s * training / math.fsum(seconds.values()),
        host_peak=peaks["host_pss"] or peaks["host_rss"],
        device_peak=peaks["device_allocated"],
    )


def _supervised(settings: Settings, work: Path, *arguments: str) -> tuple[dict[str, Any], float]:
    """A run's result, and the processor seconds of all its processes."""
    environment = dict(os.environ)
    if settings.threads and settings.device == "cpu":
        environment["OMP_NUM_THREADS"] = str(settings.threads)
    command = [
        sys.executable,
        "-m",
        "runner",
        *arguments,
        "--json",
        "--runs-dir",
        str(work / "runs"),
    ]
    with open(work / "output.log", "ab") as log:
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=environment)
        assert child.stdout is not None
        try:
            with child.stdout:
                said = child.stdout.read()
        except BaseException:
            child.terminate()
            raise
        finally:
            _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    result: dict[str, Any] = json.loads(said.splitlines()[-1]) if said.strip() else {}
    if not result.get("ok"):
        raise RuntimeError(
            f"python -m runner {' '.join(arguments)} ended with {child.returncode} "
            f"({result.get('outcome', 'no result')}); see {work / 'output.log'}"
        )
    return result, usage.ru_utime + usage.ru_stime
