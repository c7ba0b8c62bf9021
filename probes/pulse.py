"""The flight recorder: a job's pulses and phases in a memory-mapped file.

The job writes with plain stores into a shared mapping, so that a pulse costs no system call, takes
no lock and survives any death of the process. The supervisor creates the file (:func:`create`),
names it in ``FWI_PULSE`` and reads it whenever it likes (:class:`Reader`)::

    from probes import pulse

    pulse.attach(rank=0)                  # does nothing when FWI_PULSE is unset
    with pulse.phase("forward"):
        ...
    pulse.beat(step=12, total=400)

A pulse is written only by the code that made the progress, never by a helper thread: a beating
thread beside a stuck loop hides the hang. For the same reason the recorder lets go in a forked
child: a loader worker's life is not its parent's progress.

The newest pulse stands in one of two slots, chosen by the parity of its number, and the number is
stored last; a writer killed half-way leaves the pulse before it whole.
"""

from __future__ import annotations

import errno
import mmap
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic_ns
from types import TracebackType

from probes import _pulse_layout as at

ENVIRONMENT = "FWI_PULSE"


class Phase:
    """A named stretch of the job, entered with ``with``; time is charged to the innermost."""

    __slots__ = ("_index", "_name")

    def __init__(self, name: str) -> None:
        self._name = name
        self._index = -1

    def __enter__(self) -> None:
        recorder = _recorder
        if recorder is not None:
            if self._index < 0:
                self._index = recorder.phase_index(self._name)
            recorder.enter(self._index)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        recorder = _recorder
        if recorder is not None:
            recorder.leave()


