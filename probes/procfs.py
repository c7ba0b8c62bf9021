"""The one place that reads ``/proc``. Every reader answers None for a process that is gone or
may not be looked at: between two reads any process can end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from probes import pages
from probes.pages import Pages
from probes.timed_reading import TimedReader

_CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_KIB = 1024
_ROOT = "/proc"
_reader = TimedReader(limit_s=5.0, short_s=0.5)
"""For a terabyte the kernel counts pages for some seconds."""


@dataclass(frozen=True)
class Identity:
    """A process beyond doubt: pids are used again, a pid with its start time is not."""

    pid: int
    start_ticks: int


@dataclass(frozen=True)
class Stat:
    """A line of ``/proc/<pid>/stat`` (proc_pid_stat(5))."""

    pid: int
    name: str
    state: str
    """R running, S sleeping, D uninterruptible, T stopped, t traced, Z zombie, X dead."""
    ppid: int
    session: int
    cpu_s: float
    """User and system time so far."""
    start_ticks: int
    rss: int
    """Bytes."""
    threads: int = 1
    """A process whose first thread has ended, and others have not, shows as a zombie with more."""
    children_cpu_s: float = 0.0
    """The same of its children that have ended and were waited for."""

    @property
    def identity(self) -> Identity:
        return Identity(self.pid, self.start_ticks)

    @property
    def is_dead(self) -> bool:
        return self.state in "ZX" and self.threads <= 1


@dataclass(frozen=True)
class Memory:
    """Bytes of one process from ``smaps_rollup``."""

    rss: int
    pss: int
    uss: int
    """Private pages, clean and dirty."""
    pages: Pages | None = None
    """PSS by kind; None where the kernel does not tell."""


def read(path: str, limit: int = 1 << 20) -> bytes | None:
    """At most ``limit`` bytes of a small kernel file, None where it cannot be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        parts = []
        while limit > 0 and (part := os.read(descriptor, min(limit, 1 << 16))):
            parts.append(part)
            limit -= len(part)
        return b"".join(parts)
    except OSError:
        return None
    finally:
        os.close(descriptor)


def of_memory(pid: int, name: str, limit: int = 1 << 20) -> bytes | None:
    """At most ``limit`` bytes of ``environ``, ``cmdline``, ``maps`` or ``smaps_rollup``.

    None where it cannot be read, and where it does not answer within some seconds: see
    :mod:`probes.timed_reading`.
    """
    path = f"{_ROOT}/{pid}/{name}"
    if pid == os.getpid():
        return read(path, limit)
    return _reader.read(pid, lambda: read(path, limit))


