"""Faults that move no more, and those that only look so to a watchdog of other tools."""

from __future__ import annotations

from tests.faults.fault import Fault

_SOON = ("--watchdog", "1.5", "--grace", "1")
# Importing torch is silent and slow: a job that pulses has a time of its own for its start.
_AFTER_START = ("--watchdog", "2", "--watchdog-startup", "60", "--grace", "1")

LOCKS = ()

INPUT_AND_OUTPUT = (
    Fault(
        "uninterruptible sleep",
        "the kernel holds the process in D state (a vfork that does not end)",
        ("sleeps_uninterruptibly",),
        "hang.io",
        _SOON,
        evidence=("uninterruptible",),
    ),
)

OTHER = (
    Fault(
        "sleeps for ever",
        "nothing is done and nothing is waited for that could be named",
        ("sleeps_forever",),
        "hang.unknown",
        _SOON,
    ),
    Fault(
        "ignores SIGTERM",
        "a hanging job that does not end when asked",
        ("ignores_sigterm",),
        "hang.unknown",
        _SOON,
    ),
    Fault(
        "daemon of a hanging job",
        "a grandchild that left the session and emptied its environment",
        ("daemonises", "3600"),
        "hang.unknown",
        _SOON,
    ),
    Fault("endless loop", "busy without progress", ("spins",), "hang.spin", _SOON),
    Fault(
        "GIL held by one call",
        "a regular expression that does not come back, with other threads waiting",
        ("holds_the_gil",),
        "hang.spin",
        _SOON,
    ),
    Fault(
        "prints beside a stuck loop",
        "the loop of a job that pulses only prints",
        ("pulses_then_stalls",),
        "hang.unknown",
        _SOON,
        evidence=("phase backward, step 2 of 100",),
    ),
    Fault("stopped", "the job is stopped by a signal", ("stops_itself",), "hang.stopped", _SOON),
    Fault(
        "finished, but a thread stays",
        "the work is committed and a thread keeps the process from ending",
        ("finishes_but_a_thread_stays",),
        "hang.exit",
        _SOON,
    ),
    Fault(
        "too slow for its deadline",
        "progress is made, but not enough in the time allowed",
        ("slow_but_moving", "10000"),
        "timeout",
        ("--deadline", "2", "--grace", "1"),
        compared=False,
    ),
)

LOADER = (
    Fault(
        "loader worker sleeps",
        "the main process waits for a worker's batch",
        ("worker_delivers_nothing",),
        "hang.dataloader",
        _AFTER_START,
        needs=("torch",),
    ),
    Fault(
        "loader worker in a lock, fork",
        "a lock was held when the worker was forked",
        ("worker_waits_for_a_lock", "fork"),
        "hang.dataloader",
        _AFTER_START,
        own_files=("pymp-",),
        needs=("torch",),
        evidence=("{0}",),
    ),
    Fault(
        "loader worker in a lock, spawn",
        "a spawned worker waits for a lock that the main process holds",
        ("worker_waits_for_a_lock", "spawn"),
        "hang.dataloader",
        _AFTER_START,
        own_files=("pymp-",),
        needs=("torch",),
        evidence=("{0}",),
    ),
)

COLLECTIVES = (
    Fault(
        "collective's own time-out",
        "the collective gives up after two seconds",
        ("ranks", "times-out"),
        "error.collective",
        needs=("gloo",),
    ),
)  # fmt: skip

HANGS = LOCKS + INPUT_AND_OUTPUT + OTHER + LOADER + COLLECTIVES
