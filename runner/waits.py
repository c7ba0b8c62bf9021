"""A stack → what its thread waits for. Pure; the rules are data, the most telling first."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from probes import late
from probes.dumps import Frame, Stack


class Kind(StrEnum):
    LOADER = "loader"
    """A batch that a loader worker is to deliver."""
    LOADER_IDLE = "loader-idle"
    """A loader worker that has nothing to do: it waits for the next index."""
    LAUNCHER = "launcher"
    """A launcher that waits for its ranks."""
    COLLECTIVE = "collective"
    DEVICE = "device"
    LOCK = "lock"
    CHILD = "child"
    """The end of a child process."""
    JOIN = "join"
    """The end of a child process of multiprocessing."""
    IO = "io"
    SLEEP = "sleep"
    HELPER = "helper"
    """A thread of a library, or a worker of a pool, that waits for work."""
    DEBUGGER = "debugger"
    """A person at a debugger's prompt."""


@dataclass(frozen=True)
class Wait:
    kind: Kind
    text: str
    """Where, in words for a person."""
    sure: bool = True
    """False where it is a guess: the stack has no frame that tells."""
    others: tuple[Kind, ...] = ()
    """What it may be as well: several threads wait, and which of them counts cannot be told."""


@dataclass(frozen=True)
class _Rule:
    kind: Kind
    function: re.Pattern[str]
    file: re.Pattern[str]


def _rules(*rows: tuple[Kind, str, str]) -> tuple[_Rule, ...]:
    return tuple(
        _Rule(kind, late.compile(rf"^(?:{function})$"), re.compile(file))
        for kind, function, file in rows
    )


_ANY = r".*"
_NATIVE = r"^(?!.*\.py$).*$"

