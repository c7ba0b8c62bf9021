"""Measures the rows of a profile, one after the other, each in a fresh supervised process."""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fwi import config
from runner import fit_history, supervisor
from runner.fit_history import Measured
from runner.footprints import Footprint
from runner.options import Supervision
from runner.outcomes import Outcome
from runner.paths import RunPaths, run_paths
from runner.profiling import eta, predicting
from runner.profiling.configuration import Configuration
from runner.profiling.row import SKIPPED, Predicted, Row
from runner.profiling.store import Profile
from runner.result import Result
from runner.units import duration, size
from runner.where import Room, Where

_MEASURED = "measured.json"
_MOST = 32 << 20


@dataclass(frozen=True)
class How:
    """What holds for every row."""

    where: Where
    room: Room
    supervision: Supervision
    steps: int
    warmup: int
    run_too_large: bool = False
    overheads: Mapping[fit_history.Key, Measured] = field(default_factory=dict)
    """What earlier runs took of a device beside torch's memory."""

    def predict(self, one: Configuration, footprint: Footprint) -> Predicted:
        return predicting.predict(one, footprint, self.where, self.overheads)

    def why_not(self, one: Configuration, predicted: Predicted) -> str:
        """Why a configuration is not run; empty where it is."""
        return predicting.why_not(one, predicted, self.where, self.room, self.run_too_large)


def left(profile: Profile, how: How) -> list[Configuration]:
    """What there is to do, in the order of work: configurations that have no row yet, or one that
    was interrupted, or that was not run for a reason which holds no longer."""
    settled = {row.configuration for row in profile.rows() if _is_settled(row, how)}
    return [one for one in profile.matrix.configurations() if one not in settled]


def _is_settled(row: Row, how: How) -> bool:
    if row.outcome != SKIPPED:
        return row.is_done
    # Another room makes other words: they are written anew, though it be skipped once more.
    return row.predicted is not None and how.why_not(row.configuration, row.predicted) == row.why


def run(
    profile: Profile,
    footprints: Mapping[Configuration, Footprint],
    how: How,
    say: Callable[[str], None],
) -> bool:
    """Measure what has a footprint, that of :func:`left`; each row is kept as it is done. False
    where the user stopped it. Raises OSError where a row cannot be kept."""
    configurations = profile.matrix.configurations()
    done = {row.configuration: row for row in profile.rows() if row.configuration not in footprints}
    if done:
        say(f"{len(done)} of {len(configurations)} configurations are done already")
    fp16_said = False
    for n, one in enumerate(configurations, 1):
        if one in done:
            continue
        row = _row(profile, one, footprints[one], how)
        profile.keep(row)
        done[one] = row
        if row.outcome == Outcome.INTERRUPTED:
            return False
        others = [other for other in configurations[n:] if other not in done]
        if row.outcome != SKIPPED or "fp16" not in row.why or not fp16_said:
            say(f"[{n}/{len(configurations)}] {words(row)}{_to_go(done, others, footprints, how)}")
        fp16_said = fp16_said or "fp16" in row.why
    return True


def words(row: Row) -> str:
    """One line of a row that is done."""
    head = f"{row.configuration.words}: "
    if row.outcome == SKIPPED:
        return head + row.why
    if row.outcome != Outcome.OK:
        return f"{head}{row.outcome}; {row.why}"
    predicted = f", predicted {size(row.predicted.total[1])}" if row.predicted else ""
    return f"{head}{size(row.held)}{predicted}; {row.samples_per_s:.3g} samples/s"


def _to_go(
    done: Mapping[Configuration, Row],
    others: list[Configuration],
    footprints: Mapping[Configuration, Footprint],
    how: How,
) -> str:
    took = {one: row.seconds for one, row in done.items() if row.seconds is not None}
    worth = [one for one in others if not how.why_not(one, how.predict(one, footprints[one]))]
    seconds = eta.seconds_left(took, worth)
    if not worth:
        return ""
    return f"  ({len(worth)} to go, about {duration(seconds)})" if seconds is not None else ""


def _row(profile: Profile, one: Configuration, footprint: Footprint, how: How) -> Row:
    predicted = how.predict(one, footprint)
    if why := how.why_not(one, predicted):
        return Row(one, SKIPPED, why, predicted=predicted)
    job = config.Measure(
        model=one.model,
        dtype=one.dtype,
        mode=one.mode,
        batch_size=one.batch_size,
        workers=one.workers,
        device=how.where.name,
        activation_checkpointing=one.activation_checkpointing,
        warmup=how.warmup,
        steps=how.steps,
    )
    began = time.monotonic()
    result = supervisor.run(
        lambda paths: _command(job, paths),
        job="measure",
        label=one.key.replace("/", "-"),
        options=dataclasses.replace(how.supervision, retries=0, auto=False),
        asked={**config.as_dict(job), "profile": profile.id},
        environment={"PYTHONUNBUFFERED": "1"},
        live=True,
    )
    content = result.as_dict()
    measured = None
    if result.ok:
        measured = _measured(run_paths(how.supervision.runs().absolute(), result.run))
    return Row(
        one,
        result.outcome.value if measured or not result.ok else Outcome.ERROR_PYTHON.value,
        _why(result) if not result.ok else "" if measured else f"it left no {_MEASURED}",
        run=result.run,
        seconds=round(time.monotonic() - began, 3),
        predicted=predicted,
        measured=measured,
        peaks=_peaks(content, how.where),
    )


def _command(job: config.Measure, paths: RunPaths) -> list[str]:
    job = dataclasses.replace(job, out=paths.attempt(1).folder / _MEASURED)
    return [sys.executable, "-m", "fwi", "measure", *config.to_argv(job)]


def _measured(paths: RunPaths) -> Mapping[str, Any] | None:
    path = Path(paths.attempt(1).folder / _MEASURED)
    with suppress(OSError, ValueError, RecursionError):
        if path.stat().st_size <= _MOST:
            found = json.loads(path.read_text("utf-8"))
            return found if isinstance(found, dict) else None
    return None


def _peaks(result: Mapping[str, Any], where: Where) -> dict[str, Any]:
    peaks = {k: v for k, v in result["peaks"].items() if k != "host_holders"}
    if where.device is None:
        return peaks | {"device": None}
    beside = (result["measured"] or {}).get("overhead")
    used = peaks["device_used"].get(str(where.device.index))
    return peaks | {"device": used, "device_overhead": beside}


def _why(result: Result) -> str:
    facts = [fact.text for fact in result.diagnosis.facts]
    return facts[0] if facts else result.outcome.meaning
