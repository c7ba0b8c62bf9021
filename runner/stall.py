"""What is captured when a job stalls, before anything is stopped: twice, with the counters of each
process between. Every step has a time limit; a minute in all."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from probes import (
    dumps,
    files,
    freezer,
    locks,
    pipes,
    polls,
    procfs,
    sockets,
    stack_signal,
    stacks,
)
from probes.dumps import Stack
from probes.procfs import Stat
from probes.stacks import Counters, ProcessPicture, Thread
from runner import helpers, process_tree, scenes
from runner.evidence import StallPicture
from runner.paths import AttemptPaths
from runner.process_tree import Tree
from runner.watchdog import Verdict

_BETWEEN_SECONDS = 1.0
_NATIVE_SECONDS = 4.0
_PLAIN_SECONDS = 8.0
_CAPTURE_SECONDS = 20.0
_AT_ONCE = 2
"""Debuggers that run at a time: reading a large program's symbols keeps a processor busy."""
_WRITES = frozenset(
    ("write", "writev", "pwrite64", "pwritev", "sendto", "sendmsg", "sendfile", "splice")
)
"""Calls that end early, with a part done, when their thread is paused: a program that does not go
on with the rest would lose it. Such a process is looked at as it goes."""
_ON_PIPES = _WRITES | {
    "read", "readv", "recvfrom", "recvmsg", "poll", "ppoll", "select", "pselect6", "epoll_wait",
    "epoll_pwait",
}  # fmt: skip
_TWO_ENDS = ("pipe:[", "socket:[", "/dev/pt")
_CALLED = (
    ("pipe:[", "pipe"),
    ("socket:[", "socket"),
    ("/dev/pt", "terminal"),
    ("ptmx", "terminal"),
)
_NAMED = 3
_SIGNAL_SECONDS = 0.5
_PROCESSES = 48
_MORE_LOOKS = 4
_BETWEEN_LOOKS = 0.15
_TEXT = 1 << 18


