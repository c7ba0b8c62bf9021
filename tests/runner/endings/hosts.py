"""What the host's memory, shared memory, disk, descriptors and ports are said to lack."""

from __future__ import annotations

WORDINGS: dict[str, list[str]] = {
    "oom.host.refused": [
        "MemoryError",
        "MemoryError: Unable to allocate array with shape (60000, 784) and data type float64",
        "numpy.core._exceptions.MemoryError: Unable to allocate 7.45 GiB for an array with shape "
        "(1000000000,) and data type float64",
        "numpy._core._exceptions._ArrayMemoryError: Unable to allocate 512. MiB for an array with shape"
        " (8192, 8192) and data type float64",
        "OSError: [Errno 12] Cannot allocate memory",
        "OSError: [Errno 12] Cannot allocate memory: '/data/big.npy'",
        "RuntimeError: [enforce fail at CPUAllocator.cpp:56] posix_memalign(&data, gAlignment, nbytes)"
        " == 0. 12 vs 0",
        "RuntimeError: [enforce fail at CPUAllocator.cpp:64] . DefaultCPUAllocator: can't allocate "
        "memory: you tried to allocate 65536000000 bytes. Error code 12 (Cannot allocate memory)",
        "RuntimeError: [enforce fail at ..\\c10\\core\\CPUAllocator.cpp:72] data. DefaultCPUAllocator: "
        "not enough memory: you tried to allocate 9663676416 bytes. Buy new RAM!",
        "RuntimeError: $ Torch: not enough memory: you tried to allocate 29GB. Buy new RAM! at "
        "/pytorch/aten/src/TH/THGeneral.cpp:204",
        "RuntimeError: [enforce fail at alloc_cpu.cpp:75] err == 0. DefaultCPUAllocator: can't "
        "allocate memory: you tried to allocate 40960000000 bytes. Error code 12 (Cannot allocate "
        "memory)",
        "RuntimeError: std::bad_alloc",
        "terminate called after throwing an instance of 'std::bad_alloc'\n  what():  std::bad_alloc",
        "libc++abi: terminating due to uncaught exception of type std::bad_alloc: std::bad_alloc",
        "memory allocation of 8589934592 bytes failed",
        "cv2.error: OpenCV(4.8.0) :-1: error: (-4:Insufficient memory) Failed to allocate 12441600000 "
        "bytes in function 'OutOfMemoryError'",
        "pyarrow.lib.ArrowMemoryError: malloc of size 68719476736 failed",
        "MemoryError: Caught MemoryError in DataLoader worker process 1.\nOriginal Traceback (most "
        'recent call last):\n  File "/v/worker.py", line 3, in _worker_loop\n    x\nMemoryError',
        "concurrent.futures.process._RemoteTraceback: \nMemoryError: Unable to allocate 3.00 GiB for an"
        " array with shape (402653184,) and data type float64",
        "bash: fork: Cannot allocate memory",
        "RuntimeError: unable to mmap 8589934592 bytes from file <weights.bin>: Cannot allocate memory "
        "(12)",
        "OSError: [WinError 1455] The paging file is too small for this operation to complete. Error "
        'loading "caffe2_detectron_ops.dll" or one of its dependencies.',
        "_duckdb.OutOfMemoryException: Out of Memory Error: could not allocate block of size 256.0 KiB",
        "java.lang.OutOfMemoryError: Java heap space",
    ],
    "oom.shm": [
        "RuntimeError: unable to write to file </torch_18692_1954506624>",
        "RuntimeError: unable to write to file </torch_18692_1954506624_12>: No space left on device "
        "(28)",
        "RuntimeError: unable to allocate shared memory(shm) for file </torch_77_90_1>: Success (0)",
        "RuntimeError: DataLoader worker (pid 2241) is killed by signal: Bus error. ",
        "RuntimeError: DataLoader worker (pid 12) is killed by signal: Bus error. It is possible that "
        "dataloader's workers are out of shared memory. Please try to raise your shared memory limit.",
        "RuntimeError: DataLoader worker (pid(s) 12, 13) exited unexpectedly due to insufficient shared "
        "memory (shm).",
        "ERROR: Unexpected bus error encountered in worker. This might be caused by insufficient shared"
        " memory (shm).",
        "Fatal Python error: Bus error\n\nCurrent thread 0x00007f11 (most recent call first):",
        "OSError: [Errno 28] No space left on device: '/dev/shm/psm_1f2e3d4c'",
        "OSError: [Errno 28] No space left on device: '/psm_1f2e3d4c'",
        "torch.multiprocessing.spawn.ProcessExitedException: process 2 terminated with signal SIGBUS",
        "RuntimeError: NCCL error in: ../torch/csrc/distributed/c10d/ProcessGroupNCCL.cpp:1269, "
        "unhandled system error, NCCL version 2.14.3\nncclSystemError: System call (e.g. socket, malloc)"
        " or external library call failed or device error.\nLast error:\nError while creating shared "
        "memory segment /dev/shm/nccl-WxVSrb (size 9637888)",
        "gpu3:5512:5633 [1] include/shm.h:28 NCCL WARN Call to posix_fallocate failed : No space left "
        "on device",
        "ray.exceptions.ObjectStoreFullError: Failed to put object ffff in object store because it is "
        "full. Object size is 8000000000 bytes.",
        "train.sh: line 7:  2213 Bus error               (core dumped) python train.py",
    ],
    "error.disk": [
        "OSError: [Errno 28] No space left on device: 'runs/7/epoch_12.pt'",
        "OSError: [Errno 122] Disk quota exceeded",
        "OSError: [Errno 122] Disk quota exceeded: '/home/u/.cache/huggingface/x'",
        "RuntimeError: [enforce fail at inline_container.cc:337] . unexpected pos 1088 vs 982",
        "RuntimeError: [enforce fail at inline_container.cc:626] . unexpected pos 832 vs 726",
        "RuntimeError: [enforce fail at inline_container.cc:595] . PytorchStreamWriter failed writing "
        "file data/17: file write failed",
        "RuntimeError: basic_ios::clear: iostream error",
        "RuntimeError: write(): fd 41 failed with Disk quota exceeded",
        "OSError: 1048576 requested and 524272 written",
        "OSError: Can't synchronously write data (file write failed: time = Mon Nov 23 2026, filename ="
        " 'out.h5', file descriptor = 9, errno = 28, error message = 'No space left on device')",
        "sqlite3.OperationalError: database or disk is full",
        "FileNotFoundError: [Errno 2] No usable temporary directory found in ['/tmp', '/var/tmp', "
        "'/usr/tmp', '/job']",
        "safetensors._safetensors_rust.SafetensorError: Error while serializing: IoError(Os { code: 28,"
        ' kind: StorageFull, message: "No space left on device" })',
        "pyarrow.lib.ArrowIOError: Error writing bytes to file. Detail: [errno 28] No space left on "
        "device",
        "OSError: [Errno 27] File too large",
        "tar: Exiting with failure status due to previous errors: Wrote only 4096 of 10240 bytes: No "
        "space left on device",
        "lightning.fabric.utilities.exceptions.X: [Errno 28] No space left on device",
        "tensorflow.python.framework.errors_impl.ResourceExhaustedError: /out/ckpt-3.data; No space left"
        " on device",
    ],
    "error.fd": [
        "OSError: [Errno 24] Too many open files",
        "OSError: [Errno 24] Too many open files: '/data/0001.npy'",
        "OSError: [Errno 23] Too many open files in system",
        "RuntimeError: received 0 items of ancdata",
        "RuntimeError: unable to open shared memory object </torch_29919_1396182366> in read-write "
        "mode",
        "RuntimeError: unable to open shared memory object </torch_2_3_4> in read-write mode: Too many "
        "open files (24)",
        "ValueError: filedescriptor out of range in select()",
        "RuntimeError: unable to open file </data/x.bin> in read-only mode: Too many open files (24)",
        "OSError: [Errno 24] inotify instance limit reached",
        "h5py error: OSError: Unable to open file (unable to open file: name = 'a.h5', errno = 24, error"
        " message = 'Too many open files', flags = 0, o_flags = 0)",
        "gpu1:77:91 [0] NCCL WARN Call to socket failed : Too many open files",
        "torch.distributed.DistNetworkError: The client socket has failed to connect: Too many open "
        "files",
    ],
    "error.port": [
        "RuntimeError: Address already in use",
        "RuntimeError: The server socket has failed to listen on any local network address. The server "
        "socket has failed to bind to [::]:29500 (errno: 98 - Address already in use). The server socket"
        " has failed to bind to 0.0.0.0:29500 (errno: 98 - Address already in use).",
        "torch.distributed.DistNetworkError: The server socket has failed to listen on any local "
        "network address. port: 29500, useIpv6: 0, code: -98, name: EADDRINUSE, message: address "
        "already in use",
        "OSError: [Errno 48] Address already in use",
        "OSError: [Errno 98] error while attempting to bind on address ('0.0.0.0', 8265): address "
        "already in use",
        "zmq.error.ZMQError: Address already in use (addr='tcp://*:5555')",
        "ERROR: TensorBoard could not bind to port 6006, it was already in use",
        "ConnectionError: Tried to launch distributed communication on port `29500`, but another process"
        " is utilizing it. Please specify a different port (such as using the `--main_process_port` flag"
        " or specifying a different `main_process_port` in your config file) and rerun your script.",
        "OSError: Cannot find empty port in range: 7860-7860. You can specify a different port by "
        "setting the GRADIO_SERVER_PORT environment variable",
        "OSError: [WinError 10048] Only one usage of each socket address (protocol/network "
        "address/port) is normally permitted",
        "RuntimeError: Failed to bind to address 0.0.0.0:50051; Address already in use",
        "gpu1:77:91 [0] misc/socket.cc:379 NCCL WARN Call to bind failed : Address already in use",
    ],
}
