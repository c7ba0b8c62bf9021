"""More of what Python, its libraries and its numbers say."""

from __future__ import annotations

WORDINGS: dict[str, list[str]] = {
    "error.dependency": [
        "ImportError: numpy.core.multiarray failed to import",
        "RuntimeError: Failed to import transformers.models.llama.modeling_llama because of the "
        "following error (look up to see its traceback):\n"
        "/v/flash_attn_2_cuda.cpython-310-x86_64-linux-gnu.so: undefined symbol: "
        "_ZN3c105ErrorC2ENS_14SourceLocationESs",
        "RuntimeError: Failed to import transformers.trainer because of the following error "
        "(look up to see its traceback):\nNo module named 'torch._six'",
        "ImportError: cannot import name 'packaging' from 'pkg_resources' "
        "(/v/pkg_resources/__init__.py)",
        "ImportError: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.34' not found (required "
        "by /v/x.so)",
        "AttributeError: module 'numpy' has no attribute 'object'.",
        "AttributeError: `np.float_` was removed in the NumPy 2.0 release. Use `np.float64` "
        "instead.",
        "AttributeError: module 'torch.library' has no attribute 'register_fake'",
        "AttributeError: module 'torch' has no attribute 'float8_e4m3fn'",
        "AttributeError: module 'pkgutil' has no attribute 'ImpImporter'. Did you mean: "
        "'zipimporter'?",
        "AttributeError: module 'distutils' has no attribute 'version'",
        "ImportError: DLL load failed: The specified procedure could not be found.",
        "ImportError: libcublas.so.12: symbol free_gemm_select version libcublasLt.so.12 not "
        "defined in file libcublasLt.so.12 with link time reference",
        "ImportError: Using `low_cpu_mem_usage=True` or a `device_map` requires Accelerate: "
        "`pip install accelerate`",
        "ImportError: \nLlamaTokenizer requires the SentencePiece library but it was not found "
        "in your environment.",
        "RuntimeError: CUDA Setup failed despite GPU being available. Please run the following "
        "command to get more information:\n\npython -m bitsandbytes",
        "ValueError: numpy.ndarray size changed, may indicate binary incompatibility. Expected "
        "88 from C header, got 80 from PyObject",
        "RuntimeError: module was compiled against NumPy C-API version 0x10 (NumPy 1.23) but "
        "the running NumPy has C-API version 0xf.",
        "OSError: /v/torch_scatter/_scatter_cuda.so: undefined symbol: "
        "_ZN5torch3jit17parseSchemaOrNameE",
        "FileNotFoundError: [Errno 2] No such file or directory: '/usr/local/cuda/bin/nvcc'",
        "FileNotFoundError: [Errno 2] No such file or directory: 'nvcc'",
        "FileNotFoundError: [Errno 2] No such file or directory: 'ninja'",
        "torch._inductor.exc.InductorError: InvalidCxxCompiler: No working C++ compiler found "
        "in torch._inductor.config.cpp.cxx: (None, 'g++')",
        "RuntimeError: Failed to find C compiler. Please specify via CC environment variable.",
        "ImportError: cannot import name 'Mapping' from 'collections'",
        "ImportError: /tmp/x.so: cannot open shared object file: Permission denied",
        "ImportError: Keras cannot be imported. Check that it is installed.",
        "SystemError: initialization of _internal failed without raising an exception",
        "NameError: name '_C' is not defined",
        "AttributeError: module 'torch._C' has no attribute '_cuda_setDevice'",
        "AttributeError: module 'lib' has no attribute 'X509_V_FLAG_NOTIFY_POLICY'",
        "TypeError: Descriptors cannot be created directly.",
        "RuntimeError: Tried to instantiate dummy base class CUDAGraph",
        "RuntimeError: Cannot find torchvision ops; torchvision::nms does not exist",
        "ImportError: /opt/conda/lib/python3.9/site-packages/torch/lib/libtorch_cuda.so: "
        "undefined symbol: cudaGraphInstantiateWithFlags, version libcudart.so.11.0",
        "Error: mkl-service + Intel(R) MKL: MKL_THREADING_LAYER=INTEL is incompatible with "
        "libgomp.so.1 library.",
        "OMP: Error #15: Initializing libiomp5.so, but found libomp.so already initialized.",
    ],
    "error.disk": [
        "OSError: [Errno 28] No space left on device: '/tmp/tmpabc'",
        "OSError: [Errno 122] Disk quota exceeded: '/home/u/x'",
        "RuntimeError: PytorchStreamWriter failed writing central directory",
        "RuntimeError: [enforce fail at inline_container.cc:424] . unexpected pos 64 vs 0",
        "OSError: 9437184 requested and 4120576 written",
        "OSError: Not enough free disk space to download the file",
        "OSError: [Errno 28] Can't write data (No space left on device)",
        "OSError: Not enough disk space. Needed: Unknown size (download: Unknown size, "
        "generated: Unknown size, post-processed: Unknown size)",
        "shutil.Error: [('a','b',\"[Errno 28] No space left on device: 'b'\")]",
        "IOError: [Errno 28] No space left on device",
        "tensorflow.python.framework.errors_impl.ResourceExhaustedError: ckpt; No space left on "
        "device",
        "OSError: [Errno 69] Disk quota exceeded",
        "zarr: OSError: [Errno 28] No space left on device",
    ],
    "oom.shm": [
        "RuntimeError: DataLoader worker (pid 5) is killed by signal: Bus error. It is possible "
        "that dataloader's workers are out of shared memory. Please try to raise your shared "
        "memory limit.",
        "RuntimeError: unable to mmap 67108864 bytes from file </torch_3_4_5>: Cannot allocate "
        "memory (12)",
        "RuntimeError: unable to open shared memory object </torch_12_3_4> in read-write mode: "
        "No space left on device (28)",
    ],
    "error.fd": [
        "RuntimeError: unable to open shared memory object </torch_1_2_3> in read-write mode: "
        "Too many open files (24)",
        "OSError: [Errno 24] Too many open files: '/proc/meminfo'",
        "ValueError: too many file descriptors in select()",
        "RuntimeError: Too many open files. Communication with the workers is no longer "
        "possible. Please increase the limit using `ulimit -n` in the shell or change the "
        "sharing strategy by calling "
        "`torch.multiprocessing.set_sharing_strategy('file_system')` at the beginning of your "
        "code",
        "redis.exceptions.ConnectionError: Error 24 connecting to localhost:6379. Too many open "
        "files.",
        "OSError: [Errno 24] Too many open files: 'x' (ulimit -n 1024)",
    ],
    "oom.host.refused": [
        "numpy.core._exceptions.MemoryError: Unable to allocate array with shape (1, 2) and "
        "data type float64",
        "numpy._core._exceptions._ArrayMemoryError: Unable to allocate 3. KiB for an array with "
        "shape (3,) and data type float64",
        "RuntimeError: [enforce fail at alloc_cpu.cpp:83] err == 0. DefaultCPUAllocator: can't "
        "allocate memory: you tried to allocate 12 bytes. Error code 12 (Cannot allocate memory)",
        "MemoryError: Unable to allocate internal buffer.",
        "MemoryError: bad allocation",
        "cv2.error: OpenCV(4.1.0) /io/alloc.cpp:55: error: (-4:Insufficient memory) Failed to "
        "allocate 622080000 bytes in function 'OutOfMemoryError'",
        "OSError: [Errno 12] Cannot allocate memory: 'git'",
        "pyarrow.lib.ArrowMemoryError: realloc of size 4 failed",
        "MemoryError: failed to allocate 8 bytes",
        "mmap.error: [Errno 12] Cannot allocate memory",
        "RuntimeError: unable to mmap 1 bytes from file <a.pt>: Cannot allocate memory (12)",
    ],
    "error.nan": [
        "ValueError: loss is NaN or infinity",
        "RuntimeError: NaN detected in gradient of conv1.weight",
        "AssertionError: nan in loss at iter 12",
        "Exception: Found NaN in loss, abort",
        "ValueError: Found infinite loss at epoch 3",
        "RuntimeError: Function 'MulBackward0' returned nan values in its 1th output.",
        "ValueError: Out of range float values are not JSON compliant",
        "FloatingPointError: invalid value encountered in log",
        "FloatingPointError: overflow encountered in exp",
        "RuntimeError: Loss diverged (nan)",
        "lightning.pytorch.utilities.exceptions.MisconfigurationException: The loss returned in "
        "`training_step` is nan.",
        "ValueError: Input contains infinity or a value too large for dtype('float64').",
        "numpy.linalg.LinAlgError: Array must not contain infs or NaNs",
        "ValueError: autodetected range of [nan, nan] is not finite",
        "ValueError: Axis limits cannot be NaN or Inf",
        "Exception: Current loss scale already at minimum - cannot decrease scale anymore. "
        "Exiting run.",
        "ValueError: Monitored metric train_loss = nan is not finite. Previous best value was "
        "inf. Signaling Trainer to stop.",
        "RuntimeError: Non-finite gradients in 12 consecutive steps",
        "ValueError: Gradient norm inf at step 5",
        "AssertionError: weights are NaN",
        "OverflowError: cannot convert float infinity to integer",
    ],
    "error.python": [
        "KeyError: 'inf'",
        "NameError: name 'nan' is not defined",
        "ImportWarning: x",
        "TypeError: can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() to copy "
        "the tensor to host memory first.",
        "RuntimeError: CUDA error: invalid configuration argument",
        "RuntimeError: Input type (torch.cuda.FloatTensor) and weight type (torch.FloatTensor) "
        "should be the same",
        "RuntimeError: Legacy autograd function with non-static forward method is deprecated.",
        "ValueError: Expected more than 1 value per channel when training, got input size "
        "torch.Size([1, 64])",
        "RuntimeError: stack expects each tensor to be equal size, but got [3, 70, 70] at entry "
        "0 and [3, 70, 69] at entry 1",
        "TypeError: default_collate: batch must contain tensors, numpy arrays, numbers, dicts "
        "or lists; found <class 'NoneType'>",
        "RuntimeError: each element in list of batch should be of equal size",
        "RuntimeError: size mismatch, m1: [3 x 4], m2: [5 x 6] at "
        "/pytorch/aten/src/TH/generic/THTensorMath.cpp:41",
        "RuntimeError: Sizes of tensors must match except in dimension 1. Expected size 69 but "
        "got size 70 for tensor number 1 in the list.",
        "RuntimeError: \n        An attempt has been made to start a new process before "
        "the\n        current process has finished its bootstrapping phase.",
        "torch.jit.frontend.NotSupportedError: Compiled functions can't take variable number of "
        "arguments",
        "torch._dynamo.exc.Unsupported: call_function BuiltinVariable(print)",
        "huggingface_hub.utils._errors.RepositoryNotFoundError: 404 Client Error.",
        "requests.exceptions.ConnectionError: HTTPSConnectionPool(host='huggingface.co', "
        "port=443): Max retries exceeded with url: /x (Caused by NewConnectionError('<x>: "
        "Failed to establish a new connection: [Errno -2] Name or service not known'))",
        "OSError: We couldn't connect to 'https://huggingface.co' to load this file, couldn't "
        "find it in the cached files and it looks like x is not the path to a directory "
        "containing a file named config.json.",
        "urllib.error.HTTPError: HTTP Error 403: Forbidden",
        "urllib.error.URLError: <urlopen error [Errno 110] Connection timed out>",
        "requests.exceptions.ReadTimeout: HTTPSConnectionPool(host='huggingface.co', port=443): "
        "Read timed out. (read timeout=10)",
        "wandb.errors.CommError: Run initialization has timed out after 90.0 sec.",
        "ssl.SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed",
        "botocore.exceptions.NoCredentialsError: Unable to locate credentials",
        "OSError: [Errno 30] Read-only file system: '/data/ck.pt'",
        "RuntimeError: Parent directory /x/y does not exist.",
        "RuntimeError: cannot schedule new futures after shutdown",
        "GatedRepoError: 401 Client Error.",
        "lightning.fabric.utilities.exceptions.MisconfigurationException: No supported gpu "
        "backend found!",
        "ValueError: batch size 0",
        "ValueError: Loss weights must sum to 1",
        "TypeError: loss is not a tensor",
        "RuntimeError: element 0 of tensors does not require grad and does not have a grad_fn",
        "ValueError: nan_policy must be one of {'propagate'}",
        "KeyError: 'killed'",
        "AttributeError: 'Trainer' object has no attribute 'oom_handler'",
        "ValueError: unknown outcome 'oom.device.capacity'",
        "subprocess.CalledProcessError: Command '['python', 'x.py']' returned non-zero exit "
        "status 1.",
    ],
}
