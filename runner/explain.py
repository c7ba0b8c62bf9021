"""``python -m runner explain``: what a log or a stack dump from anywhere tells, a line a file."""

from __future__ import annotations

import os
import re
import signal
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

from runner import dump_text, line_prefix, log_ending, machine_json
from runner.advice import advice_for
from runner.console import printable
from runner.diagnosis import diagnose
from runner.evidence import Diagnosis, Evidence, Fact
from runner.hangs import Hang
from runner.outcomes import Outcome
from runner.signatures import losses

_MARKS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_TAIL = 1 << 20
_SHOWN = 200
_GUESS, _NOTHING = 0.6, 0.3
_TIMEOUT_STATUS = 124
_PBS = 256
_TIMED_DUMP = re.compile(r"^Timeout \(\d+:\d\d:\d\d(?:\.\d+)?\)!", re.MULTILINE)
_THREAD = re.compile(r"^(?:Current )?[Tt]hread (?:0x)?[\dA-Fa-f]+ [(\[]", re.MULTILINE)


@dataclass(frozen=True)
class Explained:
    """One file, or why it could not be read."""

    file: str
    diagnosis: Diagnosis | None
    trouble: str = ""

    def as_dict(self) -> dict[str, Any]:
        if self.diagnosis is None:
            return {"file": self.file, "error": self.trouble}
        found = self.diagnosis
        return {
            "file": self.file,
            "outcome": found.outcome,
            "class": Outcome(found.outcome).kind,
            "confidence": found.confidence,
            "evidence": [{"source": fact.source, "text": fact.text} for fact in found.facts],
            "also": list(found.also),
            "advice": list(found.advice),
        }

    def line(self) -> str:
        if self.diagnosis is None:
            return f"{self.file}: {self.trouble}"
        found = self.diagnosis
        seen = next((fact for fact in reversed(found.facts) if fact.source != "exit"), None)
        seen = seen or (found.facts[0] if found.facts else None)
        because = f": {seen.text[:_SHOWN]}" if seen else ""
        also = f" (or {', '.join(found.also)})" if found.also else ""
        return f"{self.file}: {found.outcome} ({found.confidence:.0%}){also}{because}"


def explain(text: str, status: int | None = None) -> Diagnosis:
    """What a log's end, or a stack dump, says of its job.

    ``status`` is the exit status, negative for a signal; None where it is not known: then a dump
    of threads at the end is a hang, and anything else is taken for the log of a job that failed.
    """
    if status == 0:
        return _ended_well(text)
    hang = _dumped(text, status) or _dumped(line_prefix.strip(text), status)
    if hang is not None:
        return Diagnosis(
            hang.outcome.value,
            hang.confidence,
            hang.facts,
            tuple(other.value for other in hang.also),
            advice_for(hang.outcome),
        )
    code = None if status is not None and status < 0 else 1 if status is None else status
    number = -status if status is not None and status < 0 else None
    found = diagnose(Evidence(code, number, output=text, is_observed=False))
    if status is not None:
        return found
    told = tuple(fact for fact in found.facts if fact.source != "exit")
    facts = (*told, Fact("exit", "how it ended is not known"))
    # Without a word that is known, and without a status, that it failed is all that is assumed.
    is_guess = found.outcome == Outcome.ERROR_PYTHON and found.confidence <= _GUESS
    return replace(found, facts=facts, confidence=_NOTHING if is_guess else found.confidence)


def _dumped(text: str, status: int | None) -> Hang | None:
    return dump_text.read_dump(text) if _ends_in_dump(text, status) else None


def _ends_in_dump(text: str, status: int | None) -> bool:
    """Whether a dump of threads, if there is one, may be what the text ends with.

    No exception and no progress came after it; and where the job ended by itself, a time that ran
    out was why it was made.
    """
    if status not in (None, _TIMEOUT_STATUS) and not _TIMED_DUMP.search(text):
        return False
    threads = list(_THREAD.finditer(text))
    if not threads:
        return True
    rest = log_ending.read(text[threads[-1].start() :])
    return not any(trace.said for trace in rest.traces) and len(rest.progress) < 10


def _ended_well(text: str) -> Diagnosis:
    """Exit 0 is ok, however frightening the log; except where the numbers that the job itself
    reports last are none: then it has ended, not succeeded."""
    log = log_ending.read(text)
    place = losses.last_not_finite(log, is_strict=True)
    if place is None:
        return diagnose(Evidence(0, None, output=text, is_observed=False))
    facts = (Fact("exit", "exit status 0"), Fact("output", log.lines[place].text.strip()[:_SHOWN]))
    also = (Outcome.OK.value,)
    return Diagnosis(Outcome.ERROR_NAN.value, 0.7, facts, also, advice_for(Outcome.ERROR_NAN))


def files(names: Sequence[str], status: int | None, as_json: bool) -> int:
    """Explain every file, ``-`` for standard input; 0 where all could be read, else 2."""
    good = True
    for name in names:
        found = _file(name, status)
        good &= found.diagnosis is not None
        text = machine_json.dumps(found.as_dict()) if as_json else printable(found.line())
        print(text, file=sys.stdout if found.diagnosis or as_json else sys.stderr, flush=True)
    return 0 if good else 2


def _file(name: str, status: int | None) -> Explained:
    try:
        if name == "-":
            return Explained(name, explain(_tail(sys.stdin.buffer), status))
        # A pipe that nobody writes to must not be waited for.
        descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                return Explained(name, None, "is not a file; give a log, or - to read a pipe")
            return Explained(name, explain(_tail(file), status))
    except OSError as error:
        return Explained(name, None, f"cannot be read: {error.strerror or error}")


def _tail(file: BinaryIO) -> str:
    """The last MiB; what stands before it cannot explain the end."""
    head = file.read(2)
    if file.seekable():
        size = file.seek(0, os.SEEK_END)
        # Where characters have two bytes, from the first of a pair on.
        start = max(0, size - _TAIL) & ~1
        file.seek(start)
        return _decoded(file.read(_TAIL + 1), head)
    kept, count = head, len(head)
    while part := file.read(_TAIL):
        kept, count = (kept + part)[-_TAIL:], count + len(part)
    return _decoded(kept[(count - len(kept)) & 1 :], head)


def _decoded(tail: bytes, head: bytes) -> str:
    """UTF-8, or what the file's first bytes say: a shell of Windows writes UTF-16."""
    encoding = _MARKS.get(head, "utf-8")
    return tail.decode(encoding, "replace").removeprefix("\ufeff")


def parse_status(text: str) -> int:
    """``1``, ``137``, ``-9``, ``SIGKILL``, ``KILL`` → the status. PBS tells a signal as 256 and its
    number. Raises ValueError for anything else."""
    if text.isalpha():
        name = text.upper()
        try:
            return -int(signal.Signals[name if name.startswith("SIG") else f"SIG{name}"])
        except KeyError:
            raise ValueError(f"{text}: no such signal") from None
    try:
        status = int(text)
    except ValueError:
        raise ValueError(
            f"{text}: expected a number from 0 to 255, -N or the name of a signal"
        ) from None
    if _PBS < status <= _PBS + signal.NSIG:
        return _PBS - status
    if not -64 <= status <= 255:
        raise ValueError(f"{text}: expected 0 to 255, -N or 256 + N for signal N")
    return status
