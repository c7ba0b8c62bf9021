"""Stack dumps as text → data: py-spy's, faulthandler's, gdb's and pstack's.

Every reader takes hostile text: it answers with what it understood and never raises.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from probes import late

_LINES = 20_000
_FRAMES = 200


@dataclass(frozen=True)
class Frame:
    """One call. ``file`` is as the dump has it, a shared library for native frames."""

    function: str
    file: str
    line: int | None = None

    @property
    def plain(self) -> str:
        """The function without its class: ``Queue.get`` and ``get`` are the same call."""
        name = self.function.removesuffix("()")
        if "<locals>" in name:
            name = name.rpartition("<locals>.")[2]
        return name if "::" in name or name.startswith("<") else name.rpartition(".")[2]

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line is not None else self.file
        return f"{self.function} ({where})" if where else self.function


@dataclass(frozen=True)
class Stack:
    """One thread, the innermost frame first."""

    thread: int | None
    """As the dump names it: a thread id of the kernel, or of pthreads in faulthandler's."""
    name: str
    active: bool | None
    """Whether py-spy saw it run; None where the dump does not tell."""
    frames: tuple[Frame, ...]
    holds_gil: bool = False
    """Whether py-spy saw it hold the interpreter's lock."""


@dataclass(frozen=True)
class ProcessDump:
    """One process of a dump; the main thread stands first."""

    pid: int | None
    command: str
    stacks: tuple[Stack, ...]


_SPY_PROCESS = late.compile(r"^Process (\d+): ?(.*)$")
_RAY_PROCESS = late.compile(r"^Stack dump for \S+ +(\d+) ")
_SPY_THREAD = late.compile(
    r'^\s*Thread (0x[0-9A-Fa-f]+|\d+) \(((?:idle|active)[^)]*)\)(?:: "(.*)")?\s*$'
)
_SPY_FRAME = late.compile(r"^\s+(\S.*?) \(([^()]*?)(?::(\d+))?\)\s*$")
_CUT_FRAME = late.compile(
    r'^\s+(?:\S.*? \(\S+\.(?:py:\d+|so[\d.]*)\)|File ".*?", line \d+ in \S.*)\s*$'
)
_FAULT_THREAD = late.compile(
    r"^(?:Current )?[Tt]hread (0x[0-9A-Fa-f]+)(?: \[(.*?)\])? \(most recent call first\):"
)
_FAULT_FRAME = late.compile(r'^\s+File "(.*?)", line (\d+|\?\?\?)(?: in (.*))?$')
_GDB_THREAD = late.compile(
    r"^Thread (\d+) \((?:Thread (0x[0-9A-Fa-f]+) )?\(?LWP (\d+)\)?\)?(?: \"(.*?)\")?"
)
_EU_THREAD = late.compile(r"^TID (\d+):")
_GDB_PYTHON = late.compile(
    r"^\s*#\d+ (?:\(frame information optimized out\)"
    r"|Frame 0x[0-9A-Fa-f]+, for file (\S+), line (\d+), in (\S+) \()"
)
_PY_BT = "Traceback (most recent call first):"
"""How gdb's ``py-bt`` begins; the other way round than Python's own."""
_PY_BT_PLACE = late.compile(r'^\s+File "(.*?)", line (\d+), in (\S+)')
_PY_BT_FRAME = late.compile(r"^\s*#\d+ file '([^']*)', in '([^']*)'")
_PY_BT_CALL = late.compile(
    r"^\s*(?:#\d+ )?<built-in (?:method|function) (\w+)(?: of (?:(\S+) object|module\b).*)?>?"
)
_PY_BT_GIL = late.compile(r"^\s*(?:#\d+ )?Waiting for (?:the GIL|a lock \(e\.g\. GIL\))")
_GDB_FRAME = late.compile(
    r"^\s*#\d+\s+(?:0x[0-9A-Fa-f]+ )?(?:in )?(\S.*?)(?: ?\(.*?\))?"
    r"(?: (?:at|from) (\S+?)(?::(\d+))?)?\s*$"
)


def parse(text: str) -> list[ProcessDump]:
    """Every process in a text of dumps; empty where the text holds none."""
    reader = _Reader()
    for line in text.splitlines()[:_LINES]:
        reader.take(line.rstrip("\r"))
    return reader.result()


