"""Whether the supervisor of a run that is said to be running still lives."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass

from probes import procfs
from probes.procfs import Identity

SILENT_S = 3600.0
"""A supervisor that cannot be looked at is taken for dead when it has said nothing for so long; it
says something every ten seconds."""


@dataclass(frozen=True)
class Running:
    """Who supervises a run, and from where; None: not known."""

    boot: str | None
    """Which start of which machine."""
    pid: int | None
    start_ticks: int | None
    place: str | None = None
    """The processes that can be seen there: the pid namespace, by its number."""
    host: str | None = None
    seen: float | None = None
    """When it was last heard of, seconds of the wall clock."""


def here() -> Running:
    """This process."""
    me = procfs.identity(os.getpid())
    return Running(
        boot=procfs.boot_id(),
        pid=me.pid if me else None,
        start_ticks=me.start_ticks if me else None,
        place=_place(),
        host=socket.gethostname(),
    )


def is_orphaned(who: Running, now: float | None = None) -> bool:
    """Whether the supervisor is gone for certain.

    Looked at from its own place, it can be seen. A machine of the same name that was started again
    since has none of its processes any more. Otherwise, from another machine or container that
    shares the folder, only its silence tells.
    """
    boot, place, host = procfs.boot_id(), _place(), socket.gethostname()
    if who.place is None or (who.boot == boot and who.place == place):
        if who.boot != boot or who.pid is None or who.start_ticks is None:
            return True
        return not procfs.is_alive(Identity(who.pid, who.start_ticks))
    if who.boot != boot and who.host == host:
        return True
    silent_s = (time.time() if now is None else now) - (who.seen or 0.0)
    return silent_s > SILENT_S


def _place() -> str | None:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return None
