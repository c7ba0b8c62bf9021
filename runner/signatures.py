"""Known messages → candidate outcomes. Data first; :func:`match` reads a log's end with it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from runner.outcomes import Outcome

_END_LINES = 60


@dataclass(frozen=True)
class Signature:
    pattern: re.Pattern[str]
    outcome: Outcome


@dataclass(frozen=True)
class Match:
    outcome: Outcome
    line: str


def _table(*rows: tuple[str, Outcome]) -> tuple[Signature, ...]:
    return tuple(Signature(re.compile(pattern), outcome) for pattern, outcome in rows)


SIGNATURES = _table(
    # The most specific stand first: of two that fit one line, the first is taken.
    (r"pin_memory.*out of memory|CachingHostAllocator.*out of memory", Outcome.OOM_PINNED),
    (r"cudaHostAlloc.*(fail|out of memory)|cudaHostRegister.*fail", Outcome.OOM_PINNED),
    (
        r"CUBLAS_STATUS_ALLOC_FAILED|CUDNN_STATUS_ALLOC_FAILED|CUFFT_ALLOC_FAILED"
        r"|CUDNN_STATUS_NOT_INITIALIZED|CUSOLVER_STATUS_ALLOC_FAILED|CUSPARSE_STATUS_ALLOC_FAILED",
        Outcome.OOM_DEVICE_LIBRARY,
    ),
    (r"CUDA out of memory|torch\.(cuda\.)?OutOfMemoryError", Outcome.OOM_DEVICE_CAPACITY),
    (r"CUDA error: out of memory|cuda runtime error \(2\)", Outcome.OOM_DEVICE_CAPACITY),
    (r"insufficient shared memory|out of shared memory", Outcome.OOM_SHM),
    (r"/torch_\d+_\d+.*|killed by signal: Bus error", Outcome.OOM_SHM),
    (r"DataLoader worker \(pid.*\) is killed by signal: Segmentation", Outcome.CRASH_SEGV),
    (
        r"DataLoader worker \(pid.*\) (is killed by signal|exited unexpectedly)",
        Outcome.CRASH_WORKER,
    ),
    (
        r"^(\S+\.)?_?(Array)?MemoryError\b|std::bad_alloc|can't allocate memory"
        r"|Cannot allocate memory|not enough memory: you tried to allocate",
        Outcome.OOM_HOST_REFUSED,
    ),
    (r"[Oo]ut [Oo]f [Mm]emory: Killed process|oom[-_]kill|OOMKilled", Outcome.OOM_HOST_KILLED),
    (
        r"illegal memory access|device-side assert|CUDA error: unspecified launch failure"
        r"|uncorrectable ECC|CUDA error: misaligned address|GPU has fallen off",
        Outcome.FAULT_DEVICE,
    ),
    (
        r"NVIDIA driver on your system is too old|Found no NVIDIA driver|no kernel image"
        r"|driver version is insufficient|no CUDA-capable device|Driver/library version mismatch",
        Outcome.FAULT_DRIVER,
    ),
    (r"No space left on device|Disk quota exceeded|Errno 122", Outcome.ERROR_DISK),
    (r"Too many open files|received \d+ items of ancdata", Outcome.ERROR_FD),
    (r"[Aa]ddress already in use|EADDRINUSE", Outcome.ERROR_PORT),
    (
        r"ModuleNotFoundError|^ImportError|undefined symbol|GLIBC(XX)?_[\d.]+. not found"
        r"|operator \S+ does not exist|Torch not compiled with CUDA"
        r"|module 'numpy' has no attribute",
        Outcome.ERROR_DEPENDENCY,
    ),
    (
        r"[Ww]atchdog caught collective operation timeout|monitoredBarrier|ncclInternalError"
        r"|ncclSystemError|ncclRemoteError|Connection closed by peer|Timed out waiting \d+ms"
        r"|DistBackendError|Socket Timeout",
        Outcome.ERROR_COLLECTIVE,
    ),
    (
        r"returned nan values|contains either `inf`, `nan`"
        r"|[Ll]oss (is|became|was) (nan|inf|not finite|non-finite)|NonFiniteError",
        Outcome.ERROR_NAN,
    ),
    (
        r"Failed to read all data for array|UnpicklingError|image file is truncated"
        r"|^FileNotFoundError|\bDataError\b|EOFError: No data left|unexpected EOF",
        Outcome.ERROR_DATA,
    ),
    (r"^KeyboardInterrupt|CANCELLED AT", Outcome.INTERRUPTED),
)

_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
# Printed under every CUDA error, whatever it was.
_BOILERPLATE = re.compile(r"TORCH_USE_CUDA_DSA|CUDA_LAUNCH_BLOCKING|asynchronously reported")
_TRACEBACK = "Traceback (most recent call last):"
_CHAIN = (
    "During handling of the above exception",
    "The above exception was the direct cause",
)


def ending(text: str) -> list[str]:
    """The lines of a log that can explain its end.

    The last traceback with those it is chained to and what follows, else the last 60 lines: a
    message that was caught earlier does not explain a later exception.
    """
    lines = [_ANSI.sub("", line.rstrip("\r")) for line in text.splitlines()][-400:]
    starts = [i for i, line in enumerate(lines) if _TRACEBACK in line]
    if not starts:
        return lines[-_END_LINES:]
    first = starts.pop()
    while starts and any(mark in line for line in lines[starts[-1] : first] for mark in _CHAIN):
        first = starts.pop()
    return lines[first:]


def match(text: str) -> list[Match]:
    """What the end of a log fits, the likeliest first: later lines outrank earlier ones."""
    found: list[Match] = []
    for line in reversed(ending(text)):
        if _BOILERPLATE.search(line):
            continue
        for signature in SIGNATURES:
            if signature.pattern.search(line):
                if all(signature.outcome is not known.outcome for known in found):
                    found.append(Match(signature.outcome, line.strip()[:300]))
                break
    return found
