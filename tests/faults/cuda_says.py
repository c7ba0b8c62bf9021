"""Fails with the words of a CUDA program, without a device: the name of one of the cases."""

import os
import resource
import sys

NOTE = (
    "CUDA kernel errors might be asynchronously reported at some other API call, so the "
    "stacktrace below might be incorrect.\nFor debugging consider passing CUDA_LAUNCH_BLOCKING=1\n"
    "Compile with `TORCH_USE_CUDA_DSA` to enable device-side assertions.\n"
)
SEE = (
    "See documentation for Memory Management  "
    "(https://pytorch.org/docs/stable/notes/cuda.html#environment-variables)"
)
HINT = (
    " If reserved but unallocated memory is large try setting "
    f"PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True to avoid fragmentation.  {SEE}"
)


class OutOfMemoryError(RuntimeError):
    __module__ = "torch"


class AcceleratorError(RuntimeError):
    __module__ = "torch"


def modern(tried: str, free: str, others: str, own: str, allocated: str, idle: str) -> Exception:
    return OutOfMemoryError(
        f"CUDA out of memory. Tried to allocate {tried}. GPU 0 has a total capacity of 14.74 GiB "
        f"of which {free} is free. {others}Including non-PyTorch memory, this process has {own} "
        f"memory in use. Of the allocated memory {allocated} is allocated by PyTorch, and {idle} "
        f"is reserved by PyTorch but unallocated.{HINT}"
    )


def old(tried: str, allocated: str, free: str, held: str) -> Exception:
    return RuntimeError(
        f"CUDA out of memory. Tried to allocate {tried} (GPU 0; 15.90 GiB total capacity; "
        f"{allocated} already allocated; {free} free; {held})"
    )


CASES = {
    "capacity": lambda: modern(
        "1.12 GiB", "604.12 MiB", "", "14.14 GiB", "13.71 GiB", "310.44 MiB"
    ),
    "capacity-1.3": lambda: old("512.00 MiB", "14.61 GiB", "201.88 MiB", "96.50 MiB cached"),
    "capacity-1.13": lambda: old(
        "768.00 MiB", "14.32 GiB", "155.75 MiB", "14.93 GiB reserved in total by PyTorch"
    ),
    "fragmentation": lambda: modern(
        "2.00 GiB", "410.06 MiB", "", "14.33 GiB", "8.87 GiB", "5.25 GiB"
    ),
    "fragmentation-1.13": lambda: old(
        "1.75 GiB", "8.04 GiB", "240.75 MiB", "14.79 GiB reserved in total by PyTorch"
    ),
    "foreign": lambda: modern(
        "256.00 MiB", "120.12 MiB", "Process 41877 has 13.02 GiB memory in use. ", "1.60 GiB",
        "1.31 GiB", "44.70 MiB",
    ),
    "foreign-1.13": lambda: old(
        "64.00 MiB", "1.21 GiB", "21.75 MiB", "1.30 GiB reserved in total by PyTorch"
    ),
    "cublas": lambda: RuntimeError(
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"
    ),
    "cudnn": lambda: RuntimeError("cuDNN error: CUDNN_STATUS_NOT_INITIALIZED"),
    "cufft": lambda: RuntimeError("cuFFT error: CUFFT_ALLOC_FAILED"),
    "pinned": lambda: AcceleratorError(f"CUDA error: out of memory\n{NOTE}"),
    "illegal": lambda: AcceleratorError(
        f"CUDA error: an illegal memory access was encountered\n{NOTE}"
    ),
    "assert": lambda: RuntimeError(f"CUDA error: device-side assert triggered\n{NOTE}"),
    "ecc": lambda: RuntimeError(f"CUDA error: uncorrectable ECC error encountered\n{NOTE}"),
    "no-kernel": lambda: RuntimeError(
        f"CUDA error: no kernel image is available for execution on the device\n{NOTE}"
    ),
    "no-driver": lambda: RuntimeError(
        "Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU and "
        "installed a driver from http://www.nvidia.com/Download/index.aspx"
    ),
    "old-driver": lambda: RuntimeError(
        "The NVIDIA driver on your system is too old (found version 11040). Please update your "
        "GPU driver by downloading and installing a new version from the URL: "
        "http://www.nvidia.com/Download/index.aspx"
    ),
    "mismatch": lambda: RuntimeError(
        "Unexpected error from cudaGetDeviceCount(). Did you run some cuda functions before "
        "calling NumCudaDevices() that might have already set an error? Error 803: system has "
        "unsupported display driver / cuda driver combination"
    ),
}  # fmt: skip


class Batch:
    """The frame that tells refused host memory from a full device."""

    def pin_memory(self) -> None:
        raise CASES["pinned"]()


case = sys.argv[1]
print("ready", flush=True)
if case == "assert":
    for thread in range(4):
        print(
            f"../aten/src/ATen/native/cuda/Loss.cu:242: nll_loss_forward_reduce_cuda_kernel_2d: "
            f"block: [0,0,0], thread: [{thread},0,0] Assertion `t >= 0 && t < n_classes` failed.",
            file=sys.stderr,
        )
if case == "terminate":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.stderr.write(
        "terminate called after throwing an instance of 'c10::Error'\n"
        f"  what():  CUDA error: an illegal memory access was encountered\n{NOTE}"
    )
    os.abort()
if case == "pinned":
    batch = Batch().pin_memory()
if case == "caught":
    try:
        raise CASES["capacity"]()
    except RuntimeError:
        print("out of memory: going on with half of the batch", file=sys.stderr)
    {}["label"]
raise CASES[case]()
