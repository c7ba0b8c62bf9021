"""Faults that end the job: crashes and errors."""

from __future__ import annotations

from tests.faults.fault import Fault, Room

CRASHES = (
    Fault("segmentation fault", "reads from address 0", ("segfaults",), "crash.segv"),
    Fault(
        "heap corruption", "the C library aborts: invalid pointer", ("frees_twice",), "crash.abort"
    ),
    Fault("killed by somebody", "SIGKILL, not for memory", ("kills_itself", "9"), "crash.killed"),
    Fault("died of another signal", "SIGUSR1", ("kills_itself", "10"), "crash.signal"),
    Fault(
        "mapped file that was cut",
        "a page of it is no longer there: SIGBUS",
        ("reads_beyond_a_cut_file", "{scratch}/cut"),
        "crash.signal",
        evidence=("SIGBUS",),
    ),
    Fault(
        "loader worker exits",
        "a worker ends without a word",
        ("worker_dies", "exit"),
        "crash.worker",
        needs=("torch",),
    ),
    Fault(
        "loader worker killed by somebody",
        "SIGKILL for a worker, not for memory",
        ("worker_dies", "9"),
        "crash.worker",
        needs=("torch",),
    ),
)

ERRORS = (
    Fault("loss is not a number", "the job checks it", ("loss_becomes_nan",), "error.nan"),
    Fault(
        "named by the job",
        "a job of ours says what it fails of",
        ("names_its_failure",),
        "error.nan",
        evidence=("step 7",),
        compared=False,
    ),
    Fault("input missing", "a file is not there", ("misses_an_input",), "error.data"),
    Fault(
        "input cut off",
        "an array file is shorter than its header says",
        ("reads_a_truncated_file", "{scratch}"),
        "error.data",
        needs=("numpy",),
    ),
    Fault(
        "disk full",
        "a disk of 2 MB is full",
        ("fills_a_disk", "{disk}"),
        "error.disk",
        evidence=("of 2.0 MiB free",),
        room=Room(disk_kib=2048),
    ),
    Fault(
        "disk full under a mapped file",
        "a page of it gets no block: SIGBUS",
        ("writes_to_a_mapped_file", "{disk}"),
        "error.disk",
        evidence=("SIGBUS", "of 2.0 MiB free"),
        room=Room(disk_kib=2048),
    ),
    Fault("too many open files", "the limit is 64", ("opens_too_many_files",), "error.fd"),
    Fault("port in use", "two listen on one port", ("binds_a_port_in_use",), "error.port"),
    Fault("library missing", "an import fails", ("lacks_a_library",), "error.dependency"),
    Fault("exception", "an ordinary KeyError", ("raises",), "error.python"),
    Fault(
        "exception in a loader worker",
        "an ordinary KeyError, told by torch",
        ("worker_raises",),
        "error.python",
        needs=("torch",),
    ),
    Fault(
        "error after a caught one",
        "MemoryError was caught; the job fails of something else",
        ("caught_oom_then_fails",),
        "error.python",
    ),
    Fault(
        "program missing",
        "the command cannot be started",
        ("$", "/nonexistent/program"),
        "error.usage",
        compared=False,
    ),
)

ENDINGS = CRASHES + ERRORS
