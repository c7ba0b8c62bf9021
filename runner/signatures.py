"""Known endings → candidate outcomes. Data first; :func:`match` reads a log's end with it."""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass

from runner import device_oom, log_ending
from runner.log_ending import Region
from runner.outcomes import Outcome as O

_KEPT = 300


@dataclass(frozen=True)
class Signature:
    pattern: re.Pattern[str]
    outcome: O
    context: re.Pattern[str] | None = None
    """Must stand somewhere in the same stretch of the log too."""


@dataclass(frozen=True)
class Match:
    outcome: O
    line: str
    numbers: str = ""
    """What a device's message tells in bytes."""
    only_a_signal: bool = False
    """The log says SIGKILL and nothing of memory: only a counter makes that a kill for memory."""


def _table(*rows: tuple[str, O] | tuple[str, O, str]) -> tuple[Signature, ...]:
    return tuple(
        Signature(re.compile(row[0]), row[1], re.compile(row[2]) if len(row) > 2 else None)
        for row in rows
    )


_ALLOCATES_PINNED = (
    r"pin[_ ]memory|cudaHostRegister|cudaHostAlloc|cudaMallocHost|CachingHostAllocator|pinned"
)
_ASSERTS = r"Assertion [`'].*[`'] failed|device-side assert"
_SHARES = r"multiprocessing/(synchronize|shared_memory|heap)\.py|SemLock|_share_f|/dev/shm|shm_open"
_COLLECTS = r"torch/distributed|c10d|gloo|nccl|NCCL|init_process_group|TCPStore|torchrun"
_LOADS = r"pickle|serialization\.py|npyio|_npyio_impl|np\.load|torch\.load|joblib"

