"""What was observed of an attempt: data for the diagnosis, nothing decided."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from probes.kernel_log import Kill
from probes.pulse import Record
from probes.stacks import ProcessPicture
from runner.process_tree import Exit, Sent
from runner.rank_pulses import Standing
from runner.system_watch import System


class Stop(StrEnum):
    """Why we stopped the job; absent where it ended by itself."""

    STALL = "stall"
    EXIT_STALL = "exit-stall"
    DEADLINE = "deadline"
    INTERRUPT = "interrupt"
    MEMORY_LIMIT = "memory-limit"


@dataclass(frozen=True)
class StallPicture:
    """The tree at the time of a stall."""

    quiet_s: float
    limit_s: float
    processes: tuple[ProcessPicture, ...] = ()
    """The job's first process stands first."""
    moved: bool = False
    """Whether the job went on between the two captures: slow, not stuck."""
    again: bool = False
    """Whether it was given the same time once more, and made no progress in it either."""
    stacks: str | None = None
    ranks: tuple[Standing, ...] = ()
    """Where each rank was last seen."""


@dataclass(frozen=True)
class MemoryPicture:
    """What the tree held when it passed the run's own limit. Bytes."""

    used: int
    limit: int
    holders: tuple[tuple[int, str, int], ...] = ()
    """(pid, name, bytes), the biggest first."""


@dataclass(frozen=True)
class Evidence:
    exit_code: int | None
    """Of the job's first process; None where it died of a signal or never ended."""
    signal: int | None
    stopped_for: Stop | None = None
    sent_signals: tuple[int, ...] = ()
    """Signals that we sent to the first process: its death by one of them is ours."""
    sent: tuple[Sent, ...] = ()
    """Signals that we sent to any process of the tree, each once, the newest kept."""
    exits: tuple[Exit, ...] = ()
    """Other processes of the tree that ended in our care."""
    pids: frozenset[int] = frozenset()
    """Every process that was ever seen in the tree."""
    oom_kills_group: int | None = None
    """Kernel kills for memory in the job's cgroups while it ran; None: not to be read."""
    oom_kills_machine: int | None = None
    """Kernel kills for memory on the whole machine in the seconds before the end."""
    kernel_kills: tuple[Kill, ...] | None = None
    """Processes of the tree that the kernel's log names as killed for memory; None: not to be
    read."""
    xids: tuple[str, ...] = ()
    """Events of NVIDIA devices while the job ran, as the kernel's log or NVML told them."""
    shm_full: bool | None = None
    """Whether /dev/shm was nearly full at some look; None: it was not, but has so little room that
    it may have been between two."""
    output: str = ""
    """The end of what it printed."""
    is_observed: bool = True
    """False: nothing was watched, there is only a log, and perhaps an exit status."""
    record: Record | None = None
    """Of the job's first process."""
    ranks: tuple[Record, ...] = ()
    """Of every process that recorded, by rank; one where the job is one process."""
    stall: StallPicture | None = None
    memory: MemoryPicture | None = None
    system: System | None = None
    """What the machine around the job went through."""
    start_error: str | None = None
    """Why the job could not be started."""
    start_errno: int | None = None
    """The system's number for that."""
    supervisor_error: str | None = None
    """What went wrong in the supervision itself, so that it ended the job."""


@dataclass(frozen=True)
class Fact:
    """One piece of evidence and where it is from."""

    source: str
    text: str


@dataclass(frozen=True)
class Diagnosis:
    outcome: str
    confidence: float
    facts: tuple[Fact, ...] = ()
    also: tuple[str, ...] = ()
    advice: tuple[str, ...] = field(default=())