# Looked for in the whole stack: the calls that say what it is all about.
_TELLING = _rules(
    (Kind.DEBUGGER, r"interaction|_?cmdloop|interact|wait_for_client|_wait_for_attach\w*",
     r"(^|/)(pdb|code|(ipdb|pudb|IPython|debugpy|pydevd)/.*)\.py$"),
    (Kind.HELPER, r"_feed|_pin_memory_loop.*|_serve", r"queues\.py$|pin_memory\.py$"),
    (Kind.HELPER, r"_handle_(workers|tasks|results)", r"multiprocessing/pool\.py$"),
    (Kind.HELPER, r"wait_result_broken_or_wakeup|_queue_management_worker",
     r"concurrent/futures/process\.py$"),
    (Kind.HELPER, r"_run_once|run",
     r"(tqdm/_monitor|tensorboard.*/event_file_writer|wandb/.*)\.py$"),
    (Kind.COLLECTIVE, r"next_rendezvous", r"torch/distributed/elastic/rendezvous/\w+\.py$"),
    (Kind.LAUNCHER, r"_invoke_run|_monitor_workers|launch_agent|elastic_launch|join",
     r"torch/distributed/(elastic/(agent|multiprocessing)/.*|launcher/api|run|launch)\.py$"),
    (Kind.LAUNCHER, r"join|start_processes|spawn", r"torch/multiprocessing/spawn\.py$"),
    (Kind.LAUNCHER, r".*", r"(accelerate/commands/launch|deepspeed/launcher/\w+)\.py$"),
    (Kind.LOADER, r"_try_get_data|_get_data|_shutdown_workers|_try_put_index",
     r"(torch/utils/data/dataloader|torchdata/stateful_dataloader/\w+)\.py$"),
    (Kind.LOADER, r"_try_get_batch|_get_batch|_process_next_batch",
     r"torch/utils/data/dataloader\.py$"),
    (Kind.COLLECTIVE, r".*", r"torch/distributed/(distributed_c10d|rendezvous|c10d_logger)\.py$"),
    (Kind.COLLECTIVE, r".*", r"torch/distributed/elastic/(rendezvous|utils/store)[^.]*\.py$"),
    (Kind.COLLECTIVE,
     r"all_?reduce|all_?gather.*|barrier|broadcast.*|reduce.*|gather.*|scatter.*|wait|synchronize",
     r"(deepspeed/comm|horovod|torch/distributed/nn/functional|_functional_collectives|smdistributed"
     r"|megatron|mpi4py|fairscale).*\.py$"),
    (Kind.COLLECTIVE, r"_sync_.*buffers|_verify_.*|_distributed_broadcast_coalesced|_pre_forward"
     r"|_sync_module_states|_check_global_requires_backward.*|_ddp_init_helper",
     r"torch/(nn/parallel/distributed|distributed/utils)\.py$"),
    (Kind.COLLECTIVE, r".*", r"torch/distributed/(fsdp|_composable/fsdp|pipelining|rpc)/.*\.py$"),
    (Kind.COLLECTIVE, r"(.*::)?(ProcessGroup(NCCL|Gloo|MPI|UCC|XCCL).*|TCPStore.*|FileStore.*"
     r"|PrefixStore.*|gloo::.*|c10d::.*|ncclGroupEnd|ncclAllReduce|nccl[A-Z]\w+|MPI_\w+|PMPI_\w+).*",
     _ANY),
    (Kind.DEVICE, r"(cuda|cu|hip|ze|rt)(Stream|Device|Event|Ctx|Queue\w*)(Synchronize|Query)\w*",
     _ANY),
    (Kind.DEVICE, r"(cuda|cu|hip)(Memcpy|Free|Malloc|Launch|Init|CtxCreate|ModuleLoad)\w*", _ANY),
    (Kind.DEVICE, r".*(_local_scalar_dense_cuda|item_cuda|copy_kernel_cuda|gpu_sync).*", _ANY),
    (Kind.DEVICE, r".*", r"lib(cuda|cudart|nvidia-ml|amdhip64|hsa-runtime64)\.so"),
    (Kind.DEVICE, r"synchronize|_lazy_init|_lazy_call|empty_cache|current_stream|wait_stream"
     r"|mem_get_info|memory_stats.*|set_device|get_device_properties|query|wait|wait_event"
     r"|elapsed_time|record|record_event",
     r"torch/(cuda|xpu|mps|hip|accelerator)/(__init__|streams|memory|_utils)\.py$"),
    (Kind.DEVICE, r".*", r"torch/(cuda/)?amp/grad_scaler\.py$"),
    (Kind.DEVICE, r"to_device|batch_to_device|send_to_device|move_to_device|to_cuda|to_gpu|cuda"
     r"|_?cuda_sync\w*|sync_gpu|gpu_sync|device_sync", _ANY),
    (Kind.DEVICE, r"_engine_run_backward|run_backward", r"torch/autograd/"),
    (Kind.LOCK, r"sqlite\w*Busy(Callback|Handler)|sqlite3_sleep|sqlite3OsSleep|unixSleep", _ANY),
    (Kind.LOCK, r".*", r"torch/utils/(file_baton|_filelock|_config_module)\.py$"),
    (Kind.LOCK, r".*", r"(filelock|fasteners|portalocker|oslo_concurrency|lockfile)/[^:]*\.py$"),
    (Kind.LOCK, r"acquire|__enter__|_lock_unlock_module|_get_module_lock",
     r"importlib\._bootstrap|importlib/_bootstrap"),
    (Kind.LOCK, r"acquire|_acquireLock|handle|__enter__", r"logging/__init__\.py$"),
    (Kind.LOCK, r"__enter__|acquire|wait|wait_for|_acquire_restore",
     r"multiprocessing/synchronize\.py$"),
    (Kind.CHILD, r"wait|_wait|_try_wait|communicate|_communicate|run|call|check_output|check_call"
     r"|_execute_child",
     r"/?subprocess\.py$"),
    (Kind.CHILD, r"_do_waitpid", r"asyncio/unix_events\.py$"),
    (Kind.JOIN, r"wait|poll|join", r"multiprocessing/(popen_\w+|process)\.py$"),
    (Kind.LOCK, r"join|get|wait", r"multiprocessing/(pool|managers)\.py$"),
    (Kind.IO, r".*", r"/?(socket|ssl|http/client|ftplib|smtplib|imaplib|urllib/request|socketserver"
     r"|asyncore|getpass|pty|tarfile|zipfile|gzip|bz2|lzma|shutil|fileinput|dbm/\w+|sqlite3/\w+"
     r"|mmap|select)\.py$"),
    (Kind.IO, r".*", r"(^|/)(s3transfer|gcsfs|paramiko|pyarrow/\w*fs|numcodecs|tifffile|imageio|PIL"
     r"|cv2|obspy|segyio|pandas/io|huggingface_hub|redis|psycopg2?|pymysql|pymongo|kafka|grpc|lmdb"
     r"|webdataset|minio|rasterio|netCDF4|nibabel|soundfile|librosa|decord|wandb/sdk|mlflow)/"),
    (Kind.IO, r".*", r"(^|/)datasets/(arrow_(dataset|reader|writer)|builder|load|iterable_dataset"
     r"|download/\w+|utils/file_utils)\.py$|site-packages/av/"),
    (Kind.IO, r".*", r"(^|/)(urllib3|requests|httpx|httpcore|aiohttp|botocore|boto3|s3fs|fsspec"
     r"|h5py|zarr)/"),
    (Kind.IO, r"load|_memmap|memmap|__new__|read_array|_read_bytes|fromfile|open_memmap"
     r"|genfromtxt|loadtxt|save|savez\w*",
     r"numpy/[\w/]*(npyio|_npyio_impl|format|_format_impl|memmap)\.py$"),
    (Kind.IO, r"(read|write)(_text|_bytes)?|open|stat|iterdir|glob|exists|resolve|touch|mkdir"
     r"|unlink", r"pathlib(/\w+)?\.py$"),
    (Kind.IO, r"_legacy_load|_load|load|_open_file_like|__init__|_save|save|_open_zipfile\w*"
     r"|persistent_load|load_tensor", r"torch/serialization\.py$"),
    (Kind.IO, r"_recv|_recv_bytes|recv|recv_bytes|_send|_send_bytes|send|send_bytes|accept|Client"
     r"|answer_challenge|deliver_challenge|SocketClient", r"multiprocessing/connection\.py$"),
    (Kind.LOCK, r"result|wait|as_completed|exception|result_iterator|_result_or_cancel",
     r"concurrent/futures/\w+\.py$"),
    (Kind.LOCK, r"get|put|join", r"(^|/)(queue|multiprocessing/queues)\.py$"),
    (Kind.LOCK, r"wait|wait_for|acquire|__enter__|join|_wait_for_tstate_lock|_shutdown"
     r"|_acquire_restore", r"(^|/)threading\.py$"),
    (Kind.IO, r"select|poll|wait", r"(^|/)(selectors|multiprocessing/connection)\.py$"),
    (Kind.IO, r"run_forever|run_until_complete|_run_once", r"asyncio/"),
    (Kind.IO, r".*", r"(^|/)(genericpath|posixpath|glob|fnmatch|os|codecs|tempfile|linecache"
     r"|tokenize)\.py$|<frozen (codecs|os|posixpath|genericpath)>"),
)  # fmt: skip

