"""Every descendant of an attempt, whatever it did to hide: found, signalled, reaped.

The supervisor makes itself a child subreaper, so an orphan of the job becomes the supervisor's own
child and parentage still finds it after any double fork or change of session. The cgroup of the
attempt, where there is one, names its members whatever they did; sessions that members led and the
run's mark in the environment are looked at as well.

Nothing is signalled that is not provably of the run: a process is addressed by pid *and* start
time, through a pidfd, so that a pid used again is never hit.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import os
import signal
import time
import zlib
from collections import deque
from collections.abc import Callable, Collection, Container, Mapping
from contextlib import suppress
from dataclasses import dataclass

from probes import procfs
from probes.cgroup_control import Group
from probes.procfs import Identity, Stat

MARK = "FWI_RUN"
"""Environment variable that every process of a run inherits; its value is the run's id."""

# A job may start processes without end; the supervisor's memory has one.
_EXITS = 256
_SENT = 256
_PIDS = 1 << 16

_OOM_SCORE = 500
"""Half of the machine's memory is added to the job's size when the kernel chooses a victim."""
_OOM_SCORES = 100

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_PR_GET_CHILD_SUBREAPER = 37
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Exit:
    """How a process of the tree ended; exactly one of code and signal is set."""

    pid: int
    name: str
    code: int | None
    signal: int | None
    peak_rss: int
    """Bytes, of this process alone."""


@dataclass(frozen=True)
class Sent:
    """A signal that we sent."""

    at_s: float
    """Seconds after the start of the tree."""
    pid: int
    signal: int
    why: str


def become_subreaper(on: bool = True) -> bool:
    """Whether orphans of our descendants now become our children."""
    return bool(_libc.prctl(_PR_SET_CHILD_SUBREAPER, int(on), 0, 0, 0) == 0)


def is_subreaper() -> bool:
    answer = ctypes.c_int(0)
    failed = _libc.prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(answer), 0, 0, 0)
    return not failed and bool(answer.value)


def wake_at_end(pid: int, wake: Callable[[], None]) -> int | None:
    """Have the event loop call ``wake`` when a process ends; the descriptor that does it.

    None where the kernel has no pidfd.
    """
    with suppress(OSError):
        descriptor = os.pidfd_open(pid)
        asyncio.get_running_loop().add_reader(descriptor, wake)
        return descriptor
    return None


