"""Evidence → outcome, as a table."""

from __future__ import annotations

import errno
import signal
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from probes.dumps import Frame, Stack
from probes.kernel_log import Kill
from probes.pulse import Pulse, Record
from probes.stacks import ProcessPicture, Thread
from runner.diagnosis import diagnose
from runner.evidence import Evidence, StallPicture, Stop
from runner.outcomes import Outcome, exit_status
from runner.process_tree import Exit
from runner.system_watch import Foreigner, System

TRACE = 'Traceback (most recent call last):\n  File "train.py", line 3, in <module>\n'


def record(failure: tuple[str, str] | None) -> Record:
    pulse = Pulse(5, 1.0, "forward", 12, 400)
    return Record(7, 0, pulse, (), {}, (), None, None, None, None, failure, None)


def seen(
    state: str,
    wait: str | None = None,
    *,
    other: str = "S",
    share: float = 0.0,
    frames: Sequence[Frame] = (),
) -> ProcessPicture:
    """A process with a main thread and another one."""
    threads = (Thread(1, 1, "python", state, wait), Thread(1, 2, "python", other, "futex_wait"))
    stacks = (Stack(1, "MainThread", None, tuple(frames)),) if frames else ()
    return ProcessPicture(1, "python", 0, "python train.py", threads, stacks, share)


def stalled(*processes: ProcessPicture, moved: bool = False, again: bool = False) -> Evidence:
    picture = StallPicture(10.0, 10.0, processes, moved, again)
    return Evidence(None, 15, Stop.STALL, stall=picture)


BROKEN_POOL = (
    "concurrent.futures.process.BrokenProcessPool: A process in the process pool was terminated "
    "abruptly while the future was running or pending."
)
KERNEL_WORDS = "Out of memory: Killed process 4711 (python) total-vm:9kB, anon-rss:5kB"
SLURM_WORDS = "slurmstepd: error: Detected 1 oom_kill event in StepId=81.0. Some of the step tasks"
TWO_OF_A_TREE = (
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 64.00 MiB. GPU 0 has a total "
    "capacity of 79.10 GiB of which 28.81 MiB is free. Process 555 has 40.10 GiB memory in use. "
    "Including non-PyTorch memory, this process has 38.90 GiB memory in use. Of the allocated "
    "memory 38.20 GiB is allocated by PyTorch, and 100.00 MiB is reserved by PyTorch but "
    "unallocated."
)
NO_NUMBERS = "torch.AcceleratorError: CUDA error: out of memory"
_TRACE = 'Traceback (most recent call last):\n  File "train.py", line 3, in <module>\n'


def _held_by_another(gib: int) -> System:
    return System(foreigners=(Foreigner(0, 77, "python", gib << 30, 80 << 30),))


