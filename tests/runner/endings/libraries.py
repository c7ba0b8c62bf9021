"""What libraries say in words of their own: of memory, devices, files and one another."""

from __future__ import annotations

from tests.runner.endings.whole import TRACE

WORDINGS: dict[str, list[str]] = {
    "error.data": [
        "obspy.io.segy.segy.SEGYTraceReadingError: Too little data in the file left to unpack.",
        "ValueError: Dataset is empty: no files match /data/*.npy",
        "datasets.exceptions.DatasetGenerationError: An error occurred while generating the "
        "dataset",
        "RuntimeError: No seismic traces found in /data/x.segy",
        "ValueError: The dataset is empty. Please provide at least one sample.",
    ],
    "error.dependency": [
        "RuntimeError: module compiled against ABI version 0x1000009 but this version of numpy "
        "is 0x2000000",
        "SystemError: Numba needs NumPy 2.0 or less. Got NumPy 2.2.",
        "Intel MKL FATAL ERROR: Cannot load libmkl_avx2.so or libmkl_def.so.",
        "ERROR: Could not find a version that satisfies the requirement torch==9 (from versions: "
        "2.1)\nERROR: No matching distribution found for torch==9",
        "ERROR: Cannot install a and b because these package versions have conflicting "
        "dependencies.\nERROR: ResolutionImpossible: for help visit https://pip.pypa.io/",
        "OSError: [Errno 8] Exec format error: './a'",
        "ImportError: This modeling file requires the following packages that were not found in "
        "your environment: flash_attn. Run `pip install flash_attn`",
        "error: externally-managed-environment\n\n× This environment is externally managed",
        "LibMambaUnsatisfiableError: Encountered problems while solving:\n  - package "
        "pytorch-2.1 requires python >=3.8,<3.9",
        "  × No solution found when resolving dependencies:\n  ╰─▶ Because torch==9 was not found",
    ],
    "error.disk": [
        'duckdb.duckdb.IOException: IO Error: Could not write all bytes to file "/tmp/x.db": '
        "wanted=262144 wrote=4096",
        "safetensors_rust.SafetensorError: Error while serializing: I/O error: No space left on "
        "device (os error 28)",
        "tar: train/img_12.npy: Wrote only 4096 of 10240 bytes\ntar: Error is not recoverable: "
        "exiting now",
        "OSError: [Errno 5] Can't synchronously write data (file write failed: time = Mon, "
        "filename = 'a.h5', file descriptor = 12, errno = 28, error message = 'No space left on "
        "device')",
        "pyarrow.lib.ArrowIOError: Error writing bytes to file. Detail: [errno 28] No space left "
        "on device",
    ],
    "error.fd": [
        "OSError: [Errno 23] Too many open files in system: '/proc/stat'",
        "ValueError: filedescriptor out of range in select()",
    ],
    "error.port": [
        "RuntimeError: Failed to bind to address [::]:50051; set GRPC_VERBOSITY=debug "
        "environment variable to see detailed error message.",
        "ERROR:    [Errno 98] error while attempting to bind on address ('0.0.0.0', 8000): "
        "address already in use",
        "zmq.error.ZMQError: Address already in use (addr='tcp://127.0.0.1:5555')",
        "TensorBoard could not bind to port 6006, it was already in use\nERROR: TensorBoard "
        "could not bind to port 6006, it was already in use",
    ],
    "error.python": [
        "subprocess.TimeoutExpired: Command '['git', 'pull']' timed out after 30 seconds",
        "requests.exceptions.ReadTimeout: HTTPSConnectionPool(host='x', port=443): Read timed "
        "out. (read timeout=10)",
        "RuntimeError: Error(s) in loading state_dict for Net:\n\tsize mismatch for fc.weight: "
        "copying a param with shape torch.Size([10, 4]) from checkpoint, the shape in current "
        "model is torch.Size([9, 4]).",
        "RecursionError: maximum recursion depth exceeded while calling a Python object",
        "RuntimeError: Expected all tensors to be on the same device, but found at least two "
        "devices, cuda:0 and cpu!",
        "RuntimeError: Trying to backward through the graph a second time",
        "ValueError: Target size (torch.Size([8])) must be the same as input size "
        "(torch.Size([8, 1]))",
        "KeyError: 'no files found'",
        "ValueError: too few arguments for f()",
    ],
    "fault.device": [
        "[TRT] [E] 1: [convRunner.cpp::execute::391] Error Code 1: Cuda Runtime (an illegal "
        "memory access was encountered)",
    ],
    "fault.driver": [
        "AssertionError: Invalid device id",
        "AssertionError: CUDA is not available",
        "RuntimeError: Unable to initialize backend 'cuda': FAILED_PRECONDITION: No visible GPU "
        "devices. (you may need to uninstall the failing plugin package)",
        "RuntimeError: No GPU found. A GPU is needed for quantization.",
        "SystemExit: CUDA is not available",
    ],
    "oom.device.capacity": [
        "onnxruntime.capi.onnxruntime_pybind11_state.Fail: [ONNXRuntimeError] : 1 : FAIL : CUDA "
        "failure 2: out of memory ; GPU=0 ; hostname=n1 ; expr=cudaMalloc((void**)&p, size);",
        "onnxruntime.capi.onnxruntime_pybind11_state.Fail: [ONNXRuntimeError] : 1 : FAIL : CUDA "
        "failure 2: out of memory ; GPU=0",
        "ggml_backend_cuda_buffer_type_alloc_buffer: allocating 8000.00 MiB on device 0: "
        "cudaMalloc failed: out of memory\nllama_model_load: error loading model: unable to "
        "allocate CUDA0 buffer",
        "[TRT] [E] 1: [defaultAllocator.cpp::allocate::31] Error Code 1: Cuda Runtime (out of "
        "memory)\n[TRT] [W] Requested amount of GPU memory (8589934592 bytes) could not be "
        "allocated.",
        "SystemError: \n--------------------------------------\nC++ Traceback (most recent call "
        "last):\nResourceExhaustedError: \n\nOut of memory error on GPU 0. Cannot allocate "
        "1.000000GB memory on GPU 0, 14.412231GB memory has been allocated and available memory "
        "is only 362.5MB.",
        "MemoryError: std::bad_alloc: out_of_memory: RMM failure "
        "at:/include/rmm/mr/device/pool_memory_resource.hpp:193: Maximum pool size exceeded",
        "jaxlib.xla_extension.XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory while trying to "
        "allocate 17179869184 bytes.",
        "tensorflow.python.framework.errors_impl.ResourceExhaustedError: OOM when allocating "
        "tensor with shape[64,512,128,128] and type float on "
        "/job:localhost/replica:0/task:0/device:GPU:0 by allocator GPU_0_bfc [Op:Conv2D]",
    ],
    "oom.device.library": [
        "tensorflow.python.framework.errors_impl.InternalError: Attempting to perform BLAS "
        "operation using StreamExecutor without BLAS support [Op:MatMul]",
    ],
    "oom.host.refused": [
        "pandas.errors.ParserError: Error tokenizing data. C error: out of memory",
        "OSError: Can't read data (memory allocation failed for raw data chunk)",
        "OSError: Can't synchronously read data (memory allocation failed for raw data chunk)",
        "ValueError: Unable to create dataset (chunk allocation failed: memory allocation failed "
        "for raw data)",
        "ValueError: Unable to create dataset (memory allocation failed)",
        "RuntimeError: could not create a primitive: out of memory",
        "onnxruntime.capi.onnxruntime_pybind11_state.RuntimeException: [ONNXRuntimeError] : 6 : "
        "RUNTIME_EXCEPTION : Exception during initialization: "
        "/onnxruntime_src/onnxruntime/core/framework/bfc_arena.cc:376 void* "
        "onnxruntime::BFCArena::AllocateRawInternal(size_t, bool) Failed to allocate memory for "
        "requested buffer of size 2147483648",
        "tensorflow.python.framework.errors_impl.ResourceExhaustedError: OOM when allocating "
        "tensor with shape[64,512,128,128] and type float on "
        "/job:localhost/replica:0/task:0/device:CPU:0 by allocator cpu",
        "OpenBLAS blas_thread_init: pthread_create failed for thread 3 of 64: Resource "
        "temporarily unavailable\nOpenBLAS blas_thread_init: RLIMIT_NPROC 4096 current",
        "sqlite3.OperationalError: out of memory",
        "OSError: [Errno -61] NetCDF: Memory allocation (malloc) failure",
    ],
}

