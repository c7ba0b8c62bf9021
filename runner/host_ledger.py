"""Who of a process tree holds what kind of host memory, at one moment. Pure.

The columns are processes, the rows kinds of pages; all of it adds up to the PSS of the tree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from probes.host import Held
from probes.pages import Pages

WORKER_NAME = "pt_data_worker"
"""torch gives it to the processes of its loader."""
_MOST_WORKERS = 8
_LAUNCHER_SHARE = 0.5
WHOLE = "whole tree"


class Role(StrEnum):
    MAIN = "main process"
    WORKER = "worker"
    OTHER = "other processes"


KINDS: Mapping[str, str] = {
    "private": "private",
    "inherited": "shared since the fork (copy-on-write)",
    "shmem": "shared memory (/dev/shm)",
    "file": "page cache of mapped files",
}
"""Field of :class:`Pages` → the words of the report."""
LOCKED, UNTOLD = "locked (mlock)", "not told by kind"


@dataclass(frozen=True)
class Entry:
    """A process at that moment."""

    pid: int
    name: str
    role: Role
    pss: int
    """RSS where the process does not let itself be read."""
    pages: Pages | None


@dataclass(frozen=True)
class HostLedger:
    """The main process first, then the workers, then the others; the larger first."""

    entries: tuple[Entry, ...] = ()

    @property
    def total(self) -> int:
        return sum(entry.pss for entry in self.entries)

    def workers(self) -> tuple[Entry, ...]:
        return tuple(entry for entry in self.entries if entry.role is Role.WORKER)


def of(held: Sequence[Held], root: int, pulsing: int | None = None) -> HostLedger:
    """The ledger of processes as they were read.

    Args:
        root: pid of the attempt's first process.
        pulsing: pid of the process that pulses, where one does: it is the main one.
    """
    roles = roles_of(held, root, pulsing)
    order = list(Role)
    entries = [Entry(one.pid, one.name, roles[one.pid], one.size, one.pages) for one in held]
    entries.sort(key=lambda entry: (order.index(entry.role), -entry.pss, entry.pid))
    return HostLedger(tuple(entries))


def roles_of(held: Sequence[Held], root: int, pulsing: int | None = None) -> dict[int, Role]:
    """What each process is.

    The main process is the one that pulses; in a program that does not, the first one, or what a
    launcher (a shell, a wrapper) has started as its only child. Workers are torch's loader
    processes by their name; where the main process has none, whatever it has started.
    """
    known = {one.pid: one for one in held}
    children: dict[int, list[Held]] = {}
    for one in held:
        children.setdefault(one.ppid, []).append(one)
    main = pulsing if pulsing in known else _behind_launchers(root, known, children)
    below = _below(main, children)
    named = {pid for pid in below if known[pid].name == WORKER_NAME}
    return {
        pid: Role.MAIN if pid == main else Role.WORKER if pid in (named or below) else Role.OTHER
        for pid in known
    }


def _behind_launchers(
    root: int, known: Mapping[int, Held], children: Mapping[int, Sequence[Held]]
) -> int:
    seen = {root}
    while root in known and len(children.get(root, ())) == 1:
        [child] = children[root]
        largest = max(known[pid].size for pid in {child.pid, *_below(child.pid, children)})
        if child.pid in seen or known[root].size > _LAUNCHER_SHARE * largest:
            break
        root = child.pid
        seen.add(root)
    return root


def _below(pid: int, children: Mapping[int, Sequence[Held]]) -> set[int]:
    found: set[int] = set()
    waiting = list(children.get(pid, ()))
    while waiting:
        one = waiting.pop()
        if one.pid not in found and one.pid != pid:
            found.add(one.pid)
            waiting += children.get(one.pid, ())
    return found


def bars(ledger: HostLedger) -> dict[str, dict[str, int]]:
    """As ``ledgers.host`` of a result: the whole tree, then the main process, each of the largest
    workers, the other workers and the other processes; bytes by kind."""
    if not ledger.entries:
        return {}
    workers = ledger.workers()
    groups: dict[str, list[Entry]] = {WHOLE: list(ledger.entries)}
    for entry in ledger.entries:
        if entry.role is Role.MAIN:
            groups.setdefault(f"{entry.role} ({entry.pid})", []).append(entry)
    for entry in workers[:_MOST_WORKERS]:
        groups[f"{entry.role} {entry.pid}"] = [entry]
    if more := workers[_MOST_WORKERS:]:
        groups[f"{len(more)} more workers"] = list(more)
    if others := [entry for entry in ledger.entries if entry.role is Role.OTHER]:
        groups[Role.OTHER] = others
    return {name: _parts(entries) for name, entries in groups.items()}


def _parts(entries: Iterable[Entry]) -> dict[str, int]:
    pages, untold = Pages(), 0
    for entry in entries:
        if entry.pages is None:
            untold += entry.pss
        else:
            pages += entry.pages
    locked = min(pages.locked, pages.private)
    found = {words: int(getattr(pages, field)) for field, words in KINDS.items()}
    found[KINDS["private"]] -= locked
    found |= {LOCKED: locked, UNTOLD: untold}
    return {words: size for words, size in found.items() if size}