class _Reader:
    def __init__(self) -> None:
        self._found: list[tuple[int | None, str, str, list[_Open]]] = []
        self._thread: _Open | None = None

    def take(self, line: str) -> None:
        if len(line) > 2000 or self._begins(line):
            return
        if self._thread is None:
            # gdb's and py-spy's native frames may come without a line that names their thread.
            if re.match(r"^#0\s", line) or _GDB_PYTHON.match(line) or _PY_BT_FRAME.match(line):
                self._open(_Open(None, "", None))
                self._frame(line)
            elif not self._found and _CUT_FRAME.match(line):
                # A dump whose beginning is cut off.
                self._open(_Open(None, "", None, is_cut=True), "cut")
                self._frame(line)
            return
        if not self._frame(line) and line.strip() and not line.startswith((" ", "\t")):
            self._thread = None

    def _begins(self, line: str) -> bool:
        if process := _SPY_PROCESS.match(line):
            self._found.append((int(process[1]), process[2], "spy", []))
            self._thread = None
        elif ray := _RAY_PROCESS.match(line):
            self._found.append((int(ray[1]), "", "spy", []))
            self._thread = None
        elif line.startswith("Python v") and " (" in line:
            if not self._found or self._found[-1][3]:
                self._found.append((None, "", "spy", []))
            self._thread = None
        elif thread := _SPY_THREAD.match(line):
            active = thread[2].startswith("active")
            gil = "gil" in thread[2]
            self._open(_Open(_number(thread[1]), thread[3] or "", active, holds_gil=gil), "spy")
        elif fault := _FAULT_THREAD.match(line):
            self._open(_Open(_number(fault[1]), fault[2] or "", None), "fault")
        elif line.startswith("Timeout (") or line.startswith("Stack (most recent call first):"):
            self._found.append((None, "", "fault", []))
            self._thread = None
            if line.startswith("Stack"):
                self._open(_Open(None, "", None), "fault")
        elif line.startswith(_PY_BT):
            self._open(_Open(None, "", None, is_py_bt=True))
        elif _PY_BT_GIL.match(line):
            pass
        elif gdb := _GDB_THREAD.match(line):
            self._open(_Open(_number(gdb[3]), gdb[4] or "", None), "gdb")
        elif tid := _EU_THREAD.match(line):
            self._open(_Open(int(tid[1]), "", None), "eu")
        else:
            return False
        return True

    def _open(self, thread: _Open, kind: str = "gdb") -> None:
        if not self._found:
            self._found.append((None, "", kind, []))
        self._thread = thread
        self._found[-1][3].append(thread)

    def _frame(self, line: str) -> bool:
        assert self._thread is not None
        if self._thread.is_py_bt:
            frame = _frame_of_py_bt(line)
            if frame is None:
                # A line of the program's source stands under its frame.
                return line.startswith(" ")
        else:
            frame = _frame_of(line)
        if frame is None:
            return False
        if len(self._thread.frames) < _FRAMES:
            self._thread.frames.append(frame)
        return True

    def result(self) -> list[ProcessDump]:
        found = []
        for pid, command, kind, threads in self._found:
            told = [t for t in threads if t.frames or t.active is not None]
            stacks = [t.closed() for t in told if not t.is_cut or t.is_whole or len(told) > 1]
            if stacks:
                found.append(ProcessDump(pid, command, tuple(_main_first(stacks, pid, kind))))
        return found


@dataclass
class _Open:
    thread: int | None
    name: str
    active: bool | None
    is_cut: bool = False
    """Whether its first lines were missing."""
    holds_gil: bool = False
    is_py_bt: bool = False

    def __post_init__(self) -> None:
        self.frames: list[Frame] = []

    @property
    def is_whole(self) -> bool:
        """Whether it goes down to the program's first frame."""
        return any(frame.plain == "<module>" for frame in self.frames)

    def closed(self) -> Stack:
        return Stack(self.thread, self.name, self.active, tuple(self.frames), self.holds_gil)


def _frame_of_py_bt(line: str) -> Frame | None:
    if call := _PY_BT_CALL.match(line):
        return _called(call[1], call[2])
    place = _PY_BT_PLACE.match(line)
    return Frame(place[3], place[1], _number(place[2])) if place else None


def _called(name: str, owner: str | None) -> Frame:
    """A function of the interpreter's own, by the name that its native frame would have."""
    if name in ("acquire", "__enter__") and owner and "lock" in owner.lower():
        return Frame("lock_acquire", "")
    return Frame("time_sleep" if name == "sleep" else name, "")


def _frame_of(line: str) -> Frame | None:
    if call := _PY_BT_CALL.match(line):
        return _called(call[1], call[2])
    if older := _PY_BT_FRAME.match(line):
        return Frame(older[2], older[1])
    if fault := _FAULT_FRAME.match(line):
        return Frame(fault[3] or "?", fault[1], _number(fault[2]))
    if python := _GDB_PYTHON.match(line):
        return Frame(python[3] or "?", python[1] or "", _number(python[2]))
    if line.lstrip().startswith("#"):
        gdb = _GDB_FRAME.match(line)
        return Frame(gdb[1], gdb[2] or "", _number(gdb[3])) if gdb else None
    if line.startswith((" ", "\t")) and (spy := _SPY_FRAME.match(line)):
        return Frame(spy[1], spy[2], _number(spy[3]))
    return None


def _main_first(stacks: list[Stack], pid: int | None, kind: str) -> list[Stack]:
    """The main thread by its name, its id, or its place: faulthandler and gdb print it last."""
    main = next((s for s in stacks if s.name == "MainThread"), None)
    main = main or next((s for s in stacks if pid is not None and s.thread == pid), None)
    if main is None:
        outermost = [s for s in stacks if any(f.plain in ("<module>", "main") for f in s.frames)]
        main = outermost[-1] if len(outermost) == 1 else None
    if main is None:
        main = stacks[-1] if kind in ("fault", "gdb") else stacks[0]
    return [main, *(s for s in stacks if s is not main)]


def _number(text: str | None) -> int | None:
    if not text or text == "???":
        return None
    try:
        return int(text, 16) if text.lower().startswith("0x") else int(text)
    except ValueError:
        return None