ENDINGS: list[tuple[str, int | None, str]] = [
    ("error.dependency", 2, "Intel MKL FATAL ERROR: Cannot load libmkl_avx2.so or libmkl_def.so."),
    ("error.dependency", 126, "bash: ./train: cannot execute binary file: Exec format error"),
    ("oom.device.library", 1,
     "2024 E tensorflow/stream_executor/cuda/cuda_blas.cc:226] failed to create cublas handle: "
     "CUBLAS_STATUS_NOT_INITIALIZED\n"
     + TRACE
     + "tensorflow.python.framework.errors_impl.InternalError: Attempting to perform BLAS "
     "operation using StreamExecutor without BLAS support [Op:MatMul]"),
    ("oom.device.library", 1,
     "E external/x/cuda_blas.cc:180] failed to create cublas handle: the library was not "
     "initialized\n"
     + TRACE
     + "tensorflow.python.framework.errors_impl.InternalError: Attempting to perform BLAS "
     "operation using StreamExecutor without BLAS support"),
    ("error.fd", 1,
     "Exception in thread QueueFeederThread:\n"
     + TRACE
     + "OSError: [Errno 24] Too many open files\n"
     + TRACE
     + "KeyboardInterrupt"),
    ("error.fd", 1,
     "Traceback (most recent call last):\n  File \"/p/multiprocessing/queues.py\", line 239, "
     "in _feed\n    obj = dumps(obj)\nRuntimeError: unable to open shared memory object "
     "</torch_1_2_3> in read-write mode: Too many open files (24)\n^C"
     + TRACE
     + "KeyboardInterrupt"),
    ("error.fd", 130,
     "Exception in thread QueueFeederThread:\n"
     + TRACE
     + "OSError: [Errno 24] Too many open files\n"
     + TRACE
     + "KeyboardInterrupt"),
    # Not in a thread that others wait for: it was caught, and the user stopped the rest.
    ("interrupted", 130,
     TRACE
     + "OSError: [Errno 24] Too many open files\nclosed the oldest files\n"
     + TRACE
     + "KeyboardInterrupt"),
    ("interrupted", 1,
     "Exception in thread Thread-3:\n" + TRACE + "ValueError: x\n" + TRACE + "KeyboardInterrupt"),
    ("crash.segv", None,
     "step 3 loss 0.4\n\nProcess finished with exit code 139 (interrupted by signal 11: SIGSEGV)"),
    ("crash.segv", None,
     "step 3 loss 0.4\n\nProcess finished with exit code -1073741819 (0xC0000005)"),
    ("oom.device.capacity", 134,
     "CUDA error: out of memory\n  current device: 0, in function alloc at ggml-cuda.cu:269\n  "
     "cuMemCreate(&handle, reserve_size, &prop, 0)\nAborted (core dumped)"),
    ("fault.driver", 125,
     "docker: Error response from daemon: could not select device driver \"\" with capabilities: "
     "[[gpu]]."),
    ("error.python", 1,
     "CUDA is not available, using CPU\n"
     + TRACE
     + "IndexError: Target 10 is out of bounds."),
    ("error.python", 1,
     "WARNING: no GPU found, running on CPU\n"
     + TRACE
     + "TypeError: x"),
    ("error.dependency", 127, "slurmstepd: error: execve(): train: No such file or directory"),
    ("error.collective", 1,
     "[rank1]:[W ProcessGroupNCCL.cpp:1496] Warning: WARNING: destroy_process_group() was not "
     "called\n[rank0]: Traceback (most recent call last):\n[rank0]:   File \"/job/train.py\", "
     "line 88, in <module>\n[rank0]:     main()\n[rank0]: torch.distributed.DistBackendError: "
     "NCCL communicator was aborted on rank 0."),
]  # fmt: skip
