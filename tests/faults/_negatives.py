"""Jobs that only look wrong, and what is done to the supervisor itself."""

from __future__ import annotations

from tests.faults.fault import Fault, Room

_TIGHT = ("--watchdog", "1.5", "--grace", "1")

NEGATIVES = (
    Fault("speaks of out-of-memory", "and succeeds", ("speaks_of_oom_and_succeeds",), "ok"),
    Fault(
        "slow but moving",
        "each step takes most of the time",
        ("pulses_slowly", "4", "1"),
        "ok",
        _TIGHT,
    ),
    Fault(
        "only redraws a progress bar", "no line ever ends", ("slow_but_moving", "8"), "ok", _TIGHT
    ),
    Fault(
        "compiles silently",
        "a child computes without a word, under --progress cpu",
        ("compiles_silently", "4"),
        "ok",
        ("--watchdog", "1.5", "--progress", "cpu", "--sample", "0.2"),
    ),
    Fault(
        "long first step",
        "three times the watchdog's time, with --watchdog-startup",
        ("long_phase", "startup", "4.5"),
        "ok",
        (*_TIGHT, "--watchdog-startup", "60"),
    ),
    Fault(
        "long evaluation",
        "three times the watchdog's time, with --watchdog-evaluate",
        ("long_phase", "evaluate", "4.5"),
        "ok",
        (*_TIGHT, "--watchdog-evaluate", "60"),
    ),
    Fault(
        "long checkpoint",
        "three times the watchdog's time, with --watchdog-checkpoint",
        ("long_phase", "checkpoint", "4.5"),
        "ok",
        (*_TIGHT, "--watchdog-checkpoint", "60"),
    ),
    Fault(
        "clock stepped by an hour",
        "forward, then back by two, for the job and for the supervisor",
        ("pulses_slowly", "10", "0.4"),
        "ok",
        ("--watchdog", "3"),
        environment=(("PYTHONPATH", "{faults}/stepped_clock:{root}"),),
        compared=False,
    ),
    Fault(
        "monotonic clock an hour ahead",
        "a job that pulses in a time namespace of its own",
        ("in_another_time", "3600", "pulses_slowly", "4", "0.5"),
        "ok",
        ("--watchdog", "3"),
        needs=("time namespace",),
        compared=False,
    ),
    Fault(
        "monotonic clock behind",
        "the same, by up to an hour",
        ("in_another_time", "-3600", "pulses_slowly", "4", "0.5"),
        "ok",
        ("--watchdog", "3"),
        needs=("time namespace",),
        compared=False,
    ),
    Fault(
        "hang behind another clock",
        "a job that pulses an hour ahead, and then hangs",
        ("in_another_time", "3600", "beats_beside_a_stuck_loop"),
        "hang.lock",
        ("--watchdog", "3", "--grace", "1"),
        needs=("time namespace",),
        compared=False,
    ),
    Fault(
        "a child crashes",
        "of a segmentation fault, and the job does without it",
        ("child_dies_and_is_forgiven",),
        "ok",
    ),
    Fault(
        "runs folder on a full disk",
        "the run goes on, and says what was not recorded",
        ("prints_much", "4"),
        "ok",
        ("--runs-dir", "{disk}/runs", "--json"),
        room=Room(disk_kib=256),
        told=("No space left on device",),
        compared=False,
    ),
    Fault(
        "leaves a child",
        "ends well, with a child that runs on",
        ("leaves_a_child",),
        "ok",
        ("--grace", "1"),
        leaks=("processes",),
        told=("left behind",),
    ),
    Fault(
        "leaves a daemon",
        "ends well, with a grandchild that hides in every way",
        ("daemonises",),
        "ok",
        ("--grace", "1"),
        leaks=("processes",),
        told=("left behind",),
    ),
)

SUPERVISOR = (
    Fault(
        "supervisor stopped and continued",
        "for longer than the watchdog's time, beside a job that sleeps",
        ("says_ready_and_sleeps", "5"),
        "ok",
        ("--watchdog", "4"),
        meanwhile="stop 4.5",
        compared=False,
    ),
    Fault(
        "supervisor stopped beside a job that moves",
        "for longer than the watchdog's time",
        ("ends_well_late", "6"),
        "ok",
        ("--watchdog", "1.5"),
        meanwhile="stop 4",
        compared=False,
    ),
    Fault(
        "supervisor killed",
        "with SIGKILL; the next start finds the run",
        ("says_ready_and_sleeps", "3600"),
        "lost",
        meanwhile="SIGKILL",
        told=("was lost",),
    ),
    Fault(
        "supervisor told to end",
        "with SIGTERM",
        ("says_ready_and_sleeps", "3600"),
        "interrupted",
        ("--grace", "2"),
        meanwhile="SIGTERM",
    ),
    Fault(
        "terminal gone",
        "its window was closed",
        ("says_ready_and_sleeps", "3600"),
        "interrupted",
        ("--grace", "2"),
        room=Room(terminal=True),
        meanwhile="hang up",
    ),
    Fault(
        "interrupted twice",
        "Ctrl-C, and again, for a job that ignores it",
        ("ignores_sigterm",),
        "interrupted",
        ("--grace", "3600"),
        meanwhile="interrupt twice",
        compared=False,
    ),
)