def die_with_parent(parent: int) -> None:
    """In a new child: be killed when ``parent`` dies, even if it has died already."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(127)


def oom_score(run: str, taken: Container[int]) -> int:
    """The ``oom_score_adj`` of a run's processes, from 500 to 599: one that is not ``taken`` by
    another process, while there is such a one (pure).

    The kernel's log tells it of a victim: so one that lived too short to be seen by a scan is told
    from a victim of another run.
    """
    first = zlib.crc32(run.encode())
    values = [_OOM_SCORE + (first + n) % _OOM_SCORES for n in range(_OOM_SCORES)]
    return next((value for value in values if value not in taken), values[0])


def be_a_job(parent: int, score: int) -> None:
    """In a new child, before it becomes the job: die with the supervisor, and stand before it where
    the kernel looks for somebody to kill for memory. What the job starts inherits the second alone;
    where the supervisor is killed, the next start ends what was left of the rest."""
    die_with_parent(parent)
    with suppress(OSError, ValueError):
        descriptor = os.open("/proc/self/oom_score_adj", os.O_RDWR | os.O_CLOEXEC)
        if int(os.read(descriptor, 16)) < score:
            os.pwrite(descriptor, str(score).encode(), 0)
        os.close(descriptor)


def send(who: Identity, number: int) -> bool:
    """Signal exactly this process; False where it is gone or belongs to another user."""
    try:
        descriptor = os.pidfd_open(who.pid)
    except OSError as error:
        if error.errno != errno.ENOSYS:
            return False
        # Kernels before 5.3: the check and the signal are two steps, microseconds apart.
        if procfs.identity(who.pid) != who:
            return False
        with suppress(OSError):
            os.kill(who.pid, number)
            return True
        return False
    try:
        if procfs.identity(who.pid) != who:
            return False
        signal.pidfd_send_signal(descriptor, number)
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)


class Tree:
    """The processes of one attempt. ``scan`` is a pass over /proc; the rest answers from it."""

    def __init__(
        self,
        root: Identity,
        mark: str,
        bystanders: frozenset[Identity],
        group: Group | None = None,
    ) -> None:
        self.root = root
        self.group = group
        self._began = time.monotonic()
        self.exits: deque[Exit] = deque(maxlen=_EXITS)
        self.sent: deque[Sent] = deque(maxlen=_SENT)
        """The newest signals that were sent, so that our own are never taken for the kernel's."""
        self.sent_to_root: set[int] = set()
        self.given_up: set[Identity] = set()
        """Those that outlived SIGKILL: they sleep uninterruptibly, and are not waited for."""
        self._mark = f"{MARK}={mark}".encode()
        self._bystanders = set(bystanders)
        self._members: dict[Identity, Stat] = {}
        self._leaders = {root.pid: root}
        """Of the sessions that members led, by their ids."""
        self.pids_seen = {root.pid}
        self._strangers: set[Identity] = set()
        self._self = os.getpid()
        self._user = os.getuid()

    def exclude(self, who: Identity) -> None:
        """Never count this process, a probe of the supervisor's own, to the tree."""
        self._bystanders.add(who)

    def scan(self, *, by_mark: bool = False) -> list[Stat]:
        """The living members now; ``by_mark`` also looks into strangers' environments."""
        table = procfs.processes()
        # Without those that have ended: a notebook's other children may come and go for days.
        alive = self._bystanders & {stat.identity for stat in table.values()}
        self._bystanders = alive | {stat.identity for stat in descendants(table, alive)}
        self._leaders = still_led(table, self._leaders)
        found = members(
            table,
            known=set(self._members) | {self.root} | self._grouped(table),
            sessions=set(self._leaders),
            supervisor=self._self,
            bystanders=self._bystanders,
        )
        if by_mark:
            self._add_marked(table, found)
        self._leaders |= {s.pid: s.identity for s in found.values() if s.session == s.pid}
        self._members = {stat.identity: stat for stat in found.values()}
        if len(self.pids_seen) < _PIDS:
            self.pids_seen |= set(found)
        self._reap(table)
        return [stat for stat in self._members.values() if not stat.is_dead]

    def pids_known(self) -> list[int]:
        """The members of the last scan, without looking again."""
        return [self.root.pid, *(who.pid for who in self._members if who != self.root)]

    def _grouped(self, table: Mapping[int, Stat]) -> set[Identity]:
        # Read after the table: a pid that was used again since then meets a start time in the table
        # that is nobody's any more.
        pids = self.group.pids() if self.group else ()
        return {table[pid].identity for pid in pids if pid in table}

    def _add_marked(self, table: Mapping[int, Stat], found: dict[int, Stat]) -> None:
        alive = {stat.identity for stat in table.values()}
        self._strangers &= alive
        for pid, stat in table.items():
            who = stat.identity
            if pid in found or who in self._strangers or who in self._bystanders:
                continue
            if pid == self._self or procfs.owner(pid) != self._user:
                self._strangers.add(who)
                continue
            marked = procfs.has_environment(pid, self._mark)
            if marked:
                found[pid] = stat
            elif marked is not None:
                self._strangers.add(who)

    def _reap(self, table: Mapping[int, Stat]) -> None:
        for stat in list(self._members.values()):
            if stat.state == "Z" and stat.ppid == self._self and stat.pid != self.root.pid:
                ended = reap(stat.pid, stat.name)
                if ended is not None:
                    self.exits.append(ended)
                    del self._members[stat.identity]

    def signal(
        self, number: int, why: str, only: Callable[[Stat], bool] = lambda _: True
    ) -> list[Identity]:
        """Signal every living member after a fresh scan; those that were reached."""
        chosen = [stat.identity for stat in self.scan(by_mark=True) if only(stat)]
        return [who for who in chosen if self.send(who, number, why)]

    def send(self, who: Identity, number: int, why: str) -> bool:
        """Signal one member and write it down; False where it is gone."""
        if not send(who, number):
            return False
        entry = Sent(time.monotonic() - self._began, who.pid, number, why)
        # A process that outlives its SIGKILL is sent many; the first says it all.
        if not any((s.pid, s.signal) == (who.pid, number) for s in self.sent):
            self.sent.append(entry)
        if who == self.root:
            self.sent_to_root.add(number)
        return True


