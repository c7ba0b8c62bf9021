"""Measures the rows of a profile, one after the other, each in a fresh supervised process."""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fwi import config
from runner import supervisor
from runner.footprints import Footprint
from runner.options import Supervision
from runner.outcomes import Outcome
from runner.paths import RunPaths, run_paths
from runner.profiling import eta, predicting
from runner.profiling.configuration import Configuration
from runner.profiling.row import SKIPPED, Row
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


def run(
    profile: Profile,
    footprints: Mapping[Configuration, Footprint],
    how: How,
    say: Callable[[str], None],
) -> bool:
    """Measure what has no row yet; each row is kept as it is done. False where the user stopped
    it. Raises OSError where a row cannot be kept."""
    configurations = profile.matrix.configurations()
    done = {row.configuration: row for row in profile.rows() if row.is_done}
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
        left = [other for other in configurations[n:] if other not in done]
        if row.outcome != SKIPPED or "fp16" not in row.why or not fp16_said:
            say(f"[{n}/{len(configurations)}] {words(row)}{_left(done, left, footprints, how)}")
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


def _left(
    done: Mapping[Configuration, Row],
    left: list[Configuration],
    footprints: Mapping[Configuration, Footprint],
    how: How,
) -> str:
    took = {one: row.seconds for one, row in done.items() if row.seconds is not None}
    worth = [
        one
        for one in left
        if how.run_too_large
        or not predicting.why_not(
            one, predicting.predict(one, footprints[one], how.where), how.where, how.room
        )
    ]
    seconds = eta.seconds_left(took, worth)
    if not worth:
        return ""
    return f"  ({len(worth)} to go, about {duration(seconds)})" if seconds is not None else ""


def _row(profile: Profile, one: Configuration, footprint: Footprint, how: How) -> Row:
    predicted = predicting.predict(one, footprint, how.where)
    why = predicting.why_not(one, predicted, how.where, how.room)
    is_too_large = why.startswith("predicted")
    if why and not (is_too_large and how.run_too_large):
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
    with suppress(OSError, ValueError):
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
