"""Whole ends of logs: (outcome, exit status or None, text). What surrounds the words decides."""

from __future__ import annotations

from tests.runner.endings.devices import NEW_ADVICE, OLD_ADVICE

TRACE = (
    'Traceback (most recent call last):\n  File "/job/train.py", line 88, in <module>\n    main()\n'
    '  File "/job/train.py", line 61, in main\n    step(batch)\n'
)
LAUNCHER = (
    'Traceback (most recent call last):\n  File "/v/bin/torchrun", line 8, in <module>\n'
    '    sys.exit(main())\n  File "/v/torch/distributed/run.py", line 806, in main\n    run(args)\n'
    '  File "/v/torch/distributed/launcher/api.py", line 264, in launch_agent\n'
    "    raise ChildFailedError(\n"
    "torch.distributed.elastic.multiprocessing.errors.ChildFailedError: \n"
)


def summary(first: int, signal: str = "", rank: int = 1) -> str:
    """torchrun's table: rank ``rank`` failed first, the other was ended by the launcher."""
    said = (
        f"Signal {-first} ({signal}) received by PID 311"
        if first < 0
        else "To enable traceback see"
    )
    return (
        LAUNCHER + "=" * 60 + "\ntrain.py FAILED\n" + "-" * 60 + "\nFailures:\n[1]:\n"
        "  time      : 2026-11-23_10:00:02\n  host      : n1\n"
        f"  rank      : {1 - rank} (local_rank: {1 - rank})\n  exitcode  : -15 (pid: 312)\n"
        "  error_file: <N/A>\n  traceback : Signal 15 (SIGTERM) received by PID 312\n"
        + "-"
        * 60
        + "\n"
        "Root Cause (first observed failure):\n[0]:\n  time      : 2026-11-23_10:00:01\n"
        f"  host      : n1\n  rank      : {rank} (local_rank: {rank})\n"
        f"  exitcode  : {first} (pid: 311)\n  error_file: <N/A>\n  traceback : {said}\n" + "=" * 60
    )


def prefixed(prefix: str, text: str) -> str:
    return "\n".join(prefix + line for line in text.splitlines()) + "\n"


GLOO_GONE = (
    TRACE
    + "RuntimeError: [../third_party/gloo/gloo/transport/tcp/pair.cc:598] Connection closed by "
    "peer [127.0.0.1]:29411"
)
OOM = (
    TRACE
    + "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.00 GiB. GPU 0 has a total "
    "capacity of 14.74 GiB of which 600.12 MiB is free. Including non-PyTorch memory, this process has "
    "14.14 GiB memory in use. Of the allocated memory 13.71 GiB is allocated by PyTorch, and 310.44 MiB"
    " is reserved by PyTorch but unallocated." + NEW_ADVICE
)
WATCHDOG = (
    "[rank0]:[E1123 10:11:12.131415 ProcessGroupNCCL.cpp:632] [Rank 0] Watchdog caught collective "
    "operation timeout: WorkNCCL(SeqNum=7, OpType=ALLREDUCE, NumelIn=9, NumelOut=9, Timeout(ms)=600000) "
    "ran for 600033 milliseconds before timing out.\n"
)
KERNEL_KILL = (
    "[918221.004411] Memory cgroup out of memory: Killed process 41230 (python) total-vm:9kB, "
    "anon-rss:8kB, file-rss:7kB, shmem-rss:0kB, UID:0 pgtables:4kB oom_score_adj:0\n"
)
WORKER_KILLED = TRACE + "RuntimeError: DataLoader worker (pid 4122) is killed by signal: Killed. "
CAUGHT = (
    "WARNING: batch 64 failed (CUDA out of memory. Tried to allocate 2.00 GiB); retrying with 32\n"
)

