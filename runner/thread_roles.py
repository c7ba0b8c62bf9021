"""A stack → the part its thread plays: a worker of a pool, a loop of asyncio, one that waits for
another thread, a program at its exit. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from probes import late
from probes.dumps import Frame, Stack

_CALLBACK = late.compile(r"(^|/)asyncio/events\.py$")
WORKER_LOOP = late.compile(r"_utils/worker\.py$")
_LOOP = late.compile(r"(^|/)asyncio/base_events\.py$")
_SERVES = late.compile(r"^(serve_forever|accepter)$")
_MANAGERS = late.compile(r"multiprocessing/managers\.py$")
_POOL_WORKERS = (
    ("worker", late.compile(r"multiprocessing/pool\.py$")),
    ("_process_worker", late.compile(r"concurrent/futures/process\.py$")),
)
_WORKERS = (
    *_POOL_WORKERS,
    ("_worker", late.compile(r"concurrent/futures/thread\.py$")),
    ("serve_client", _MANAGERS),
)
_ASKS = frozenset(("get", "recv"))
_MANAGES = late.compile(
    r"^(_handle_workers|wait_result_broken_or_wakeup|_queue_management_worker)$"
)
_POOLS = late.compile(r"(^|/)multiprocessing/pool\.py$")
_FUTURES = late.compile(r"(^|/)concurrent/futures/\w+\.py$")
_BACKGROUND = late.compile(
    r"(^|/)(wandb|mlflow|comet_ml|neptune|tensorboardX?|ipykernel|zmq|tornado|debugpy|pydevd\w*|grpc"
    r"|prometheus_client|sentry_sdk|ray/_private)/"
)
"""Libraries whose own threads wait for news all the time."""
_JOINS = late.compile(r"^(join|_wait_for_tstate_lock|_shutdown|result|as_completed|wait)$")
_NATIVE_JOINS = late.compile(r"^(__)?pthread_(clock|timed)?join\w*$")
_JOINED_IN = late.compile(r"(^|/)(threading|concurrent/futures/\w+)\.py$")
_ENDS = late.compile(r"^(join|_wait_for_tstate_lock|_shutdown)$")
_PROGRAM = late.compile(
    r"^(<module>|_run_module_as_main|_run_code|_bootstrap|spawn_main|_main|main)$"
)
_EXITS = late.compile(
    r"^(_shutdown|_python_exit|_exit_function|_run_exitfuncs|_run_finalizers|_?atexit\w*)$"
)


def is_loader_worker(frames: Sequence[Frame]) -> bool:
    """Whether the stack is that of a loader worker's main thread."""
    return any(f.plain == "_worker_loop" and WORKER_LOOP.search(f.file) for f in frames)


def is_pool_worker(frames: Sequence[Frame]) -> bool:
    """Whether the stack is that of a worker of a pool or an executor of processes."""
    return any(_is_one_of(_POOL_WORKERS, frame) for frame in frames)


def is_idle(frames: Sequence[Frame]) -> bool:
    """Whether it is a worker of a pool or an executor without a task, or a server of
    multiprocessing without a request."""
    if any(_SERVES.match(f.plain) and _MANAGERS.search(f.file) for f in frames):
        return True
    loop = next((n for n, f in enumerate(frames) if _is_one_of(_WORKERS, f)), None)
    if loop is None:
        return False
    inside = [frame for frame in frames[:loop] if is_python(frame)]
    if inside:
        return all(is_queue(f) for f in inside) and inside[-1].plain in _ASKS
    # A thread's queue in C leaves no frame of Python; a task that is in C itself may have one.
    is_thread = any(_JOINED_IN.search(frame.file) for frame in frames[loop : loop + 2])
    return is_thread and frames[loop].plain != "serve_client"


def _is_one_of(functions: Sequence[tuple[str, re.Pattern[str]]], frame: Frame) -> bool:
    return any(frame.plain == name and file.search(frame.file) for name, file in functions)


def is_idle_loop(stack: Stack) -> bool:
    """Whether a loop of asyncio waits for its next event."""
    for frame in stack.frames:
        if is_callback(frame):
            return False
        if frame.plain == "_run_once" and _LOOP.search(frame.file):
            return True
    return False


def is_callback(frame: Frame) -> bool:
    return frame.plain == "_run" and bool(_CALLBACK.search(frame.file))


def serves(stack: Stack) -> bool:
    """Whether a server of multiprocessing waits for requests, which its threads answer."""
    return any(f.plain == "serve_forever" and _MANAGERS.search(f.file) for f in stack.frames)


def works_for(stack: Stack, main: Stack) -> bool:
    """Whether a thread is of those that the main one waits for, as far as its stack tells: of a
    pool or an executor, where that waits for a result or is a loop, which has threads that wait for
    its children too."""
    if not is_idle_loop(main) and not _is_for_a_result(main):
        return True
    return any(_is_one_of(_WORKERS, f) or f.plain == "_do_waitpid" for f in stack.frames)


def manages_processes(stack: Stack) -> bool:
    """Whether it is a thread by which a pool or an executor hands tasks to its processes."""
    return any(_MANAGES.match(frame.plain) for frame in stack.frames)


def _is_for_a_result(stack: Stack) -> bool:
    return any(_FUTURES.search(f.file) or _POOLS.search(f.file) for f in stack.frames)


def is_for_a_thread(stack: Stack) -> bool:
    """Whether the thread waits for another of its process: its end, its result, its next item."""
    return any(
        (_JOINS.match(f.plain) and _JOINED_IN.search(f.file)) or _NATIVE_JOINS.match(f.plain)
        for f in stack.frames[:6]
    )


def names_its_thread(stack: Stack) -> bool:
    """Whether it waits for the end or the result of a thread; any other may set an event or put
    into a queue."""
    return any(
        _FUTURES.search(f.file)
        or _POOLS.search(f.file)
        or (_JOINED_IN.search(f.file) and _ENDS.match(f.plain))
        for f in [frame for frame in stack.frames if is_python(frame)][:6]
    )


def is_in_background(stack: Stack) -> bool:
    """Whether it is a library's thread that waits for news all the time."""
    return any(_BACKGROUND.search(frame.file) for frame in stack.frames)


def is_at_exit(stack: Stack) -> bool:
    """Whether it is the main thread of a program that has run to its end: the interpreter waits
    for threads, or in what was registered to run last, and none of the program's own first frames
    is there any more."""
    own = [f for f in stack.frames if f.file.endswith(".py") or f.file.startswith("<")]
    return bool(own) and not any(_PROGRAM.match(f.plain) for f in own)


def says_exit(stack: Stack) -> bool:
    """The same of a stack whose first frames may have been cut off: a frame names the exit."""
    return is_at_exit(stack) and any(_EXITS.match(f.plain) for f in stack.frames)


def is_queue(frame: Frame) -> bool:
    return bool(
        re.search(r"(queues|connection|selectors|synchronize|popen_\w+)\.py$", frame.file)
        or not frame.file.endswith(".py")
    )


def is_python(frame: Frame) -> bool:
    return frame.file.endswith(".py") or frame.file.startswith("<")