# Looked for in the innermost frames alone: of the C library, under every stack of the native kind.
_NATIVE_LEAVES = _rules(
    (Kind.LOCK, r".*(lll_lock_wait|pthread_(mutex|rwlock)_\w*lock\w*|pthread_cond_\w*wait\w*"
     r"|futex\w*|sem_(timed|clock)?wait\w*|__new_sem_wait\w*|take_gil|PyThread_acquire_lock\w*"
     r"|lock_PyThread_acquire_lock|lock_acquire\w*|flock|(?:__libc_)?fcntl(?:64)?(?:_nocancel\w*)?|PyMutex_Lock\w*|_PyParkingLot\w*"
     r"|_PySemaphore\w*|__GI___lll\w+).*", _ANY),
    (Kind.CHILD, r".*(waitpid|wait4|waitid|wait3).*", _ANY),
    (Kind.SLEEP, r".*(nanosleep|usleep|pysleep|time_sleep).*", _ANY),
    (Kind.IO, r"(__GI_)?_*(libc_)?(read|pread(64)?|readv|write|pwrite(64)?|writev|recv|recvfrom"
     r"|recvmsg|send|sendto|sendmsg|open(at)?(64)?|connect|accept4?|poll|ppoll|select|pselect"
     r"|epoll_p?wait\w*|fsync|fdatasync|statx?|fstatat|getdents(64)?|close|sendfile|splice"
     r"|io_getevents|msync|rename|unlink)(_nocancel|64)?(\s.*)?", _NATIVE),
)  # fmt: skip

