"""Faults that move no more, and those that only look so to a watchdog of other tools."""

from __future__ import annotations

from tests.faults.fault import Fault

_SOON = ("--watchdog", "1.5", "--grace", "1")
# Importing torch is silent and slow: a job that pulses has a time of its own for its start.
_AFTER_START = ("--watchdog", "2", "--watchdog-startup", "60", "--grace", "1")

LOCKS = (
    Fault(
        "lock taken twice",
        "a thread takes a lock that it holds",
        ("acquires_a_lock_twice",),
        "hang.lock",
        _SOON,
    ),
    Fault(
        "locks in opposite order",
        "two threads take two locks, each in its own order",
        ("locks_in_opposite_order",),
        "hang.lock",
        _SOON,
    ),
    Fault(
        "fork while a lock is held",
        "a forked child waits for a lock whose holder was not forked",
        ("forks_while_a_lock_is_held",),
        "hang.lock",
        _SOON,
        evidence=("{0}",),
    ),
    Fault(
        "import lock",
        "a module waits for a thread that imports the same module",
        ("deadlocks_in_import", "{scratch}"),
        "hang.lock",
        _SOON,
    ),
    Fault(
        "flock on a file",
        "another process holds the lock of a file",
        ("waits_for_a_file_lock", "flock", "{scratch}/data.lock"),
        "hang.lock",
        _SOON,
        evidence=("data.lock", "{0}"),
    ),
    Fault(
        "POSIX lock on a file",
        "the same with the other kind of lock",
        ("waits_for_a_file_lock", "posix", "{scratch}/index.lock"),
        "hang.lock",
        _SOON,
        evidence=("index.lock", "{0}"),
    ),
    Fault(
        "locked database",
        "another process holds the lock of an SQLite file, which is asked for again and again",
        ("waits_for_a_database", "{scratch}/steps.db"),
        "hang.lock",
        _SOON,
        evidence=("steps.db is locked by", "{0}"),
    ),
    Fault(
        "lock in a coroutine",
        "a loop of asyncio is within a callback that waits for a lock",
        ("callback_waits_for_a_lock",),
        "hang.lock",
        _SOON,
        evidence=("fetch",),
    ),
)