SIGNATURES = _table(
    # The most specific stand first: of two that fit one line, the first is taken.
    # Page-locked host memory: CUDA calls it out of memory too.
    (r"CachingHostAllocator.*out of memory|out of memory.*CachingHostAllocator", O.OOM_PINNED),
    (r"(pin_memory|[Pp]inned).*(out of memory|fail|Cannot allocate|refused)", O.OOM_PINNED),
    (r"cuda(HostAlloc|HostRegister|MallocHost).*(fail|out of memory|error)", O.OOM_PINNED),
    (r"CUDA error: (out of memory|OS call failed|memory allocation|operation not supported)"
     r"|cuda runtime error \((2|304|71)\)|CudaError: (out of memory|OS call failed)"
     r"|cudaErrorMemoryAllocation|hipErrorOutOfMemory", O.OOM_PINNED, _ALLOCATES_PINNED),
    # A device assert may come out as a library's status.
    (r"CU(BLAS|DNN|FFT|SPARSE|SOLVER)_STATUS_\w+", O.FAULT_DEVICE, _ASSERTS),
    (r"CU(BLAS|DNN|SPARSE|SOLVER|RAND|TENSOR)_STATUS_(ALLOC_FAILED|NOT_INITIALIZED)"
     r"|CUFFT_ALLOC_FAILED|CURAND_STATUS_ALLOCATION_FAILED|CUDNN_STATUS_INTERNAL_ERROR(?!_)"
     r"|CUDNN_STATUS_INTERNAL_ERROR_(HOST|DEVICE)_ALLOCATION|cuDNN.*ALLOC"
     r"|(HIPBLAS|ROCBLAS|rocblas|hipblas|MIOPEN|miopen)_?[sS]tatus_?\w*([aA]lloc|memory_error)\w*"
     r"|miopenStatusAllocFailed|rocblas_status_memory_error|CUFFT_INTERNAL_ERROR",
     O.OOM_DEVICE_LIBRARY),
    (r"[Uu]nable to find (a valid cuDNN algorithm|an engine to execute)"
     r"|cuDNN.*workspace.*alloc|No valid engine configs|Failed to allocate.*workspace"
     r"|cublasCreate.*fail|cudnnCreate.*fail", O.OOM_DEVICE_LIBRARY),
    (r"(NCCL|nccl).*(out of memory|Cuda failure.*out of memory)|Cuda failure (2 )?'out of memory'",
     O.OOM_DEVICE_LIBRARY),
    (r"(CUDA|HIP|XPU|MPS backend|NPU|cuda|hip) ?(runtime)?:? out of memory"
     r"|torch\.(cuda\.)?OutOfMemoryError|CUDA error: out of memory|cuda runtime error \(2\)"
     r"|UR_RESULT_ERROR_OUT_OF_(DEVICE_)?MEMORY|hipErrorOutOfMemory|cudaErrorMemoryAllocation"
     r"|CUDA_ERROR_OUT_OF_MEMORY|RESOURCE_EXHAUSTED.*allocat|cudaMalloc.*(fail|out of memory)"
     r"|DefaultDeviceType.*out of memory", O.OOM_DEVICE_CAPACITY),
    # Descriptors before shared memory: both name the same files.
    (r"Too many open files|received \d+ items of ancdata|\[Errno 24\]|EMFILE|ENFILE", O.ERROR_FD),
    (r"insufficient shared memory|out of shared memory|unable to (write to|resize) file </torch"
     r"|unable to (allocate|open) shared memory|/torch_\d+_\d+\S*.*(No space|28\))"
     r"|killed by signal: Bus error|[Uu]nexpected bus error|shm_open.*No space|ftruncate.*/dev/shm"
     r"|No space left on device:? '?/dev/shm|Error while creating shared memory segment"
     r"|Not enough (shared memory|space in /dev/shm)", O.OOM_SHM),
    (r"No space left on device|\[Errno 28\]", O.OOM_SHM, _SHARES),
    (r"Bus error", O.OOM_SHM),
    (r"DataLoader worker \(pid.*\) is killed by signal: Segmentation", O.CRASH_SEGV),
    (r"DataLoader worker \(pid\(?s?\)?.*\) (is killed by signal|exited unexpectedly)",
     O.CRASH_WORKER),
    (r"BrokenProcessPool|A process in the process pool was terminated abruptly"
     r"|A worker process managed by the executor was unexpectedly terminated", O.CRASH_WORKER),
    # Kills for memory, by the kernel and by those who speak for it.
    (r"[Oo]ut [Oo]f [Mm]emory: Killed? process|[Mm]emory cgroup out of memory|oom[-_ ]kill(?!er\?)"
     r"|OOM[- ]?[Kk]ill|oom_reaper: reaped|invoked oom-killer|Out Of Memory|OUT_OF_ME"
     r"|[Ee]xceeded (job|step) memory limit|job killed: (v?mem|pmem)|TERM_MEMLIMIT"
     r"|node running low on memory|ray\.exceptions\.OutOfMemoryError|oom-kill event"
     r"|exceed(ed|s) (its )?memory (limit|request)|[Kk]illed.*(out of memory|OOM)"
     r"|allocated more memory than is available|systemd-oomd.*[Kk]illed|earlyoom", O.OOM_HOST_KILLED),
    (r"^(\S+\.)?_?(Array)?MemoryError\b|std::bad_alloc|can't allocate memory|bad allocation"
     r"|Cannot allocate memory|not enough memory: you tried to allocate|\[Errno 12\]|ENOMEM"
     r"|Unable to allocate [\d.]+ \w*[Bb](ytes)?( for|$)|std::length_error|memory exhausted"
     r"|[Mm]emory allocation of \d+ bytes failed|could not allocate (memory|\d)"
     r"|malloc of size \d+ failed|ArrowMemoryError|Out of memory allocating|cannot allocate vector"
     r"|libgomp: (Thread creation failed|Out of memory)|can't start new thread", O.OOM_HOST_REFUSED),
    # Driver before device: a driver that does not fit names a device as well.
    (r"NVIDIA driver on your system is too old|Found no NVIDIA driver|no kernel image"
     r"|driver version is insufficient|no CUDA-capable device|[Dd]river/library version mismatch"
     r"|API mismatch: the client|forward compatibility was attempted|No CUDA GPUs are available"
     r"|No HIP GPUs are available|No devices were found|CUDA unknown error|invalid device ordinal"
     r"|libcuda\.so[.\d]*: cannot open|couldn't communicate with the NVIDIA driver"
     r"|CUDA driver initialization failed|CUDA-capable device\(s\) is/are busy"
     r"|not compatible with the current PyTorch installation|PTX was compiled with an unsupported"
     r"|unsupported toolchain|provided PTX|device kernel image is invalid|system not yet initialized"
     r"|cudaErrorSystemNotReady|cudaErrorInsufficientDriver|system has unsupported display driver"
     r"|NVML Shared Library Not Found|Failed to initialize NVML: (?!.*lost)|CUDA_ERROR_NO_DEVICE"
     r"|Error 80[0-9]:|named symbol not found", O.FAULT_DRIVER),
    (r"illegal memory access|device-side assert|unspecified launch failure|misaligned address"
     r"|uncorrectable (ECC|NVLink)|[Uu]ncorrectable ECC|fallen off the bus|GPU is lost|GPU_IS_LOST"
     r"|illegal instruction was encountered|invalid program counter|hardware stack error"
     r"|invalid address space|launch timed out|CUDA error: (unknown error|an illegal|device not)"
     r"|NVRM: Xid|\bXid\b.*\b\d+\b|cudaError(IllegalAddress|LaunchFailure|Assert|ECC|HardwareStack)\w*"
     r"|CUDA_ERROR_(ILLEGAL_ADDRESS|LAUNCH_FAILED|ECC_UNCORRECTABLE|ASSERT|LAUNCH_TIMEOUT)"
     r"|CU(BLAS|DNN|SOLVER|SPARSE)_STATUS_(EXECUTION_FAILED|INTERNAL_ERROR|MAPPING_ERROR)"
     r"|CUFFT_(EXEC_FAILED|INVALID_DEVICE)|HSA_STATUS_ERROR|Memory access fault by GPU"
     r"|Unable to determine the device handle|hipErrorIllegalAddress|GPU requires reset"
     r"|cuda runtime error \((4|59|77|710|700|719|702|39|46|214|716|999)\)"
     r"|RmInitAdapter failed|GSP RPC|Timeout waiting for RPC from GSP", O.FAULT_DEVICE),
    (r"No space left on device|[Dd]isk quota exceeded|Errno 122\b|Errno 28\b|ENOSPC|EDQUOT"
     r"|unexpected pos \d+ vs \d+|[Ff]ile write failed|file system full|disk (is )?full"
     r"|PytorchStreamWriter failed writing|database or disk is full|[Nn]ot enough (free )?disk space"
     r"|errno = 28\b|File too large", O.ERROR_DISK),
    (r"[Aa]ddress (is )?already in use|EADDRINUSE|errno: 98\b|\[Errno (98|48)\]"
     r"|failed to listen on any local network address|[Pp]ort \d+ is (already )?in use"
     r"|[Oo]nly one usage of each socket address", O.ERROR_PORT),
    (r"ModuleNotFoundError|^(\w+\.)*ImportError\b|undefined symbol|GLIBC(XX)?_[\d.]+\S? not found"
     r"|version `\S+' not found|operator \S+ does not exist|Torch not compiled with CUDA"
     r"|module '(numpy|torch|torchvision|collections|scipy)[\w.]*' has no attribute"
     r"|cannot open shared object file|not found in the system path|numpy\.dtype size changed"
     r"|compiled using NumPy 1|binary incompatib|were compiled with different CUDA"
     r"|Couldn't load custom C\+\+ ops|DistributionNotFound|VersionConflict|requires (numpy|torch)[<>=]"
     r"|requires Python|partially initialized module|_ARRAY_API not found"
     r"|built with CUDA .* but|The detected CUDA version .* mismatches|^bash: .*: command not found"
     r"|No module named|torch was not compiled with|incompatible with (the )?(installed|this) (torch|numpy)",
     O.ERROR_DEPENDENCY),
    (r"[Ww]atchdog caught collective operation timeout|monitoredBarrier|nccl(Internal|System|Remote"
     r"|UnhandledCuda|InvalidUsage|InvalidArgument|InProgress)\w*|NCCL (error|WARN Timeout|watchdog)"
     r"|Connection closed by peer|Timed out waiting \d+ ?ms|DistBackendError|DistNetworkError"
     r"|DistStoreError|[Ss]ocket [Tt]imeout|Some NCCL operations have failed|connectFullMesh failed"
     r"|Rendezvous\w*(Timeout|Closed|Connection|State)\w*Error|[Rr]endezvous.*(timed out|failed)"
     r"|Detected mismatch between collectives|Rank \d+ (failed|reported|is (not|missing))"
     r"|Timed out (after|initializing process group)|ProcessGroup\w*.*(timeout|timed out|abort)"
     r"|gloo.*([Ee]nforce|[Ee]xception|timed out|failed|Read error|Write error|Connect)"
     r"|collective.*(timed out|time-?out)|[Tt]imeout.*collective|The client socket has (timed|failed)"
     r"|MPI_ABORT was invoked|MPI_ERR_|UCX\s+ERROR|The NCCL|heartbeat timeout|[Hh]orovod.*(shut down|failed)"
     r"|WorkNCCL\(|op\.preamble\.length <= op\.nbytes|store.*(Timeout|timed out)|Broken pipe.*store"
     r"|wait timeout after \d+ms|sendBytes failed|recvValue failed", O.ERROR_COLLECTIVE),
    (r"Connection reset by peer|Broken pipe|Connection refused|[Cc]onnection was likely closed",
     O.ERROR_COLLECTIVE, _COLLECTS),
    (r"returned nan values|contains either `inf`|returned an? (nan|inf)"
     r"|[Ll]oss\b.{0,40}\b(is|became|was|=|:|got|are|contains|turned|went)\b.{0,20}"
     r"\b(nan|NaN|inf|not finite|non-?finite|infinite)\b"
     r"|NonFinite\w*Error|[Nn]on-finite (loss|grad|norm|value)|to satisfy the constraint .* found invalid"
     r"|[Ll]oss scal\w+ .*(minimum|too small)|[Mm]inimum loss scale|[Nn]a[Nn] (loss|gradient|detected|or"
     r"|value|encountered|in )|(loss|gradients?|outputs?|weights?|tensor|logits|input|values?)\b"
     r".{0,40}\b(contains?|has|have|are|is|with) .{0,15}(nan|NaN|NAN)\b|nan detected|found (nan|NaN)"
     r"|Input (X )?contains NaN|gradients? .{0,30}(not finite|non-?finite|overflow)"
     r"|norm .{0,60}non-finite|FloatingPointError|[Ll]oss diverged|[Ll]oss is infinite"
     r"|loss (=|is|:)? ?(nan|inf)\b.*(stop|abort|exit)", O.ERROR_NAN),
    (r"^AssertionError|^ValueError|^RuntimeError", O.ERROR_NAN, r"(?m)^\w+Error: .*(\bNaN\b|\bnan\b)"),
    (r"Failed to read all data for array|UnpicklingError|image file is truncated|broken data stream"
     r"|^FileNotFoundError|^(fwi\.errors\.)?DataError\b|No data left in file|unexpected EOF"
     r"|UnidentifiedImageError|cannot identify image file|SafetensorError|HeaderTooLarge"
     r"|ended before the end-of-stream marker|tarfile\.\w*Error|BadZipFile|BadGzipFile|zlib\.error"
     r"|_lzma\.LZMAError|[Nn]ot a gzip(ped)? file|[Nn]ot a zip file|PytorchStreamReader failed"
     r"|failed finding central directory|archive is corrupted|[Cc]orrupt(ed)? (file|data|JPEG|input)"
     r"|invalid magic number|[Mm]agic (string|number|bytes)|Ran out of input|pickle data was truncated"
     r"|invalid load key|allow_pickle=False|Object arrays cannot be loaded|cannot reshape array of size"
     r"|mmap length is greater|buffer is smaller than requested|[Uu]nable to (synchronously )?open "
     r"(file|object)|truncated file|[Ff]ile is truncated|JSONDecodeError|EmptyDataError|ParserError"
     r"|ArrowInvalid|Parquet (magic|file)|not a Parquet file|Invalid (data|file) (format|header)"
     r"|Original Traceback.*CRC|CRC(-32)? check failed|[Cc]hecksum mismatch|premature end"
     r"|Unexpected end of (file|input|data)|EOFError: \S|could not read (bytes|header)"
     r"|LibsndfileError|is not a valid (image|npy|hdf5|zip)|Error opening .*: (System|File)"
     r"|buffer size must be a multiple of element size|expected \d+ bytes.* got \d+|cannot mmap an empty"
     r"|Truncated|DecompressionError|OSError: image|NotAnNpy|npy.*(truncated|corrupt)", O.ERROR_DATA),
    (r"^EOFError\s*$", O.ERROR_DATA, _LOADS),
    # The end came from outside.
    (r"DUE TO TIME LIMIT|walltime .*exceeded|TERM_RUNLIMIT|[Tt]ime limit (exceeded|reached)"
     r"|DeadlineExceeded", O.TIMEOUT),
    (r"^KeyboardInterrupt|CANCELLED AT|SignalException: Process \d+ got signal: (2|15|1)\b"
     r"|got signal: SIG(INT|TERM|HUP)|Received (SIGINT|SIGTERM|signal 15|signal 2)\b.*(exit|stop|shut|$)"
     r"|DUE TO PREEMPTION|DUE TO NODE FAILURE|^Terminated$|forcing job termination"
     r"|Ctrl-C|^\^C", O.INTERRUPTED),
    (r"Segmentation fault|SIGSEGV|segfault at|SIGILL|Illegal instruction", O.CRASH_SEGV),
)  # fmt: skip

