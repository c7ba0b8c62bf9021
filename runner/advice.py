"""What to change after an outcome; each line names the option. Data."""

from __future__ import annotations

from runner.outcomes import Outcome

_ADVICE: dict[Outcome, tuple[str, ...]] = {
    Outcome.OOM_DEVICE_CAPACITY: (
        "halve --batch-size and double --accumulate: the effective batch stays the same",
        "use --dtype fp16 or bf16",
    ),
    Outcome.OOM_DEVICE_LIBRARY: ("use a smaller --batch-size; the device is full",),
    Outcome.OOM_DEVICE_FRAGMENTATION: (
        "set PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True, or use --empty-cache",
    ),
    Outcome.OOM_DEVICE_FOREIGN: ("stop the other process that holds the device, or wait for it",),
    Outcome.OOM_PINNED: ("use fewer --workers, so that fewer batches are page-locked at once",),
    Outcome.OOM_HOST_KILLED: ("use fewer --workers or a smaller --batch-size",),
    Outcome.OOM_HOST_WORKER: ("use fewer --workers; --workers 0 loads in the main process",),
    Outcome.OOM_HOST_REFUSED: ("use a smaller --batch-size or fewer --workers",),
    Outcome.OOM_HOST_LIMIT: (
        "raise --max-host-memory, if the machine has more",
        "use fewer --workers, less --prefetch or a smaller --batch-size",
    ),
    Outcome.OOM_SHM: (
        "use fewer --workers, or --workers 0",
        "give the container more shared memory (docker run --shm-size)",
    ),
    Outcome.HANG_DATALOADER: ("try --workers 0; the stacks are in stacks.txt",),
    Outcome.HANG_LOCK: (
        "the stacks in stacks.txt show who waits; fork before threads and locks, or use spawn",
        "once more from the last checkpoint: --retries 1",
    ),
    Outcome.HANG_IO: (
        "look at the file, pipe or server that the evidence names; give reads a time limit",
        "if it was only slow, give it more time with --watchdog",
    ),
    Outcome.HANG_DEVICE: (
        "run once with CUDA_LAUNCH_BLOCKING=1; if the device no longer answers, reset it",
    ),
    Outcome.HANG_COLLECTIVE: (
        "look at the rank that the evidence names: all ranks must enter the same collectives",
    ),
    Outcome.HANG_EXIT: ("nothing to do for this run: its result is kept",),
    Outcome.HANG_STOPPED: (
        "kill -CONT continues a stopped process; a frozen cgroup is thawed by who froze it",
    ),
    Outcome.HANG_SPIN: ("if it was only slow, give it more time with --watchdog",),
    Outcome.HANG_UNKNOWN: (
        "read stacks.txt; if it was only slow, give it more time with --watchdog",
    ),
    Outcome.TIMEOUT: ("give it more time with --deadline, or continue with --resume",),
    Outcome.CRASH_WORKER: ("try --workers 0: the error then shows in the main process",),
    Outcome.CRASH_KILLED: ("ask who sent the signal: a scheduler, a limit, another user",),
    Outcome.ERROR_NAN: ("lower --lr, or use --dtype bf16 or fp32 in place of fp16",),
    Outcome.ERROR_DISK: ("free space, or point --runs-dir and --checkpoints to another disk",),
    Outcome.ERROR_FD: ("raise the limit (ulimit -n), or use fewer --workers",),
    Outcome.ERROR_PORT: ("another program listens there: choose another port",),
    Outcome.ERROR_DEPENDENCY: ("install the versions of constraints.txt",),
    Outcome.FAULT_DRIVER: ("run with --device cpu, or mend the driver",),
    Outcome.FAULT_DEVICE: (
        "run once with CUDA_LAUNCH_BLOCKING=1 to see the call at fault",
        "where the driver reports the card itself (an Xid, ECC, a lost device): reset it, or take "
        "another",
    ),
    Outcome.ERROR_COLLECTIVE: (
        "the first rank that failed is the cause: look at its output; see that all reach each "
        "other's address and port",
    ),
    Outcome.ERROR_DATA: (
        "see that the file which the evidence names is there and whole; python -m runner synth "
        "makes one to compare with",
    ),
    Outcome.ERROR_PYTHON: ("the end of the output tells what was raised: output.log",),
    Outcome.ERROR_USAGE: ("see --help of the command",),
    Outcome.CRASH_SEGV: (
        "run once with --workers 0, and look for a library of another version: python -m runner "
        "doctor",
    ),
    Outcome.CRASH_ABORT: ("the end of the output tells who aborted, and why: output.log",),
    Outcome.CRASH_SIGNAL: ("ask who sent the signal: a scheduler, a limit, another user",),
    Outcome.INTERRUPTED: ("continue with --resume and the run's id",),
}


def advice_for(outcome: Outcome) -> tuple[str, ...]:
    return _ADVICE.get(outcome, ())
