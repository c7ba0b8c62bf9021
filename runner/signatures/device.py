"""Words of CUDA, HIP, XPU, MPS, their libraries, their drivers and their kernels.

Wordings are those of torch since 0.4, of the CUDA runtime's and driver's error strings, of the
status names of each library, and of the NVIDIA kernel module ("Xid").
"""

from __future__ import annotations

from runner.outcomes import Outcome as O
from runner.signatures.signature import Rank, ending

_PINS = (
    r"pin_memory\(|pin_memory\.py|in (?:do_)?pin_memory|pin memory thread|[Pp]inned"
    r"|torch\.[a-z_]+\([^\n]*pin_memory ?= ?True"
    r"|cudaHost(?:Alloc|Register)|cudaMallocHost|hipHostMalloc|CachingHostAllocator"
)
_RAISED = r"^(?:\w+\.)*(?:[A-Z]\w*(?:Error|Exception|Exit)|Exception)\b: "
_ASSERTS = r"Assertion [`'].*[`'] failed|device-side assert"

DEVICE = (
    # The device's own asserts: what comes after, a library's status for instance, is their doing.
    ending(
        O.FAULT_DEVICE,
        r"block: \[\d+, ?\d+, ?\d+\], thread: \[\d+, ?\d+, ?\d+\] Assertion|NVRM: Xid \(",
        r"\bXid \(PCI:[\da-f:.]+\): \d+|GPU has fallen off the bus|NVRM:.*RmInitAdapter failed",
        rank=Rank.SYSTEM,
    ),
    # Page-locked host memory: CUDA calls it out of memory too.
    ending(
        O.OOM_PINNED,
        r"(?:error \(2\)|error=2|error \(71\)|error=71) ?:.*CachingHostAllocator",
        r"CachingHostAllocator\S* .*error=(?:2|71)\b",
        r"cuda(?:HostAlloc|HostRegister|MallocHost).{0,80}(?:fail|out of memory|error)",
        r"(?:out of memory|cudaErrorMemoryAllocation).{0,60}(?:cudaHost|alloc_pinned|pinned)",
        r"[Pp]inned (?:host )?memory.{0,60}(?:fail|out of memory|[Cc]annot|could not|refused)",
        r"(?:[Ff]ail\w*|[Cc]annot|[Cc]ould not|unable) .{0,40}(?:pinned|page-locked)",
        r"\bFailed to (?:CUDA|HIP) host alloc\b",
    ),
    ending(
        O.OOM_PINNED,
        r"(?:CUDA|HIP|[Cc]udaError:?|AcceleratorError:?)(?: error)?:? ?(?:out of memory"
        r"|OS call failed|operation not supported|invalid argument|memory allocation)",
        r"cuda runtime error \((?:2|71|304|801)\)|error=(?:2|71) :|cudaErrorMemoryAllocation",
        r"hipErrorOutOfMemory|OS call failed or operation not supported",
        r"requested memory range is already (?:mapped|registered)",
        near=_PINS,
        also=[O.OOM_DEVICE_CAPACITY],
    ),
    # A device assert may come out as any library's status.
    ending(O.FAULT_DEVICE, r"CU(?:BLAS|DNN|FFT|SPARSE|SOLVER)_STATUS_\w+", near=_ASSERTS),
    ending(
        O.OOM_DEVICE_LIBRARY,
        r"(?:CUBLAS|CUDNN|CUSPARSE|CUSOLVER|CURAND|CUTENSOR|HIPBLAS|HIPSPARSE|HIPSOLVER|ROCBLAS"
        r"|MIOPEN)_STATUS_(?:ALLOC(?:ATION)?_FAILED|NOT_INITIALIZED|MEMORY_ERROR|INSUFFICIENT_RESOURCES)",
        r"CUDNN_STATUS_INTERNAL_ERROR_(?:HOST|DEVICE)_ALLOCATION|CUFFT_ALLOC_FAILED",
        r"HIPFFT_ALLOC_FAILED|miopenStatusAllocFailed|rocblas_status_memory_error",
        r"cublas runtime error : (?:resource allocation failed|(?:the )?library (?:was )?not initialized)",
        r"cu(?:blas|solver|sparse|dnn|fft)\w* [Ee]rror: ?\d+\b.{0,40}Create|MAGMA.{0,60}out of memory",
        r"MIOpen.{0,160}(?:[Mm]emory allocation failed|out of memory)",
        r"insufficient resources when calling `cu|cuda?ublasCreate.{0,40}fail",
        r"cudnnCreate.{0,40}fail",
        r"(?:[Ff]ailed to|[Cc]ould not) (?:allocate|create).{0,60}(?:cublas|cudnn|cusolver|workspace|handle)",
        r"cu(?:DNN|BLAS|SOLVER|FFT) (?:failed to initialize|initialization failed)",
    ),
    ending(
        O.OOM_DEVICE_LIBRARY,
        r"CUDNN_STATUS_INTERNAL_ERROR\b|CUFFT_INTERNAL_ERROR|CUSOLVER_STATUS_INTERNAL_ERROR",
        r"without BLAS support|[Bb]las x?\w{0,8} launch failed|DNN library (?:is not found|initialization)",
        r"[Uu]nable to find a valid cuDNN algorithm|was unable to find an engine to execute",
        r"No valid e(?:ngine configs|xecution plans)|miopenStatus(?:InternalError|UnknownError)|cuDNN.{0,40}workspace|CUBLAS_STATUS_INTERNAL_ERROR.*Create\(",
        also=[O.FAULT_DEVICE],
    ),
    ending(
        O.OOM_DEVICE_LIBRARY,
        r"Cuda failure (?:2 )?'out of memory'|(?:NCCL|RCCL|nccl).{0,120}out of memory",
        r"\bFailed to (?:CUDA|HIP) [cm]alloc(?: async)? \d+ bytes",
        also=[O.OOM_DEVICE_CAPACITY, O.ERROR_COLLECTIVE],
    ),
    ending(
        O.OOM_DEVICE_CAPACITY,
        r"(?:CUDA|HIP|XPU|MPS backend|NPU|MUSA|PrivateUse1) out of memory",
        r"torch\.(?:cuda\.|xpu\.)?OutOfMemoryError|would exceed allowed memory\. \(out of memory",
        r"(?:CUDA|HIP|CUDA driver|cuda|Triton) ?[Ee]rror(?: \[\w+\])?: out of memory",
        r"Cuda Runtime \(out of memory\)|Out of memory error on GPU|\bRMM failure .{0,200}"
        r"(?:pool size exceeded|out of memory)",
        r"(?:CUDA|HIP|ROCM) failure \d{1,4}: out of memory|GPU=\d+ ?;.{0,80}out of memory",
        r"cuda runtime error \(2\)|THCudaCheck FAIL .*error=2\b|cupy\S*OutOfMemoryError",
        r"UR_RESULT_ERROR_OUT_OF_(?:DEVICE_MEMORY|RESOURCES)|PI_ERROR_OUT_OF_(?:RESOURCES|MEMORY)",
        r"hipErrorOutOfMemory|cudaErrorMemoryAllocation|CUDA_ERROR_OUT_OF_MEMORY",
        r"RESOURCE_EXHAUSTED.{0,40}(?:Out of memory|allocat)|OOM when allocating tensor.*GPU",
        r"cudaMalloc.{0,60}(?:fail|out of memory)|failed to allocate .{0,40}from device",
        r"^Error out of memory at line \d+ in file |kIOGPUCommandBufferCallbackErrorOutOfMemory",
        r"Not enough memory\. Please try to \w+ --mem-fraction-static",
        r"(?:GPU|CUDA|cuda|[Dd]evice) memory allocation (?:failed|failure|error)",
        r"[Ff]ailed to allocate .{0,60}\bon (?:the )?(?:device|GPU|gpu)\b",
        r"torch\.OutOfMemoryError|cuMem\w*Alloc\w* failed|^RuntimeError: Invalid buffer size: [\d.]+ ?[GT]",
        r"No executable batch size found|No available memory for the cache blocks|larger than the maximum number of tokens that can be"
        r" stored in KV cache",
    ),
    # An arena of ONNX Runtime, which serves the host as well as a device.
    ending(
        O.OOM_DEVICE_CAPACITY,
        r"BFCArena::AllocateRawInternal",
        near=r"CUDAExecutionProvider|TensorrtExecutionProvider|ROCMExecutionProvider|\bGPU\b",
        also=[O.OOM_HOST_REFUSED],
    ),
    ending(O.OOM_HOST_REFUSED, r"BFCArena::AllocateRawInternal", also=[O.OOM_DEVICE_CAPACITY]),
    ending(
        O.OOM_DEVICE_FOREIGN,
        r"Free memory on device .{0,80} is less than desired GPU memory utilization",
        also=[O.OOM_DEVICE_CAPACITY, O.ERROR_USAGE],
    ),
    # Driver before device: one that does not fit names a device as well.
    ending(
        O.FAULT_DRIVER,
        r"NVIDIA driver on your system is too old|Found no NVIDIA driver",
        r"no kernel image is available|driver version is insufficient",
        r"no CUDA-capable device is detected|No (?:CUDA|HIP|XPU) GPUs are",
        r"[Dd]river/library version mismatch|API mismatch: the client|NVML/RM version mismatch",
        r"forward compatibility was attempted|Unexpected error from cudaGetDeviceCount",
        r"No devices were found|CUDA unknown error|invalid device ordinal|invalid device function",
        r"libcuda\.so[.\d]*: cannot open|libnvidia-ml\.so[.\d]*: cannot open",
        r"NVML Shared Library Not Found|couldn't communicate with the NVIDIA driver",
        r"CUDA driver initialization failed|PTX was compiled with an unsupported",
        r"unsupported toolchain|device kernel image is invalid|system not yet initialized",
        r"has unsupported display driver|named symbol not found",
        r"NVMLError_(?:DriverNotLoaded|LibRmVersionMismatch|LibraryNotFound|NoPermission)",
        r"Failed to initialize NVML",
        r"CUDA_ERROR_(?:NO_DEVICE|SYSTEM_DRIVER_MISMATCH|NO_BINARY_FOR_GPU|COMPAT_NOT_SUPPORTED"
        r"|INVALID_DEVICE|UNSUPPORTED_PTX_VERSION|NOT_INITIALIZED)",
        r"cudaError(?:SystemNotReady|InsufficientDriver|NoKernelImageForDevice|NoDevice"
        r"|InvalidDevice\b|UnsupportedPtxVersion|SystemDriverMismatch|StubLibrary)",
        r"CUDA driver is a stub",
        r"cuda runtime error \((?:8|10|30|34|35|38|48|100|101|209|218|222|80[0-4])\)",
        r"could not select device driver|nvidia-container-cli: \S+ error|\d active drivers \(",
        r"deserialize object on (?:a )?CUDA device|ptxas fatal|CUBLAS_STATUS_ARCH_MISMATCH",
        r"CUDNN_STATUS_ARCH_MISMATCH|only supports? (?:Ampere|Hopper|Volta|Turing)\w* GPUs",
        r"is not compatible with the current PyTorch installation\.\s*$|was built for sm\d+",
        r"(?:CUDA|HIP|cuda runtime) error(?: \(3\) )?: (?:initialization error|driver shutting down)",
        r"PTX JIT compil|API call is not supported in the installed|MPS (?:client|server)\b",
        r"shared object (?:symbol not found|initialization failed)|valid [Gg]rid license",
        r"no ROCm-capable device|ERROR_DEVICE_NOT_FOUND|No (?:XPU|HPU|NPU|MPS|TPU) devices? ",
        r"(?:[Cc]an't|[Cc]annot|[Cc]ould not|[Ff]ailed to|[Uu]nable to) initialize (?:NVML|CUDA|HIP|ROCm)",
        r"NVML_SUCCESS == |CUDA driver is not loaded|nvidia: version magic|could not insert 'nvidia",
        r"unsatisfied condition: cuda|^AssertionError: Invalid device id|hipErrorNoBinaryForGpu",
    ),
    ending(
        O.FAULT_DRIVER,
        r"^AssertionError\b",
        near=r"\bassert torch\.cuda\.is_available\(\)",
        also=[O.ERROR_DEPENDENCY],
    ),
    # What a program that asks for a device says where it finds none: it may as well be the build.
    ending(
        O.FAULT_DRIVER,
        rf"{_RAISED}.{{0,80}}?(?:CUDA|[Gg][Pp][Uu]s?|cuda|ROCm)(?: devices?)?"
        r" (?:is|are|was|were) (?:not|un) ?(?:available|found|detected|accessible|visible)\b(?!.*map_location)",
        rf"{_RAISED}.{{0,60}}?\b[Nn]o (?:CUDA |NVIDIA |cuda )?"
        r"(?:GPUs?|gpus?|devices?) (?:is |are |was |were )?(?:available|found|detected|visible)\b",
        r"\b[Nn]o visible (?:CUDA |GPU )?(?:devices|GPUs)\b",
        rf"{_RAISED}.{{0,80}}?\brequires? (?:a |an )?(?:CUDA|NVIDIA|cuda)"
        r"[\w -]{0,20}(?:GPU|device)\b",
        also=[O.ERROR_DEPENDENCY],
    ),
    ending(
        O.FAULT_DEVICE,
        r"devices?(?:\(s\))? (?:is|are|is/are) busy or unavailable",
        also=[O.OOM_DEVICE_FOREIGN, O.FAULT_DRIVER],
    ),
    ending(
        O.FAULT_DEVICE,
        r"illegal memory access|device-side assert|unspecified launch failure|misaligned address",
        r"(?:CUDA|HIP|Triton|cuda) ?(?:driver )?[Ee]rror(?: \[\w+\])?: (?:unknown error"
        r"|an illegal|device not|invalid program counter|hardware stack"
        r"|operation not supported on global|.*launch timed out)",
        r"uncorrectable (?:ECC|NVLink)|[Uu]ncorrectable ECC|GPU is lost|GPU_IS_LOST|GpuIsLost",
        r"illegal instruction was encountered|invalid address space|launch timed out and was",
        r"cudaError(?:IllegalAddress|LaunchFailure|Assert|ECCUncorrectable|HardwareStackError"
        r"|LaunchTimeout|IllegalInstruction|InvalidPc|MisalignedAddress|DevicesUnavailable"
        r"|NvlinkUncorrectable)",
        r"CUDA_ERROR_(?:ILLEGAL_ADDRESS|LAUNCH_FAILED|ECC_UNCORRECTABLE|ASSERT|LAUNCH_TIMEOUT"
        r"|HARDWARE_STACK_ERROR|ILLEGAL_INSTRUCTION|MISALIGNED_ADDRESS|INVALID_PC)",
        r"(?:CUBLAS|CUDNN|CUSOLVER|CUSPARSE|HIPBLAS)_STATUS_(?:EXECUTION_FAILED|INTERNAL_ERROR"
        r"|MAPPING_ERROR)",
        r"CUFFT_(?:EXEC_FAILED|INVALID_DEVICE)|cublas runtime error : the GPU program failed",
        r"HSA_STATUS_ERROR|Memory access fault by GPU|HW Exception by GPU|GPU Hang|DEVICE_LOST",
        r"Unable to determine the device handle|hipErrorIllegalAddress|hipErrorLaunchFailure",
        r"GPU requires reset|requires a reset|Timeout waiting for RPC from GSP",
        r"Invalid access of peer GPU memory",
        r"(?:CUDA|HIP) error: (?:context is destroyed|invalid device context|mapping of buffer object)",
        r"amdgpu.{0,60}(?:ring \S+ timeout|GPU reset)|nvidia \S+ AER: can't recover",
        r"cuda runtime error \((?:4|6|39|46|59|7[0247-9]|214|220|70[02]|71[0-9]|999)\)",
    ),
    ending(O.FAULT_DRIVER, r"NVMLError_\w+|NVML Error", also=[O.FAULT_DEVICE]),
)