_HEAP = re.compile(
    r"^(free|malloc|realloc|munmap_chunk|corrupted|double free|malloc_consolidate|tcache|unaligned)"
    r".*(invalid|corrupt|double|size|unaligned|memory|detected|assertion)|\*\*\* stack smashing"
)
_SIGNALS = re.compile(
    r"(?:terminated with signal|died with <Signals\.|killed by signal:?|received signal"
    r"|exited on signal|signal:?|Signal) ?\(?(SIG[A-Z]+|\d+)|exitcode ?:? ?-(\d+)\b"
)
_FIRST_FAILURE = re.compile(r"failed \(exitcode: (-?\d+)\)|^\s*exitcode\s*: (-?\d+) ")
_KILLED = re.compile(
    r"(^|[\s:])Killed(\s|$)|SIGKILL|exit(ed with)?( code| status)?:? 137\b|signal 9\b"
)
_OF_SIGNAL = {
    signal.SIGSEGV: O.CRASH_SEGV, signal.SIGBUS: O.OOM_SHM, signal.SIGKILL: O.OOM_HOST_KILLED,
    signal.SIGABRT: O.CRASH_ABORT, signal.SIGILL: O.CRASH_SEGV, signal.SIGFPE: O.CRASH_SIGNAL,
}  # fmt: skip


