"""Which function of which file waits for what, the most telling first; the same of system calls and
of the kernel's own functions. Data."""

from __future__ import annotations

import re
from dataclasses import dataclass

from probes import late
from runner.wait_kinds import Kind


@dataclass(frozen=True)
class Rule:
    kind: Kind
    function: re.Pattern[str]
    file: re.Pattern[str]


def _rules(*rows: tuple[Kind, str, str]) -> tuple[Rule, ...]:
    return tuple(
        Rule(kind, late.compile(rf"^(?:{function})$"), re.compile(file))
        for kind, function, file in rows
    )


_ANY = r".*"
_NATIVE = r"^(?!.*\.py$).*$"

# Looked for in the whole stack: the calls that say what it is all about.
TELLING = _rules(
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
NATIVE_LEAVES = _rules(
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
SYNCHRONISING = _rules(
    (Kind.DEVICE, r"to|to_empty|cpu|_apply|convert", r"torch/nn/modules/module\.py$"),
    (Kind.DEVICE, r"_?(clip_grad|get_total_norm|no_grad_wrapper)\w*",
     r"torch/nn/utils/clip_grad\.py$"),
)  # fmt: skip

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
CALL_KINDS = {name: kind for kind, names in _CALLS.items() for name in names}

CHANNELS = (
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
