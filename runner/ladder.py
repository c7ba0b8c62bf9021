"""The rungs of recovery, and which of them follow which outcome. Pure.

:data:`LADDERS` is the whole policy: for each outcome the rungs that are tried in their order, each
as long as it applies. A rung that does not apply (to this job, or because it is so already) is
passed over. ``docs/recovery.md`` shows the same table.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fwi import config
from runner.outcomes import Outcome
from runner.same_failure import Failure

ALLOCATOR_VARIABLES = ("PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF")
"""torch reads the first of these that is set; before 2.9 it knows the second alone."""


@dataclass(frozen=True)
class Settings:
    """What an attempt runs with, as far as recovery can change it."""

    job: config.Job | None = None
    """None: any command, of which only the environment can be changed."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Those of :data:`ALLOCATOR_VARIABLES` that are set."""

    def options(self) -> dict[str, Any]:
        """Option or variable → value, as JSON types."""
        return {**(config.as_dict(self.job) if self.job else {}), **self.environment}


@dataclass(frozen=True)
class Ended:
    """An attempt that is over, as the ladder looks at it."""

    failure: Failure
    settings: Settings
    rung: str | None = None
    """What had led to this attempt; None for the first."""

    @property
    def outcome(self) -> Outcome:
        return self.failure.outcome


@dataclass(frozen=True)
class Rung:
    name: str
    words: str
    """For the reader of the table."""
    apply: Callable[[Settings, Sequence[Ended]], Settings | None]
    """The settings of the next attempt; None where the rung does not apply."""
    wait_for_device: bool = False


