"""One line of the doctor's."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Level(StrEnum):
    """How bad it is, the worst last."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    PROBLEM = "problem"

    @property
    def rank(self) -> int:
        return list(Level).index(self)


@dataclass(frozen=True)
class Finding:
    """What was seen, why it matters, and the command that mends it."""

    check: str
    """Stable name of the check, such as ``shm.size``."""
    level: Level
    what: str
    why: str = ""
    mend: str = ""
    fixable: bool = False
    """Whether ``--fix`` mends it without a risk to anything that lives."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def ok(check: str, what: str) -> Finding:
    return Finding(check, Level.OK, what)


def note(check: str, what: str, why: str = "", mend: str = "") -> Finding:
    return Finding(check, Level.NOTE, what, why, mend)


def warning(check: str, what: str, why: str, mend: str, *, fixable: bool = False) -> Finding:
    return Finding(check, Level.WARNING, what, why, mend, fixable)


def problem(check: str, what: str, why: str, mend: str, *, fixable: bool = False) -> Finding:
    return Finding(check, Level.PROBLEM, what, why, mend, fixable)


def unchecked(check: str, reason: str) -> Finding:
    """A check that could not be made; not known is neither good nor bad."""
    return Finding(check, Level.NOTE, f"{check} could not be checked: {reason}")