class _Recorder:
    """The writing side. One thread at a time; what threads race for is a value, never the file."""

    def __init__(self, mapping: mmap.mmap, rank: int) -> None:
        self.mapping = mapping
        self._words = memoryview(mapping).cast("q")
        self._number = 0
        self._phase = 0
        self._step = 0
        self._total = 0
        self._entered_ns = monotonic_ns()
        self._outer: list[int] = []
        self._phase_names: dict[str, int] = {}
        self._gauges: dict[str, int] = {}
        at.HEADER.pack_into(
            mapping, 0, at.MAGIC, at.VERSION, at.SIZE, os.getpid(), rank, self._entered_ns
        )
        self.phase_index("startup")
        self._words[(at.PHASES_AT + at.PHASE_NAME.size) // 8] = 1
        self.beat()

    def beat(self) -> None:
        number = self._number = self._number + 1
        at.PULSE.pack_into(
            self.mapping,
            at.SLOTS_AT[number & 1],
            monotonic_ns(),
            self._phase,
            self._step,
            self._total,
        )
        self._words[at.COUNTER_AT // 8] = number

    def progress(self, step: int, total: int) -> None:
        self._step = step
        self._total = total
        self.beat()

    def phase_index(self, name: str) -> int:
        index = self._phase_names.get(name)
        if index is None:
            # The last row collects every phase that a job invents beyond the table.
            index = min(len(self._phase_names), at.PHASES - 1)
            self._phase_names[name] = index
            shown = name if index < at.PHASES - 1 else "other"
            offset = at.PHASES_AT + index * at.PHASE_STRIDE
            at.PHASE_NAME.pack_into(self.mapping, offset, at.encode(shown, at.PHASE_NAME.size))
        return index

    def enter(self, index: int) -> None:
        self._outer.append(self._phase)
        self._switch(index)
        self._words[(at.PHASES_AT + index * at.PHASE_STRIDE + at.PHASE_NAME.size) // 8] += 1
        self.beat()

    def leave(self) -> None:
        self._switch(self._outer.pop() if self._outer else 0)
        self.beat()

    def _switch(self, index: int) -> None:
        now = monotonic_ns()
        spent = (at.PHASES_AT + self._phase * at.PHASE_STRIDE + at.PHASE_NAME.size) // 8 + 1
        self._words[spent] += now - self._entered_ns
        self._entered_ns = now
        self._phase = index

    def gauge(self, name: str, value: float) -> None:
        index = self._gauges.get(name)
        if index is None:
            if len(self._gauges) == at.GAUGES:
                return
            index = self._gauges[name] = len(self._gauges)
        offset = at.GAUGES_AT + index * at.GAUGE_STRIDE
        at.GAUGE.pack_into(self.mapping, offset, at.encode(name, 48), value, monotonic_ns())

    def memory(self, *values: int) -> None:
        at.MEMORY.pack_into(self.mapping, at.MEMORY_AT, *values)

    def event(self, text: str) -> None:
        count = self._words[at.EVENTS_AT // 8]
        offset = at.EVENT_RING_AT + (count % at.EVENTS) * at.EVENT.size
        at.EVENT.pack_into(self.mapping, offset, monotonic_ns(), at.encode(text, 248))
        self._words[at.EVENTS_AT // 8] = count + 1

    def fail(self, outcome: str, text: str) -> None:
        at.FAILURE.pack_into(
            self.mapping, at.FAILURE_AT, at.encode(outcome, 64), at.encode(text, 1200)
        )

    def finished(self) -> None:
        self._words[at.FINISHED_AT // 8] = monotonic_ns()
        self.beat()


_recorder: _Recorder | None = None
_phases: dict[str, Phase] = {}


def attach(rank: int = 0) -> bool:
    """Start recording to the file that ``FWI_PULSE`` names; whether there is one.

    Where a living ancestor records to that file already (the variable is inherited), nothing is
    attached. A file that is missing or not a recorder's is said once on standard error and the job
    goes on: losing the pulses must not lose the job.
    """
    global _recorder
    name = os.environ.get(ENVIRONMENT)
    if not name or _recorder is not None:
        return _recorder is not None
    try:
        _recorder = _open_recorder(name, rank)
    except (OSError, ValueError) as error:
        os.write(2, f"pulses are not recorded: {ENVIRONMENT}={name}: {error}\n".encode())
    return _recorder is not None


def _open_recorder(name: str, rank: int) -> _Recorder | None:
    descriptor = os.open(name, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        header = os.pread(descriptor, at.HEADER.size, 0)
        if len(header) < at.HEADER.size or os.fstat(descriptor).st_size != at.SIZE:
            raise ValueError(f"not a flight recorder of {at.SIZE} bytes")
        magic, version, _, pid, _, _ = at.HEADER.unpack(header)
        if magic != at.MAGIC or version != at.VERSION:
            raise ValueError(f"not a flight recorder of version {at.VERSION}")
        if pid and pid != os.getpid():
            return None
        return _Recorder(mmap.mmap(descriptor, at.SIZE), rank)
    finally:
        os.close(descriptor)


def detach() -> None:
    """Stop recording in this process; the file stays as it is."""
    global _recorder
    _recorder = None


os.register_at_fork(after_in_child=detach)


def phase(name: str) -> Phase:
    """The stretch ``name``, to be entered with ``with``; entering and leaving are pulses."""
    found = _phases.get(name)
    if found is None:
        found = _phases[name] = Phase(name)
    return found


def beat(step: int = 0, total: int = 0) -> None:
    """Say that step ``step`` of ``total`` (0: not known) was done."""
    if _recorder is not None:
        _recorder.progress(step, total)


def gauge(name: str, value: float) -> None:
    """Leave the newest value of ``name`` (at most 48 bytes; 128 names a job)."""
    if _recorder is not None:
        _recorder.gauge(name, value)


def memory(allocated: int, reserved: int, peak_allocated: int, peak_reserved: int) -> None:
    """Leave torch's device memory, in bytes."""
    if _recorder is not None:
        _recorder.memory(allocated, reserved, peak_allocated, peak_reserved)


def event(text: str) -> None:
    """Leave a line in the ring of the newest 64 events (at most 248 bytes)."""
    if _recorder is not None:
        _recorder.event(text)


def fail(outcome: str, text: str) -> None:
    """Name the outcome that the job is about to end in, and why."""
    if _recorder is not None:
        _recorder.fail(outcome, text)


def finished() -> None:
    """Say that the work is done and its result is on disk; only the end of the process is left."""
    if _recorder is not None:
        _recorder.finished()


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


class Reader:
    """The reading side. It reads and does not map: a job that cuts its file must not be able to
    kill its supervisor with SIGBUS."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        self._names: dict[int, str] = {}

    def close(self) -> None:
        os.close(self._descriptor)

    def newest(self) -> Pulse:
        """The newest whole pulse; number 0 before the first."""
        raw = os.pread(self._descriptor, at.SLOTS_AT[1] + at.PULSE.size, 0)
        return _newest(raw, self._phase_name)

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
