"""What the system did to a job, beside what its processes and its log say of it."""

from __future__ import annotations

import signal

import pytest

from probes.pulse import Pulse, Record
from runner import rank_facts
from runner.diagnosis import diagnose
from runner.evidence import Evidence
from runner.process_tree import Exit, Sent

TRACE = 'Traceback (most recent call last):\n  File "train.py", line 3, in <module>\n'


def record(failure: tuple[str, str] | None, rank: int = 0) -> Record:
    pulse = Pulse(5, 1.0, "forward", 12, 400)
    return Record(10 + rank, rank, pulse, (), {}, (), None, None, None, None, failure, None)


def ranks(*failures: tuple[str, str] | None) -> tuple[Record, ...]:
    """What ranks recorded: each the failure that it named, if any."""
    return tuple(record(failure, rank) for rank, failure in enumerate(failures))


PEER_GONE = ("error.collective", "rank 1: connection closed by peer")
ECHO = "[rank1]: RuntimeError: [../gloo/transport/tcp/pair.cc:598] Connection closed by peer [::1]"
FIRST = (
    "Root Cause (first observed failure):\n[0]:\n  time      : x\n  host      : x\n"
    "  rank      : {0} (local_rank: {0})\n  exitcode  : {1} (pid: 1{0})\n"
)
NAMED = {
    "rank killed by the kernel, and another that lost it": (
        Evidence(1, None, oom_kills_group=1, ranks=ranks(None, PEER_GONE)),
        "oom.host.killed",
    ),
    "the same, with the words of the one that lost it": (
        Evidence(1, None, oom_kills_group=1, ranks=ranks(None, PEER_GONE), output=ECHO),
        "oom.host.killed",
    ),
    "first process killed by the kernel, and a rank that lost it": (
        Evidence(None, 9, oom_kills_group=1, ranks=ranks(None, PEER_GONE)),
        "oom.host.killed",
    ),
    "first process killed by somebody, and a rank that lost it": (
        Evidence(None, 9, oom_kills_group=0, ranks=ranks(None, PEER_GONE)),
        "crash.killed",
    ),
    "first process that crashed, and a rank that lost it": (
        Evidence(None, signal.SIGSEGV, ranks=ranks(None, PEER_GONE)),
        "crash.segv",
    ),
    "rank that crashed in our care, and another that lost it": (
        Evidence(1, None, ranks=ranks(None, PEER_GONE), exits=(Exit(10, "python", None, 11, 1),)),
        "crash.segv",
    ),
    "rank that we ended, and another that names what failed": (
        Evidence(
            1,
            None,
            ranks=ranks(None, PEER_GONE),
            exits=(Exit(10, "python", None, 11, 1),),
            sent=(Sent(1.0, 10, 11, "x"),),
        ),
        "error.collective",
    ),
    "rank that crashed, as the launcher says, and another that lost it": (
        Evidence(1, None, ranks=ranks(None, PEER_GONE), output=ECHO + "\n" + FIRST.format(0, -11)),
        "crash.segv",
    ),
    "rank whose end the launcher asked for, and another that names what failed": (
        Evidence(1, None, ranks=ranks(None, PEER_GONE), output="Received 15 death signal"),
        "error.collective",
    ),
    "first process that the scheduler ended, and a rank that lost it": (
        Evidence(None, 15, ranks=ranks(None, PEER_GONE)),
        "interrupted",
    ),
    "abort with which a failed collective ends": (
        Evidence(None, signal.SIGABRT, ranks=ranks(PEER_GONE)),
        "error.collective",
    ),
    "nothing but what a rank names": (
        Evidence(1, None, ranks=ranks(None, PEER_GONE), output=ECHO),
        "error.collective",
    ),
    "cause that the log tells, and a rank that lost its peer": (
        Evidence(
            1,
            None,
            ranks=ranks(None, PEER_GONE),
            output=TRACE + "EOFError: No data left in file\n" + ECHO,
        ),
        "error.data",
    ),
    "named, then killed by the kernel": (
        Evidence(None, 9, oom_kills_group=1, record=record(("error.python", "KeyError: 'lr'"))),
        "oom.host.killed",
    ),
    "the same through a shell": (
        Evidence(137, None, oom_kills_group=1, record=record(("error.python", "KeyError: 'lr'"))),
        "oom.host.killed",
    ),
    "named, then killed by somebody": (
        Evidence(None, 9, oom_kills_group=0, record=record(("error.python", "KeyError: 'lr'"))),
        "error.python",
    ),
    "named, beside a kill that was forgiven": (
        Evidence(3, None, oom_kills_group=1, record=record(("error.data", "a.npy is truncated"))),
        "error.data",
    ),
    "named, of a process that the kernel killed": (
        Evidence(
            3,
            None,
            oom_kills_group=1,
            record=record(("error.python", "ConnectionResetError: Connection reset by peer")),
        ),
        "oom.host.killed",
    ),
    "fault of the device that was named before the abort that it ends in": (
        Evidence(None, signal.SIGABRT, record=record(("fault.device", "illegal access"))),
        "fault.device",
    ),
    "named, while another rank was the first to crash": (
        Evidence(
            1,
            None,
            ranks=ranks(None, ("error.data", "a.npy is truncated")),
            output=FIRST.format(0, -11),
        ),
        "crash.segv",
    ),
    "named by the rank that was the first to fail": (
        Evidence(
            1,
            None,
            ranks=ranks(None, ("error.data", "a.npy is truncated")),
            output=FIRST.format(1, 3),
        ),
        "error.data",
    ),
}


