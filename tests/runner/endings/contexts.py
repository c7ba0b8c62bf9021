"""What decides where the words alone do not: frames, chained exceptions, other lines."""

from __future__ import annotations

from tests.runner.endings.whole import TRACE

ENDINGS: list[tuple[str, int | None, str]] = [
    ("oom.pinned", 1,
     "Traceback (most recent call last):\n  File \"/v/torch/utils/data/_utils/pin_memory.py\", "
     "line 7, in _pin_memory_loop\n    data = pin_memory(data)\nRuntimeError: cuda runtime "
     "error (2) : out of memory at "
     "/opt/conda/pytorch/aten/src/THC/THCCachingHostAllocator.cpp:278"),
    ("oom.pinned", 1,
     "Traceback (most recent call last):\n  File \"/job/t.py\", line 7, in f\n    self.buf = "
     "torch.empty(n, pin_memory=True)\nRuntimeError: CUDA error: out of memory\nCUDA kernel "
     "errors might be asynchronously reported at some other API call, so the stacktrace below "
     "might be incorrect."),
    ("oom.pinned", 1,
     "Traceback (most recent call last):\n  File \"/job/t.py\", line 7, in f\n    self.buf = "
     "torch.empty(n).pin_memory()\nRuntimeError: CUDA error: invalid argument"),
    ("oom.pinned", 1,
     "Traceback (most recent call last):\n  File "
     "\"/v/deepspeed/runtime/zero/stage_1_and_2.py\", line 7, in __init__\n    self.x = "
     "get_accelerator().pin_memory(t)\nRuntimeError: CUDA error: out of memory"),
    ("oom.pinned", 1,
     "Traceback (most recent call last):\n  File \"/job/t.py\", line 7, in f\n    "
     "cudart().cudaHostRegister(ptr, size, 0)\nRuntimeError: CUDA error: part or all of the "
     "requested memory range is already mapped"),
    ("oom.pinned", 1,
     "Traceback (most recent call last):\n  File \"/job/t.py\", line 7, in register\n    "
     "check_error(cudart.cudaHostRegister(p, n, 0))\n  File \"/v/torch/cuda/__init__.py\", line "
     "7, in check_error\n    raise CudaError(res)\ntorch.cuda.CudaError: out of memory (2)"),
    ("oom.pinned", 1,
     "Traceback (most recent call last):\n  File \"/job/t.py\", line 7, in f\n    x = "
     "cp.cuda.alloc_pinned_memory(n)\ncupy_backends.cuda.api.runtime.CUDARuntimeError: "
     "cudaErrorMemoryAllocation: out of memory"),
    ("oom.pinned", 1,
     TRACE
     + "RuntimeError: Caught OutOfMemoryError in pin memory thread for device 0.\nOriginal "
     "Traceback (most recent call last):\n  File \"/v/torch/utils/data/_utils/pin_memory.py\", "
     "line 7, in do_one_step\n    data = pin_memory(data, device)\ntorch.cuda.OutOfMemoryError: "
     "CUDA error: out of memory"),
    ("oom.pinned", 1,
     TRACE
     + "RuntimeError: Caught AcceleratorError in pin memory thread for device 0.\nOriginal "
     "Traceback (most recent call last):\n  File \"/v/torch/utils/data/_utils/pin_memory.py\", "
     "line 7, in _pin\n    return x.pin_memory()\ntorch.AcceleratorError: CUDA error: out of "
     "memory\nSearch for `cudaErrorMemoryAllocation' in https://docs.nvidia.com/cuda/x for more "
     "information.\nCUDA kernel errors might be asynchronously reported"),
    ("oom.pinned", 1,
     TRACE
     + "RuntimeError: CUDA error: OS call failed or operation not supported on this OS\nException "
     "raised from cudaHostRegister"),
    ("fault.device", 1,
     "Traceback (most recent call last):\n  File \"/v/torch/utils/data/_utils/pin_memory.py\", "
     "line 7, in pin_memory\n    return data.pin_memory()\nRuntimeError: CUDA error: an illegal "
     "memory access was encountered"),
    ("fault.device", 1,
     "Traceback (most recent call last):\n  File \"/v/torch/utils/data/_utils/pin_memory.py\", "
     "line 7, in pin_memory\n    return data.pin_memory()\nRuntimeError: CUDA error: "
     "device-side assert triggered"),
    ("oom.device.library", 1, TRACE + "RuntimeError: cuDNN error: CUDNN_STATUS_NOT_INITIALIZED"),
    ("fault.device", 1, TRACE + "RuntimeError: cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
    ("fault.device", 1,
     TRACE
     + "RuntimeError: CUDA error: CUBLAS_STATUS_INTERNAL_ERROR when calling `cublasSgemm( handle, "
     "opa, opb, m, n, k, &alpha, a, lda, b, ldb, &beta, c, ldc)`"),
    ("oom.device.library", 1,
     TRACE
     + "RuntimeError: CUDA error: CUBLAS_STATUS_INTERNAL_ERROR when calling `cublasCreate(handle)`"),
    ("oom.device.library", 1, TRACE + "RuntimeError: cuFFT error: CUFFT_INTERNAL_ERROR"),
    ("oom.device.library", 1,
     TRACE
     + "RuntimeError: CUSPARSE error: CUSPARSE_STATUS_ALLOC_FAILED when calling "
     "`cusparseCreate(handle)`"),
    ("oom.device.library", 134,
     "terminate called after throwing an instance of 'c10::CuDNNError'\n  what():  cuDNN error: "
     "CUDNN_STATUS_ALLOC_FAILED\nException raised from x\nAborted (core dumped)"),
    ("oom.device.library", 1,
     TRACE
     + "RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling "
     "`cublasCreate(handle)`\n\nDuring handling of the above exception, another exception "
     "occurred:\n\n"
     + TRACE
     + "RuntimeError: CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling "
     "`cublasCreate(handle)`"),
    ("crash.worker", 1,
     TRACE
     + "RuntimeError: DataLoader worker (pid(s) 3, 4) exited unexpectedly with exit code 1. "
     "Details are lost due to multiprocessing. Rerunning with num_workers=0 may give better "
     "error trace."),
    ("oom.host.worker", 1,
     TRACE
     + "RuntimeError: DataLoader worker (pid 9) is killed by signal: Killed. \n[  12.1] Out of "
     "memory: Killed process 9 (pt_data_worker) total-vm:1kB, anon-rss:1kB, file-rss:0kB"),
    ("crash.segv", -11,
     "Fatal Python error: Segmentation fault\n\nThread 0x1 (most recent call first):\n  File "
     "\"/v/torch/_C.py\", line 1 in backward\n"),
    ("crash.segv", 139,
     "Current thread 0x00007f1 (most recent call first):\n  File \"a.py\", line 3 in f\n"),
    ("crash.segv", 139,
     "*** SIGSEGV received at time=1 on cpu 3 ***\nPC: @ 0x7f (unknown) (unknown)\n    @ 0x7f "
     "32 (unknown)\n"),
    ("crash.segv", 139,
     "*** Aborted at 1700000000 (unix time) try \"date -d @1700000000\" if you are using GNU "
     "date ***\nPC: @ 0x0 (unknown)\n*** SIGSEGV (@0x0) received by PID 12 (TID 0x7f) from PID "
     "0; stack trace: ***\n"),
    ("crash.segv", None,
     "*** SIGSEGV (@0x0) received by PID 12 (TID 0x7f) from PID 0; stack trace: ***\n    @     "
     "0x7f __restore_rt\n"),
    ("error.disk", 1, TRACE + "OSError: [Errno 28] No space left on device: '/tmp/pymp-x1'"),
    ("error.disk", 1,
     TRACE
     + "OSError: [Errno 28] No space left on device: '/data/torch_cache/x.pt'"),
    ("oom.shm", 1,
     "Traceback (most recent call last):\n  File \"/p/multiprocessing/shared_memory.py\", line "
     "7, in __init__\n    self._fd = _posixshmem.shm_open(\nOSError: [Errno 28] No space left "
     "on device: '/psm_1'"),
    ("oom.shm", 1,
     "Traceback (most recent call last):\n  File \"/p/multiprocessing/shared_memory.py\", line "
     "7, in __init__\n    os.ftruncate(self._fd, size)\nOSError: [Errno 28] No space left on "
     "device"),
    ("error.python", 1,
     "Traceback (most recent call last):\n  File \"/p/multiprocessing/shared_memory.py\", line "
     "7, in __init__\n    self._fd = _posixshmem.shm_open(\nFileExistsError: [Errno 17] File "
     "exists: '/psm_1'"),
    ("oom.shm", 1,
     "[E shm.cc] Error while creating shared memory segment /dev/shm/nccl-abc (size 9637888)\n"
     + TRACE
     + "RuntimeError: NCCL error: unhandled system error"),
    ("oom.shm", 1,
     TRACE
     + "RuntimeError: unable to resize file </torch_3_4> to the right size: No space left on "
     "device (28)"),
    ("error.fd", 1,
     TRACE
     + "OSError: [Errno 24] Too many open files\n\nDuring handling of the above exception, "
     "another exception occurred:\n\n"
     + TRACE
     + "FileNotFoundError: [Errno 2] No such file or directory: '/tmp/pymp-x'"),
    ("error.fd", 1,
     TRACE
     + "urllib3.exceptions.NewConnectionError: <x>: Failed to establish a new connection: [Errno "
     "24] Too many open files"),
    ("error.fd", 1,
     "[gpu1:77:91] transport/net_ib.cc NCCL WARN Call to ibv_x failed\ngpu1:77:91 [0] NCCL WARN "
     "Call to open failed : Too many open files\n"
     + TRACE
     + "torch.distributed.DistBackendError: NCCL error in: x, unhandled system error\n"
     "ncclSystemError: System call failed"),
    ("error.fd", 1, "bash: start_pipeline: pgrp pipe: Too many open files"),
    ("error.fd", 1,
     TRACE
     + "ImportError: /v/torch/lib/libtorch_cpu.so: cannot open shared object file: Too many open "
     "files"),
    ("error.port", 1, TRACE + "RuntimeError: Port 29500 is already in use"),
    ("error.port", 1,
     TRACE
     + "OSError: [Errno 98] Address already in use\n\nDuring handling of the above exception, "
     "another exception occurred:\n\n"
     + TRACE
     + "RuntimeError: could not start the server"),
    ("error.collective", 1,
     TRACE
     + "torch.distributed.elastic.rendezvous.api.RendezvousConnectionError: The connection to the "
     "C10d store has failed.\n"),
    ("error.port", 1,
     "E1125 socket.cpp:1028] [c10d] The server socket on [::]:29500 has failed to bind: Address "
     "already in use\n"
     + TRACE
     + "torch.distributed.DistNetworkError: The server socket has failed to listen on any local "
     "network address. port: 29500, useIpv6: 0, code: -98, name: EADDRINUSE, message: address "
     "already in use"),
    ("interrupted", 1,
     TRACE
     + "torch.distributed.elastic.multiprocessing.api.SignalException: Process 3 got signal: 2"),
    ("interrupted", 1,
     TRACE
     + "KeyboardInterrupt\n\nDuring handling of the above exception, another exception "
     "occurred:\n\n"
     + TRACE
     + "RuntimeError: DataLoader worker (pid 3) is killed by signal: Interrupt. "),
    ("interrupted", 130,
     TRACE
     + "KeyboardInterrupt\n\nDuring handling of the above exception, another exception "
     "occurred:\n\n"
     + TRACE
     + "SystemExit: 130"),
    ("interrupted", 1,
     TRACE
     + "KeyboardInterrupt\n\nDuring handling of the above exception, another exception "
     "occurred:\n\n"
     + TRACE
     + "RuntimeError: cannot join current thread"),
    ("interrupted", 1, "^CKilling subprocess 3\nMain process received SIGINT, exiting"),
    ("interrupted", 1,
     "[2026-11-25 01:02:03,123] [INFO] [launch.py:315:sigkill_handler] Killing subprocess "
     "10409\n[2026-11-25 01:02:03,125] [ERROR] [launch.py:321:sigkill_handler] ['python'] exits "
     "with return code = -2"),
    ("interrupted", 1,
     "Detected KeyboardInterrupt, attempting graceful shutdown ...\nwandb: finished"),
    ("interrupted", 1,
     "Process ForkPoolWorker-1:\n"
     + TRACE
     + "KeyboardInterrupt\nProcess ForkPoolWorker-2:\n"
     + TRACE
     + "KeyboardInterrupt\n"),
    ("interrupted", 130,
     "Exception ignored in: <module 'threading'>\n"
     + TRACE
     + "KeyboardInterrupt: \n"),
    ("interrupted", 1,
     TRACE
     + "asyncio.exceptions.CancelledError\n\nDuring handling of the above exception, another "
     "exception occurred:\n\n"
     + TRACE
     + "KeyboardInterrupt"),
]  # fmt: skip