ENDINGS: list[tuple[str, int | None, str]] = [
    # Success, whatever it feared.
    ("ok", 0, CAUGHT + "epoch 1 loss 0.41\ndone"),
    ("ok", 0, TRACE + "MemoryError\nfalling back to disk\nbuilt index"),
    ("ok", 0, "Killed\nresuming\nstep 900 loss 0.3"),
    ("ok", 0, "step 3 loss nan, skipping\nstep 4 loss 0.52\nstep 5 loss 0.49\nsaved"),
    ("ok", 0, "FAILED test_a.py::test_segfault - expected\n1 xfailed in 0.1s"),
    ("ok", 0, "KeyboardInterrupt received, saving and exiting\nsaved last.pt"),
    ("ok", 0, "loss is nan: caught, rolled back to step 800\nfinished"),
    ("ok", 0, "test_loss.py::test_loss is nan -> raises PASSED\n1 passed in 0.1s"),
    ("ok", 0, ""),
    # Success by the status, but the last loss that it reports is none.
    ("error.nan", 0, "epoch 1 loss 0.81\nepoch 2 loss nan\nepoch 3 loss nan\ndone"),
    ("error.nan", 0, "{'loss': nan, 'grad_norm': nan, 'learning_rate': 1e-05, 'epoch': 2.9}\n"
     "{'train_runtime': 31.1, 'train_loss': nan, 'epoch': 3.0}"),
    ("error.nan", 0, "Epoch 4: 100%|####| 40/40 [00:10<00:00, 3.9it/s, train_loss=nan]\n"
     "`Trainer.fit` stopped: `max_epochs=5` reached."),
    # Only the status says it.
    ("crash.segv", 139, "epoch 1 step 40 loss 2.113"),
    ("crash.segv", -11, "epoch 1 step 40 loss 2.113"),
    ("oom.host.killed", 137, "loading shard 12 of 64"),
    ("oom.host.killed", -9, ""),
    ("oom.shm", 135, "/p/resource_tracker.py:254: UserWarning: resource_tracker: There appear to be 6 "
     "leaked shared_memory objects to clean up at shutdown"),
    ("interrupted", 130, "step 7 loss 0.3"),
    ("interrupted", 143, "step 7 loss 0.3"),
    ("crash.abort", 134, "step 7 loss 0.3\nAborted (core dumped)"),
    ("crash.signal", 132, "Illegal instruction (core dumped)"),
    ("crash.signal", 136, "Floating point exception (core dumped)"),
    ("timeout", 124, "step 7 loss 0.3"),
    ("error.python", 7, "step 7 loss 0.3"),
    ("error.python", 255, ""),
    # The status outranks what was lived through.
    ("oom.host.killed", 137, OOM + "\nretrying with batch 16\nstep 90 loss 0.4\nKilled"),
    ("crash.segv", 139, TRACE + "KeyError: 'x'\nSegmentation fault (core dumped)"),
    ("interrupted", 143, "CUDA out of memory seen, halving the batch\nTerminated"),
    ("timeout", 143, "step 1\nslurmstepd: error: *** JOB 7 ON n1 CANCELLED AT 2026-01-01T00:00:00 DUE TO "
     "TIME LIMIT ***"),
    ("interrupted", 137, "slurmstepd: error: *** JOB 7 ON n1 CANCELLED AT 2026-01-01T00:00:00 ***"),
    ("oom.host.killed", 143, "slurmstepd: error: Detected 1 oom_kill event in StepId=7.0. Some of the "
     "step tasks have been OOM Killed.\nsrun: error: n1: task 0: Out Of Memory"),
    ("oom.host.refused", 134, "terminate called after throwing an instance of 'std::bad_alloc'\n  what():"
     "  std::bad_alloc\nFatal Python error: Aborted\n\nCurrent thread 0x01 (most recent call first):\n"
     '  File "/job/train.py", line 4 in <module>\nAborted (core dumped)'),
    ("error.collective", 134, WATCHDOG + "terminate called after throwing an instance of 'c10::DistBackend"
     "Error'\n  what():  [PG 0 Rank 0] NCCL watchdog thread terminated with exception\nAborted"),
    ("error.dependency", 134, "Could not load library libcudnn_ops_infer.so.8. Error: libcudnn_ops_infer."
     "so.8: cannot open shared object file: No such file or directory\nAborted (core dumped)"),
    # What was caught earlier does not explain a later exception.
    ("error.python", 1, OOM + "\ncaught, halving\nstep 4\n" + TRACE + "KeyError: 'scheduler'"),
    ("error.python", 1, CAUGHT + "epoch 1\n" + TRACE + "TypeError: 'NoneType' object is not iterable"),
    ("error.python", 1, CAUGHT + "ERROR: --resume: expected a folder\n"),
    ("error.python", 1, "\n".join(["Loss is nan in a dry run, ignoring", *["step"] * 300])
     + "\n" + TRACE + "IndexError: index 3 is out of bounds for axis 0 with size 3"),
    ("error.data", 1, TRACE + "ModuleNotFoundError: No module named 'ujson'\n\nDuring handling of the "
     "above exception, another exception occurred:\n\n" + TRACE + "EOFError: Ran out of input"),
    ("error.python", 1, TRACE + "ModuleNotFoundError: No module named 'ujson'\n\nDuring handling of the "
     "above exception, another exception occurred:\n\n" + TRACE + "KeyError: 'label'"),
    ("error.disk", 1, TRACE + "OSError: [Errno 28] No space left on device\n\nThe above exception was the "
     "direct cause of the following exception:\n\n" + TRACE + "CheckpointError: epoch 3 was not saved"),
    ("error.dependency", 1, TRACE + "OSError: libnccl.so.2: cannot open shared object file: No such file "
     "or directory\n\nThe above exception was the direct cause of the following exception:\n\n" + TRACE
     + "RuntimeError: Failed to import transformers.trainer because of the following error"),
    ("error.python", 1, TRACE + "KeyError: 'x'\nException ignored in: <function _Iter.__del__ at 0x7f>\n"
     + TRACE + "OSError: [Errno 24] Too many open files\n"),
    # Loader workers.
    ("crash.worker", 1, WORKER_KILLED),
    ("oom.host.worker", 1, KERNEL_KILL + WORKER_KILLED),
    ("oom.host.worker", 1, WORKER_KILLED + "\nslurmstepd: error: Detected 1 oom-kill event(s) in step 7.0 "
     "cgroup."),
    ("error.python", 1, TRACE + "KeyError: Caught KeyError in DataLoader worker process 3.\nOriginal "
     + TRACE + "KeyError: 'mask'\n"),
    ("error.data", 1, TRACE + "OSError: Caught OSError in DataLoader worker process 0.\nOriginal "
     + TRACE + "OSError: image file is truncated (7 bytes not processed)\n"),
    ("oom.host.refused", 1, TRACE + "RuntimeError: Caught RuntimeError in DataLoader worker process 0.\n"
     "Original " + TRACE + "RuntimeError: [enforce fail at alloc_cpu.cpp:117] err == 0. "
     "DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes. Error code 12 (Cannot "
     "allocate memory)\n"),
    ("oom.shm", 1, "ERROR: Unexpected bus error encountered in worker. This might be caused by "
     "insufficient shared memory (shm).\n" + TRACE + "_queue.Empty\n\nThe above exception was the direct "
     "cause of the following exception:\n\n" + TRACE + "RuntimeError: DataLoader worker (pid(s) 9) exited "
     "unexpectedly"),
    ("crash.worker", 1, TRACE + "_queue.Empty\n\nThe above exception was the direct cause of the following "
     "exception:\n\n" + TRACE + "RuntimeError: DataLoader worker (pid(s) 77, 78) exited unexpectedly"),
    ("error.fd", 1, "Exception in thread Thread-1 (_pin_memory_loop):\n" + TRACE
     + "RuntimeError: received 0 items of ancdata\n" + TRACE + "RuntimeError: Pin memory thread exited "
     "unexpectedly"),
    ("interrupted", 1, "Process Process-3:\n" + TRACE + "KeyboardInterrupt\n" + TRACE
     + "RuntimeError: DataLoader worker (pid(s) 9) exited unexpectedly"),
    ("error.python", 1, "Process SpawnProcess-1:\n" + TRACE + "AttributeError: Can't get attribute 'Set' "
     "on <module '__main__'>\n" + TRACE + "RuntimeError: DataLoader worker (pid(s) 9) exited unexpectedly"),
    # Ranks: the first failure is the cause, the rest are its victims.
    ("oom.device.capacity", 1, prefixed("[rank1]: ", OOM) + prefixed("[rank0]: ", GLOO_GONE) + summary(1)),
    ("error.python", 1, prefixed("[rank1]: ", TRACE + "KeyError: 'lr'") + prefixed("[rank0]: ", GLOO_GONE)
     + summary(1)),
    ("error.collective", 1, prefixed("[rank0]: ", GLOO_GONE) + summary(1, rank=0)),
    ("error.data", 1, prefixed("[default3]:", TRACE + "EOFError: No data left in file") + WATCHDOG
     + summary(1)),
    ("error.python", 1, summary(1)),
    ("error.python", 1, summary(2)),
    ("oom.host.killed", 1, summary(-9, "SIGKILL")),
    ("crash.segv", 1, "step 3\n" + summary(-11, "SIGSEGV")),
    ("oom.shm", 1, summary(-7, "SIGBUS")),
    ("crash.abort", 1, summary(-6, "SIGABRT")),
    ("error.collective", 1, WATCHDOG + summary(-6, "SIGABRT")),
    ("interrupted", 1, summary(-15, "SIGTERM")),
    ("crash.segv", 1, "E1123 15:01:13.1 99 torch/distributed/elastic/multiprocessing/api.py:1002] failed "
     "(exitcode: -11) local_rank: 0 (pid: 311) of binary: /v/bin/python\n" + LAUNCHER.rpartition("\n  ")[0]),
    ("error.collective", None, prefixed("[rank1]: ", GLOO_GONE) + "W1123 15:04:39 10339 torch/distributed/"
     "elastic/multiprocessing/api.py:1028] Sending process 10342 closing signal SIGTERM\n"
     + LAUNCHER.rpartition("\n  ")[0]),
    ("error.python", 1, TRACE + "torch.multiprocessing.spawn.ProcessRaisedException: \n\n-- Process 1 "
     "terminated with the following error:\n" + TRACE + "ValueError: bad rank\n"),
    ("error.port", 1, TRACE + "torch.multiprocessing.spawn.ProcessRaisedException: \n\n-- Process 0 "
     "terminated with the following error:\n" + TRACE + "RuntimeError: Address already in use\n"),
    ("error.port", 1, TRACE + "OSError: [Errno 98] Address already in use\n" + TRACE + "EOFError"),
    ("oom.host.killed", 1, TRACE + "EOFError\n" + TRACE + "subprocess.CalledProcessError: Command "
     "'['python', 'train.py']' died with <Signals.SIGKILL: 9>."),
    ("error.python", 1, TRACE + "AssertionError: odd\n" + TRACE + "subprocess.CalledProcessError: Command "
     "'['python', 'train.py']' returned non-zero exit status 1."),
    ("oom.shm", 1, "n1:5512:5633 [1] include/shm.h:28 NCCL WARN Call to posix_fallocate failed : No space "
     "left on device\n" + TRACE + "RuntimeError: NCCL error in: /pytorch/torch/lib/c10d/ProcessGroupNCCL."
     "cpp:784, unhandled system error, NCCL version 2.7.8"),
    ("error.collective", 1, "[W socket.cpp:464] [c10d] The server socket has failed to bind to [::]:29500 "
     "(errno: 98 - Address already in use).\n" + TRACE + "torch.distributed.DistStoreError: Timed out after"
     " 601 seconds waiting for clients. 1/2 clients joined."),
    # Device words in their surroundings.
    ("fault.device", 1, "/pytorch/aten/src/ATen/native/cuda/Loss.cu:250: nll_loss_forward_reduce_cuda_"
     "kernel_2d: block: [0,0,0], thread: [4,0,0] Assertion `t >= 0 && t < n_classes` failed.\n" + TRACE
     + "RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ("fault.device", 1, "../aten/src/ATen/native/cuda/Indexing.cu:1093: indexSelectSmallIndex: block: "
     "[2,0,0], thread: [9,0,0] Assertion `srcIndex < srcSelectDimSize` failed.\n" + TRACE
     + "RuntimeError: cuDNN error: CUDNN_STATUS_NOT_INITIALIZED"),
    ("oom.pinned", 1, 'Traceback (most recent call last):\n  File "/v/torch/utils/data/_utils/pin_memory.'
     'py", line 52, in pin_memory\n    return data.pin_memory()\nRuntimeError: CUDA error: out of memory\n'
     "CUDA kernel errors might be asynchronously reported at some other API call, so the stacktrace below "
     "might be incorrect."),
    ("oom.device.capacity", 1, 'Traceback (most recent call last):\n  File "/job/train.py", line 9, in '
     "<module>\n    for x in DataLoader(data, pin_memory=True): net(x.cuda())\nRuntimeError: CUDA error: "
     "out of memory"),
    ("oom.device.capacity", 1, TRACE + "RuntimeError: CUDA out of memory. Tried to allocate 2.00 GiB (GPU "
     "0; 14.76 GiB total capacity; 12.91 GiB already allocated; 901.75 MiB free; 13.20 GiB reserved in "
     "total by PyTorch)" + OLD_ADVICE + "\nsrun: error: n1: task 0: Exited with exit code 1"),
    ("fault.device", 134, "terminate called after throwing an instance of 'c10::CUDAError'\n  what():  CUDA "
     "error: device-side assert triggered\nException raised from create_event_internal at "
     "../c10/cuda/CUDACachingAllocator.cpp:1055 (most recent call first):\nframe #0: c10::Error::Error("
     "c10::SourceLocation, std::string) + 0x42 (0x7f in /v/torch/lib/libc10.so)"),
    ("fault.driver", 1, "[  812.4] NVRM: API mismatch: the client has the version 470.57, but\n"
     "               NVRM: this kernel module has the version 460.91.\n" + TRACE
     + "RuntimeError: No CUDA GPUs are available"),
    # Data and shared memory by their frames.
    ("error.data", 1, 'Traceback (most recent call last):\n  File "/v/numpy/lib/format.py", line 778, in '
     "read_array\n    array.shape = shape\nValueError: cannot reshape array of size 22468 into shape "
     "(1000,64)"),
    ("oom.shm", 1, 'Traceback (most recent call last):\n  File "/p/multiprocessing/heap.py", line 82, in '
     "__init__\n    os.ftruncate(self.fd, size)\nOSError: [Errno 28] No space left on device"),
    ("error.fd", 1, 'Traceback (most recent call last):\n  File "/v/torch/multiprocessing/reductions.py", '
     'line 307, in rebuild_storage_fd\n    fd = df.detach()\n  File "/p/multiprocessing/reduction.py", '
     "line 159, in recvfds\n    raise EOFError\nEOFError"),
    ("error.data", 1, 'Traceback (most recent call last):\n  File "/v/torch/serialization.py", line 1246, in'
     " _legacy_load\n    magic_number = pickle_module.load(f)\nEOFError"),
    ("error.nan", 1, 'Traceback (most recent call last):\n  File "/job/t.py", line 9, in <module>\n'
     "    assert not torch.isnan(loss).any()\n               ^^^^^^^^^^^^\nAssertionError"),
    ("error.data", 1, 'Traceback (most recent call last):\n  File "/v/PIL/Image.py", line 3131, in open\n'
     "    fp = builtins.open(filename, 'rb')\nFileNotFoundError: [Errno 2] No such file or directory: "
     "'a/3'"),
    # Notebooks, boxes, groups of exceptions.
    ("oom.device.capacity", 1, "-" * 75 + "\nOutOfMemoryError                          Traceback (most "
     "recent call last)\n<ipython-input-7-1> in <cell line: 3>()\n      1 net.cuda()\n----> 2 net(x)\n\n"
     "/v/torch/nn/modules/module.py in _call_impl(self, *args)\n   1500 x\n\nOutOfMemoryError: CUDA out of "
     "memory. Tried to allocate 2.00 GiB (GPU 0; 14.76 GiB total capacity; 12.91 GiB already allocated; "
     "901.75 MiB free; 13.20 GiB reserved in total by PyTorch)"),
    ("error.python", 1, "-" * 75 + "\nKeyError                                  Traceback (most recent call "
     "last)\nCell In[3], line 1\n----> 1 d['memory']\n\nKeyError: 'memory'"),
    ("error.disk", 1, "  + Exception Group Traceback (most recent call last):\n  |   File \"/job/t.py\", line"
     " 3, in <module>\n  |     raise ExceptionGroup('x', es)\n  | ExceptionGroup: x (1 sub-exception)\n"
     "  +-+---------------- 1 ----------------\n    | Traceback (most recent call last):\n    |   File "
     "\"/job/t.py\", line 1, in f\n    |     save()\n    | OSError: [Errno 28] No space left on device\n"
     "    +------------------------------------"),
    ("oom.host.refused", 1, "╭───────── Traceback (most recent call last) ─────────╮\n│ /job/t.py:3 in "
     "<module>                             │\n│ ❱ 3 x = bytearray(1 << 60)                          │\n"
     "╰──────────────────────────────────────────────────────╯\nMemoryError"),
    ("error.fd", 1, "2026-11-23 10:00:00.123 | ERROR    | __main__:main:12 - it failed\n" + TRACE
     + "OSError: [Errno 24] Too many open files: '/d/1.npy'"),
    ("error.data", 1, "E1123 10:00:00.123456 311 train.cc:12] " + TRACE + "gzip.BadGzipFile: Not a gzipped "
     "file (b'PK')"),
    ("error.disk", None, "--- Logging error ---\n" + TRACE + "OSError: [Errno 28] No space left on device\n"
     'Call stack:\n  File "/job/t.py", line 3, in <module>\n    log()\nMessage: \'step 3 loss 1.0\'\n'
     "Arguments: ()\nfinished"),
    # Crashes in words.
    ("crash.segv", None, "Fatal Python error: Segmentation fault\n\nCurrent thread 0x00007f1 (most recent "
     'call first):\n  File "/v/torch/utils/data/dataloader.py", line 3 in _try_get_data\n'),
    ("crash.segv", 134, "double free or corruption (!prev)\nAborted (core dumped)"),
    ("crash.segv", 134, "python: malloc.c:2617: sysmalloc: Assertion `x' failed.\nfree(): invalid size\n"
     "Aborted"),
    ("oom.host.killed", 1, "./job.sh: line 4: 2291 Killed                  python train.py\n"
     "make: *** [Makefile:3: train] Error 137"),
    ("oom.host.killed", 137, "    State:          Terminated\n      Reason:       OOMKilled\n"
     "      Exit Code:    137\n      Started:      Mon, 23 Nov 2026 10:00:00 +0000"),
    ("interrupted", 1, prefixed("[rank0]: ", TRACE + "KeyboardInterrupt") + LAUNCHER),
    ("interrupted", 130, "^C" + TRACE + "KeyboardInterrupt"),
    ("error.python", 2, "usage: train.py [-h] [--lr LR]\ntrain.py: error: argument --lr: invalid float "
     "value: 'fast'"),
]  # fmt: skip