CASES = {
    "good exit whatever the log says": (
        Evidence(0, None, output="CUDA out of memory\nKilled"),
        "ok",
    ),
    "good exit whatever the job feared": (
        Evidence(0, None, record=record(("error.nan", "x"))),
        "ok",
    ),
    "the job's own word": (Evidence(3, None, record=record(("error.data", "a.npy"))), "error.data"),
    "an unknown word of the job's is not believed": (
        Evidence(3, None, record=record(("error.banana", "x")), output=TRACE + "KeyError: 1"),
        "error.python",
    ),
    "kernel kill counted by the cgroup": (
        Evidence(None, 9, oom_kills_group=1, oom_kills_machine=1),
        "oom.host.killed",
    ),
    "kill counted by the machine alone, and not by the job's own cgroup": (
        Evidence(None, 9, oom_kills_group=0, oom_kills_machine=1),
        "crash.killed",
    ),
    "shell whose child was killed, beside somebody else's kill on the machine": (
        Evidence(137, None, oom_kills_group=0, oom_kills_machine=1, output="7 Killed  python x.py"),
        "crash.killed",
    ),
    "worker killed, beside somebody else's kill on the machine": (
        Evidence(
            1,
            None,
            oom_kills_group=0,
            oom_kills_machine=1,
            output=TRACE + "RuntimeError: DataLoader worker (pid 9) is killed by signal: Killed.",
        ),
        "crash.worker",
    ),
    "actor of ray's killed by the kernel": (
        Evidence(
            1,
            None,
            oom_kills_group=1,
            output=TRACE + "ray.exceptions.WorkerCrashedError: A worker died or was killed.",
        ),
        "oom.host.killed",
    ),
    "collective that failed of a rank that the kernel killed": (
        Evidence(
            1, None, oom_kills_group=1, output="Watchdog caught collective operation timeout: x"
        ),
        "oom.host.killed",
    ),
    "exception beside somebody else's kill on the machine": (
        Evidence(1, None, oom_kills_group=0, oom_kills_machine=1, output=TRACE + "KeyError: 1"),
        "error.python",
    ),
    "kill that the kernel's log ties to the job": (
        Evidence(None, 9, oom_kills_machine=1, kernel_kills=(Kill(7, "python", 1 << 30),)),
        "oom.host.killed",
    ),
    "kill of somebody else's, by the kernel's log": (
        Evidence(None, 9, oom_kills_group=0, oom_kills_machine=1, kernel_kills=()),
        "crash.killed",
    ),
    "worker named by the kernel's log alone": (
        Evidence(1, None, kernel_kills=(Kill(7, "pt_data_worker", None),), output="KeyError: 1"),
        "oom.host.worker",
    ),
    "bus error beside a full /dev/shm": (Evidence(None, 7, shm_full=True), "oom.shm"),
    "bus error of its own": (Evidence(None, 7), "crash.signal"),
    "fault that the kernel's log alone tells": (
        Evidence(1, None, xids=("Xid (PCI:0000:61:00): 79, GPU has fallen off the bus.",)),
        "fault.device",
    ),
    "card that was lost beside an exception of native code": (
        Evidence(
            1, None, output=_TRACE + "RuntimeError: unknown exception", xids=("Xid 79 on device 0",)
        ),
        "fault.device",
    ),
    "mistake of some program on the device beside an exception": (
        Evidence(
            1, None, output=_TRACE + "RuntimeError: sizes differ", xids=("Xid 31 on device 0",)
        ),
        "error.python",
    ),
    "device that another process of the job fills": (
        Evidence(1, None, output=_TRACE + TWO_OF_A_TREE, pids=frozenset({554, 555})),
        "oom.device.capacity",
    ),
    "device that a process which is not the job's fills": (
        Evidence(1, None, output=_TRACE + TWO_OF_A_TREE, pids=frozenset({554})),
        "oom.device.foreign",
    ),
    "device that another holds before the job has a context": (
        Evidence(1, None, output=NO_NUMBERS, system=_held_by_another(79)),
        "oom.device.foreign",
    ),
    "device that another holds a little of": (
        Evidence(1, None, output=NO_NUMBERS, system=_held_by_another(1)),
        "oom.device.capacity",
    ),
    "card that was lost beside an exception of the program's own": (
        Evidence(1, None, output=_TRACE + "KeyError: 'lr'", xids=("Xid 79 on device 0",)),
        "error.python",
    ),
    "shell whose child was killed, and no counter counted": (
        Evidence(137, None, oom_kills_group=0, output="job.sh: line 3: 7 Killed  python train.py"),
        "crash.killed",
    ),
    "shell whose child was killed by the kernel": (
        Evidence(137, None, oom_kills_group=1, output="job.sh: line 3: 7 Killed  python train.py"),
        "oom.host.killed",
    ),
    "machine counter where the cgroup is silent": (
        Evidence(None, 9, oom_kills_group=None, oom_kills_machine=1),
        "oom.host.killed",
    ),
    "kill without a counter": (Evidence(None, 9, oom_kills_group=0), "crash.killed"),
    "our own kill beside a counter": (
        Evidence(None, 9, oom_kills_group=1, sent_signals=(15, 9)),
        "crash.killed",
    ),
    "worker killed by the kernel": (
        Evidence(
            1,
            None,
            oom_kills_group=1,
            output=TRACE + "RuntimeError: DataLoader worker (pid 9) is killed by signal: Killed.",
        ),
        "oom.host.worker",
    ),
    "worker killed by somebody": (
        Evidence(
            1,
            None,
            oom_kills_group=0,
            output=TRACE + "RuntimeError: DataLoader worker (pid 9) is killed by signal: Killed.",
        ),
        "crash.worker",
    ),
    "worker without shared memory": (
        Evidence(
            1,
            None,
            output="RuntimeError: DataLoader worker (pid(s) 9) is killed by signal: Bus error. "
            "It is possible that dataloader's workers are out of shared memory.",
        ),
        "oom.shm",
    ),
    "pool whose process vanished, and no counter counted": (
        Evidence(1, None, oom_kills_group=0, output=TRACE + BROKEN_POOL),
        "crash.worker",
    ),
    "pool whose process was killed by the kernel": (
        Evidence(1, None, oom_kills_group=1, output=TRACE + BROKEN_POOL),
        "oom.host.killed",
    ),
    "killed, after it printed what a kernel says": (
        Evidence(None, 9, oom_kills_group=0, oom_kills_machine=0, output=KERNEL_WORDS),
        "crash.killed",
    ),
    "client whose other side a scheduler killed": (
        Evidence(1, None, oom_kills_group=0, output=SLURM_WORDS),
        "oom.host.killed",
    ),
    "exception after a kill that was forgiven": (
        Evidence(1, None, oom_kills_group=1, output=TRACE + "KeyError: 'lr'"),
        "error.python",
    ),
    "exception that tells of the kill": (
        Evidence(
            1,
            None,
            oom_kills_group=1,
            output=TRACE + "subprocess.CalledProcessError: 'x' died with <Signals.SIGKILL: 9>.",
        ),
        "oom.host.killed",
    ),
    "bus error that faulthandler names, with room in /dev/shm": (
        Evidence(None, 7, oom_kills_group=0, output="Fatal Python error: Bus error"),
        "crash.signal",
    ),
    "segmentation fault": (Evidence(None, signal.SIGSEGV), "crash.segv"),
    "abort": (Evidence(None, signal.SIGABRT), "crash.abort"),
    "abort with a message": (
        Evidence(None, signal.SIGABRT, output="terminate called: std::bad_alloc"),
        "oom.host.refused",
    ),
    "segmentation fault told by a shell": (Evidence(139, None), "crash.segv"),
    "device out of memory": (
        Evidence(1, None, output=TRACE + "torch.OutOfMemoryError: CUDA out of memory. Tried"),
        "oom.device.capacity",
    ),
    "boilerplate of CUDA errors says nothing": (
        Evidence(
            1,
            None,
            output=TRACE
            + "RuntimeError: CUDA error: an illegal memory access was encountered\n"
            + "Compile with `TORCH_USE_CUDA_DSA` to enable device-side assertions.",
        ),
        "fault.device",
    ),
    "caught memory error before another exception": (
        Evidence(1, None, output=TRACE + "MemoryError\nretrying\n" + TRACE + "KeyError: 'lr'"),
        "error.python",
    ),
    "chained exceptions are one end": (
        Evidence(
            1,
            None,
            output=TRACE
            + "OSError: [Errno 28] No space left on device\n\n"
            + "During handling of the above exception, another exception occurred:\n\n"
            + TRACE
            + "RuntimeError: could not save",
        ),
        "error.disk",
    ),
    "any other exception": (Evidence(1, None, output=TRACE + "KeyError: 'lr'"), "error.python"),
    "status without a word": (Evidence(7, None), "error.python"),
    "interrupt": (Evidence(None, 9, Stop.INTERRUPT, sent_signals=(15, 9)), "interrupted"),
    "deadline": (Evidence(None, 15, Stop.DEADLINE), "timeout"),
    "finished, then stuck": (
        Evidence(None, 15, Stop.EXIT_STALL, stall=StallPicture(10, 10)),
        "hang.exit",
    ),
    "not started": (Evidence(None, None, start_error="x: not found"), "error.usage"),
    "not started: no such program": (
        Evidence(None, None, start_error="x: no such file", start_errno=errno.ENOENT),
        "error.usage",
    ),
    "not started: no descriptor": (
        Evidence(None, None, start_error="x: too many open files", start_errno=errno.EMFILE),
        "error.fd",
    ),
    "not started: no descriptor on the machine": (
        Evidence(None, None, start_error="x: too many open files", start_errno=errno.ENFILE),
        "error.fd",
    ),
    "not started: no memory": (
        Evidence(None, None, start_error="x: cannot allocate memory", start_errno=errno.ENOMEM),
        "oom.host.refused",
    ),
    "not started: no process": (
        Evidence(None, None, start_error="x: resource unavailable", start_errno=errno.EAGAIN),
        "oom.host.refused",
    ),
    "not started: no space": (
        Evidence(None, None, start_error="x: no space left", start_errno=errno.ENOSPC),
        "error.disk",
    ),
    "stopped": (stalled(seen("T")), "hang.stopped"),
    "uninterruptible": (stalled(seen("S", "futex_wait", other="D")), "hang.io"),
    "busy": (stalled(seen("R", share=1.0)), "hang.spin"),
    "waiting for a loader worker": (
        stalled(
            seen("S", frames=[Frame("_try_get_data", "torch/utils/data/dataloader.py", 1275)])
        ),
        "hang.dataloader",
    ),
    "asleep": (stalled(seen("S", "hrtimer_nanosleep")), "hang.unknown"),
    "slow, after a second time": (
        stalled(seen("S", "futex_wait"), moved=True, again=True),
        "hang.spin",
    ),
    "nothing seen": (stalled(), "hang.unknown"),
}  # fmt: skip


