"""What CUDA, HIP, XPU, MPS, their libraries and the driver say."""

from __future__ import annotations

OLD_ADVICE = (
    " If reserved memory is >> allocated memory try setting max_split_size_mb to avoid fragmentation."
    "  See documentation for Memory Management and PYTORCH_CUDA_ALLOC_CONF"
)
NEW_ADVICE = (
    " If reserved but unallocated memory is large try setting "
    "PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True to avoid fragmentation.  See documentation for "
    "Memory Management  (https://pytorch.org/docs/stable/notes/cuda.html#environment-variables)"
)

WORDINGS: dict[str, list[str]] = {
    "oom.device.capacity": [
        # 0.4.1 to 1.3: "cached" is held but unused.
        "RuntimeError: CUDA out of memory. Tried to allocate 244.14 MiB (GPU 0; 11.17 GiB total "
        "capacity; 10.24 GiB already allocated; 149.06 MiB free; 72.88 MiB cached)",
        "RuntimeError: CUDA out of memory. Tried to allocate 64.00 MiB (GPU 1; 5.93 GiB total "
        "capacity; 4.66 GiB already allocated; 33.44 MiB free; 26.30 MiB cached) (malloc at "
        "/pytorch/aten/src/THC/THCCachingAllocator.cpp:231)",
        "RuntimeError: CUDA out of memory. Tried to allocate 20.00 MiB (GPU 0; 1.96 GiB total "
        "capacity; 1.18 GiB already allocated; 8.50 MiB free; 1.28 GiB reserved in total by PyTorch)",
        "RuntimeError: CUDA out of memory. Tried to allocate 12.00 GiB (GPU 0; 15.90 GiB total "
        "capacity; 4.52 GiB already allocated; 9.81 GiB free; 5.30 GiB reserved in total by PyTorch)",
        "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 128.00 MiB (GPU 0; 14.76 "
        "GiB total capacity; 13.42 GiB already allocated; 95.75 MiB free; 13.61 GiB reserved in total "
        "by PyTorch)" + OLD_ADVICE,
        # A fraction of the device that was allowed.
        "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.00 GiB (GPU 0; 15.78 GiB"
        " total capacity; 7.50 GiB already allocated; 7.11 GiB free; 7.89 GiB allowed; 7.60 GiB "
        "reserved in total by PyTorch)" + OLD_ADVICE,
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total "
        "capacity of 15.77 GiB of which 9.12 GiB is free. 7.88 GiB allowed; Including non-PyTorch "
        "memory, this process has 6.64 GiB memory in use. Of the allocated memory 6.20 GiB is "
        "allocated by PyTorch, and 90.00 MiB is reserved by PyTorch but unallocated." + NEW_ADVICE,
        # 2.1's spelling, and a display beside the job.
        "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 512.00 MiB. GPU 0 has a "
        "total capacty of 23.69 GiB of which 301.00 MiB is free. Process 1204 has 410.00 MiB memory in"
        " use. Including non-PyTorch memory, this process has 22.98 GiB memory in use. Of the allocated"
        " memory 22.10 GiB is allocated by PyTorch, and 480.50 MiB is reserved by PyTorch but "
        "unallocated." + NEW_ADVICE,
        # In a container the job itself is "Process N".
        "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 76.00 MiB. GPU 0 has a "
        "total capacty of 14.75 GiB of which 54.81 MiB is free. Process 23411 has 14.69 GiB memory in "
        "use. Of the allocated memory 13.80 GiB is allocated by PyTorch, and 703.06 MiB is reserved by"
        " PyTorch but unallocated." + NEW_ADVICE,
        # The driver's number of this process is not to be had: a known overflow.
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 90.00 MiB. GPU 0 has a total "
        "capacity of 23.99 GiB of which 0 bytes is free. Including non-PyTorch memory, this process has"
        " 17179869184.00 GiB memory in use. Of the allocated memory 22.81 GiB is allocated by PyTorch,"
        " and 356.22 MiB is reserved by PyTorch but unallocated." + NEW_ADVICE,
        # More than the device has at all, beside much that is unused.
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 37252.90 GiB. GPU 0 has a total"
        " capacity of 79.15 GiB of which 60.02 GiB is free. Including non-PyTorch memory, this process "
        "has 19.12 GiB memory in use. Of the allocated memory 8.00 GiB is allocated by PyTorch, and "
        "10.50 GiB is reserved by PyTorch but unallocated." + NEW_ADVICE,
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate more than 1EB memory.",
        "RuntimeError: HIP out of memory. Tried to allocate 100.00 MiB (GPU 0; 15.98 GiB total "
        "capacity; 15.10 GiB already allocated; 40.00 MiB free; 15.32 GiB reserved in total by PyTorch)",
        "torch.OutOfMemoryError: XPU out of memory. Tried to allocate 96.00 MiB (GPU 0; 15.91 GiB total"
        " capacity; 14.80 GiB already allocated; 15.01 GiB reserved in total by PyTorch)",
        "RuntimeError: XPU out of memory. Tried to allocate 1.50 GiB. GPU 0 has a total capacity of "
        "11.60 GiB. Of the allocated memory 10.90 GiB is allocated by PyTorch, and 200.00 MiB is "
        "reserved by PyTorch but unallocated. Please use `empty_cache` to release all unoccupied cached"
        " memory.",
        "RuntimeError: MPS backend out of memory (MPS allocated: 5.41 GB, other allocations: 3.44 GB, "
        "max allowed: 9.07 GB). Tried to allocate 256.00 MB on private pool. Use "
        "PYTORCH_MPS_HIGH_WATERMARK_RATIO=0.0 to disable upper limit for memory allocations (may cause"
        " system failure).",
        "RuntimeError: CUDA error: out of memory",
        "torch.AcceleratorError: CUDA error: out of memory",
        "RuntimeError: CUDA driver error: out of memory",
        "RuntimeError: cuda runtime error (2) : out of memory at "
        "/opt/conda/conda-bld/pytorch_1535491974311/work/aten/src/THC/THCTensorCopy.cu:205",
        "torch.cuda.OutOfMemoryError: Allocation on device 0 would exceed allowed memory. (out of "
        "memory)\nCurrently allocated     : 13.12 GiB\nRequested               : 1.25 GiB\nDevice "
        "limit            : 14.75 GiB\nFree (according to CUDA): 21.06 MiB\nPyTorch limit (set by "
        "user-supplied memory fraction)\n                        : 17179869184.00 GiB",
        "cupy.cuda.memory.OutOfMemoryError: Out of memory allocating 8,589,934,592 bytes (allocated so"
        " far: 3,221,225,472 bytes).",
        "numba.cuda.cudadrv.driver.CudaAPIError: [2] Call to cuMemAlloc results in "
        "CUDA_ERROR_OUT_OF_MEMORY",
        "jaxlib.xla_extension.XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory while trying to "
        "allocate 17179869184 bytes.",
        "tensorflow.python.framework.errors_impl.ResourceExhaustedError: OOM when allocating tensor "
        "with shape[64,512,56,56] and type float on /job:localhost/replica:0/task:0/device:GPU:0 by "
        "allocator GPU_0_bfc [Op:Conv2D]",
        "RuntimeError: Triton Error [CUDA]: out of memory",
    ],
    "oom.device.fragmentation": [
        "RuntimeError: CUDA out of memory. Tried to allocate 800.00 MiB (GPU 0; 11.91 GiB total "
        "capacity; 6.02 GiB already allocated; 512.00 MiB free; 4.60 GiB cached)",
        "RuntimeError: CUDA out of memory. Tried to allocate 1.53 GiB (GPU 2; 31.75 GiB total "
        "capacity; 17.02 GiB already allocated; 601.75 MiB free; 30.02 GiB reserved in total by "
        "PyTorch)" + OLD_ADVICE,
        "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 3.00 GiB. GPU 0 has a total"
        " capacty of 39.39 GiB of which 1.90 GiB is free. Process 77120 has 37.48 GiB memory in use. Of"
        " the allocated memory 24.11 GiB is allocated by PyTorch, and 12.60 GiB is reserved by PyTorch "
        "but unallocated." + NEW_ADVICE,
        "torch.OutOfMemoryError: HIP out of memory. Tried to allocate 4.00 GiB. GPU 2 has a total "
        "capacity of 63.98 GiB of which 3.10 GiB is free. Of the allocated memory 40.10 GiB is "
        "allocated by PyTorch, and 19.70 GiB is reserved by PyTorch but unallocated.",
    ],
    "oom.device.foreign": [
        "RuntimeError: CUDA out of memory. Tried to allocate 2.00 MiB (GPU 0; 7.80 GiB total capacity; "
        "512 bytes already allocated; 1.31 MiB free; 2.00 MiB reserved in total by PyTorch)",
        "RuntimeError: CUDA out of memory. Tried to allocate 50.00 MiB (GPU 3; 10.92 GiB total "
        "capacity; 1.60 GiB already allocated; 13.38 MiB free; 4.10 MiB cached)",
        "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB (GPU 0; 23.70 GiB"
        " total capacity; 3.10 GiB already allocated; 12.56 MiB free; 3.16 GiB reserved in total by "
        "PyTorch)" + OLD_ADVICE,
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.96 GiB. GPU 5 has a total "
        "capacity of 79.15 GiB of which 1.21 GiB is free. Process 3177901 has 61.20 GiB memory in use. "
        "Process 3178220 has 9.77 GiB memory in use. Including non-PyTorch memory, this process has "
        "6.94 GiB memory in use. Of the allocated memory 6.31 GiB is allocated by PyTorch, and 112.90 "
        "MiB is reserved by PyTorch but unallocated." + NEW_ADVICE,
        "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 44.00 MiB. GPU 0 has a "
        "total capacty of 15.77 GiB of which 9.12 MiB is free. Process 901 has 12.00 GiB memory in use."
        " Process 14220 has 3.75 GiB memory in use. Of the allocated memory 3.20 GiB is allocated by "
        "PyTorch, and 70.00 MiB is reserved by PyTorch but unallocated." + NEW_ADVICE,
    ],
    "oom.device.library": [
        "RuntimeError: CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`",
        "RuntimeError: cublas runtime error : resource allocation failed at "
        "/pytorch/aten/src/THC/THCGeneral.cpp:250",
        "RuntimeError: cublas runtime error : library not initialized at "
        "/opt/conda/conda-bld/pytorch_1544174967633/work/aten/src/THC/THCGeneral.cpp:216",
        "RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling "
        "`cublasLtCreate(&handle)`",
        "RuntimeError: cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "RuntimeError: cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
        "RuntimeError: CUDNN_BACKEND_EXECUTIONPLAN_DESCRIPTOR: cudnnFinalize Failed cudnn_status: "
        "CUDNN_STATUS_ALLOC_FAILED",
        "RuntimeError: CUDNN_STATUS_NOT_INITIALIZED",
        "RuntimeError: Unable to find a valid cuDNN algorithm to run convolution",
        "RuntimeError: FIND was unable to find an engine to execute this computation",
        "RuntimeError: GET was unable to find an engine to execute this computation",
        "RuntimeError: cuSOLVER error: CUSOLVER_STATUS_ALLOC_FAILED, when calling "
        "`cusolverDnCreate(handle)`",
        "RuntimeError: cusolver error: CUSOLVER_STATUS_NOT_INITIALIZED, when calling "
        "`cusolverDnCreate(handle)`",
        "RuntimeError: CUDA error: insufficient resources when calling `cusparseCreate(handle)`",
        "RuntimeError: CUDA error: CUSPARSE_STATUS_ALLOC_FAILED when calling `cusparseCreate(handle)`",
        "RuntimeError: cuFFT error: CUFFT_INTERNAL_ERROR",
        "torch.distributed.DistBackendError: NCCL error in: ../torch/csrc/distributed/c10d/NCCLUtils."
        "hpp:275, unhandled cuda error (run with NCCL_DEBUG=INFO for details), NCCL version 2.18.6\n"
        "ncclUnhandledCudaError: Call to CUDA function failed.\nLast error:\nCuda failure 'out of "
        "memory'",
        "RuntimeError: CUDA error: HIPBLAS_STATUS_ALLOC_FAILED when calling `hipblasCreate(handle)`",
        "RuntimeError: miopenStatusAllocFailed",
        "cupy_backends.cuda.libs.cublas.CUBLASError: CUBLAS_STATUS_ALLOC_FAILED",
    ],
    "oom.pinned": [
        "RuntimeError: cuda runtime error (2) : out of memory at "
        "/pytorch/aten/src/THC/THCCachingHostAllocator.cpp:278",
        "RuntimeError: cuda runtime error (71) : operation not supported at "
        "/pytorch/aten/src/THC/THCCachingHostAllocator.cpp:278",
        "RuntimeError: CUDA error: out of memory\nException raised from allocate at "
        "../aten/src/ATen/cuda/CachingHostAllocator.cpp:189 (most recent call first):",
        "RuntimeError: CUDA error: out of memory when calling cudaHostAlloc",
        "RuntimeError: Caught RuntimeError in pin memory thread for device 0.\nOriginal Traceback (most"
        ' recent call last):\n  File "/v/torch/utils/data/_utils/pin_memory.py", line 37, in do_one_step'
        "\n    data = pin_memory(data, device)\nRuntimeError: CUDA error: out of memory",
        "cupy_backends.cuda.api.runtime.CUDARuntimeError: cudaErrorMemoryAllocation: out of memory in "
        "alloc_pinned_memory",
    ],
    "fault.device": [
        "RuntimeError: CUDA error: device-side assert triggered",
        "RuntimeError: cuda runtime error (59) : device-side assert triggered at "
        "/pytorch/aten/src/THC/generic/THCTensorMath.cu:26",
        "RuntimeError: cuda runtime error (77) : an illegal memory access was encountered at "
        "/pytorch/aten/src/THC/THCReduceAll.cuh:327",
        "RuntimeError: cuda runtime error (700) : an illegal memory access was encountered at x.cu:9",
        "RuntimeError: CUDA error: unspecified launch failure",
        "RuntimeError: cuda runtime error (4) : unspecified launch failure at x.cpp:1",
        "RuntimeError: CUDA error: an illegal instruction was encountered",
        "RuntimeError: CUDA error: invalid program counter",
        "RuntimeError: CUDA error: hardware stack error",
        "RuntimeError: CUDA error: operation not supported on global/shared address space",
        "RuntimeError: CUDA error: uncorrectable ECC error encountered",
        "RuntimeError: CUDA error: uncorrectable NVLink error detected during the execution",
        "RuntimeError: CUDA error: the launch timed out and was terminated",
        "RuntimeError: CUDA error: unknown error",
        "RuntimeError: cuda runtime error (6) : the launch timed out and was terminated at x.cu:3",
        "RuntimeError: CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm( handle, "
        "opa, opb, m, n, k, &alpha, a, lda, b, ldb, &beta, c, ldc)`",
        "RuntimeError: cuDNN error: CUDNN_STATUS_EXECUTION_FAILED",
        "RuntimeError: cuDNN error: CUDNN_STATUS_MAPPING_ERROR",
        "RuntimeError: cuFFT error: CUFFT_EXEC_FAILED",
        "RuntimeError: CUDA driver error: device-side assert triggered",
        "RuntimeError: Triton Error [CUDA]: an illegal memory access was encountered",
        "RuntimeError: HIP error: an illegal memory access was encountered",
        "RuntimeError: HIP error: unspecified launch failure",
        "Memory access fault by GPU node-1 (Agent handle: 0x5581d2b3c0) on address 0x7f0ae4a00000. "
        "Reason: Page not present or supervisor privilege.",
        "HW Exception by GPU node-2 (Agent handle: 0x9f0) reason :GPU Hang",
        "RuntimeError: level_zero backend failed with error: 20 (UR_RESULT_ERROR_DEVICE_LOST)",
        "pynvml.nvml.NVMLError_GpuIsLost: GPU is lost",
        "Unable to determine the device handle for GPU 0000:41:00.0: GPU is lost.  Reboot the system to"
        " recover this GPU",
        "Unable to determine the device handle for GPU0: 0000:01:00.0: Unknown Error",
        "[ 9921.112233] NVRM: Xid (PCI:0000:3b:00): 48, pid=9912, An uncorrectable double bit error "
        "(DBE) has been detected on GPU in the framebuffer at partition 3, subpartition 0.",
        "[ 9921.112233] NVRM: Xid (PCI:0000:3b:00): 94, pid='<unknown>', name=<unknown>, Contained: SM "
        "(0x1). RST: No, D-RST: No",
        "Nov 23 10:02:11 gpu7 kernel: NVRM: Xid (PCI:0000:ca:00): 31, pid=2211, name=python, Ch "
        "00000008, intr 00000000. MMU Fault: ENGINE GRAPHICS GPCCLIENT_T1_0 faulted @ 0x7f1a_00000000",
        "Nov 23 10:02:11 gpu7 kernel: NVRM: Xid (PCI:0000:ca:00): 74, pid=, NVLink: fatal error "
        "detected on link 2(0x10000, 0x0, 0x0)",
        "[   91.001] NVRM: GPU 0000:84:00.0: RmInitAdapter failed! (0x62:0xffff:2351)",
        "/pytorch/aten/src/THCUNN/ClassNLLCriterion.cu:106: void cunn_ClassNLLCriterion_updateOutput_"
        "kernel(Dtype *, Dtype *): block: [0,0,0], thread: [3,0,0] Assertion `t >= 0 && t < n_classes` "
        "failed.",
        "terminate called after throwing an instance of 'c10::AcceleratorError'\n  what():  CUDA error:"
        " an illegal memory access was encountered",
        "numba.cuda.cudadrv.driver.CudaAPIError: [700] Call to cuMemcpyDtoH results in "
        "UNKNOWN_CUDA_ERROR\nCUDA_ERROR_ILLEGAL_ADDRESS",
        "jaxlib.xla_extension.XlaRuntimeError: INTERNAL: CUDA_ERROR_ILLEGAL_ADDRESS: an illegal memory "
        "access was encountered",
    ],
    "fault.driver": [
        "AssertionError: \nFound no NVIDIA driver on your system. Please check that you\nhave an NVIDIA"
        " GPU and installed a driver from\nhttp://www.nvidia.com/Download/index.aspx",
        "AssertionError: \nThe NVIDIA driver on your system is too old (found version 9010).\nPlease "
        "update your GPU driver",
        "RuntimeError: No CUDA GPUs are available",
        "RuntimeError: No HIP GPUs are available",
        "RuntimeError: CUDA driver initialization failed, you might not have a CUDA gpu.",
        "RuntimeError: CUDA error: no CUDA-capable device is detected",
        "RuntimeError: cuda runtime error (38) : no CUDA-capable device is detected at "
        "/pytorch/aten/src/THC/THCGeneral.cpp:50",
        "RuntimeError: cuda runtime error (48) : no kernel image is available for execution on the "
        "device at x.cu:4",
        "RuntimeError: cuda runtime error (30) : unknown error at /pytorch/aten/src/THC/THCGeneral.cpp"
        ":51",
        "RuntimeError: cuda runtime error (10) : invalid device ordinal at "
        "torch/csrc/cuda/Module.cpp:32",
        "RuntimeError: CUDA error: invalid device ordinal",
        "RuntimeError: CUDA error: CUDA driver version is insufficient for CUDA runtime version",
        "RuntimeError: CUDA error: the provided PTX was compiled with an unsupported toolchain.",
        "RuntimeError: CUDA error: device kernel image is invalid",
        "RuntimeError: CUDA error: named symbol not found",
        "RuntimeError: CUDA unknown error - this may be due to an incorrectly set up environment, e.g. "
        "changing env variable CUDA_VISIBLE_DEVICES after program start. Setting the available devices"
        " to be zero.",
        "RuntimeError: Unexpected error from cudaGetDeviceCount(). Did you run some cuda functions "
        "before calling NumCudaDevices() that might have already set an error? Error 802: system not "
        "yet initialized",
        "RuntimeError: Unexpected error from cudaGetDeviceCount(). Did you run some cuda functions "
        "before calling NumCudaDevices() that might have already set an error? Error 803: system has "
        "unsupported display driver / cuda driver combination",
        "RuntimeError: Unexpected error from cudaGetDeviceCount(). Did you run some cuda functions "
        "before calling NumCudaDevices() that might have already set an error? Error 101: invalid "
        "device ordinal",
        "pynvml.nvml.NVMLError_LibRmVersionMismatch: RM has detected an NVML/RM version mismatch.",
        "pynvml.nvml.NVMLError_DriverNotLoaded: Driver Not Loaded",
        "Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 535.183",
        "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that "
        "the latest NVIDIA driver is installed and running.",
        'docker: Error response from daemon: could not select device driver "" with capabilities: '
        "[[gpu]].",
        "nvidia-container-cli: initialization error: nvml error: driver/library version mismatch",
        "ImportError: libcuda.so.1: cannot open shared object file: No such file or directory",
        "RuntimeError: Attempting to deserialize object on a CUDA device but torch.cuda.is_available() "
        "is False. If you are running on a CPU-only machine, please use torch.load with "
        "map_location=torch.device('cpu') to map your storages to the CPU.",
        "RuntimeError: 0 active drivers ([]). There should only be one.",
    ],
}
