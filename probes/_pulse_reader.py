"""The supervisor's side of the flight recorder: make the file, and read it at any time."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from probes import _pulse_layout as at

_LONGEST_RANK = 6
"""Digits."""


@dataclass(frozen=True)
class Pulse:
    """The newest sign of progress."""

    number: int
    """0: the job has never pulsed."""
    at_s: float
    """On the monotonic clock."""
    phase: str
    step: int
    total: int


@dataclass(frozen=True)
class PhaseTotal:
    name: str
    count: int
    seconds: float


@dataclass(frozen=True)
class Event:
    at_s: float
    text: str


@dataclass(frozen=True)
class Record:
    """Everything that the file holds."""

    pid: int | None
    rank: int
    pulse: Pulse
    phases: tuple[PhaseTotal, ...]
    gauges: dict[str, float]
    events: tuple[Event, ...]
    torch_allocated: int | None
    torch_reserved: int | None
    torch_peak_allocated: int | None
    torch_peak_reserved: int | None
    failure: tuple[str, str] | None
    """Outcome and text, where the job named its own failure."""
    finished_s: float | None
    """When the work was committed, on the monotonic clock."""


def create(path: Path) -> None:
    """Make an empty recorder with its blocks reserved, so that no store can meet a full disk.

    Raises OSError (no space, no permission, exists already).
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        try:
            os.posix_fallocate(descriptor, 0, at.SIZE)
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
                raise
            os.pwrite(descriptor, bytes(at.SIZE), 0)
        os.pwrite(descriptor, at.HEADER.pack(at.MAGIC, at.VERSION, at.SIZE, 0, 0, 0), 0)
    finally:
        os.close(descriptor)


def beside(path: Path, rank: int) -> Path:
    """Where a rank records that is not the first of its machine, whose file is ``path``."""
    return path.with_name(f"{path.name}.rank{rank}")


def others(path: Path) -> list[Path]:
    """The files of other ranks beside ``path``, in the order of their ranks."""
    prefix = f"{path.name}.rank"
    found = {}
    with suppress(OSError), os.scandir(path.parent) as entries:
        for entry in entries:
            number = entry.name.removeprefix(prefix)
            if number != entry.name and number.isdecimal() and len(number) <= _LONGEST_RANK:
                found[int(number)] = Path(entry.path)
    return [found[rank] for rank in sorted(found)]