def prepare(paths: AttemptPaths, trouble: Callable[[str], None]) -> None:
    """Make the file into which our own jobs say their stacks when asked; ``trouble`` is told where
    it cannot be made: py-spy is asked first."""
    try:
        descriptor = os.open(paths.own_stacks, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        os.close(descriptor)
    except OSError as error:
        trouble(f"{paths.own_stacks}: {error.strerror}; no job can say its stacks there")


def tidy(paths: AttemptPaths) -> None:
    """Take that file away where nobody was asked."""
    with suppress(OSError):
        if paths.own_stacks.stat().st_size == 0:
            paths.own_stacks.unlink()


def more_time(verdict: Verdict) -> str:
    """What is said to a job that is slow and not stuck."""
    return (
        f"its stacks moved between two captures: slow, not stuck; it has another "
        f"{verdict.limit_s:g} s (--strict: none)"
    )


async def capture(
    tree: Tree, verdict: Verdict, paths: AttemptPaths, *, again: bool = False
) -> StallPicture:
    """Two pictures of the tree, a second apart; also to stacks.txt. ``again``: the job was given
    more time before and made no progress in it."""
    taker = _Taker(tree, paths)
    members = sorted(tree.scan(), key=lambda stat: (stat.pid != tree.root.pid, stat.pid))
    members = members[:_PROCESSES]
    first, first_text = await taker.take(members)
    began = time.monotonic()
    before = {stat.pid: stacks.counters(stat.pid) for stat in members}
    await asyncio.sleep(_BETWEEN_SECONDS)
    after = {stat.pid: stacks.counters(stat.pid) for stat in members}
    gone = time.monotonic() - began
    second, second_text = await taker.take(members)
    second = [_counted(p, before[p.pid], after[p.pid], gone) for p in second]
    second = scenes.completed(second, first)
    moved = scenes.moved(first, second)
    for _ in range(_MORE_LOOKS if scenes.is_busy(second) else 0):
        # Two looks may meet a slow program twice in the same of its places.
        if moved or time.monotonic() - began > _CAPTURE_SECONDS:
            break
        await asyncio.sleep(_BETWEEN_LOOKS)
        another, _ = await taker.take(members)
        counted = [_counted(p, before[p.pid], after[p.pid], gone) for p in another]
        moved = scenes.moved(second, counted)
    change = "moved" if moved else "are the same"
    text = "\n".join(
        [
            f"no progress for {verdict.quiet_s:.1f} s (limit {verdict.limit_s:g} s)\n",
            "# First capture\n",
            first_text,
            f"# Second capture, {gone:.1f} s later; the stacks {change}\n",
            second_text,
        ]
    )[:_TEXT]
    try:
        files.write_text(paths.stacks, text)
    except OSError as error:
        text += f"\n(stacks.txt was not written: {error.strerror})"
    return StallPicture(
        quiet_s=verdict.quiet_s,
        limit_s=verdict.limit_s,
        processes=tuple(second),
        moved=moved,
        again=again,
        stacks=text,
    )


def _counted(
    process: ProcessPicture, before: Counters, after: Counters, seconds: float
) -> ProcessPicture:
    share = None
    if before.wanted_cpu_s is not None and after.wanted_cpu_s is not None:
        share = max(0.0, after.wanted_cpu_s - before.wanted_cpu_s) / seconds
    io = (after.io_bytes or 0) - (before.io_bytes or 0)
    children = None
    if before.children_cpu_s is not None and after.children_cpu_s is not None:
        children = max(0.0, after.children_cpu_s - before.children_cpu_s) / seconds
    return dataclasses.replace(process, share=share, io_bytes=max(0, io), children_share=children)


class _Taker:
    """Takes pictures of processes, and remembers which way of taking stacks worked for whom."""

    def __init__(self, tree: Tree, paths: AttemptPaths) -> None:
        self._tree = tree
        self._paths = paths
        self._ways: dict[int, str] = {}
        self._native = True
        """Whether native frames were to be had in time so far."""
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._until = 0.0
        # Being traced makes every thread run for a moment: only the first look tells the order.
        self._ran_at: dict[int, float | None] = {}

    async def take(self, members: Sequence[Stat]) -> tuple[list[ProcessPicture], str]:
        """A picture of each process that still lives, and the text for stacks.txt."""
        self._until = time.monotonic() + _CAPTURE_SECONDS
        seen = [(stat, stacks.threads(stat.pid)) for stat in members]
        seen = [(stat, threads) for stat, threads in seen if threads]
        waiting = {lock.pid: lock for lock in locks.waiting()}
        held = locks.held()
        others = _Others(
            pipes.of(stat.pid for stat, _ in seen),
            sockets.peers(),
            {stat.pid: stat.name for stat, _ in seen},
        )
        told = await asyncio.gather(*(self._stack(stat, threads) for stat, threads in seen))
        pictures = []
        for (stat, threads), text in zip(seen, told, strict=True):
            found = next((p for p in dumps.parse(text) if p.stacks), None)
            rank, world = stacks.rank_and_world(stat.pid)
            lock = waiting.get(stat.pid)
            polled = polls.polled(stat.pid, stat.pid, threads[0].wait)
            partners = {
                t.tid: others.beyond(t, polled if t is threads[0] else None) for t in threads
            }
            pictures.append(
                ProcessPicture(
                    pid=stat.pid,
                    name=stat.name,
                    parent=stat.ppid,
                    command=procfs.command_line(stat.pid) or stat.name,
                    threads=threads,
                    stacks=_main_first(found.stacks, stat.pid) if found else (),
                    rank=rank,
                    world=world,
                    is_frozen=freezer.is_frozen(stat.pid),
                    lock=_words(lock, [stat.pid, *(s.pid for s, _ in seen)]) if lock else None,
                    contended=_contended(stat.pid, held),
                    partner=others.words(partners[threads[0].tid], threads[0], polled),
                    partners={tid: found for tid, found in partners.items() if found},
                    polled=polled,
                    own_ends=others.own(stat.pid, polled),
                )
            )
        found_threads = [thread for picture in pictures for thread in picture.threads]
        for thread in found_threads:
            self._ran_at.setdefault(thread.tid, thread.ran_at)
        newest = sorted(found_threads, key=lambda t: -(self._ran_at[t.tid] or 0.0))
        order = {thread.pid: place for place, thread in reversed(list(enumerate(newest)))}
        ordered = sorted(zip(pictures, told, strict=True), key=lambda pair: order[pair[0].pid])
        notes = [f"pid {p.pid} {p.lock}\n" for p in pictures if p.lock]
        return pictures, "\n".join([stacks.table(newest), *notes, *(text for _, text in ordered)])

    async def _stack(self, stat: Stat, threads: Sequence[Thread]) -> str:
        """py-spy's dump, with native frames where that works; else faulthandler's; else why not."""
        who = f"process {stat.pid} ({stat.name})"
        if stat.state in "TtD":
            # A debugger would wait for it for ever.
            how = "in uninterruptible sleep" if stat.state == "D" else "stopped"
            return f"{who} is {how}: no stack is taken\n"
        way = self._ways.get(stat.pid)
        reason = "py-spy had failed before"
        if stat.pid in procfs.silent():
            # It would wait for the same lock.
            way, reason = "signal", "its memory cannot be read"
        for native in (True, False):
            name = "native" if native else "plain"
            # What was had with native frames is asked for so again, though it took too long for
            # others meanwhile; and without them where it does take too long now.
            if way == "signal" or (native and way == "plain"):
                continue
            if native and way is None and not self._native:
                continue
            writes = any(thread.call in _WRITES for thread in threads)
            if native and writes:
                continue
            command = stacks.py_spy(stat.pid, native=native, pause=not writes)
            if command is None:
                reason = "py-spy is not installed"
                break
            try:
                answer = await self._ask(command, _NATIVE_SECONDS if native else _PLAIN_SECONDS)
            finally:
                self._continue(stat)
            if answer is None:
                reason = "no time was left for py-spy"
                break
            self._native &= not (native and answer.code is None)
            if answer.code == 0:
                self._ways[stat.pid] = name
                return answer.output.decode("utf-8", "replace")
            lines = answer.output.decode("utf-8", "replace").strip().splitlines()
            reason = " ".join(lines[:1]) if answer.code is not None else "py-spy did not answer"
        if text := await self._by_signal(stat):
            self._ways[stat.pid] = "signal"
            return f"Process {stat.pid}: by faulthandler, since: {reason}\n{text}"
        return f"{who}: no Python stack: {reason}\n"

    async def _ask(self, command: Sequence[str], seconds: float) -> helpers.Answer | None:
        """The debugger's answer, within what is left of the capture's time; None: nothing is."""
        async with self._turn:
            seconds = min(seconds, self._until - time.monotonic())
            if seconds <= 0:
                return None
            try:
                return await helpers.ask(command, seconds, self._tree.exclude)
            except OSError as error:
                # No more processes or descriptors: beside such a job, what is left must do.
                said = f"py-spy could not be started: {error.strerror or error}"
                return helpers.Answer(said.encode(), 1)

    def _continue(self, stat: Stat) -> None:
        """A debugger that was killed may leave a process stopped that was not stopped before."""
        now = procfs.stat(stat.pid)
        if now is not None and now.identity == stat.identity and now.state == "T":
            process_tree.send(stat.identity, signal.SIGCONT)

    async def _by_signal(self, stat: Stat) -> str:
        """Ask the process for its own stacks, if it has armed itself for that."""
        path = self._paths.own_stacks
        try:
            start = path.stat().st_size
        except OSError:
            return ""
        same_program = _program(stat.pid) == _program(self._tree.root.pid)
        if not same_program or not stack_signal.is_armed(stat.pid):
            return ""
        if not process_tree.send(stat.identity, stack_signal.NUMBER):
            return ""
        until = time.monotonic() + _SIGNAL_SECONDS
        size = start
        while time.monotonic() < until:
            await asyncio.sleep(0.05)
            now = path.stat().st_size
            if now == size and size > start:
                break
            size = now
        with path.open("rb") as file:
            file.seek(start)
            return file.read(_TEXT).decode("utf-8", "replace")


def _main_first(found: tuple[Stack, ...], pid: int) -> tuple[Stack, ...]:
    return (
        tuple(sorted(found, key=lambda s: s.thread != pid))
        if any(s.thread == pid for s in found)
        else found
    )


def _program(pid: int) -> str | None:
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return None


def _contended(pid: int, held: Sequence[locks.Held]) -> str | None:
    found = locks.contended(pid, held)
    if found is None:
        return None
    name, lock = found
    holder = procfs.stat(lock.pid)
    called = f"pid {lock.pid} ({holder.name})" if holder else f"pid {lock.pid}"
    return f"{name} is locked by {called}"


@dataclasses.dataclass(frozen=True)
class _Others:
    """Who holds which end of what."""

    ends: Mapping[int, pipes.Ends]
    peers: Mapping[str, str]
    names: Mapping[int, str]

    def beyond(self, thread: Thread, polled: polls.Polled | None) -> tuple[int, ...]:
        """The processes that hold the other ends of what a thread waits on."""
        # A poll that a debugger has interrupted goes on under another name.
        polls_on = thread.call is not None and "poll" in (thread.wait or "")
        if thread.call not in _ON_PIPES and not polls_on:
            return ()
        if polled is not None:
            own = self.ends.get(thread.pid, {})
            found = {
                holder
                for name in polled.files
                for holder in self._holders(thread, own.get(name) == frozenset({True}), name)
            }
            return tuple(sorted(found))
        if thread.file is not None and not thread.file.startswith(_TWO_ENDS):
            return ()
        return tuple(self._holders(thread, thread.call in _WRITES, thread.file))

    def words(
        self, found: Sequence[int], thread: Thread, polled: polls.Polled | None
    ) -> str | None:
        """Who of ``found`` it is, for a person; None: nobody."""
        if not found:
            return None
        files = polled.files if polled is not None else (thread.file or "pipe:[",)
        what = next((word for start, word in _CALLED if any(start in f for f in files)), "pipe")
        who = ", ".join(f"{self.names[pid]} (pid {pid})" for pid in found[:_NAMED])
        return f"the other end of its {what} is held by {who}"

    def _holders(self, thread: Thread, writes: bool, name: str | None) -> list[int]:
        return pipes.holders(thread.pid, writes, self.ends, name, self.peers)

    def own(self, pid: int, polled: polls.Polled | None) -> int:
        """How many of the sockets that a process polls it could write to itself."""
        held = self.ends.get(pid, {})
        return sum(self.peers.get(name) in held for name in polled.files) if polled else 0


def _words(lock: locks.Waiting, pids: Sequence[int]) -> str:
    name = locks.file_of(lock, pids) or f"inode {lock.inode}"
    if lock.holder < 0:
        return f"waits for the {lock.kind} lock on {name}; the kernel does not name its holder"
    holder = procfs.stat(lock.holder)
    called = f"pid {lock.holder} ({holder.name})" if holder else f"pid {lock.holder}"
    return f"waits for the {lock.kind} lock on {name}, held by {called}"
