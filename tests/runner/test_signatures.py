"""Endings in the words of many versions and launchers, each with its outcome."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner import device_oom
from runner.explain import explain, parse_status

TRACE = (
    'Traceback (most recent call last):\n  File "/job/train.py", line 3, in <module>\n    go()\n'
)


def trace(error: str, *frames: str) -> str:
    inner = "".join(f'  File "{frame}", line 7, in f\n    call()\n' for frame in frames)
    return TRACE + inner + error


SUMMARY = """\
torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
============================================================
train.py FAILED
------------------------------------------------------------
Failures:
[1]:
  rank      : 1 (local_rank: 1)
  exitcode  : -15 (pid: 12)  (SIGTERM)
------------------------------------------------------------
Root Cause (first observed failure):
[0]:
  rank      : 0 (local_rank: 0)
  exitcode  : {0} (pid: 11)
============================================================
"""

TERMINATED_WORKER = (
    "joblib.externals.loky.process_executor.TerminatedWorkerError: A worker process managed by the "
    "executor was unexpectedly terminated. This could be caused by a segmentation fault while calling "
    "the function or by an excessive memory usage causing the Operating System to kill the worker.\n"
    "\nThe exit codes of the workers are {{{0}}}"
)

ENDINGS = [
    # Device memory, by version and device.
    ("oom.device.library", 1, trace("torch.distributed.DistBackendError: NCCL error in: ../torch/csrc/"
     "distributed/c10d/NCCLUtils.hpp:317, unhandled cuda error (run with NCCL_DEBUG=INFO for details), "
     "NCCL version 2.21.5\nncclUnhandledCudaError: Call to CUDA function failed.\nLast error:\n"
     "Failed to CUDA calloc async 608 bytes")),
    ("oom.device.library", 1, trace("torch.distributed.DistBackendError: NCCL error in: x.hpp:268, "
     "unhandled cuda error, NCCL version 2.19.3\nncclUnhandledCudaError: Call to CUDA function failed."
     "\nLast error:\nFailed to CUDA malloc 4194304 bytes")),
    ("oom.pinned", 1, trace("torch.distributed.DistBackendError: NCCL error in: x.hpp:268, unhandled "
     "cuda error\nncclUnhandledCudaError: Call to CUDA function failed.\nLast error:\nFailed to CUDA "
     "host alloc 16777216 bytes")),
    # Pools whose message tells how a worker ended.
    ("crash.segv", 1, trace(TERMINATED_WORKER.format("SIGSEGV(-11)"))),
    ("crash.abort", 1, trace(TERMINATED_WORKER.format("SIGABRT(-6)"))),
    ("oom.host.killed", 1, trace(TERMINATED_WORKER.format("SIGKILL(-9)"))),
    ("crash.killed", 1, trace(TERMINATED_WORKER.format("SIGTERM(-15)"))),
    ("error.python", 1, trace(TERMINATED_WORKER.format("EXIT(1)"))),
    ("crash.segv", 1, trace("billiard.exceptions.WorkerLostError: Worker exited prematurely: signal "
     "11 (SIGSEGV) Job: 0.")),
    ("oom.host.killed", 1, trace("billiard.exceptions.WorkerLostError: Worker exited prematurely: "
     "signal 9 (SIGKILL) Job: 0.")),
    ("oom.device.capacity", 1, trace("RuntimeError: CUDA out of memory. Tried to allocate 1.10 GiB "
     "(GPU 0; 14.76 GiB total capacity; 12.90 GiB already allocated; 500.75 MiB free; 13.60 GiB "
     "reserved in total by PyTorch)")),
    ("oom.device.capacity", 1, trace("torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to "
     "allocate 20.00 MiB. GPU 0 has a total capacty of 14.75 GiB of which 13.06 MiB is free. Process"
     " 2 has 14.73 GiB memory in use. Of the allocated memory 14.30 GiB is allocated by PyTorch, and "
     "100.00 MiB is reserved by PyTorch but unallocated.")),
    ("oom.device.capacity", 1, trace("torch.OutOfMemoryError: HIP out of memory. Tried to allocate "
     "2.00 GiB. GPU 0 has a total capacity of 63.98 GiB of which 1.00 GiB is free. Of the allocated "
     "memory 61.00 GiB is allocated by PyTorch, and 500.00 MiB is reserved by PyTorch but "
     "unallocated.")),
    ("oom.device.capacity", 1, trace("RuntimeError: MPS backend out of memory (MPS allocated: 17.10 "
     "GB, other allocations: 380.00 MB, max allowed: 18.13 GB). Tried to allocate 900.00 MB on "
     "private pool.")),
    ("oom.device.capacity", 1, trace("torch.OutOfMemoryError: XPU out of memory. Tried to allocate "
     "8.00 GiB. GPU 0 has a total capacity of 15.91 GiB.")),
    ("oom.device.fragmentation", 1, trace("RuntimeError: CUDA out of memory. Tried to allocate 900.00"
     " MiB (GPU 0; 10.76 GiB total capacity; 5.01 GiB already allocated; 200.00 MiB free; 9.70 GiB "
     "reserved in total by PyTorch)")),
    ("oom.device.foreign", 1, "[rank1]: " + trace("torch.OutOfMemoryError: CUDA out of memory. Tried "
     "to allocate 64.00 MiB. GPU 1 has a total capacity of 23.64 GiB of which 20.00 MiB is free. "
     "Process 4411 has 20.10 GiB memory in use. Including non-PyTorch memory, this process has 3.40 "
     "GiB memory in use. Of the allocated memory 3.00 GiB is allocated by PyTorch, and 50.00 MiB is "
     "reserved by PyTorch but unallocated.").replace("\n", "\n[rank1]: ")),
    ("oom.device.library", 1, trace("RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when "
     "calling `cublasCreate(handle)`")),
    ("oom.device.library", 1, trace("RuntimeError: Unable to find a valid cuDNN algorithm to run "
     "convolution")),
    ("oom.device.library", 1, trace("RuntimeError: cuFFT error: CUFFT_ALLOC_FAILED")),
    ("oom.pinned", 1, trace("RuntimeError: CUDA error: out of memory", "/v/torch/utils/data/_utils/"
     "pin_memory.py")),
    ("oom.pinned", 1, trace("RuntimeError: Caught RuntimeError in pin memory thread for device 0.\n"
     + TRACE.replace("Trace", "Original Trace") + "RuntimeError: CUDA error: out of memory")),
    # Host memory.
    ("oom.host.refused", 1, trace("MemoryError: Unable to allocate 12.0 GiB for an array with shape "
     "(1, 2) and data type float64")),
    ("oom.host.refused", 134, "terminate called after throwing an instance of 'std::bad_alloc'\n"
     "  what():  std::bad_alloc\nAborted (core dumped)"),
    ("oom.host.refused", 1, trace("RuntimeError: [enforce fail at alloc_cpu.cpp:118] err == 0. "
     "DefaultCPUAllocator: can't allocate memory: you tried to allocate 10 bytes. Error code 12")),
    ("oom.host.refused", 1, trace("OSError: [Errno 12] Cannot allocate memory")),
    ("oom.host.killed", 137, "slurmstepd: error: Detected 1 oom_kill event in StepId=3.0. Some of the"
     " step tasks have been OOM Killed."),
    ("oom.host.killed", 137, "epoch 3\nMemory cgroup out of memory: Killed process 9 (python)"),
    ("oom.host.killed", 1, trace("torch.multiprocessing.spawn.ProcessExitedException: process 1 "
     "terminated with signal SIGKILL")),
    ("oom.host.killed", 1, trace(SUMMARY.format("-9"))),
    ("oom.host.killed", 137, "State: OUT_OF_MEMORY (exit code 0)"),
    # Shared memory.
    ("oom.shm", 1, "ERROR: Unexpected bus error encountered in worker. This might be caused by "
     "insufficient shared memory (shm).\n" + trace("RuntimeError: DataLoader worker (pid 7) is killed"
     " by signal: Bus error. It is possible that dataloader's workers are out of shared memory.")),
    ("oom.shm", 1, trace("RuntimeError: unable to write to file </torch_12_345_6>")),
    ("oom.shm", 1, trace("OSError: [Errno 28] No space left on device",
                         "/p/multiprocessing/shared_memory.py")),
    ("oom.shm", 135, "Bus error (core dumped)"),
    # Device and driver.
    ("fault.device", 1, trace("RuntimeError: CUDA error: an illegal memory access was encountered")),
    ("fault.device", 1, "../aten/src/ATen/native/cuda/Indexing.cu:1: block: [0,0,0], thread: [1,0,0]"
     " Assertion `srcIndex < srcSelectDimSize` failed.\n"
     + trace("RuntimeError: CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublas`")
     .replace(TRACE, TRACE + "Assertion `x < y` failed.\n")),
    ("fault.device", None, "NVRM: Xid (PCI:0000:0b:00): 79, pid=1, GPU has fallen off the bus."),
    ("fault.device", 1, trace("torch.AcceleratorError: CUDA error: uncorrectable ECC error")),
    ("fault.driver", 1, trace("RuntimeError: The NVIDIA driver on your system is too old (found "
     "version 11040).")),
    ("fault.driver", 1, trace("RuntimeError: CUDA error: no kernel image is available for execution "
     "on the device")),
    ("fault.driver", 255, "Failed to initialize NVML: Driver/library version mismatch"),
    ("fault.driver", 1, trace("RuntimeError: No CUDA GPUs are available")),
    # Loader.
    ("crash.worker", 1, trace("RuntimeError: DataLoader worker (pid(s) 31, 32) exited unexpectedly")),
    ("crash.segv", 1, trace("RuntimeError: DataLoader worker (pid 3) is killed by signal: "
     "Segmentation fault.")),
    ("error.python", 1, trace("KeyError: Caught KeyError in DataLoader worker process 1.\n"
     + TRACE.replace("Trace", "Original Trace") + "KeyError: 'label'")),
    # Collectives.
    ("error.collective", 134, "[rank2]:[E ProcessGroupNCCL.cpp:616] [Rank 2] Watchdog caught "
     "collective operation timeout: WorkNCCL(SeqNum=4)\nAborted (core dumped)"),
    ("error.collective", 1, "[default0]:RuntimeError: [../gloo/transport/tcp/pair.cc:598] Connection "
     "closed by peer [127.0.0.1]:100\n" + trace(SUMMARY.format("1"))),
    ("error.collective", 1, trace("torch.distributed.DistStoreError: Timed out after 61 seconds "
     "waiting for clients. 1/2 clients joined.")),
    ("error.collective", 1, trace("torch.distributed.DistBackendError: NCCL error in: ../Nccl.cpp:10,"
     " remote process exited or there was a network error")),
    ("error.port", 1, trace("torch.distributed.DistNetworkError: The server socket has failed to "
     "listen on any local network address. port: 29500, useIpv6: false, code: -98, name: EADDRINUSE,"
     " message: address already in use")),
    ("error.port", 1, trace("OSError: [Errno 98] Address already in use")),
    # Data, disk, descriptors, dependencies, NaN.
    ("error.data", 1, trace("_pickle.UnpicklingError: invalid load key, '<'.")),
    ("error.data", 1, trace("EOFError: Ran out of input")),
    ("error.data", 1, trace("RuntimeError: PytorchStreamReader failed reading zip archive: failed "
     "finding central directory")),
    ("error.data", 1, trace("OSError: Unable to synchronously open file (truncated file: eof = 96)")),
    ("error.data", 1, trace("zipfile.BadZipFile: File is not a zip file")),
    ("error.data", 1, trace("ValueError: cannot reshape array of size 3 into shape (5,1000,70)")),
    ("error.disk", 1, trace("OSError: [Errno 28] No space left on device: 'ckpt.pt'")),
    ("error.disk", 1, trace("RuntimeError: [enforce fail at inline_container.cc:603] . unexpected pos"
     " 832 vs 726")),
    ("error.disk", 1, trace("OSError: [Errno 122] Disk quota exceeded")),
    ("error.fd", 1, trace("RuntimeError: received 0 items of ancdata")),
    ("error.fd", 1, trace("RuntimeError: unable to open shared memory object </torch_1_2> in "
     "read-write mode: Too many open files (24)")),
    ("error.dependency", 1, trace("ImportError: libcudnn.so.8: cannot open shared object file: No "
     "such file or directory")),
    ("error.dependency", 1, trace("RuntimeError: operator torchvision::nms does not exist")),
    ("error.dependency", 1, trace("AssertionError: Torch not compiled with CUDA enabled")),
    ("error.dependency", 1, trace("AttributeError: module 'numpy' has no attribute 'float'")),
    ("error.nan", 1, trace("RuntimeError: Function 'LogBackward0' returned nan values in its 0th "
     "output.")),
    ("error.nan", 1, trace("FloatingPointError: Loss is nan at step 12")),
    ("error.nan", 1, trace("ValueError: loss became inf, stopping")),
    # Crashes and ends from outside.
    ("crash.segv", 139, "Fatal Python error: Segmentation fault\n\nThread 0x01 (most recent call "
     'first):\n  File "a.py", line 1 in f'),
    ("crash.segv", 134, "double free or corruption (out)\nAborted"),
    ("crash.segv", 1, trace(SUMMARY.format("-11"))),
    ("interrupted", 1, trace("KeyboardInterrupt")),
    ("interrupted", 143, "Terminated"),
    ("timeout", 1, "slurmstepd: error: *** JOB 7 ON n1 CANCELLED AT 2026-01-01 DUE TO TIME LIMIT ***"),
    ("ok", 0, "torch.cuda.OutOfMemoryError: CUDA out of memory (caught)\nexit code 137 seen, done"),
    # What was lived through does not explain what came later.
    ("error.python", 1, trace("RuntimeError: CUDA out of memory. Tried to allocate 2.00 GiB")
     + "\nretrying with 32\n" + trace("KeyError: 'optimizer'")),
    ("error.python", 1, "test_cuda_out_of_memory PASSED\n" + trace("ZeroDivisionError: division")),
    ("error.python", 1, trace("ValueError: too many values to unpack (expected 2)")),
    ("error.python", 1, trace("TypeError: got an unexpected keyword argument 'nan_policy'")),
]  # fmt: skip


@pytest.mark.parametrize(("outcome", "status", "text"), ENDINGS, ids=range(len(ENDINGS)))
def test_ending_is_known(outcome: str, status: int | None, text: str) -> None:
    found = explain(text, status)
    assert found.outcome == outcome, found


WRAPPED = [
    "\x1b[31m{}\x1b[0m",
    "[1,0]<stderr>:{}",
    "[rank3]: {}",
    "[default0]:{}",
    "0: {}",
    "2026-03-01 10:11:12,345 ERROR {}",
    "[2026-03-01T10:11:12Z] {}",
    "step 3/9 [=>   ]\r{}",
]


@pytest.mark.parametrize("wrapping", WRAPPED)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_launchers_colours_and_stamps_hide_nothing(wrapping: str, end: str) -> None:
    text = trace("MemoryError: Unable to allocate 12.0 GiB for an array")
    wrapped = end.join(wrapping.format(line) for line in text.splitlines())
    assert explain(wrapped, 1).outcome == "oom.host.refused"


def test_device_numbers_are_read_whatever_the_version() -> None:
    found = device_oom.read(
        "CUDA out of memory. Tried to allocate 1.00 GiB. GPU 0 has a total capacity of 10.00 GiB of "
        "which 512.00 MiB is free. Process 9 has 2.00 GiB memory in use. Including non-PyTorch "
        "memory, this process has 7.50 GiB memory in use. Of the allocated memory 5.00 GiB is "
        "allocated by PyTorch, and 2.00 GiB is reserved by PyTorch but unallocated."
    )
    assert found is not None
    gib = 1 << 30
    assert (found.requested, found.total, found.free) == (gib, 10 * gib, gib // 2)
    assert (found.own, found.allocated, found.reserved) == (15 * gib // 2, 5 * gib, 7 * gib)
    assert (found.unused, found.foreign, found.named) == (2 * gib, 2 * gib, ((9, 2 * gib),))


@given(st.text(max_size=300), st.sampled_from([None, 0, 1, 134, 137, -9, 255]))
def test_any_text_is_explained_without_an_error(text: str, status: int | None) -> None:
    explain(text, status)
    explain(TRACE + text, status)
    device_oom.read("Tried to allocate " + text)


def test_processes_of_the_job_are_no_others() -> None:
    gib = 1 << 30
    seen = device_oom.DeviceOom(
        requested=gib, total=80 * gib, free=0, allocated=36 * gib, reserved=37 * gib, own=38 * gib,
        named=((5, 40 * gib), (6, 2 * gib)),
    )  # fmt: skip
    assert seen.foreign == 42 * gib
    assert device_oom.of_the_tree(seen, {5}).foreign == 2 * gib
    assert device_oom.of_the_tree(seen, {5, 6}).foreign == 0
    # Where the message does not say which of the named ones has failed.
    all_named = dataclasses.replace(seen, own=None, named=(*seen.named, (7, 38 * gib)))
    ours = device_oom.of_the_tree(all_named, {5, 7})
    assert ours.siblings == 40 * gib
    assert device_oom.judge(ours).outcome == "oom.device.capacity"
    assert device_oom.of_the_tree(all_named, {7}).siblings == 0


def test_one_endless_line_is_read_in_no_time() -> None:
    assert explain("loss nan is " * 100_000, 1).outcome.startswith("error")
    assert explain("Timed out" + " " * 1_000_000, 1).outcome.startswith("error")
    for letters in ("a", "1", " ", "a:", "aA."):
        assert explain((letters * 2000 + "\n") * 300, 1).outcome == "error.python"


def test_status_is_a_number_or_the_name_of_a_signal() -> None:
    known = {"0": 0, "137": 137, "-9": -9, "SIGSEGV": -11, "term": -15, "271": -15}
    assert {text: parse_status(text) for text in known} == known
    for wrong in ("x", "256", "400", "SIGNOTHING", ""):
        with pytest.raises(ValueError, match=r"\w"):
            parse_status(wrong)
