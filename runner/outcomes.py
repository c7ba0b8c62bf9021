"""The taxonomy: what an attempt ended in, its class, and the exit status that stands for it."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    OK = "ok"
    OOM_DEVICE_CAPACITY = "oom.device.capacity"
    OOM_DEVICE_FRAGMENTATION = "oom.device.fragmentation"
    OOM_DEVICE_FOREIGN = "oom.device.foreign"
    OOM_DEVICE_LIBRARY = "oom.device.library"
    OOM_PINNED = "oom.pinned"
    OOM_HOST_KILLED = "oom.host.killed"
    OOM_HOST_WORKER = "oom.host.worker"
    OOM_HOST_REFUSED = "oom.host.refused"
    OOM_HOST_LIMIT = "oom.host.limit"
    OOM_SHM = "oom.shm"
    HANG_DATALOADER = "hang.dataloader"
    HANG_COLLECTIVE = "hang.collective"
    HANG_DEVICE = "hang.device"
    HANG_LOCK = "hang.lock"
    HANG_IO = "hang.io"
    HANG_SPIN = "hang.spin"
    HANG_STOPPED = "hang.stopped"
    HANG_EXIT = "hang.exit"
    HANG_UNKNOWN = "hang.unknown"
    TIMEOUT = "timeout"
    FAULT_DEVICE = "fault.device"
    FAULT_DRIVER = "fault.driver"
    CRASH_SEGV = "crash.segv"
    CRASH_ABORT = "crash.abort"
    CRASH_SIGNAL = "crash.signal"
    CRASH_KILLED = "crash.killed"
    CRASH_WORKER = "crash.worker"
    ERROR_NAN = "error.nan"
    ERROR_DATA = "error.data"
    ERROR_DISK = "error.disk"
    ERROR_FD = "error.fd"
    ERROR_PORT = "error.port"
    ERROR_COLLECTIVE = "error.collective"
    ERROR_DEPENDENCY = "error.dependency"
    ERROR_USAGE = "error.usage"
    ERROR_PYTHON = "error.python"
    INTERRUPTED = "interrupted"
    LOST = "lost"

    @property
    def kind(self) -> str:
        """The class: the first word of the code."""
        return self.value.partition(".")[0]

    @property
    def meaning(self) -> str:
        """One line for a person."""
        return _MEANINGS[self]


EXIT_STATUS = {
    "ok": 0,
    "error": 3,
    "oom": 4,
    "hang": 5,
    "timeout": 6,
    "crash": 7,
    "fault": 8,
    "lost": 9,
    "interrupted": 130,
}
USAGE_STATUS = 2


def exit_status(outcome: Outcome) -> int:
    """The status that ``python -m runner`` ends with."""
    if outcome is Outcome.ERROR_USAGE:
        return USAGE_STATUS
    return EXIT_STATUS[outcome.kind]


_MEANINGS = {
    Outcome.OK: "the job ended well",
    Outcome.OOM_DEVICE_CAPACITY: "the job itself filled the device's memory",
    Outcome.OOM_DEVICE_FRAGMENTATION: "device memory was free, but in pieces too small to use",
    Outcome.OOM_DEVICE_FOREIGN: "another process holds the device's memory",
    Outcome.OOM_DEVICE_LIBRARY: "a CUDA library could not allocate its workspace",
    Outcome.OOM_PINNED: "page-locked host memory was refused",
    Outcome.OOM_HOST_KILLED: "the kernel killed a process of the job for memory",
    Outcome.OOM_HOST_WORKER: "the kernel killed a loader worker for memory",
    Outcome.OOM_HOST_REFUSED: "an allocation of host memory was refused",
    Outcome.OOM_HOST_LIMIT: "the run's own memory limit stopped it",
    Outcome.OOM_SHM: "shared memory (/dev/shm) is full",
    Outcome.HANG_DATALOADER: "the main process waits for a loader worker that does not deliver",
    Outcome.HANG_COLLECTIVE: "a rank waits in a collective",
    Outcome.HANG_DEVICE: "the job waits for the device",
    Outcome.HANG_LOCK: "threads or processes wait for a lock",
    Outcome.HANG_IO: "blocked in input or output",
    Outcome.HANG_SPIN: "busy without progress",
    Outcome.HANG_STOPPED: "stopped by a signal or a debugger",
    Outcome.HANG_EXIT: "the work was finished and kept, but the process did not end",
    Outcome.HANG_UNKNOWN: "stalled; the cause was not seen",
    Outcome.TIMEOUT: "the deadline passed while progress was being made",
    Outcome.FAULT_DEVICE: "the device reported a fault",
    Outcome.FAULT_DRIVER: "driver, library and device do not work together",
    Outcome.CRASH_SEGV: "segmentation fault",
    Outcome.CRASH_ABORT: "aborted",
    Outcome.CRASH_SIGNAL: "died of a signal",
    Outcome.CRASH_KILLED: "killed by somebody, with no sign of an out-of-memory kill",
    Outcome.CRASH_WORKER: "a loader worker died, with no sign of an out-of-memory kill",
    Outcome.ERROR_NAN: "the loss or the gradients stopped being finite",
    Outcome.ERROR_DATA: "an input file is missing, truncated, or not what was expected",
    Outcome.ERROR_DISK: "no space left",
    Outcome.ERROR_FD: "too many open files",
    Outcome.ERROR_PORT: "a network address is in use",
    Outcome.ERROR_COLLECTIVE: "a collective failed",
    Outcome.ERROR_DEPENDENCY: "a library is missing or does not fit another",
    Outcome.ERROR_USAGE: "wrong options",
    Outcome.ERROR_PYTHON: "the job raised an exception",
    Outcome.INTERRUPTED: "stopped by the user",
    Outcome.LOST: "the supervisor failed, or died and was found later",
}
