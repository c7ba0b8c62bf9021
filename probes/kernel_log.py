"""What the kernel says of kills for memory and of NVIDIA devices (``/dev/kmsg``, kernel's
Documentation/ABI/testing/dev-kmsg), from a moment on."""

from __future__ import annotations

import os
from collections.abc import Container, Iterable
from contextlib import suppress
from dataclasses import dataclass

from probes import late

_RECORD = 8192
_MOST = 4000
_INIT_PID_NAMESPACE = 0xEFFFFFFC

_KILL = late.compile(
    r"[Oo]ut of memory.*?: Kill(?:ed)? process (\d+)(?:, UID \d+,)? \((.*)\)"
    r"(?:.*?anon-rss:(\d+)kB)?(?:.*?oom_score_adj:(-?\d+))?"
)
_XID = late.compile(r"NVRM: (Xid \(PCI:[^)]*\): \d+, .*|GPU at PCI\S* has fallen off.*)")

_NAMED = late.compile(r"\bpid=(\d{1,9})\b")
_XID_NUMBER = late.compile(r"Xid \(PCI:[^)]*\): (\d+)")
_OF_A_PROCESS = frozenset((13, 31, 32, 43, 45, 68, 69))
"""Xids of what one process did on the device; the others may be anybody's trouble, whoever is named
(NVIDIA's catalogue of Xid errors)."""


@dataclass(frozen=True)
class Kill:
    """A process that the kernel ended for memory."""

    pid: int
    """As the machine's first namespace numbers it."""
    name: str
    anonymous: int | None
    """Bytes of anonymous memory that it held."""
    score_adjust: int | None = None
    """Its ``oom_score_adj``; kernels before 5.4 do not tell."""


@dataclass(frozen=True)
class Said:
    kills: tuple[Kill, ...] = ()
    xids: tuple[str, ...] = ()


def parse(lines: list[str]) -> Said:
    """Kills and Xid events among messages of the kernel."""
    kills, xids = [], []
    for line in lines:
        if found := _KILL.search(line):
            held = int(found[3]) * 1024 if found[3] else None
            adjust = int(found[4]) if found[4] else None
            kills.append(Kill(int(found[1]), found[2], held, adjust))
        elif xid := _XID.search(line):
            xids.append(xid[1][:200])
    return Said(tuple(kills), tuple(xids))


def of_processes(xids: Iterable[str], pids: Container[int]) -> tuple[str, ...]:
    """Without the events of what another process did on the device (pure)."""
    return tuple(xid for xid in xids if not _is_of_another(xid, pids))


def _is_of_another(xid: str, pids: Container[int]) -> bool:
    number, named = _XID_NUMBER.search(xid), _NAMED.search(xid)
    if number is None or int(number[1]) not in _OF_A_PROCESS:
        return False
    return named is not None and int(named[1]) not in pids


class KernelLog:
    """Messages since construction; everything is None where the log may not be read, or where
    this is a container, whose process numbers are not the kernel's."""

    def __init__(self) -> None:
        self._descriptor: int | None = None
        self._said = Said()
        if not _in_first_namespace():
            return
        with suppress(OSError):
            self._descriptor = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            os.lseek(self._descriptor, 0, os.SEEK_END)

    def read(self) -> Said | None:
        """All that was said since the beginning; never waits."""
        if self._descriptor is None:
            return None
        lines = []
        for _ in range(_MOST):
            try:
                record = os.read(self._descriptor, _RECORD)
            except BlockingIOError:
                break
            except BrokenPipeError:
                continue  # Messages were overwritten before we came; the next read goes on.
            except OSError:
                break
            lines.append(record.partition(b";")[2].decode("utf-8", "replace"))
        new = parse(lines)
        self._said = Said(self._said.kills + new.kills, self._said.xids + new.xids)
        return self._said

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _in_first_namespace() -> bool:
    try:
        return os.stat("/proc/self/ns/pid").st_ino == _INIT_PID_NAMESPACE
    except OSError:
        return False