# Looked for at the innermost alone, and a guess: what these do last is to wait for the device, if
# there is one; on a processor they come back.
_SYNCHRONISING = _rules(
    (Kind.DEVICE, r"to|to_empty|cpu|_apply|convert", r"torch/nn/modules/module\.py$"),
    (Kind.DEVICE, r"_?(clip_grad|get_total_norm|no_grad_wrapper)\w*",
     r"torch/nn/utils/clip_grad\.py$"),
)  # fmt: skip
_CONVERTS = frozenset(("half", "float", "double", "bfloat16", "type", "share_memory"))
"""What calls ``_apply`` as well, and moves nothing."""

_CALLBACK = late.compile(r"(^|/)asyncio/events\.py$")
_WORKER_LOOP = late.compile(r"_utils/worker\.py$")
_PATHS = late.compile(r"^.*/(?:site-packages|dist-packages|lib/python[\d.]+)/")


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
_LEAVES = frozenset(("handle",))
"""Functions that wait for a lock only where they call nothing in Python: else they hold it."""


@functools.lru_cache(maxsize=1024)
def of_stack(stack: Stack) -> Wait | None:
    """What the thread waits for by its frames; None: no frame tells."""
    frames = stack.frames
    if is_loader_worker(frames):
        inside = [f for f in frames if _WORKER_LOOP.search(f.file)]
        first = frames.index(inside[0]) if inside else len(frames)
        if all(_is_queue(frame) for frame in frames[:first]):
            return Wait(Kind.LOADER_IDLE, "the next index")
        return _search(frames[:first]) or _guess(stack, frames[:first])
    if _is_idle(frames):
        return Wait(Kind.HELPER, "the next task")
    called = next((n for n, f in enumerate(frames) if _is_callback(f)), None)
    # The loop of asyncio waits for nothing while it is within a callback of the program's.
    own = frames if called is None else frames[:called]
    return _search(own) or _guess(stack, own)


def _is_callback(frame: Frame) -> bool:
    return frame.plain == "_run" and bool(_CALLBACK.search(frame.file))


def _is_idle(frames: Sequence[Frame]) -> bool:
    """Whether it is a worker of a pool or an executor without a task, or a server of
    multiprocessing without a request."""
    if any(_SERVES.match(f.plain) and _MANAGERS.search(f.file) for f in frames):
        return True
    loop = next((n for n, f in enumerate(frames) if _is_one_of(_WORKERS, f)), None)
    if loop is None:
        return False
    inside = [frame for frame in frames[:loop] if _is_python(frame)]
    if inside:
        return all(_is_queue(f) for f in inside) and inside[-1].plain in _ASKS
    # A thread's queue in C leaves no frame of Python; a task that is in C itself may have one.
    is_thread = any(_JOINED_IN.search(frame.file) for frame in frames[loop : loop + 2])
    return is_thread and frames[loop].plain != "serve_client"


def is_pool_worker(frames: Sequence[Frame]) -> bool:
    """Whether the stack is that of a worker of a pool or an executor of processes."""
    return any(_is_one_of(_POOL_WORKERS, frame) for frame in frames)


def _is_one_of(functions: Sequence[tuple[str, re.Pattern[str]]], frame: Frame) -> bool:
    return any(frame.plain == name and file.search(frame.file) for name, file in functions)


