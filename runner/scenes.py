"""Two captures of a stalled tree → the scene that the verdict is about, and whether it moved.
Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from probes.dumps import Frame, Stack
from probes.stacks import ProcessPicture
from runner import process_wait, rank_facts, thread_roles, waits
from runner.evidence import Fact, StallPicture
from runner.hangs import SPINNING, Hang, Scene, Suspect, decide
from runner.outcomes import Outcome
from runner.process_wait import WORKER_NAME, wait_of
from runner.wait_kinds import Kind, Wait

_MOVING_SHARE = 0.05
_MOVING_BYTES = 1 << 16
_TRACKER, _SERVER = "multiprocessing.resource_tracker", "multiprocessing.forkserver"
_FOLLOWED = (Kind.LOADER, Kind.CHILD, Kind.JOIN, Kind.LAUNCHER, Kind.COLLECTIVE, Kind.SLEEP)


def hang_of(picture: StallPicture | None) -> Hang:
    """What a stalled attempt hangs in."""
    if picture is None:
        return Hang(Outcome.HANG_UNKNOWN, 0.3)
    found = rank_facts.with_ranks(decide(scene_of(picture.processes)), picture.ranks)
    if not picture.moved:
        return found
    times = "twice the time allowed" if picture.again else "the time allowed"
    text = f"its stacks moved between two captures: it worked for {times} without progress"
    also = [o for o in (found.outcome, *found.also) if o is not Outcome.HANG_SPIN]
    facts = (Fact("stack", text), *found.facts)
    return Hang(Outcome.HANG_SPIN, 0.8, facts, tuple(dict.fromkeys(also)))


def scene_of(processes: Sequence[ProcessPicture]) -> Scene:
    """What each process of a capture waits for; the job's first process stands first."""
    processes = _adopted(processes)
    known = {process.pid: process for process in processes}
    waits_of = {process.pid: wait_of(process) for process in processes}
    suspects = []
    for process in processes:
        parent = known.get(process.parent)
        wait = waits_of[process.pid]
        own_rank = process.rank if parent is None or parent.rank != process.rank else None
        suspects.append(
            Suspect(
                pid=process.pid,
                name=process.name,
                parent=process.parent,
                state=_state_of(process),
                wait=wait,
                share=process.share,
                is_worker=_is_worker(process, waits_of.get(process.parent)),
                rank=own_rank,
                detail=_detail_of(process),
                place=_place_in_words(process_wait.decisive_stack(process)),
                awaits=process_wait.awaits(process, processes),
            )
        )
    worlds = [process.world for process in processes if process.world is not None]
    ranked = any(suspect.rank is not None for suspect in suspects)
    return Scene(
        tuple(_with_siblings_ranked(suspects)),
        world=max(worlds) if worlds and ranked else None,
        source="stack" if any(process.stacks for process in processes) else "process",
        is_whole=True,
    )


def _adopted(processes: Sequence[ProcessPicture]) -> list[ProcessPicture]:
    """Without the helpers of multiprocessing; what its fork server started is its parent's child,
    and bears its command."""
    commands = {process.pid: process.command for process in processes}
    servers = {
        one.pid: one.parent
        for one in processes
        if _SERVER in one.command and _SERVER not in commands.get(one.parent, "")
    }
    return [
        replace(one, parent=servers.get(one.parent, one.parent))
        for one in processes
        if one.pid not in servers and _TRACKER not in one.command
    ]


def left_for_a_child(picture: StallPicture | None) -> str | None:
    """That the first process waits, at its exit, for children that still run; None: it does not."""
    tree = _adopted(picture.processes) if picture is not None else []
    if not tree or not tree[0].stacks:
        return None
    first = tree[0]
    wait = wait_of(first)
    if wait is None or not thread_roles.says_exit(first.stacks[0]):
        return None
    if wait.kind is not Kind.JOIN and not process_wait.awaits(first, tree):
        return None
    return f"{first.name} (pid {first.pid}) has run to its end and waits for a child process"


def left_for_a_thread(picture: StallPicture | None) -> str | None:
    """The same of a thread in which the program goes on; None: there is no such."""
    for process in _depended_on(picture.processes) if picture is not None else ():
        at_exit = bool(process.stacks) and thread_roles.is_at_exit(process.stacks[0])
        if at_exit and (thread := process_wait.unfinished(process)):
            where = f"{process.name} (pid {process.pid}) has run to its end but for a thread"
            return f"{where} ({thread.name})" if thread.name else where
    return None


def end_reached(picture: StallPicture | None) -> str | None:
    """Where the program waits although it has run to its end; None: it has not, or was busy."""
    if picture is None or picture.moved or is_busy(picture.processes):
        return None
    last = [p for p in _depended_on(picture.processes) if p.stacks and not _passes_on(p)]
    if not last or not all(thread_roles.is_at_exit(process.stacks[0]) for process in last):
        return None
    if any(process_wait.unfinished(process) for process in last):
        return None
    first = last[0]
    place = _place_in_words(first.stacks[0])
    return f"{first.name} (pid {first.pid}) waits at its exit, in {place}"


def _passes_on(process: ProcessPicture) -> bool:
    wait = wait_of(process)
    return wait is not None and wait.kind in (Kind.LAUNCHER, Kind.HELPER)


