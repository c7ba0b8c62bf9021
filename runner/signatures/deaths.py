"""What launchers, shells, batch systems and the kernel say of a process that died of a signal."""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass

from probes import late
from runner.outcomes import Outcome as O

_NAMED = {
    "killed": 9, "segmentation fault": 11, "bus error": 7, "aborted": 6, "illegal instruction": 4,
    "floating point exception": 8, "floating-point exception": 8, "terminated": 15, "hangup": 1,
    "interrupt": 2, "quit": 3, "general protection": 11, "invalid opcode": 4, "divide error": 8, "cpu time limit exceeded": 24,
}  # fmt: skip
_WORDS = "|".join(_NAMED)
_REPORTS = tuple(
    late.compile(pattern, re.IGNORECASE)
    for pattern in (
        # mp.spawn; subprocess; torchrun; elastic's log; deepspeed; multiprocessing.
        r"terminated (?:with|by) signal (?P<name>SIG\w+|\d+)",
        r"died with <Signals\.(?P<name>SIG\w+)",
        r"exitcode ?[:=]? ?-(?P<number>\d+)\b|return code ?=? ?-(?P<number2>\d+)\b",
        r"exit codes of the workers are \{(?P<name>SIG\w+)",
        r"Worker exited prematurely: signal (?P<number>\d+)",
        r"Signal (?P<number>\d+) \(SIG\w+\) received by|\*\*\* (?P<name>SIG[A-Z]+)\b.{0,40} received ",
        # Open MPI, MPICH, UCX, time(1), systemd, Go programs.
        r"exited on signal (?P<number>\d+)|\(signal (?P<number2>\d+)\)",
        r"Caught signal (?P<number>\d+) \(|\bSignal: [A-Za-z ]+ \((?P<number2>\d+)\)",
        r"code=(?:killed|dumped), status=(?P<number>\d+)/|^signal: (?P<word>killed)$",
        rf"Fatal Python error: (?P<word>{_WORDS})",
        # The kernel of a crash, not of a kill for memory.
        r"\bsegfault at [\da-f]+ ip|traps: .{0,80}(?P<word>general protection|invalid opcode|divide error)",
        # Shells, srun, make.
        rf"^(?P<word>{_WORDS})(?:: \d+)?(?: \(core dumped\))?\s*$",
        rf": line \d+: +\d+ (?P<word>{_WORDS})\b",
        rf"^(?:z|ba|da|k)?sh: (?P<word>{_WORDS})\b",
        rf"error: \S+: tasks? [\d,-]+: (?P<word>{_WORDS})\b",
        rf"\bmake(?:\[\d+\])?: \*\*\* .{{0,200}}\] (?P<word>{_WORDS})\b",
        r"\bmake(?:\[\d+\])?: \*\*\* .{0,200}Error (?P<status>1\d\d)\b",
        # An editor, of a program of Windows: an access violation.
        r"exit code -1073741819|0x[Cc]0000005\b",
        r"\b(?:Exit Code:? +|exited with (?:exit )?code |exit (?:status|code):? ?)"
        r"(?P<status>1[3-9]\d|129)\b",
    )
)
_OF_SIGNAL = {
    signal.SIGSEGV: O.CRASH_SEGV, signal.SIGBUS: O.OOM_SHM, signal.SIGKILL: O.OOM_HOST_KILLED,
    signal.SIGABRT: O.CRASH_ABORT, signal.SIGXCPU: O.TIMEOUT, signal.SIGXFSZ: O.ERROR_DISK,
    signal.SIGINT: O.INTERRUPTED, signal.SIGTERM: O.INTERRUPTED, signal.SIGHUP: O.INTERRUPTED,
}  # fmt: skip
KNOWN = frozenset(s.value for s in signal.Signals)
"""Numbers of signals: a status of 128 + another number is the program's own."""
_WORKER_EXIT = late.compile(
    r"exit codes of the workers are \{EXIT\(\d+\)|Worker exited prematurely: exitcode \d+"
)
_ROOT_CAUSE = late.compile(r"Root Cause \(first observed failure\)")
_EXIT_CODE = late.compile(r"(?:^|\s)exitcode\s+: (-?\d+) |failed \(exitcode: (-?\d+)\)")


@dataclass(frozen=True)
class Death:
    """A report; ``number`` is the signal's."""

    number: int
    line: str

    @property
    def outcome(self) -> O:
        return of_signal(self.number)

    @property
    def is_asked_for(self) -> bool:
        """Whether it is how a launcher or a user ends what still runs."""
        return self.number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def of_signal(number: int) -> O:
    """The outcome that a signal stands for where nothing else is known."""
    try:
        return _OF_SIGNAL.get(signal.Signals(number), O.CRASH_SIGNAL)
    except ValueError:
        return O.CRASH_SIGNAL


def report(line: str) -> Death | None:
    """What a line says of a death by a signal; None where it says nothing of it."""
    for pattern in _REPORTS:
        found = pattern.search(line)
        if found is None:
            continue
        number = _number({k.rstrip("23"): v for k, v in found.groupdict().items() if v})
        if number is not None:
            return Death(number, line)
    return None


def tells_of_an_exit(line: str) -> bool:
    """Whether a pool says that a worker of it ended with a status of its own."""
    return bool(_WORKER_EXIT.search(line))


def _number(groups: dict[str, str]) -> int | None:
    if "word" in groups:
        return _NAMED.get(groups["word"].lower())
    if "status" in groups:
        return int(groups["status"]) - 128
    name = groups.get("name") or groups.get("number")
    if name is None:
        return int(signal.SIGSEGV)
    if name.isdigit():
        return int(name) if 0 < int(name) < 65 else None
    try:
        return int(signal.Signals[name.upper()])
    except KeyError:
        return None


def first_failure(lines: list[str]) -> tuple[int, str] | None:
    """The exit code of the rank that torchrun's summary calls the first failure, and its line.

    None where there is no summary. Ranks that got SIGTERM are the launcher's victims.
    """
    root = next((i for i, line in enumerate(lines) if _ROOT_CAUSE.search(line)), None)
    ordered = lines[root:] if root is not None else lines
    told = [
        (int(found[1] or found[2]), line.strip())
        for line in ordered
        if (found := _EXIT_CODE.search(line))
    ]
    if root is not None:
        return told[0] if told else None
    return next((one for one in told if one[0] != -signal.SIGTERM), told[0] if told else None)
