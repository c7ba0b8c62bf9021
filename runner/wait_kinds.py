"""What a thread can wait for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    LOADER = "loader"
    """A batch that a loader worker is to deliver."""
    LOADER_IDLE = "loader-idle"
    """A loader worker that has nothing to do: it waits for the next index."""
    LAUNCHER = "launcher"
    """A launcher that waits for its ranks."""
    COLLECTIVE = "collective"
    DEVICE = "device"
    LOCK = "lock"
    CHILD = "child"
    """The end of a child process."""
    JOIN = "join"
    """The end of a child process of multiprocessing."""
    IO = "io"
    SLEEP = "sleep"
    HELPER = "helper"
    """A thread of a library, or a worker of a pool, that waits for work."""
    DEBUGGER = "debugger"
    """A person at a debugger's prompt."""


@dataclass(frozen=True)
class Wait:
    kind: Kind
    text: str
    """Where, in words for a person."""
    sure: bool = True
    """False where it is a guess: the stack has no frame that tells."""
    others: tuple[Kind, ...] = ()
    """What it may be as well: several threads wait, and which of them counts cannot be told."""
