"""A picture of one process → what it waits for, and for which other processes. Pure.

The main thread decides; where it waits for another thread, or is a loop of asyncio, the threads
that it waits for are asked.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace

from probes.dumps import Stack
from probes.stacks import ProcessPicture, Thread
from runner import thread_roles, waits
from runner.wait_kinds import Kind, Wait

WORKER_NAME = "pt_data_worker"
_IN_A_THREAD = "in a thread that the main one waits for"
_NEWS = re.compile(r"^(accept|serve_forever|select|poll|handle_request|input|readline)$")
_FOR_WORK = re.compile(r"(^|/)(queue|threading|multiprocessing/\w+)\.py$")


def wait_of(process: ProcessPicture) -> Wait | None:
    """What keeps the process waiting; None: it cannot be told, or it runs."""
    return _decisive(process)[0]


def decisive_thread(process: ProcessPicture) -> Thread | None:
    """The thread whose wait that is; None: it was not seen."""
    tid = _decisive(process)[1]
    return next((thread for thread in process.threads if thread.tid == tid), None)


def decisive_stack(process: ProcessPicture) -> Stack | None:
    """The same thread's stack; else the main one's."""
    tid = _decisive(process)[1]
    main = process.stacks[0] if process.stacks else None
    return next((stack for stack in process.stacks if stack.thread == tid), main)


def awaits(process: ProcessPicture, tree: Sequence[ProcessPicture]) -> tuple[int, ...]:
    """Processes of the tree that it waits for: the busy workers of its pool, who holds the other
    end of what it waits on, and what a loop of asyncio is told the end of."""
    wait, tid = _decisive(process)
    if wait is None:
        return ()
    main = process.stacks[0] if process.stacks else None
    is_loop = main is not None and thread_roles.is_idle_loop(main) and tid == process.pid
    found: list[int] = []
    if wait.kind is Kind.IO or is_loop:
        known = {one.pid for one in tree}
        found += [
            one.pid
            for one in tree
            if one.pid in process.partners.get(tid or 0, ())
            # What has lost its parent was left behind: its end is not waited for.
            and (one.parent in known or one is tree[0])
        ]
    if is_loop and process.polled is not None:
        found += process.polled.processes
    if main is not None and (
        is_loop or (wait.kind is Kind.LOCK and thread_roles.is_for_a_thread(main))
    ):
        has_pool = _has_pool(process)
        found += [
            one.pid
            for one in tree
            if one.parent == process.pid
            and (thread_roles.is_pool_worker(one.stacks[0].frames) if one.stacks else has_pool)
        ]
    return tuple(dict.fromkeys(found))


def _has_pool(process: ProcessPicture) -> bool:
    return any(thread_roles.manages_processes(stack) for stack in process.stacks[1:])


def _decisive(process: ProcessPicture) -> tuple[Wait | None, int | None]:
    """What keeps the process waiting, and in which of its threads."""
    wait, tid = _seen_now(process)
    if process.alternates and wait is not None and wait.kind in (Kind.SLEEP, Kind.IO):
        wait = Wait(Kind.SLEEP, "a loop of sleep and input or output", others=(Kind.IO,))
    return wait, tid


def _seen_now(process: ProcessPicture) -> tuple[Wait | None, int | None]:
    own = process.threads[0].tid if process.threads else process.pid
    seen = waits.of_stack(process.stacks[0]) if process.stacks else None
    if seen is not None:
        main = process.stacks[0]
        if thread_roles.is_idle_loop(main) and seen.kind is Kind.IO:
            return _of_loop(process, seen, own)
        is_for_another = seen.kind is Kind.LOCK and thread_roles.is_for_a_thread(main)
        if is_for_another or thread_roles.serves(main):
            other = _of_threads(process, _IN_A_THREAD)
            if other is not None:
                return other
        if seen.kind is not Kind.SLEEP and seen.sure:
            return seen, own
    return _of_call(process, seen), own


def _of_call(process: ProcessPicture, seen: Wait | None) -> Wait | None:
    main = process.threads[0] if process.threads else None
    kind = waits.of_call(main.call, main.wait) if main is not None else None
    if process.lock is not None:
        kind = Kind.LOCK
    if kind is None or main is None:
        return seen
    if kind is Kind.SLEEP and process.contended is not None:
        return Wait(
            Kind.LOCK, f"{main.call or main.wait}, as if for the lock of a file", sure=False
        )
    if kind is Kind.IO and WORKER_NAME in (process.partner or ""):
        # No stack was to be had, but the pipe that it waits on is a loader worker's.
        kind = Kind.LOADER
    return Wait(kind, main.call or main.wait or "")


def _of_threads(process: ProcessPicture, where: str) -> tuple[Wait, int | None] | None:
    """What the threads that the main one waits for are waiting for, the most telling of them."""
    main = process.stacks[0]
    others = [s for s in process.stacks[1:] if not thread_roles.is_in_background(s)]
    working = [stack for stack in others if thread_roles.works_for(stack, main)]
    if not working and not thread_roles.is_idle_loop(main) and not _has_pool(process):
        working = others
    found = [(wait, stack) for stack in working if (wait := _of_thread(process, stack))]
    for kind in waits.FOR_A_THREAD:
        for wait, stack in found:
            if wait.kind is kind:
                rest = [w.kind for w, s in found if s is not stack and w.kind is not kind]
                if not thread_roles.is_idle_loop(main) and not thread_roles.names_its_thread(main):
                    rest.append(Kind.LOCK)
                text = f"{wait.text}, {where}"
                sure = wait.sure and not thread_roles.is_at_exit(main)
                return replace(wait, text=text, sure=sure, others=tuple(rest)), stack.thread
    return None


def _of_thread(process: ProcessPicture, stack: Stack) -> Wait | None:
    wait = waits.of_stack(stack)
    if wait is not None:
        return wait
    thread = next((t for t in process.threads if t.tid == stack.thread), None)
    kind = waits.of_call(thread.call, thread.wait) if thread is not None else None
    if kind is None or thread is None:
        return None
    return Wait(kind, str(stack.frames[0]) if stack.frames else thread.call or thread.wait or "")


def _of_loop(process: ProcessPicture, seen: Wait, own: int) -> tuple[Wait, int | None]:
    """A loop of asyncio waits for a thread, a child, a file, a time, or only for itself."""
    polled = process.polled
    # To be woken by its threads it has a socket of its own, whose other end it has as well.
    foreign = len(polled.files) - min(1, process.own_ends) if polled is not None else None
    other = _of_threads(process, "in a thread that the event loop waits for")
    if other is not None:
        # A pipe from a process that it knows is followed with that one.
        reads = bool(foreign) and not process.partners.get(own)
        rest = [Kind.IO] * reads + [Kind.CHILD] * bool(polled and polled.processes)
        return replace(other[0], others=(*other[0].others, *rest)), other[1]
    if polled is None:
        return seen, own
    if polled.processes:
        others = (Kind.IO,) if foreign and not process.partners.get(own) else ()
        return Wait(Kind.CHILD, "an event loop that is told of its end", others=others), own
    if foreign or not process.own_ends:
        return seen, own
    if polled.has_end:
        text = "an event loop that waits for a time and for no file"
        return Wait(Kind.SLEEP, text, others=(Kind.LOCK, Kind.IO)), own
    text = "an event loop that waits for no file and no time"
    if not _has_pool(process):
        text += ": its tasks wait for one another"
    return Wait(Kind.LOCK, text, sure=False, others=(Kind.IO,)), own


def unfinished(process: ProcessPicture) -> Stack | None:
    """The thread in which the program goes on, though its main one has run to its end; None: there
    is none, or what stays may as well be a library's thread.

    It stands in a function of the main script or module, and waits neither for work nor for news.
    """
    main = process.stacks[0]
    if not any(f.plain == "_shutdown" and f.file.endswith("threading.py") for f in main.frames):
        return None
    left = [s for s in process.stacks[1:] if not thread_roles.is_in_background(s)]
    known = [(stack, wait) for stack in left if (wait := _of_thread(process, stack))]
    known = [(stack, wait) for stack, wait in known if wait.kind is not Kind.HELPER]
    works = [stack for stack, wait in known if _is_at_work(stack, wait, process.command)]
    return works[0] if works and len(works) == len(known) else None


def _is_at_work(stack: Stack, wait: Wait, command: str) -> bool:
    own = next((n for n, f in enumerate(stack.frames) if _is_own(f.file, command)), None)
    if own is None or wait.kind is Kind.SLEEP:
        return False
    called = stack.frames[:own]
    if any(_NEWS.match(f.plain.lstrip("_")) for f in called):
        return False
    return wait.kind is not Kind.LOCK or not any(_FOR_WORK.search(f.file) for f in called)


def _is_own(file: str, command: str) -> bool:
    """Whether a file is the program that was started, or of the package that was."""
    words = command.split()
    if "-c" in words[1:-1]:
        return file == "<string>"
    if "-m" in words[1:-1]:
        package = words[words.index("-m") + 1].partition(".")[0]
        return (
            f"/{file}".rpartition(".py")[0].endswith(f"/{package}") or f"/{package}/" in f"/{file}"
        )
    scripts = [word for word in words[1:] if word.endswith(".py")]
    return bool(scripts) and os.path.basename(file) == os.path.basename(scripts[0])