def before(supervisor: int) -> frozenset[Identity]:
    """What a process that begins to supervise has started for itself until now: none of it is the
    job's, whatever session it is in."""
    table = procfs.processes()
    own = table.get(supervisor)
    return frozenset(stat.identity for stat in descendants(table, {own.identity} if own else ()))


def descendants(table: Mapping[int, Stat], ancestors: Collection[Identity]) -> list[Stat]:
    """The children of ``ancestors`` in a table, and theirs (pure)."""
    children = by_parent(table)
    waiting = [
        child
        for who in ancestors
        if who.pid in table and table[who.pid].identity == who
        for child in children.get(who.pid, ())
    ]
    found = {}
    while waiting:
        stat = waiting.pop()
        if stat.pid not in found:
            found[stat.pid] = stat
            waiting += children.get(stat.pid, ())
    return list(found.values())


def by_parent(table: Mapping[int, Stat]) -> dict[int, list[Stat]]:
    """The processes of a table by the pid of their parent (pure)."""
    children: dict[int, list[Stat]] = {}
    for stat in table.values():
        children.setdefault(stat.ppid, []).append(stat)
    return children


def still_led(table: Mapping[int, Stat], leaders: Mapping[int, Identity]) -> dict[int, Identity]:
    """Which sessions' ids still mean what they meant (pure).

    The kernel gives no process the number of a session that anybody is in: where another process
    has it, that session is over, and a new one may be a stranger's.
    """
    return {
        session: leader
        for session, leader in leaders.items()
        if session not in table or table[session].identity == leader
    }


def members(
    table: Mapping[int, Stat],
    *,
    known: set[Identity],
    sessions: set[int],
    supervisor: int,
    bystanders: set[Identity],
) -> dict[int, Stat]:
    """Which processes of a table belong to the attempt (pure).

    Known ones that still are the same (those in the cgroup are known); children of a member;
    everyone in a session that a member led; and adopted orphans: children of the supervisor in
    another session than its own. A job is started in a session of its own and no process can join
    one, so a child that the supervisor's process started for itself is not taken for an orphan.
    """
    own = table.get(supervisor)
    home = own.session if own else None
    children = by_parent(table)
    found: dict[int, Stat] = {}
    waiting = [
        stat
        for stat in table.values()
        if stat.identity in known
        or stat.session in sessions
        or (stat.ppid == supervisor and stat.session != home)
    ]
    while waiting:
        stat = waiting.pop()
        if stat.pid in found or stat.identity in bystanders or stat.pid == supervisor:
            continue
        found[stat.pid] = stat
        waiting += children.get(stat.pid, ())
    return found


def reap(pid: int, name: str) -> Exit | None:
    """Collect an ended child of ours; None where it still runs or is not ours."""
    try:
        ended, status, usage = os.wait4(pid, os.WNOHANG)
    except ChildProcessError:
        return None
    if ended == 0:
        return None
    code = os.waitstatus_to_exitcode(status)
    return Exit(
        pid=pid,
        name=name,
        code=code if code >= 0 else None,
        signal=-code if code < 0 else None,
        peak_rss=usage.ru_maxrss * 1024,
    )