def match(text: str) -> list[Match]:
    """What the end of a log fits, the likeliest first: later lines outrank earlier ones, and what a
    launcher says of its child's signal outranks what the child's peers said of it."""
    lines = log_ending.clean(text)
    found: list[Match] = []
    regions = log_ending.regions(lines)
    first = _first_failure(lines)
    if first is not None and first not in (O.CRASH_ABORT,):
        found.append(_of_first(first, lines))
    for region in regions:
        _add(found, _in_region(region))
    if first is O.CRASH_ABORT:
        _add(found, [_of_first(first, lines)])
    if not found:
        _add(found, _by_signals(regions))
    return found


def is_heap_corruption(text: str) -> bool:
    """Whether the C library found its heap destroyed: a wild write, as behind a segmentation
    fault."""
    return any(_HEAP.search(line) for line in log_ending.clean(text)[-30:])


def _add(found: list[Match], more: list[Match]) -> None:
    known = {match.outcome for match in found}
    found += [match for match in more if match.outcome not in known]


def _in_region(region: Region) -> list[Match]:
    found: list[Match] = []
    for line in reversed(region.lines):
        for signature in SIGNATURES:
            if not signature.pattern.search(line):
                continue
            if signature.context is not None and not signature.context.search(region.context):
                continue
            _add(found, [_match(signature.outcome, line, region)])
            break
    return found