def completed(
    later: Sequence[ProcessPicture], earlier: Sequence[ProcessPicture]
) -> list[ProcessPicture]:
    """With what only both captures tell (pure). The stacks of a second before, where none could be
    taken again: on a machine that is busy a debugger that has answered once may not answer twice.
    And who sleeps in the one and is in input or output in the other: neither holds it."""
    before = {picture.pid: picture for picture in earlier}
    return [_with_both(picture, before.get(picture.pid)) for picture in later]


def _with_both(picture: ProcessPicture, before: ProcessPicture | None) -> ProcessPicture:
    if before is None:
        return picture
    if not picture.stacks:
        return replace(picture, stacks=before.stacks)
    kinds = {wait.kind for one in (before, picture) if (wait := wait_of(one))}
    return replace(picture, alternates=kinds == {Kind.SLEEP, Kind.IO})


def moved(before: Sequence[ProcessPicture], after: Sequence[ProcessPicture]) -> bool:
    """Whether the processes that the job depends on went on between two captures: other leaves,
    and processor time or data moved as well. A thread beside the main one does not count. Of a
    program that runs one child after another, the children are the leaves."""
    earlier = {process.pid: process for process in before}
    there = {process.pid for process in after}
    for process in _depended_on(after):
        awaited = {child.pid for child in before if child.parent == process.pid}
        is_another = not awaited or bool(awaited - there)
        if is_another and _waits_for_a_child(process) and _children_worked(process):
            return True
        old = earlier.get(process.pid)
        if old is None or not old.stacks or not process.stacks:
            continue
        worked = (process.share or 0.0) >= _MOVING_SHARE or process.io_bytes >= _MOVING_BYTES
        if worked and _place_in(old.stacks[0]) != _place_in(process.stacks[0]):
            return True
    return False


def _waits_for_a_child(process: ProcessPicture) -> bool:
    wait = wait_of(process)
    return wait is not None and wait.kind is Kind.CHILD


def _children_worked(process: ProcessPicture) -> bool:
    return (process.children_share or 0.0) >= _MOVING_SHARE or process.io_bytes >= _MOVING_BYTES


def _place_in(stack: Stack) -> tuple[Frame, ...]:
    """The frames by which a stack is told from another. A driver asks its device over and over, so
    that the frames of a wait for it differ from look to look: the program's own decide there."""
    wait = waits.of_stack(stack)
    if wait is None or wait.kind is not Kind.DEVICE:
        return tuple(stack.frames)
    return tuple(frame for frame in stack.frames if frame.file.endswith((".py", ">")))


def is_busy(processes: Sequence[ProcessPicture]) -> bool:
    """Whether a process that the job depends on uses a whole processor."""
    return any((process.share or 0.0) >= SPINNING for process in _depended_on(processes))


def _depended_on(processes: Sequence[ProcessPicture]) -> list[ProcessPicture]:
    processes = _adopted(processes)
    found: list[ProcessPicture] = []
    waiting = list(processes[:1])
    while waiting:
        process = waiting.pop()
        if process in found:
            continue
        found.append(process)
        wait = wait_of(process)
        if wait is not None and wait.kind in _FOLLOWED:
            waiting += [child for child in processes if child.parent == process.pid]
        others = process_wait.awaits(process, processes)
        waiting += [other for other in processes if other.pid in others]
    return found


def _state_of(process: ProcessPicture) -> str:
    if process.is_frozen:
        return "F"
    states = [thread.state for thread in process.threads]
    if states and states[0] in "Tt":
        return "T"
    return "D" if "D" in states else (states[0] if states else "S")


def _is_worker(process: ProcessPicture, parents: Wait | None) -> bool:
    if process.stacks and thread_roles.is_loader_worker(process.stacks[0].frames):
        return True
    return process.name == WORKER_NAME or (parents is not None and parents.kind is Kind.LOADER)


def _detail_of(process: ProcessPicture) -> str:
    if process.lock is not None:
        return process.lock
    if process.contended is not None:
        wait = wait_of(process)
        if wait is not None and wait.kind is Kind.LOCK:
            return process.contended
    stuck = next((t for t in process.threads if t.state == "D"), None)
    if stuck is not None:
        return f"thread {stuck.tid} in {stuck.wait or stuck.call or 'the kernel'}"
    main = process.threads[0] if process.threads else None
    thread = process_wait.decisive_thread(process) or main
    if thread is None:
        return ""
    on = f"{thread.call} on {thread.file}" if thread.file else ""
    return "; ".join(text for text in (on, process.partner if thread is main else "") if text)


def _place_in_words(stack: Stack | None) -> str:
    frames = stack.frames if stack is not None else ()
    own = next((frame for frame in frames if frame.file.endswith((".py", ">"))), None)
    return str(own or frames[0]) if frames else ""


def _with_siblings_ranked(suspects: list[Suspect]) -> list[Suspect]:
    """Ranks that were told to their processes by arguments have no number that can be seen; the
    siblings of one in a collective are ranks too."""
    if any(suspect.rank is not None for suspect in suspects):
        return suspects
    inside = [s for s in suspects if s.wait is not None and s.wait.kind is Kind.COLLECTIVE]
    parents = {s.parent for s in inside}
    siblings = [s for s in suspects if s.parent in parents and not s.is_worker]
    if len(siblings) < 2 or not inside:
        return suspects
    numbers = {s.pid: n for n, s in enumerate(sorted(siblings, key=lambda s: s.pid or 0))}
    return [replace(s, rank=numbers[s.pid]) if s.pid in numbers else s for s in suspects]