@pytest.mark.parametrize(("evidence", "outcome"), NAMED.values(), ids=NAMED.keys())
def test_what_happened_to_a_rank_stands_before_what_another_made_of_it(
    evidence: Evidence, outcome: str
) -> None:
    found = diagnose(evidence)
    assert found.outcome == outcome
    named = rank_facts.failure(evidence)
    assert named is not None
    assert named.outcome in (found.outcome, *found.also)


WORKER_BUS = (
    "RuntimeError: DataLoader worker (pid 9) is killed by signal: Bus error. It is possible that "
    "dataloader's workers are out of shared memory. Please try to raise your shared memory limit."
)
HINT = "ERROR: Unexpected bus error encountered in worker. This might be caused by insufficient "
BUS_ERRORS = [
    # Seen full, seen with room, and so small that it may have been full between two looks.
    (Evidence(None, 7, shm_full=True), "oom.shm", "crash.signal"),
    (Evidence(None, 7, shm_full=False), "crash.signal", "oom.shm"),
    (Evidence(None, 7), "crash.signal", "oom.shm"),
    (Evidence(135, None, shm_full=True), "oom.shm", "crash.signal"),
    (Evidence(135, None, shm_full=False), "crash.signal", "oom.shm"),
    (Evidence(135, None), "crash.signal", "oom.shm"),
    (Evidence(135, None, is_observed=False), "oom.shm", "crash.signal"),
    (Evidence(None, 7, output=HINT + "shared memory (shm).", shm_full=False),
     "crash.signal", "oom.shm"),
    (Evidence(None, 7, output=HINT + "shared memory (shm)."), "oom.shm", "crash.signal"),
    (Evidence(1, None, output=WORKER_BUS, shm_full=True), "oom.shm", "crash.worker"),
    (Evidence(1, None, output=WORKER_BUS, shm_full=False), "crash.worker", "oom.shm"),
    (Evidence(1, None, output=WORKER_BUS), "oom.shm", "crash.worker"),
    (Evidence(1, None, output=WORKER_BUS, is_observed=False), "oom.shm", "crash.worker"),
    (Evidence(1, None, output="process 0 terminated with signal SIGBUS", shm_full=False),
     "crash.signal", "oom.shm"),
    (Evidence(1, None, output="process 0 terminated with signal SIGBUS"),
     "oom.shm", "crash.signal"),
]  # fmt: skip


@pytest.mark.parametrize(("evidence", "outcome", "other"), BUS_ERRORS, ids=range(len(BUS_ERRORS)))
def test_bus_error_is_put_down_to_shared_memory_unless_it_had_room(
    evidence: Evidence, outcome: str, other: str
) -> None:
    found = diagnose(evidence)
    assert found.outcome == outcome
    assert other in found.also


def test_kill_elsewhere_on_the_machine_is_told_beside() -> None:
    found = diagnose(Evidence(None, 9, oom_kills_group=0, oom_kills_machine=1))
    assert found.also == ("oom.host.killed",)
    assert any("none of them in the job's own cgroup" in fact.text for fact in found.facts)