def _match(outcome: O, line: str, region: Region) -> Match:
    shown = line.strip()[:_KEPT]
    if outcome is O.OOM_DEVICE_CAPACITY:
        numbers = device_oom.read(line) or device_oom.read(region.context[-4000:])
        if numbers is not None:
            return Match(device_oom.kind(numbers), shown, device_oom.words(numbers))
    return Match(outcome, shown)


def _first_failure(lines: list[str]) -> O | None:
    """What torchrun's summary says of the rank that failed first; None where it says no signal.

    Ranks that got SIGTERM are victims of the launcher."""
    text = [line for line in lines if "exitcode" in line]
    told: list[int] = []
    root = next((i for i, line in enumerate(lines) if "Root Cause" in line), None)
    for line in [*(lines[root:] if root is not None else []), *text]:
        if found := _FIRST_FAILURE.search(line):
            told.append(int(found[1] or found[2]))
    first = next((code for code in told if code != -signal.SIGTERM), None)
    return (
        None
        if first is None or first >= 0
        else _OF_SIGNAL.get(signal.Signals(-first))
        if -first in {s.value for s in signal.Signals}
        else None
    )


def _of_first(outcome: O, lines: list[str]) -> Match:
    line = next((line for line in reversed(lines) if "exitcode" in line and "-" in line), "")
    return Match(outcome, line.strip()[:_KEPT], only_a_signal=outcome is O.OOM_HOST_KILLED)


def _by_signals(regions: list[Region]) -> list[Match]:
    found: list[Match] = []
    for region in regions:
        for line in reversed(region.lines):
            named = _SIGNALS.search(line)
            outcome = None
            if named:
                outcome = _outcome_of_signal(named[1] or named[2])
            elif _KILLED.search(line):
                outcome = O.OOM_HOST_KILLED
            if outcome is not None:
                _add(
                    found, [Match(outcome, line.strip()[:_KEPT], "", outcome is O.OOM_HOST_KILLED)]
                )
    return found


def _outcome_of_signal(name: str) -> O | None:
    try:
        number = signal.Signals(int(name)) if name.isdigit() else signal.Signals[name]
    except (ValueError, KeyError):
        return None
    return _OF_SIGNAL.get(number)