@pytest.mark.parametrize(("evidence", "outcome"), CASES.values(), ids=CASES.keys())
def test_outcome(evidence: Evidence, outcome: str) -> None:
    found = diagnose(evidence)
    assert found.outcome == outcome
    assert 0 < found.confidence <= 1
    assert found.outcome not in found.also


def test_last_pulse_and_deaths_in_the_tree_are_evidence() -> None:
    ended = Exit(pid=31, name="worker", code=None, signal=9, peak_rss=1)
    found = diagnose(Evidence(1, None, record=record(None), exits=(ended,)))
    texts = [fact.text for fact in found.facts]
    assert "last pulse: phase forward, step 12 of 400" in texts
    assert "worker (pid 31) died of SIGKILL" in texts


def test_every_outcome_has_a_meaning_and_a_status() -> None:
    for outcome in Outcome:
        assert outcome.meaning
        assert exit_status(outcome) >= 0
    assert exit_status(Outcome.OK) == 0
    assert exit_status(Outcome.ERROR_USAGE) == 2
    assert {exit_status(o) for o in Outcome if o.kind == "oom"} == {4}
    assert exit_status(Outcome.INTERRUPTED) == 130


@pytest.mark.parametrize(
    ("status", "line", "outcome"),
    [
        (
            5,
            "hang.lock: threads or processes wait for a lock; 2.3 s, host ?, r/report.html",
            "hang.lock",
        ),
        # The status is another's: the line is of an earlier run.
        (
            1,
            "hang.lock: threads or processes wait for a lock; 2.3 s, host ?, r/report.html",
            "error.python",
        ),
        (5, "no.outcome: of ours; 2.3 s, host ?, r/report.html", "error.python"),
    ],
)
def test_run_inside_a_run_is_believed_where_its_status_agrees(
    status: int, line: str, outcome: str
) -> None:
    assert diagnose(Evidence(status, None, output=f"begun\n{line}\n")).outcome == outcome