INPUT_AND_OUTPUT = (
    Fault(
        "pipe that nobody reads",
        "a child writes into a full pipe, its parent waits for the child",
        ("writes_where_nobody_reads",),
        "hang.io",
        _SOON,
        evidence=("{0}",),
    ),
    Fault(
        "pipes read one after the other",
        "a child fills the one while its parent reads the other",
        ("reads_one_pipe_of_two",),
        "hang.io",
        _SOON,
        evidence=("{0}",),
    ),
    Fault(
        "thread that reads from a silent server",
        "the main thread waits for its result",
        ("waits_for_a_thread_that_reads",),
        "hang.io",
        _SOON,
        evidence=("in a thread that the main one waits for",),
    ),
    Fault(
        "pipe held by a grandchild",
        "a command has ended, and what it left running keeps its output open",
        ("grandchild_holds_the_pipe",),
        "hang.io",
        _SOON,
        evidence=("the other end of its pipe is held by sleep",),
    ),
    Fault(
        "named pipe without a writer",
        "a file that is opened turns out to be a pipe",
        ("reads_where_nobody_writes", "{scratch}/fifo"),
        "hang.io",
        _SOON,
    ),
    Fault(
        "steps without phases",
        "after its first steps a job is no longer starting, and is given the usual time",
        ("steps_without_phases", "{scratch}/index"),
        "hang.io",
        ("--watchdog", "1.5", "--watchdog-startup", "60", "--grace", "1"),
        evidence=("/index", "step 3 of 8"),
        compared=False,
    ),
    Fault(
        "silent server",
        "an answer from the network never comes",
        ("asks_a_silent_server",),
        "hang.io",
        _SOON,
    ),
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
        "thread that beats beside a stuck loop",
        "a helper thread reports pulses and prints, while the training loop waits for a lock",
        ("beats_beside_a_stuck_loop",),
        "hang.lock",
        _SOON,
        evidence=("backward",),
    ),
    Fault(
        "prints beside a stuck loop",
        "the loop of a job that pulses only prints",
        ("pulses_then_stalls",),
        "hang.unknown",
        _SOON,
        evidence=("phase backward, step 2 of 100",),
        compared=False,
    ),
    Fault("stopped", "the job is stopped by a signal", ("stops_itself",), "hang.stopped", _SOON),
    Fault(
        "stopped child",
        "the job waits for a child that is stopped",
        ("stops_a_child",),
        "hang.stopped",
        _SOON,
        evidence=("{0}",),
    ),
    Fault(
        "device that does not answer",
        "a thread waits in cudaStreamSynchronize (a library of that name, without a device)",
        ("waits_for_the_device", "{scratch}"),
        "hang.device",
        _SOON,
        needs=("compiler",),
        evidence=("cudaStreamSynchronize",),
    ),
    Fault(
        "finished, but a thread stays",
        "the work is committed and a thread keeps the process from ending",
        ("finishes_but_a_thread_stays",),
        "hang.exit",
        _SOON,
    ),
    Fault(
        "finished, without a pulse",
        "a program that knows of no supervisor is at its end and does not leave",
        ("runs_to_its_end_and_stays",),
        "hang.exit",
        _SOON,
        evidence=("the program has run to its end",),
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
        "rank elsewhere",
        "one rank of two never enters the collective",
        ("ranks", "elsewhere"),
        "hang.collective",
        _AFTER_START,
        needs=("gloo",),
        evidence=("{1}", "rank 1"),
    ),
    Fault(
        "rank never started",
        "the rendezvous waits for a rank that is not there",
        ("ranks", "absent"),
        "hang.collective",
        _AFTER_START,
        needs=("gloo",),
        evidence=("{0}",),
    ),
    Fault(
        "ranks in different collectives",
        "one rank reduces, the other receives",
        ("ranks", "mismatched"),
        "hang.collective",
        _AFTER_START,
        needs=("gloo",),
    ),
    Fault(
        "ranks of different sizes",
        "the tensors of two ranks differ in size",
        ("ranks", "other-size"),
        "error.collective",
        needs=("gloo",),
    ),
    Fault(
        "rank gone",
        "one rank of two has ended, without an error of its own",
        ("ranks", "gone"),
        "error.collective",
        needs=("gloo",),
    ),
    Fault(
        "collective's own time-out",
        "the collective gives up after two seconds",
        ("ranks", "times-out"),
        "error.collective",
        needs=("gloo",),
    ),
    Fault(
        "rank killed, under torchrun",
        "SIGKILL for one rank of two; torchrun ends the other",
        (
            "$", "python", "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
            "{faults}/ranks.py", "dead",
        ),
        "crash.killed",
        own_files=("torchelastic_",),
        needs=("gloo",),
        compared=False,
    ),
)  # fmt: skip

TRAINING = (
    Fault(
        "training rank that loads for ever",
        "our own training on two ranks; the second reads a batch that never comes",
        ("trains_in_ranks", "sleeps", "{scratch}"),
        "hang.collective",
        ("--watchdog", "5", "--watchdog-startup", "100", "--grace", "1"),
        own_files=("torchinductor_",),
        needs=("gloo",),
        evidence=("rank 1 stands in data at step 2, the other in ranks",),
        compared=False,
    ),
    Fault(
        "training rank killed",
        "the same; the second is killed while it reads",
        ("trains_in_ranks", "dies", "{scratch}"),
        "crash.killed",
        own_files=("torchinductor_",),
        needs=("gloo",),
        evidence=("rank 1 (pid", "failed first, with exit status -9, in data at step 2"),
        compared=False,
    ),
)

HANGS = LOCKS + INPUT_AND_OUTPUT + OTHER + LOADER + COLLECTIVES + TRAINING
