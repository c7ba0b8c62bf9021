"""A stack → what its thread waits for. Pure; the rules are data, the most telling first."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence

from probes import late
from probes.dumps import Frame, Stack
from runner import thread_roles
from runner.wait_kinds import Kind, Wait
from runner.wait_rules import CALL_KINDS, CHANNELS, NATIVE_LEAVES, SYNCHRONISING, TELLING, Rule

FOR_A_THREAD = (
    Kind.LOADER, Kind.COLLECTIVE, Kind.DEVICE, Kind.IO, Kind.CHILD, Kind.JOIN, Kind.LOCK,
)  # fmt: skip
"""What a thread that another waits for may be waiting for itself, the most telling first."""
_LEAVES = frozenset(("handle",))
"""Functions that wait for a lock only where they call nothing in Python: else they hold it."""
_CONVERTS = frozenset(("half", "float", "double", "bfloat16", "type", "share_memory"))
"""What calls ``_apply`` as well, and moves nothing."""
_PATHS = late.compile(r"^.*/(?:site-packages|dist-packages|lib/python[\d.]+)/")


@functools.lru_cache(maxsize=1024)
def of_stack(stack: Stack) -> Wait | None:
    """What the thread waits for by its frames; None: no frame tells."""
    frames = stack.frames
    if thread_roles.is_loader_worker(frames):
        inside = [f for f in frames if thread_roles.WORKER_LOOP.search(f.file)]
        first = frames.index(inside[0]) if inside else len(frames)
        if all(thread_roles.is_queue(frame) for frame in frames[:first]):
            return Wait(Kind.LOADER_IDLE, "the next index")
        return _search(frames[:first]) or _guess(stack, frames[:first])
    if thread_roles.is_idle(frames):
        return Wait(Kind.HELPER, "the next task")
    called = next((n for n, f in enumerate(frames) if thread_roles.is_callback(f)), None)
    # The loop of asyncio waits for nothing while it is within a callback of the program's.
    own = frames if called is None else frames[:called]
    return _search(own) or _guess(stack, own)


def of_call(name: str | None, channel: str | None) -> Kind | None:
    """What a thread waits for by its system call, else by the kernel function it sleeps in."""
    if name is not None and name in CALL_KINDS:
        return CALL_KINDS[name]
    if channel is not None:
        for kind, pattern in CHANNELS:
            if pattern.search(channel):
                return kind
    return None


def of_others(stacks: Sequence[Stack], kinds: Sequence[Kind]) -> Wait | None:
    """What another thread waits for, if it is of these kinds; the first kind first."""
    others = [s for s in stacks if not thread_roles.is_in_background(s)]
    found = [wait for stack in others if (wait := of_stack(stack))]
    return next((w for kind in kinds for w in found if w.kind is kind), None)


def _search(frames: Sequence[Frame]) -> Wait | None:
    told, leaf = _first(TELLING, frames), _first(NATIVE_LEAVES, _native_end(frames))
    if told is None or (
        # A library that reads is within its own lock, at the end: the file's name says less.
        leaf is not None
        and leaf[0] is Kind.LOCK
        and told[0] is Kind.IO
        and not told[1].file.endswith(".py")
    ):
        told = leaf
    return Wait(told[0], _at(told[1])) if told else None


def _first(rules: Sequence[Rule], frames: Sequence[Frame]) -> tuple[Kind, Frame] | None:
    for rule in rules:
        for place, frame in enumerate(frames):
            if rule.function.match(frame.plain) and rule.file.search(frame.file):
                inner = frames[:place]
                if frame.plain in _LEAVES and any(f.file.endswith(".py") for f in inner):
                    continue
                return rule.kind, frame
    return None


def _guess(stack: Stack, frames: Sequence[Frame]) -> Wait | None:
    """The device, where torch's own Python is innermost; torch gives the interpreter's lock back
    before it waits."""
    inner = next((f for f in frames if f.file.endswith(".py")), None)
    if inner is None or stack.holds_gil:
        return None
    place = frames.index(inner)
    for rule in SYNCHRONISING:
        if rule.function.match(inner.plain) and rule.file.search(inner.file):
            run = itertools.takewhile(lambda f: f.file == inner.file, frames[place:])
            moves = not any(frame.plain in _CONVERTS for frame in run)
            return Wait(rule.kind, _at(inner), sure=False) if moves else None
    return None


def _native_end(frames: Sequence[Frame]) -> Sequence[Frame]:
    """The innermost frames, down to the first of the program's own Python."""
    for place, frame in enumerate(frames):
        if frame.file.endswith(".py") or frame.file.startswith("<"):
            return frames[:place]
    return frames[:6]


def _at(frame: Frame) -> str:
    name = _PATHS.sub("", frame.file)
    where = f"{name}:{frame.line}" if frame.line is not None and name else name
    return f"{frame.function[:80]} ({where[-100:]})" if where else frame.function[:80]