def memory_at(pid: int, address: int, size: int) -> bytes | None:
    """``size`` bytes of a process's memory; None where they cannot be read, or not in time, as for
    :func:`of_memory`."""

    def peek() -> bytes | None:
        try:
            descriptor = os.open(f"{_ROOT}/{pid}/mem", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            raw = os.pread(descriptor, size, address)
        except (OSError, OverflowError):
            return None
        finally:
            os.close(descriptor)
        return raw if len(raw) == size else None

    return peek() if pid == os.getpid() else _reader.read(pid, peek)


def silent() -> list[int]:
    """Processes whose memory files have been asked for and do not answer."""
    return [pid for pid in _reader.silent() if isinstance(pid, int)]


def pids() -> list[int]:
    """Every process that this one can see."""
    return [int(name) for name in os.listdir("/proc") if name.isdecimal()]


def stat(pid: int) -> Stat | None:
    raw = read(f"/proc/{pid}/stat", 4096)
    return parse_stat(raw) if raw else None


def parse_stat(raw: bytes) -> Stat | None:
    """A ``stat`` line; the name in it may hold anything, brackets and newlines too."""
    opened, closed = raw.find(b"("), raw.rfind(b")")
    if opened < 0 or closed < 0:
        return None
    fields = raw[closed + 2 :].split()
    if len(fields) < 22:
        return None
    return Stat(
        pid=int(raw[:opened]),
        name=raw[opened + 1 : closed].decode("utf-8", "replace"),
        state=chr(fields[0][0]),
        ppid=int(fields[1]),
        session=int(fields[3]),
        cpu_s=(int(fields[11]) + int(fields[12])) / _CLOCK_TICKS,
        start_ticks=int(fields[19]),
        rss=int(fields[21]) * _PAGE,
        threads=int(fields[17]),
        children_cpu_s=(int(fields[13]) + int(fields[14])) / _CLOCK_TICKS,
    )


def disk_bytes(pid: int) -> int:
    """Bytes that a process had read from and written to storage; 0 where that is not told."""
    told = counters(f"/proc/{pid}/io")
    return sum(value for name, value in told if name in ("read_bytes:", "write_bytes:"))


def processes() -> dict[int, Stat]:
    """Every visible process by its pid."""
    return {found.pid: found for pid in pids() if (found := stat(pid)) is not None}


def identity(pid: int) -> Identity | None:
    found = stat(pid)
    return found.identity if found else None


def is_alive(who: Identity) -> bool:
    """Whether exactly this process still runs; a zombie does not."""
    found = stat(who.pid)
    return found is not None and found.start_ticks == who.start_ticks and not found.is_dead


def has_environment(pid: int, entry: bytes) -> bool | None:
    """Whether ``NAME=value`` stands in the environment that the process was started with.

    None where there is none to see: forbidden, a kernel thread, or a process in the middle of its
    exec, whose new environment appears a moment later.
    """
    raw = of_memory(pid, "environ")
    return entry in raw.split(b"\0") if raw else None


def owner(pid: int) -> int | None:
    """User id of the process's owner."""
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return None


def command_line(pid: int, limit: int = 200) -> str | None:
    raw = of_memory(pid, "cmdline", 4096)
    if not raw:
        return None
    return raw.replace(b"\0", b" ").decode("utf-8", "replace").strip()[:limit]


def memory(pid: int) -> Memory | None:
    """RSS, PSS and USS, and PSS by kind; None where smaps_rollup is missing or forbidden."""
    raw = of_memory(pid, "smaps_rollup", 8192)
    return parse_rollup(raw) if raw else None


def parse_rollup(raw: bytes) -> Memory | None:
    values: dict[bytes, int] = {}
    for line in raw.splitlines()[1:]:
        name, _, rest = line.partition(b":")
        words = rest.split()
        if words and words[0].isdigit():
            values[name] = int(words[0]) * _KIB
    try:
        return Memory(
            rss=values[b"Rss"],
            pss=values[b"Pss"],
            uss=values[b"Private_Clean"] + values[b"Private_Dirty"],
            pages=pages.of(values),
        )
    except KeyError:
        return None


def oom_score_adjust() -> int:
    """This process's ``oom_score_adj``, from -1000 to 1000; 0 where the kernel has none."""
    raw = read("/proc/self/oom_score_adj", 16)
    return int(raw) if raw else 0


def oom_score_adjusts() -> set[int]:
    """The ``oom_score_adj`` of every process that can be seen."""
    found = (read(f"/proc/{pid}/oom_score_adj", 16) for pid in pids())
    return {int(raw) for raw in found if raw}


def peak_rss(pid: int) -> int | None:
    """The largest RSS that the process has had (VmHWM), in bytes."""
    for line in status_lines(pid):
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * _KIB
    return None


def forget_peak_rss() -> bool:
    """Let this process's VmHWM begin anew from its RSS now; whether the kernel lets it."""
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        return False
    return True


def open_files(pid: int) -> int | None:
    """How many descriptors the process has open."""
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return None


def open_files_limit(pid: int) -> int | None:
    """How many descriptors the process may have; None where there is no limit or it is not told."""
    for line in (read(f"/proc/{pid}/limits", 8192) or b"").splitlines():
        if line.startswith(b"Max open files"):
            word = line.split()[3]
            return int(word) if word.isdigit() else None
    return None


def status_lines(pid: int, task: int | None = None) -> list[str]:
    where = f"/proc/{pid}" if task is None else f"/proc/{pid}/task/{task}"
    raw = read(f"{where}/status", 16384)
    return raw.decode("utf-8", "replace").splitlines() if raw else []


def tasks(pid: int) -> list[int]:
    """Thread ids of the process, the main thread first."""
    try:
        return sorted(int(name) for name in os.listdir(f"/proc/{pid}/task"))
    except OSError:
        return []


def wait_channel(pid: int, task: int) -> str | None:
    """The kernel function that the thread sleeps in; None where it runs or may not be told."""
    raw = read(f"/proc/{pid}/task/{task}/wchan", 128)
    name = raw.decode("ascii", "replace").strip() if raw else ""
    return name if name not in ("", "0") else None


def wanted_cpu_s(pid: int) -> float | None:
    """Seconds that the process's living threads ran or stood ready to run; None: not told.

    On a crowded machine a busy thread gets little processor time, but it wants all of it: the
    second field of ``schedstat`` is the time it waited for its turn.
    """
    total_ns = 0
    for task in tasks(pid):
        raw = read(f"/proc/{pid}/task/{task}/schedstat", 128)
        words = raw.split() if raw else []
        if len(words) < 2:
            return None
        total_ns += int(words[0]) + int(words[1])
    return total_ns / 1e9


def counters(name: str) -> Iterator[tuple[str, int]]:
    """``key value`` lines of a kernel file, as in ``/proc/vmstat`` and ``memory.events``."""
    raw = read(name)
    for line in (raw or b"").decode("ascii", "replace").splitlines():
        key, _, value = line.partition(" ")
        if value.strip().isdecimal():
            yield key, int(value)


def boot_id() -> str | None:
    """Which start of the machine this is; start times compare within one only."""
    raw = read("/proc/sys/kernel/random/boot_id", 64)
    return raw.decode().strip() if raw else None
