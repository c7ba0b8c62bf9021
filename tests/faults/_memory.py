"""Faults of memory: of the host, of shared memory, and of the device, in its own words."""

from __future__ import annotations

from tests.faults.fault import Fault, Room

_CGROUP = Room(cgroup_mib=64)
_SMALL_SHM = Room(shm_kib=4096)

HOST = (
    Fault(
        "killed for memory",
        "the kernel kills the job in its memory cgroup",
        ("eats_memory_in_a_cgroup", "{cgroup}"),
        "oom.host.killed",
        room=_CGROUP,
    ),
    Fault(
        "child killed for memory",
        "the kernel kills a child, and the job fails of that",
        ("child_eats_memory", "{cgroup}"),
        "oom.host.killed",
        room=_CGROUP,
    ),
    Fault(
        "loader worker killed for memory",
        "the kernel kills a loader worker; torch raises a RuntimeError",
        ("worker_eats_memory", "{cgroup}"),
        "oom.host.worker",
        room=_CGROUP,
        needs=("torch",),
    ),
    Fault(
        "allocation refused",
        "MemoryError under a limit of address space",
        ("runs_out_of_memory",),
        "oom.host.refused",
    ),
    Fault(
        "tensor too large",
        "torch's allocator is refused",
        ("tensor_too_large",),
        "oom.host.refused",
        needs=("torch",),
    ),
    Fault(
        "more than --max-host-memory",
        "the job grows past the limit that the user set",
        ("grows", "640"),
        "oom.host.limit",
        ("--max-host-memory", "256M", "--grace", "1"),
        evidence=("{0}",),
        compared=False,
    ),
    Fault(
        "bus error in shared memory",
        "/dev/shm of 4 MB is full; the job dies without a word",
        ("fills_shared_memory",),
        "oom.shm",
        room=_SMALL_SHM,
    ),
    Fault(
        "loader's batches fill shared memory",
        "/dev/shm of 4 MB is full; a worker dies of it",
        ("worker_fills_shared_memory",),
        "oom.shm",
        leaks=("shm",),
        room=_SMALL_SHM,
        needs=("torch",),
    ),
)


def _words(case: str, outcome: str, what: str) -> Fault:
    """CUDA's own words, without a device. Other tools pass them on as they are."""
    compared = case in ("capacity", "fragmentation", "foreign", "illegal", "no-driver")
    return Fault(f"CUDA: {case}", what, ("cuda_says", case), outcome, compared=compared)


DEVICE = (
    _words("capacity", "oom.device.capacity", "the job filled the device"),
    _words("capacity-1.3", "oom.device.capacity", "the same in the words of torch 1.3"),
    _words("capacity-1.13", "oom.device.capacity", "the same in the words of torch 1.13"),
    _words("fragmentation", "oom.device.fragmentation", "reserved, free and unusable"),
    _words("fragmentation-1.13", "oom.device.fragmentation", "the same, only in numbers"),
    _words("foreign", "oom.device.foreign", "another process holds the device"),
    _words("foreign-1.13", "oom.device.foreign", "the same, to be inferred from numbers"),
    _words("cublas", "oom.device.library", "cuBLAS could not allocate"),
    _words("cudnn", "oom.device.library", "cuDNN could not start for want of memory"),
    _words("cufft", "oom.device.library", "cuFFT could not allocate"),
    _words("pinned", "oom.pinned", "page-locked host memory was refused"),
    _words("illegal", "fault.device", "illegal access to memory"),
    _words("assert", "fault.device", "an assertion in a kernel"),
    _words("terminate", "fault.device", "illegal access, seen in a destructor: abort"),
    _words("ecc", "fault.device", "memory of the device is broken"),
    _words("no-kernel", "fault.driver", "built for other devices"),
    _words("no-driver", "fault.driver", "no driver"),
    _words("old-driver", "fault.driver", "the driver is too old"),
    _words("mismatch", "fault.driver", "driver and library do not match"),
    _words("caught", "error.python", "out of memory, caught; then a KeyError"),
)

MEMORY = HOST + DEVICE