LOCK = (
    Frame("wait", "threading.py", 327),
    Frame("wait", "multiprocessing/pool.py", 765),
    Frame("<module>", "train.py", 9),
)


@pytest.mark.parametrize(
    ("killed", "outcome", "also"),
    [
        ({}, "hang.lock", ()),
        ({"oom_kills_group": 0, "kernel_kills": ()}, "hang.lock", ()),
        # The machine's counter is everybody's.
        ({"oom_kills_machine": 1}, "hang.lock", ()),
        ({"oom_kills_group": 1}, "oom.host.killed", ("hang.lock",)),
        ({"kernel_kills": (Kill(8, "python", 1 << 30),)}, "oom.host.killed", ("hang.lock",)),
    ],
)
def test_who_waits_for_one_that_the_kernel_killed_hangs_of_that(
    killed: dict[str, Any], outcome: str, also: tuple[str, ...]
) -> None:
    found = diagnose(replace(stalled(seen("S", "futex_wait", frames=LOCK)), **killed))
    assert (found.outcome, found.also) == (outcome, also), found
    if killed.get("kernel_kills"):
        assert any("killed for memory: python (pid 8)" in fact.text for fact in found.facts)


def test_a_loop_that_was_stopped_for_spinning_is_no_victim_of_a_kill() -> None:
    spun = stalled(seen("R", share=1.0, frames=LOCK[2:]))
    assert diagnose(replace(spun, oom_kills_group=1)).outcome == "hang.spin"
