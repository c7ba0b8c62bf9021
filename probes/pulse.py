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
thread beside a stuck loop hides the hang. So the pulses of one thread count, the one that attached
last, and the recorder lets go in a forked child: a loader worker's life is not its parent's
progress.

The newest pulse stands in one of two slots, chosen by the parity of its number, and the number is
stored last; a writer killed half-way leaves the pulse before it whole.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import get_ident
from time import monotonic_ns
from types import TracebackType

from probes import _pulse_layout as at
from probes import stack_signal
from probes._pulse_reader import (
    Event,
    PhaseTotal,
    Pulse,
    Reader,
    Record,
    beside,
    create,
    others,
    read,
)

__all__ = [
    "ENVIRONMENT",
    "Event",
    "Phase",
    "PhaseTotal",
    "Pulse",
    "Reader",
    "Record",
    "attach",
    "beat",
    "beside",
    "create",
    "detach",
    "event",
    "fail",
    "finished",
    "gauge",
    "listen",
    "memory",
    "others",
    "phase",
    "read",
]

ENVIRONMENT = "FWI_PULSE"


class Phase:
    """A named stretch of the job, entered with ``with``; time is charged to the innermost."""

    __slots__ = ("_index", "_name")

    def __init__(self, name: str) -> None:
        self._name = name
        self._index = -1

    def __enter__(self) -> None:
        if _listener is not None:
            _listener(self._name, True)
        recorder = _recorder
        if recorder is not None and recorder.counts():
            if self._index < 0:
                self._index = recorder.phase_index(self._name)
            recorder.enter(self._index)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if _listener is not None:
            _listener(self._name, False)
        recorder = _recorder
        if recorder is not None and recorder.counts():
            recorder.leave()


class _Recorder:
    """The writing side. One thread at a time; what threads race for is a value, never the file."""

    def __init__(self, mapping: mmap.mmap, rank: int) -> None:
        self.mapping = mapping
        self._words = memoryview(mapping).cast("q")
        self._thread = get_ident()
        self._has_complained = False
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

    def belong(self) -> None:
        """From now on the pulses of this thread are the job's."""
        self._thread = get_ident()

    def counts(self) -> bool:
        """Whether this thread's pulses are the job's; said once where they are not."""
        if get_ident() == self._thread:
            return True
        if not self._has_complained:
            self._has_complained = True
            os.write(
                2,
                b"a pulse of another thread than the one that called pulse.attach() does not "
                b"count; attach in the thread that makes the progress\n",
            )
        return False

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
_listener: Callable[[str, bool], None] | None = None
_phases: dict[str, Phase] = {}


def attach(rank: int = 0, place: int = 0) -> bool:
    """Start recording to the file that ``FWI_PULSE`` names; whether there is one.

    Of several ranks on a machine (``place``: 0 for the first, as torchrun's LOCAL_RANK) each
    records to a file of its own: the first to the one that is named, the others to files that they
    make beside it (:func:`beside`).
    Only pulses of the thread that attached last count. Where a living ancestor records to that file
    already (the variable is inherited), nothing is attached. A file that is missing or not a
    recorder's is said once on standard error and the job goes on: losing the pulses must not lose
    the job.
    """
    global _recorder
    name = os.environ.get(ENVIRONMENT)
    if _recorder is not None:
        _recorder.belong()
        return True
    if not name:
        return False
    try:
        if place:
            name = str(beside(Path(name), rank))
            with suppress(FileExistsError):
                create(Path(name))
        _recorder = _open_recorder(name, rank)
    except (OSError, ValueError) as error:
        os.write(2, f"pulses are not recorded: {ENVIRONMENT}={name}: {error}\n".encode())
    stack_signal.arm()
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


def listen(listener: Callable[[str, bool], None]) -> Callable[[], None]:
    """Call ``listener`` with the name of each phase that is entered (True) or left (False), in this
    process, until what is returned is called. One listener at a time."""
    global _listener
    before, _listener = _listener, listener

    def stop() -> None:
        global _listener
        _listener = before

    return stop


def beat(step: int = 0, total: int = 0) -> None:
    """Say that step ``step`` of ``total`` (0: not known) was done."""
    if _recorder is not None and _recorder.counts():
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