class Reader:
    """The reading side. It reads and does not map: a job that cuts its file must not be able to
    kill its supervisor with SIGBUS."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        self._names: dict[int, str] = {}

    def close(self) -> None:
        os.close(self._descriptor)

    def rank(self) -> int:
        """Of the process that records."""
        raw = os.pread(self._descriptor, at.HEADER.size, 0)
        return int(at.HEADER.unpack(raw)[4]) if len(raw) == at.HEADER.size else 0

    def newest(self) -> Pulse:
        """The newest whole pulse; number 0 before the first."""
        raw = os.pread(self._descriptor, at.SLOTS_AT[1] + at.PULSE.size, 0)
        return _newest(raw, self._phase_name)

    def pid(self) -> int | None:
        """Of the process that pulses; None before it has attached."""
        raw = os.pread(self._descriptor, at.HEADER.size, 0)
        pid = at.HEADER.unpack(raw)[3] if len(raw) == at.HEADER.size else 0
        return pid or None

    def finished_s(self) -> float | None:
        """When the job said that its work was committed, on the monotonic clock."""
        raw = os.pread(self._descriptor, at.QWORD.size, at.FINISHED_AT)
        (finished_ns,) = at.QWORD.unpack(raw) if len(raw) == at.QWORD.size else (0,)
        return finished_ns / 1e9 if finished_ns else None

    def torch_memory(self) -> tuple[int, int] | None:
        """Bytes that torch has allocated and reserved; None where the job does not say."""
        raw = os.pread(self._descriptor, at.MEMORY.size, at.MEMORY_AT)
        if len(raw) < at.MEMORY.size:
            return None
        allocated, reserved, *_ = at.MEMORY.unpack(raw)
        return (allocated, reserved) if reserved else None

    def gauges(self) -> dict[str, float]:
        """The newest value of each number that the job leaves."""
        return _gauges_of(os.pread(self._descriptor, at.SIZE, 0).ljust(at.SIZE, b"\0"))

    def _phase_name(self, index: int) -> str:
        name = self._names.get(index)
        if name is None:
            offset = at.PHASES_AT + index * at.PHASE_STRIDE
            name = at.decode(os.pread(self._descriptor, at.PHASE_NAME.size, offset))
            if name:
                self._names[index] = name
        return name

    def record(self) -> Record:
        """Everything; a field that was being written may be of either moment."""
        raw = os.pread(self._descriptor, at.SIZE, 0).ljust(at.SIZE, b"\0")
        _, _, _, pid, rank, _ = at.HEADER.unpack_from(raw)
        memory_bytes = at.MEMORY.unpack_from(raw, at.MEMORY_AT)
        known = any(memory_bytes)
        (finished_ns,) = at.QWORD.unpack_from(raw, at.FINISHED_AT)
        outcome, text = map(at.decode, at.FAILURE.unpack_from(raw, at.FAILURE_AT))
        phases = tuple(_phases_of(raw))
        return Record(
            pid=pid or None,
            rank=rank,
            pulse=_newest(raw, lambda i: phases[i].name if i < len(phases) else ""),
            phases=phases,
            gauges=_gauges_of(raw),
            events=tuple(_events_of(raw)),
            torch_allocated=memory_bytes[0] if known else None,
            torch_reserved=memory_bytes[1] if known else None,
            torch_peak_allocated=memory_bytes[2] if known else None,
            torch_peak_reserved=memory_bytes[3] if known else None,
            failure=(outcome, text) if outcome else None,
            finished_s=finished_ns / 1e9 if finished_ns else None,
        )


def read(path: Path) -> Record:
    """Everything that a recorder's file holds. Raises OSError where it cannot be opened."""
    reader = Reader(path)
    try:
        return reader.record()
    finally:
        reader.close()


def _newest(raw: bytes, phase_name: Callable[[int], str]) -> Pulse:
    if len(raw) < at.SLOTS_AT[1] + at.PULSE.size:
        return Pulse(0, 0.0, "", 0, 0)
    (number,) = at.QWORD.unpack_from(raw, at.COUNTER_AT)
    if number == 0:
        return Pulse(0, 0.0, "", 0, 0)
    at_ns, index, step, total = at.PULSE.unpack_from(raw, at.SLOTS_AT[number & 1])
    return Pulse(number, at_ns / 1e9, phase_name(index % at.PHASES), step, total)


def _phases_of(raw: bytes) -> list[PhaseTotal]:
    found = []
    for offset in range(at.PHASES_AT, at.PHASES_AT + at.PHASES * at.PHASE_STRIDE, at.PHASE_STRIDE):
        (name,) = at.PHASE_NAME.unpack_from(raw, offset)
        if not name.strip(b"\0"):
            break
        (count,) = at.QWORD.unpack_from(raw, offset + at.PHASE_NAME.size)
        (spent_ns,) = at.QWORD.unpack_from(raw, offset + at.PHASE_NAME.size + 8)
        found.append(PhaseTotal(at.decode(name), count, spent_ns / 1e9))
    return found


def _gauges_of(raw: bytes) -> dict[str, float]:
    found = {}
    for offset in range(at.GAUGES_AT, at.GAUGES_AT + at.GAUGES * at.GAUGE_STRIDE, at.GAUGE_STRIDE):
        name, value, at_ns = at.GAUGE.unpack_from(raw, offset)
        if at_ns == 0:
            break
        found[at.decode(name)] = value
    return found


def _events_of(raw: bytes) -> list[Event]:
    (count,) = at.QWORD.unpack_from(raw, at.EVENTS_AT)
    found = []
    for number in range(max(0, count - at.EVENTS), count):
        offset = at.EVENT_RING_AT + (number % at.EVENTS) * at.EVENT.size
        at_ns, text = at.EVENT.unpack_from(raw, offset)
        found.append(Event(at_ns / 1e9, at.decode(text)))
    return found