def smaller_batch(batch: int, accumulate: int) -> tuple[int, int] | None:
    """The largest batch of at most half that divides the effective batch; None for a batch of 1.

    The effective batch stays what it was, exactly: 16 × 1 → 8 × 2, but 15 × 1 → 5 × 3 and
    17 × 1 → 1 × 17, as no other number divides 17.
    """
    effective = batch * accumulate
    for size in range(batch // 2, 0, -1):
        if effective % size == 0:
            return size, effective // size
    return None


def with_expandable_segments(conf: str | None) -> str | None:
    """An allocator setting with expandable segments, the user's other parts kept; None where it
    has them, or another allocator that has no segments."""
    parts = [part.strip() for part in (conf or "").split(",") if part.strip()]
    named = {part.partition(":")[0].strip(): part.partition(":")[2].strip() for part in parts}
    if named.get("expandable_segments") == "True" or named.get("backend") == "cudaMallocAsync":
        return None
    kept = [part for part in parts if part.partition(":")[0].strip() != "expandable_segments"]
    return ",".join([*kept, "expandable_segments:True"])


_Apply = Callable[[Settings, Sequence[Ended]], Settings | None]


_Loading = config.Train | config.Evaluate | config.Infer
"""Jobs that pass batches of a loader through a network."""


def _loading(change: Callable[[_Loading, Sequence[Ended]], dict[str, Any] | None]) -> _Apply:
    """A rung of such jobs: the fields to change, None or nothing where it does not apply."""

    def apply(settings: Settings, history: Sequence[Ended]) -> Settings | None:
        if not isinstance(settings.job, _Loading):
            return None
        changes = change(settings.job, history)
        if not changes:
            return None
        return dataclasses.replace(settings, job=dataclasses.replace(settings.job, **changes))

    return apply


def _first(history: Sequence[Ended]) -> _Loading:
    job = history[0].settings.job
    assert isinstance(job, _Loading)
    return job


def _halve(job: _Loading, _: Sequence[Ended]) -> dict[str, Any] | None:
    if not isinstance(job, config.Train):
        return {"batch_size": job.batch_size // 2} if job.batch_size > 1 else None
    found = smaller_batch(job.batch_size, job.accumulate)
    return {"batch_size": found[0], "accumulate": found[1]} if found else None


def _halve_once(job: _Loading, history: Sequence[Ended]) -> dict[str, Any] | None:
    return _halve(job, history) if job.batch_size == _first(history).batch_size else None


def _recompute(job: _Loading, _: Sequence[Ended]) -> dict[str, Any] | None:
    if not isinstance(job, config.Train):
        return None
    if job.activation_checkpointing or job.model not in config.RECOMPUTABLE:
        return None
    return {"activation_checkpointing": True}


def _fewer_workers(job: _Loading, history: Sequence[Ended]) -> dict[str, Any] | None:
    if job.workers < 2 or job.workers != _first(history).workers:
        return None
    return {"workers": job.workers // 2}


def _less_ahead(job: _Loading, history: Sequence[Ended]) -> dict[str, Any] | None:
    fewer = _fewer_workers(job, history)
    return {**fewer, "prefetch": 1} if fewer else None


def _file_system(job: _Loading, _: Sequence[Ended]) -> dict[str, Any] | None:
    return {"sharing": "file_system"} if job.workers and job.sharing != "file_system" else None


def _no_pinning(job: _Loading, _: Sequence[Ended]) -> dict[str, Any] | None:
    return {"pin_memory": False} if job.pin_memory else None


def _no_workers(job: _Loading, _: Sequence[Ended]) -> dict[str, Any] | None:
    return {"workers": 0} if job.workers else None


def _bf16(job: _Loading, history: Sequence[Ended]) -> dict[str, Any] | None:
    # auto takes fp16 only where bf16 would be emulated, slower than fp32.
    asked = job.dtype == "fp16" or _fp16(job) == 1
    return _in_dtype(job, "bf16") if asked else None


def _fp32(job: _Loading, history: Sequence[Ended]) -> dict[str, Any] | None:
    if job.dtype == "fp32" or _fp16(job) == 0:
        return None
    was_fp16 = any(one.failure.precision == "fp16" for one in history)
    return _in_dtype(job, "fp32") if was_fp16 else None


def _fp16(job: _Loading) -> int | None:
    """The train job's short form of its dtype."""
    return job.fp16 if isinstance(job, config.Train) else None


def _in_dtype(job: _Loading, dtype: config.Dtype) -> dict[str, Any]:
    return {"dtype": dtype, "fp16": None} if isinstance(job, config.Train) else {"dtype": dtype}


def _one_thread(settings: Settings, _: Sequence[Ended]) -> Settings | None:
    if not isinstance(settings.job, config.Synth) or settings.job.threads == 1:
        return None
    return dataclasses.replace(settings, job=dataclasses.replace(settings.job, threads=1))


def _segments(settings: Settings, _: Sequence[Ended]) -> Settings | None:
    held = settings.environment
    current = next((held[name] for name in ALLOCATOR_VARIABLES if name in held), None)
    merged = with_expandable_segments(current)
    if merged is None:
        return None
    # Both, as the job's torch may know either.
    return dataclasses.replace(settings, environment=dict.fromkeys(ALLOCATOR_VARIABLES, merged))


def _again(settings: Settings, _: Sequence[Ended]) -> Settings:
    return settings


HALVE_ONCE = Rung("halve", "half the batch, accumulated twice", _loading(_halve_once))
HALVE = Rung("halve", "half the batch, as often as it takes", _loading(_halve))
RECOMPUTE = Rung("recompute", "activation checkpointing", _loading(_recompute))
SEGMENTS = Rung("segments", "expandable segments", _segments)
WAIT = Rung("wait", "wait for the other process, then the same options", _again, True)
NO_PINNING = Rung("no-pinning", "no page-locked memory", _loading(_no_pinning))
LESS_AHEAD = Rung("less-ahead", "half the workers, one batch ahead", _loading(_less_ahead))
FEWER_WORKERS = Rung("fewer-workers", "half the workers", _loading(_fewer_workers))
NO_WORKERS = Rung("no-workers", "no workers", _loading(_no_workers))
FILE_SYSTEM = Rung("file-system", "batches shared by files", _loading(_file_system))
BF16 = Rung("bf16", "bf16 in place of fp16", _loading(_bf16))
FP32 = Rung("fp32", "fp32 in place of fp16 or of that bf16", _loading(_fp32))
ONE_THREAD = Rung("one-thread", "one thread (synth)", _one_thread)
AGAIN = Rung("again", "the same options once more", _again)

_CAPACITY = (HALVE_ONCE, RECOMPUTE, HALVE)
_HOST = (LESS_AHEAD, NO_WORKERS, HALVE, ONE_THREAD)

LADDERS: Mapping[Outcome, tuple[Rung, ...]] = {
    Outcome.OOM_DEVICE_CAPACITY: _CAPACITY,
    Outcome.OOM_DEVICE_FRAGMENTATION: (SEGMENTS, *_CAPACITY),
    Outcome.OOM_DEVICE_FOREIGN: (WAIT,),
    Outcome.OOM_DEVICE_LIBRARY: _CAPACITY,
    Outcome.OOM_PINNED: (NO_PINNING,),
    Outcome.OOM_HOST_KILLED: _HOST,
    Outcome.OOM_HOST_WORKER: _HOST,
    Outcome.OOM_HOST_REFUSED: _HOST,
    Outcome.OOM_HOST_LIMIT: _HOST,
    Outcome.OOM_SHM: (FILE_SYSTEM, FEWER_WORKERS, NO_WORKERS),
    Outcome.HANG_DATALOADER: (NO_WORKERS, AGAIN),
    Outcome.HANG_COLLECTIVE: (AGAIN,),
    Outcome.HANG_DEVICE: (AGAIN,),
    Outcome.HANG_LOCK: (AGAIN,),
    Outcome.HANG_IO: (AGAIN,),
    Outcome.HANG_SPIN: (AGAIN,),
    Outcome.HANG_STOPPED: (AGAIN,),
    Outcome.HANG_UNKNOWN: (AGAIN,),
    Outcome.FAULT_DEVICE: (AGAIN,),
    Outcome.CRASH_SEGV: (AGAIN,),
    Outcome.CRASH_ABORT: (AGAIN,),
    Outcome.CRASH_SIGNAL: (AGAIN,),
    Outcome.CRASH_KILLED: (AGAIN,),
    Outcome.CRASH_WORKER: (NO_WORKERS, AGAIN),
    Outcome.ERROR_NAN: (BF16, FP32),
    Outcome.ERROR_COLLECTIVE: (AGAIN,),
    Outcome.ERROR_PYTHON: (AGAIN,),
}

NOT_RETRIED: Mapping[Outcome, str] = {
    Outcome.OK: "it is done",
    Outcome.HANG_EXIT: "the work was finished and its result is kept",
    Outcome.TIMEOUT: "the deadline holds for all attempts together",
    Outcome.FAULT_DRIVER: "no option mends a driver",
    Outcome.ERROR_DATA: "the file would be the same",
    Outcome.ERROR_DISK: "the disk would be as full",
    Outcome.ERROR_FD: "the limit would be the same",
    Outcome.ERROR_PORT: "whoever listens there is not ours to stop",
    Outcome.ERROR_DEPENDENCY: "the library would be the same",
    Outcome.ERROR_USAGE: "the options would be as wrong",
    Outcome.INTERRUPTED: "the user stopped it",
    Outcome.LOST: "nobody is left to try again",
}


def ladder(outcome: Outcome, settings: Settings) -> tuple[Rung, ...]:
    """The rungs for an outcome. A command has its environment, and the same again, alone."""
    # The one without a ladder is a full disk after our own change: no workers, no such files.
    rungs = LADDERS.get(outcome, (NO_WORKERS,))
    if settings.job is not None or AGAIN in rungs or WAIT in rungs:
        return rungs
    on_device = outcome.value.startswith("oom.device")
    return (SEGMENTS, AGAIN) if on_device else (AGAIN,)
