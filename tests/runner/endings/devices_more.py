"""More of what devices, their libraries and drivers say."""

from __future__ import annotations

WORDINGS: dict[str, list[str]] = {
    "oom.device.capacity": [
        "RuntimeError: CUDA out of memory. Tried to allocate 392.00 MiB (GPU 0; 10.92 GiB total "
        "capacity; 9.53 GiB already allocated; 308.50 MiB free; 120.21 MiB cached)",
        "RuntimeError: CUDA out of memory. Tried to allocate 20.00 MiB (GPU 7; 31.75 GiB total "
        "capacity; 30.28 GiB already allocated; 13.94 MiB free; 30.51 GiB reserved in total by "
        "PyTorch) (malloc at "
        "/opt/conda/conda-bld/pytorch_1579022060824/work/c10/cuda/CUDACachingAllocator.cpp:289"
        ")\nframe #0: c10::Error::Error(c10::SourceLocation, std::string const&) + 0x47 (0x7f8 "
        "in libc10.so)",
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.15 GiB. GPU 0 has a "
        "total capacity of 9.50 GiB of which 612.31 MiB is free. Including non-PyTorch memory, "
        "this process has 8.90 GiB memory in use. Of the allocated memory 8.30 GiB is allocated "
        "by PyTorch, and 120.55 MiB is reserved by PyTorch but unallocated. If reserved but "
        "unallocated memory is large try setting PYTORCH_ALLOC_CONF=expandable_segments:True to "
        "avoid fragmentation.",
        "RuntimeError: MPS backend out of memory (MPS allocated: 8.14 GB, other allocations: "
        "1.02 GB, max allowed: 9.07 GB). Tried to allocate 25.00 MB on shared pool. Use "
        "PYTORCH_MPS_HIGH_WATERMARK_RATIO=0.0 to disable upper limit for memory allocations "
        "(may cause system failure).",
        "RuntimeError: Invalid buffer size: 24.00 GB",
        "torch.cuda.OutOfMemoryError: HIP out of memory. Tried to allocate 4.50 GiB. GPU 0 has "
        "a total capacty of 23.98 GiB of which 1.20 GiB is free. Of the allocated memory 20.80 "
        "GiB is allocated by PyTorch, and 1.20 GiB is reserved by PyTorch but unallocated. If "
        "reserved but unallocated memory is large try setting max_split_size_mb to avoid "
        "fragmentation.  See documentation for Memory Management and PYTORCH_HIP_ALLOC_CONF",
        "RuntimeError: NPU out of memory. Tried to allocate 1.00 GiB (NPU 0; 32.00 GiB total "
        "capacity; 29.00 GiB already allocated; 29.00 GiB current active; 400.00 MiB free; "
        "30.10 GiB reserved in total by PyTorch)",
        "torch.OutOfMemoryError: Allocation on device 0 would exceed allowed memory. (out of "
        "memory)",
        "torch.OutOfMemoryError: Allocation on device ",
        "torch._dynamo.exc.BackendCompilerFailed: backend='inductor' raised:\nOutOfMemoryError: "
        "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 23.65 "
        "GiB of which 1.10 GiB is free. Including non-PyTorch memory, this process has 22.50 "
        "GiB memory in use. Of the allocated memory 21.00 GiB is allocated by PyTorch, and "
        "900.00 MiB is reserved by PyTorch but unallocated.",
        "RuntimeError: CUDA error: out of memory\nCUDA kernel errors might be asynchronously "
        "reported at some other API call,so the stacktrace below might be incorrect.\nFor "
        "debugging consider passing CUDA_LAUNCH_BLOCKING=1.",
        "pycuda._driver.MemoryError: cuMemAlloc failed: out of memory",
        "MemoryError: std::bad_alloc: out_of_memory: CUDA error at: "
        "/home/conda/rmm/mr/device/cuda_memory_resource.hpp:70: cudaErrorMemoryAllocation out "
        "of memory",
        "RuntimeError: Failed to allocate 2147483648 bytes of device memory: "
        "CUDA_ERROR_OUT_OF_MEMORY",
        "ValueError: No available memory for the cache blocks. Try increasing "
        "`gpu_memory_utilization` when initializing the engine.",
    ],
    "oom.device.foreign": [
        "RuntimeError: CUDA out of memory. Tried to allocate 98.00 MiB (GPU 0; 15.78 GiB total "
        "capacity; 1.11 GiB already allocated; 34.75 MiB free; 1.21 GiB reserved in total by "
        "PyTorch)",
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 MiB. GPU 0 has a "
        "total capacity of 79.10 GiB of which 1.19 MiB is free. Process 101 has 40.00 GiB "
        "memory in use. Process 102 has 38.60 GiB memory in use. Including non-PyTorch memory, "
        "this process has 502.00 MiB memory in use. Of the allocated memory 0 bytes is "
        "allocated by PyTorch, and 2.00 MiB is reserved by PyTorch but unallocated.",
    ],
    "oom.device.fragmentation": [
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 512.00 MiB. GPU 0 has a "
        "total capacity of 7.79 GiB of which 210.25 MiB is free. Including non-PyTorch memory, "
        "this process has 7.48 GiB memory in use. Of the allocated memory 4.01 GiB is allocated "
        "by PyTorch, and 3.12 GiB is reserved by PyTorch but unallocated. If reserved but "
        "unallocated memory is large try setting "
        "PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True to avoid fragmentation.",
    ],
    "oom.device.library": [
        "RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling "
        "`cublasSgemmStridedBatched( handle, opa, opb, m, n, k, &alpha, a, lda, stridea, b, "
        "ldb, strideb, &beta, c, ldc, stridec, num_batches)`",
        "RuntimeError: CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling "
        "`cublasLtMatmulAlgoGetHeuristic( ltHandle, computeDesc.descriptor(), "
        "Adesc.descriptor())`",
        "RuntimeError: cuDNN error: CUDNN_STATUS_INTERNAL_ERROR\nYou can try to repro this "
        "exception using the following code snippet. If that doesn't trigger the error, please "
        "include your original repro script when reporting this issue.\n\nimport torch\n"
        "torch.backends.cuda.matmul.allow_tf32 = True",
        "RuntimeError: cuFFT error: CUFFT_ALLOC_FAILED",
        "RuntimeError: cusolver error: 7, when calling `cusolverDnCreate(handle)`",
        "RuntimeError: cusolver error: CUSOLVER_STATUS_INTERNAL_ERROR, when calling "
        "`cusolverDnCreate(handle)`",
        "RuntimeError: cublas runtime error : the library was not initialized at "
        "/pytorch/aten/src/THC/THCGeneral.cpp:216",
        "RuntimeError: CUDNN_STATUS_ALLOC_FAILED",
        "RuntimeError: CUDA error: CUSPARSE_STATUS_INSUFFICIENT_RESOURCES when calling "
        "`cusparseSpMM_bufferSize(...)`",
        "RuntimeError: cuDNN Frontend error: [cudnn_frontend] Error: No valid execution plans "
        "built.",
        "RuntimeError: miopenStatusInternalError\nMIOpen Error: /src/ocl/handleocl.cpp: Memory "
        "allocation failed",
        "RuntimeError: MAGMA magma_init failed: out of memory|x",
    ],
    "fault.device": [
        "RuntimeError: CUDA error: an illegal memory access was encountered\nException raised "
        "from create_event_internal at /pytorch/c10/cuda/CUDACachingAllocator.cpp:687 (most "
        "recent call first):",
        "RuntimeError: CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasGemmEx(...)`",
        "RuntimeError: cuda runtime error (710) : device-side assert triggered at "
        "/pytorch/aten/src/THC/generic/THCTensorMath.cu:29",
        "torch.AcceleratorError: CUDA error: unspecified launch failure",
        "RuntimeError: CUDA error: all CUDA-capable devices are busy or unavailable",
        "RuntimeError: CUDA error: uncorrectable ECC error encountered",
        "RuntimeError: CUDA error: Invalid access of peer GPU memory over nvlink or a hardware "
        "error",
        "RuntimeError: CUDA error: an illegal instruction was encountered",
        "RuntimeError: CUDA driver error: unknown error",
        "RuntimeError: cuda runtime error (73) : an illegal instruction was encountered at x",
        "RuntimeError: merge_sort: failed to synchronize: cudaErrorIllegalAddress: an illegal "
        "memory access was encountered",
        "thrust::system::system_error: parallel_for failed: cudaErrorIllegalAddress: an illegal "
        "memory access was encountered",
    ],
    "fault.driver": [
        "RuntimeError: CUDA error: CUDA driver version is insufficient for CUDA runtime version",
        "AssertionError: \nThe NVIDIA driver on your system is too old (found version 9000).\n"
        "Please update your GPU driver by downloading and installing a new\nversion from the "
        "URL: http://www.nvidia.com/Download/index.aspx\nAlternatively, go to: "
        "http://pytorch.org to install\na PyTorch version that has been compiled with your "
        "version\nof the CUDA driver.",
        "RuntimeError: Found no NVIDIA driver on your system. Please check that you have an "
        "NVIDIA GPU and installed a driver from http://www.nvidia.com/Download/index.aspx",
        "RuntimeError: No CUDA GPUs are available",
        "RuntimeError: CUDA error: no kernel image is available for execution on the device\n"
        "CUDA kernel errors might be asynchronously reported",
        "RuntimeError: CUDA error: the provided PTX was compiled with an unsupported toolchain.",
        "RuntimeError: CUDA error: invalid device ordinal",
        "RuntimeError: Unexpected error from cudaGetDeviceCount(). Did you run some cuda "
        "functions before calling NumCudaDevices() that might have already set an error? Error "
        "3: initialization error",
        "RuntimeError: CUDA error: initialization error",
        "RuntimeError: cuda runtime error (3) : initialization error at "
        "/pytorch/aten/src/THC/THCGeneral.cpp:51",
        "RuntimeError: CUDA error: system not yet initialized",
        "RuntimeError: CUDA error: system has unsupported display driver / cuda driver combination",
        "pynvml.NVMLError_LibraryNotFound: NVML Shared Library Not Found",
        "RuntimeError: HIP error: invalid device function",
        "RuntimeError: HIP error: no ROCm-capable device is detected",
        "RuntimeError: CUDA error: PTX JIT compiler library not found",
        "RuntimeError: CUDA error: API call is not supported in the installed CUDA driver",
        "RuntimeError: Native API failed. Native API returns: -1 (PI_ERROR_DEVICE_NOT_FOUND)",
        "RuntimeError: No XPU devices are available.",
        "RuntimeError: Can't initialize NVML",
        "RuntimeError: Driver Error: CUDA driver is not loaded",
        "ImportError: libcuda.so.1: cannot open shared object file: No such file or directory",
        "RuntimeError: FlashAttention only supports Ampere GPUs or newer.",
        "RuntimeError: CUDA error: no kernel image is available for execution on the device (209)",
        "cudaErrorNoKernelImageForDevice: no kernel image is available",
        "RuntimeError: FATAL: kernel `fmha_cutlassF_f16_aligned_64x64_rf_sm80` is for "
        "sm80-sm100, but was built for sm37",
    ],
    "error.python": [
        "RuntimeError: Cannot re-initialize CUDA in forked subprocess. To use CUDA with "
        "multiprocessing, you must use the 'spawn' start method",
    ],
}