def _is_python(frame: Frame) -> bool:
    return frame.file.endswith(".py") or frame.file.startswith("<")


def is_loader_worker(frames: Sequence[Frame]) -> bool:
    """Whether the stack is that of a loader worker's main thread."""
    return any(f.plain == "_worker_loop" and _WORKER_LOOP.search(f.file) for f in frames)


def _search(frames: Sequence[Frame]) -> Wait | None:
    told, leaf = _first(_TELLING, frames), _first(_NATIVE_LEAVES, _native_end(frames))
    if told is None or (
        # A library that reads is within its own lock, at the end: the file's name says less.
        leaf is not None
        and leaf[0] is Kind.LOCK
        and told[0] is Kind.IO
        and not told[1].file.endswith(".py")
    ):
        told = leaf
    return Wait(told[0], _at(told[1])) if told else None


def _first(rules: Sequence[_Rule], frames: Sequence[Frame]) -> tuple[Kind, Frame] | None:
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
    for rule in _SYNCHRONISING:
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


def _is_queue(frame: Frame) -> bool:
    return bool(
        re.search(r"(queues|connection|selectors|synchronize|popen_\w+)\.py$", frame.file)
        or not frame.file.endswith(".py")
    )


def _at(frame: Frame) -> str:
    name = _PATHS.sub("", frame.file)
    where = f"{name}:{frame.line}" if frame.line is not None and name else name
    return f"{frame.function[:80]} ({where[-100:]})" if where else frame.function[:80]


# System calls and the kernel's functions, where the frames do not tell or there are none.
_CALLS = {
    Kind.LOCK: ("futex", "futex_waitv", "flock", "semop", "semtimedop", "futex_wait", "fcntl"),
    Kind.CHILD: ("wait4", "waitid"),
    Kind.SLEEP: ("nanosleep", "clock_nanosleep", "pause", "rt_sigsuspend", "rt_sigtimedwait"),
    Kind.IO: (
        "read", "pread64", "readv", "preadv", "write", "pwrite64", "writev", "pwritev", "open",
        "openat", "openat2", "connect", "accept", "accept4", "recvfrom", "recvmsg", "sendto",
        "sendmsg", "poll", "ppoll", "select", "pselect6", "epoll_wait", "epoll_pwait", "fsync",
        "fdatasync", "sync", "statx", "newfstatat", "stat", "getdents64", "sendfile", "splice",
        "io_getevents", "io_uring_enter", "close", "rename", "unlink", "mount", "ioctl", "msync",
        "copy_file_range", "vfork", "msgrcv", "msgsnd", "mq_timedreceive", "mq_timedsend",
    ),
}  # fmt: skip
_CALL_KINDS = {name: kind for kind, names in _CALLS.items() for name in names}

_CHANNELS = (
    (Kind.LOCK, late.compile(r"futex|flock|locks_lock|posix_lock|fcntl_setlk|do_semtimedop")),
    (Kind.CHILD, late.compile(r"^do_wait|wait4|waitid|kernel_wait")),
    (Kind.SLEEP, late.compile(r"nanosleep|sys_pause|sigsuspend|sigtimedwait")),
    (
        Kind.IO,
        late.compile(
            r"pipe|unix_stream|tcp_|inet_|sk_wait|skb_wait|poll|ep_poll|select|fifo|wait_for_partner"
            r"|do_msg(?:rcv|snd)|nfs|rpc_wait|fuse|io_schedule|wait_on_page|folio_wait|tty|n_tty|do_open"
        ),
    ),
)


def of_call(name: str | None, channel: str | None) -> Kind | None:
    """What a thread waits for by its system call, else by the kernel function it sleeps in."""
    if name is not None and name in _CALL_KINDS:
        return _CALL_KINDS[name]
    if channel is not None:
        for kind, pattern in _CHANNELS:
            if pattern.search(channel):
                return kind
    return None


_BACKGROUND = late.compile(
    r"(^|/)(wandb|mlflow|comet_ml|neptune|tensorboardX?|ipykernel|zmq|tornado|debugpy|pydevd\w*|grpc"
    r"|prometheus_client|sentry_sdk|ray/_private)/"
)
"""Libraries whose own threads wait for news all the time."""
_JOINS = late.compile(r"^(join|_wait_for_tstate_lock|_shutdown|result|as_completed|wait)$")
_NATIVE_JOINS = late.compile(r"^(__)?pthread_(clock|timed)?join\w*$")
_JOINED_IN = late.compile(r"(^|/)(threading|concurrent/futures/\w+)\.py$")
_ENDS = late.compile(r"^(join|_wait_for_tstate_lock|_shutdown)$")
_LOOP = late.compile(r"(^|/)asyncio/base_events\.py$")
_THREAD_POOL = late.compile(r"(^|/)concurrent/futures/thread\.py$")
_MANAGES = late.compile(
    r"^(_handle_workers|wait_result_broken_or_wakeup|_queue_management_worker)$"
)
_POOLS = late.compile(r"(^|/)multiprocessing/pool\.py$")
_FUTURES = late.compile(r"(^|/)concurrent/futures/\w+\.py$")
FOR_A_THREAD = (
    Kind.LOADER, Kind.COLLECTIVE, Kind.DEVICE, Kind.IO, Kind.CHILD, Kind.JOIN, Kind.LOCK,
)  # fmt: skip
"""What a thread that another waits for may be waiting for itself, the most telling first."""


_PROGRAM = late.compile(
    r"^(<module>|_run_module_as_main|_run_code|_bootstrap|spawn_main|_main|main)$"
)


def is_at_exit(stack: Stack) -> bool:
    """Whether it is the main thread of a program that has run to its end: the interpreter waits
    for threads, or in what was registered to run last, and none of the program's own first frames
    is there any more."""
    own = [f for f in stack.frames if f.file.endswith(".py") or f.file.startswith("<")]
    return bool(own) and not any(_PROGRAM.match(f.plain) for f in own)


_EXITS = late.compile(
    r"^(_shutdown|_python_exit|_exit_function|_run_exitfuncs|_run_finalizers|_?atexit\w*)$"
)


def says_exit(stack: Stack) -> bool:
    """The same of a stack whose first frames may have been cut off: a frame names the exit."""
    return is_at_exit(stack) and any(_EXITS.match(f.plain) for f in stack.frames)


def is_for_a_thread(stack: Stack) -> bool:
    """Whether the thread waits for another of its process: its end, its result, its next item."""
    return any(
        (_JOINS.match(f.plain) and _JOINED_IN.search(f.file)) or _NATIVE_JOINS.match(f.plain)
        for f in stack.frames[:6]
    )


def is_idle_loop(stack: Stack) -> bool:
    """Whether a loop of asyncio waits for its next event."""
    for frame in stack.frames:
        if _is_callback(frame):
            return False
        if frame.plain == "_run_once" and _LOOP.search(frame.file):
            return True
    return False


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


def is_in_background(stack: Stack) -> bool:
    """Whether it is a library's thread that waits for news all the time."""
    return any(_BACKGROUND.search(frame.file) for frame in stack.frames)


def names_its_thread(stack: Stack) -> bool:
    """Whether it waits for the end or the result of a thread; any other may set an event or put
    into a queue."""
    return any(
        _FUTURES.search(f.file)
        or _POOLS.search(f.file)
        or (_JOINED_IN.search(f.file) and _ENDS.match(f.plain))
        for f in [frame for frame in stack.frames if _is_python(frame)][:6]
    )


def of_others(stacks: Sequence[Stack], kinds: Sequence[Kind]) -> Wait | None:
    """What another thread waits for, if it is of these kinds; the first kind first."""
    others = [s for s in stacks if not is_in_background(s)]
    found = [wait for stack in others if (wait := of_stack(stack))]
    return next((w for kind in kinds for w in found if w.kind is kind), None)
