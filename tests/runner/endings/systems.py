"""What kernels, schedulers, shells, launchers and drivers say: (outcome, exit status or None, text)."""

from __future__ import annotations

from tests.runner.endings.whole import TRACE

ENDINGS: list[tuple[str, int | None, str]] = [
    ("oom.device.capacity", 1, "ggml_cuda: cudaMalloc failed: out of memory"),
    ("fault.device", None,
     "[12345.678901] NVRM: Xid (PCI:0000:3b:00): 13, pid=4721, Graphics SM Warp Exception on "
     "(GPC 0, TPC 1, SM 0): Out Of Range Address"),
    ("fault.device", None,
     "[12345.678901] NVRM: Xid (PCI:0000:3b:00): 63, pid=1, Row Remapper: New row marked for "
     "remapping, reset gpu to activate."),
    ("fault.device", None,
     "kernel: NVRM: Xid (PCI:0000:17:00): 95, Uncontained: LTC TAG (0x2,0x0). RST: Yes, D-RST: "
     "No"),
    ("fault.device", None,
     "kernel: NVRM: GPU 0000:17:00.0: RmInitAdapter failed! (0x26:0xffff:1290)\nkernel: NVRM: "
     "GPU 0000:17:00.0: rm_init_adapter failed, device minor number 0"),
    ("fault.device", None,
     "[ 5120.11] pcieport 0000:16:02.0: AER: Multiple Uncorrected (Fatal) error received: "
     "0000:16:02.0\n[ 5120.12] nvidia 0000:17:00.0: AER: can't recover (no error_detected "
     "callback)"),
    ("fault.device", None,
     "amdgpu 0000:03:00.0: amdgpu: ring gfx_0.0.0 timeout, signaled seq=1, emitted seq=3\n"
     "amdgpu 0000:03:00.0: amdgpu: GPU reset begin!"),
    ("fault.device", 255,
     "Wed Nov 25 10:00:00 2026\nUnable to determine the device handle for GPU0000:17:00.0: "
     "Unknown Error"),
    ("fault.driver", 125,
     "nvidia-container-cli: requirement error: unsatisfied condition: cuda>=12.4, please update "
     "your driver to a newer version"),
    ("fault.driver", 127,
     "docker: Error response from daemon: failed to create task for container: OCI runtime "
     "create failed: nvidia-container-cli: initialization error: load library failed: "
     "libnvidia-ml.so.1: cannot open shared object file"),
    ("fault.driver", 1,
     "[    3.2] nvidia: version magic '5.15.0-91-generic SMP mod_unload' should be "
     "'5.15.0-92-generic SMP mod_unload'\nmodprobe: ERROR: could not insert 'nvidia': Exec "
     "format error"),
    ("error.collective", 1,
     TRACE
     + "RuntimeError: NCCL Error 5: invalid usage (run with NCCL_DEBUG=WARN for details)"),
    ("error.collective", 134,
     "[rank1]:[E1125 01:02:03.123456789 ProcessGroupNCCL.cpp:632] [Rank 1] Watchdog caught "
     "collective operation timeout: WorkNCCL(SeqNum=11, OpType=ALLREDUCE, NumelIn=25557032, "
     "NumelOut=25557032, Timeout(ms)=600000) ran for 600045 milliseconds before timing out.\n"
     "[rank1]:[E1125 01:02:03.123456789 ProcessGroupNCCL.cpp:2271] [PG ID 0 PG GUID "
     "0(default_pg) Rank 1]  failure detected by watchdog at work sequence id: 11 PG status: "
     "last enqueued work: 12, last completed work: 10\n[rank1]:[E1125 01:02:03.5 "
     "ProcessGroupNCCL.cpp:670] Stack trace of the failed collective not found, potentially "
     "because FlightRecorder is disabled. You can enable it by setting "
     "TORCH_NCCL_TRACE_BUFFER_SIZE to a non-zero value.\n[rank1]:[E1125 01:02:04.1 "
     "ProcessGroupNCCL.cpp:684] [Rank 1] Some NCCL operations have failed or timed out. Due to "
     "the asynchronous nature of CUDA kernels, subsequent GPU operations might run on "
     "corrupted/incomplete data.\n[rank1]:[E1125 01:02:04.2 ProcessGroupNCCL.cpp:698] [Rank 1] "
     "To avoid data inconsistency, we are taking the entire process down.\nterminate called "
     "after throwing an instance of 'c10::DistBackendError'\n  what():  [PG ID 0 PG GUID "
     "0(default_pg) Rank 1] Process group watchdog thread terminated with exception: [Rank 1] "
     "Watchdog caught collective operation timeout: WorkNCCL(SeqNum=11)\nException raised from "
     "checkTimeout at /pytorch/torch/csrc/distributed/c10d/ProcessGroupNCCL.cpp:635 (most "
     "recent call first):\nframe #0: c10::Error::Error(c10::SourceLocation, std::string) + 0x98 "
     "(0x7f in libc10.so)\nframe #1: "
     "c10d::ProcessGroupNCCL::WorkNCCL::checkTimeout(std::optional<std::chrono::duration<long, "
     "std::ratio<1l, 1000l> > >) + 0x247 (0x7f in libtorch_cuda.so)"),
    ("error.collective", -6,
     "[rank1]:[E1125 01:02:03.123456789 ProcessGroupNCCL.cpp:632] [Rank 1] Watchdog caught "
     "collective operation timeout: WorkNCCL(SeqNum=11, OpType=ALLREDUCE, NumelIn=25557032, "
     "NumelOut=25557032, Timeout(ms)=600000) ran for 600045 milliseconds before timing out.\n"
     "[rank1]:[E1125 01:02:03.123456789 ProcessGroupNCCL.cpp:2271] [PG ID 0 PG GUID "
     "0(default_pg) Rank 1]  failure detected by watchdog at work sequence id: 11 PG status: "
     "last enqueued work: 12, last completed work: 10\n[rank1]:[E1125 01:02:03.5 "
     "ProcessGroupNCCL.cpp:670] Stack trace of the failed collective not found, potentially "
     "because FlightRecorder is disabled. You can enable it by setting "
     "TORCH_NCCL_TRACE_BUFFER_SIZE to a non-zero value.\n[rank1]:[E1125 01:02:04.1 "
     "ProcessGroupNCCL.cpp:684] [Rank 1] Some NCCL operations have failed or timed out. Due to "
     "the asynchronous nature of CUDA kernels, subsequent GPU operations might run on "
     "corrupted/incomplete data.\n[rank1]:[E1125 01:02:04.2 ProcessGroupNCCL.cpp:698] [Rank 1] "
     "To avoid data inconsistency, we are taking the entire process down.\nFatal Python error: "
     "Aborted\n\nThread 0x00007f0 (most recent call first):\n  <no Python frame>\n\nThread "
     "0x00007f1 (most recent call first):\n  File \"/v/threading.py\", line 359 in wait\n\n"
     "Current thread 0x00007f2 (most recent call first):\n  File \"/job/t.py\", line 3 in f"),
    ("fault.device", 134,
     "[rank0]:[E1 ProcessGroupNCCL.cpp:1896] [PG ID 0 PG GUID 0(default_pg) Rank 0] Process "
     "group watchdog thread terminated with exception: CUDA error: an illegal memory access was "
     "encountered\nCUDA kernel errors might be asynchronously reported at some other API call, "
     "so the stacktrace below might be incorrect.\nException raised from "
     "c10_cuda_check_implementation at /pytorch/c10/cuda/CUDAException.cpp:43 (most recent call "
     "first):\nterminate called after throwing an instance of 'c10::DistBackendError'\n  "
     "what():  [PG ID 0 PG GUID 0(default_pg) Rank 0] Process group watchdog thread terminated "
     "with exception: CUDA error: an illegal memory access was encountered"),
    ("error.collective", 134,
     "[rank3]:[E1125 ProcessGroupNCCL.cpp:1384] [PG 0 (default_pg) Rank 3] First PG on this "
     "rank to signal dumping.\n[rank3]:[E1125 ProcessGroupNCCL.cpp:1435] [PG 0 Rank 3] Received "
     "a dump signal due to a collective timeout from rank 2 and we will try our best to dump "
     "the debug info. Last enqueued NCCL work: 3, last completed NCCL work: 2."),
    ("oom.host.killed", 1,
     "slurmstepd: error: Detected 1 oom_kill event in StepId=123.0. Some of the step tasks have "
     "been OOM Killed.\nsrun: error: n001: task 3: Out Of Memory\nsrun: Terminating StepId=123.0"),
    ("oom.host.killed", 1,
     "slurmstepd: error: StepId=5.batch exceeded memory limit (12345 > 12000), being killed"),
    ("oom.host.killed", 137,
     "slurmstepd: error: Step 99.0 hit memory+swap limit at least once during execution. This "
     "may or may not result in some failure.\nsrun: error: node1: task 0: Killed"),
    ("oom.host.killed", 137,
     "[ 4012.1] python invoked oom-killer: gfp_mask=0x140cca(GFP_HIGHUSER_MOVABLE|__GFP_COMP), "
     "order=0, oom_score_adj=0"),
    ("oom.host.killed", None,
     "Nov 25 01:00:01 gpu01 kernel: "
     "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0-1,global_oom"
     ",task_memcg=/user.slice,task=python,pid=81,uid=1000"),
    ("oom.host.killed", None,
     "Out of memory: Killed process 4242 (pt_main_thread) total-vm:1kB, anon-rss:1kB"),
    ("oom.host.killed", None,
     "systemd-oomd[512]: Killed /system.slice/train.service due to memory used (31.9G) / total "
     "(32.0G) and swap used (7.9G) / total (8.0G) being more than 90.00%"),
    ("oom.host.killed", None,
     "earlyoom[712]: low memory! at or below SIGTERM limits: mem 10.00%, swap 10.00%\n"
     "earlyoom[712]: sending SIGTERM to process 4242 uid 1000 \"python\": badness 912, VmRSS "
     "28112 MiB"),
    ("oom.host.killed", None,
     "train.service: Main process exited, code=killed, status=9/KILL\ntrain.service: Failed "
     "with result 'oom-kill'."),
    ("oom.host.killed", None,
     "    Last State:     Terminated\n      Reason:       OOMKilled\n      Exit Code:    "
     "137\n      Started:      x\n      Finished:     y\n    Ready:          False\n    Restart "
     "Count:  3"),
    ("oom.host.killed", None,
     "Pod was evicted: The node was low on resource: memory. Container main was using 15Gi, "
     "request is 4Gi, has larger consumption of memory."),
    ("oom.host.killed", None,
     "{\"State\":{\"Status\":\"exited\",\"Running\":false,\"OOMKilled\":true,\"ExitCode\":137}}"),
    ("oom.host.killed", 1, "Container exited with a non-zero exit code 137"),
    ("oom.host.killed", 137, "container exited with code 137"),
    ("oom.host.killed", 137, "train-1 exited with code 137"),
    ("oom.host.killed", 137, "/bin/sh: line 1:    12 Killed                  python train.py"),
    ("oom.host.killed", 137, "Killed"),
    ("oom.host.killed", 137, "bash: line 1: 812 Killed python train.py --epochs 3"),
    ("oom.host.killed", 137,
     "./run.sh: line 3: 12345 Killed                  torchrun --nproc_per_node=4 train.py"),
    ("oom.host.killed", 1, "error: Command \"python train.py\" died with <Signals.SIGKILL: 9>"),
    ("oom.host.killed", None,
     "Process finished with exit code 137 (interrupted by signal 9: SIGKILL)"),
    ("oom.host.killed", 137,
     "mpirun noticed that process rank 0 with PID 4412 on node n3 exited on signal 9 (Killed)."),
    ("oom.host.killed", 9,
     "=   BAD TERMINATION OF ONE OF YOUR APPLICATION PROCESSES\n=   PID 812 RUNNING AT n1\n=   "
     "EXIT CODE: 9\n=   CLEANING UP REMAINING PROCESSES\nYOUR APPLICATION TERMINATED WITH THE "
     "EXIT STRING: Killed (signal 9)"),
    ("oom.host.killed", None, "KERNEL: memory cgroup out of memory: Killed process 77 (python)"),
    ("oom.host.killed", 1,
     "(raylet) node_manager.cc:3081: 1 Workers (tasks / actors) killed due to memory pressure "
     "(OOM), 0 Workers crashed due to other reasons at node"),
    ("oom.host.killed", 1,
     "Container killed on request. Exit code is 137\nContainer exited with a non-zero exit code "
     "137."),
    ("oom.host.killed", 1, "job killed: vmem 34gb exceeded limit 32gb"),
    ("oom.host.killed", 1,
     "The job has been killed because it exceeded its memory limit (OUT_OF_MEMORY)"),
    ("oom.host.killed", 1, "Job 123 Exit status 0:125 State: OUT_OF_MEMORY"),
    ("interrupted", 143,
     "slurmstepd: error: *** JOB 3 ON n1 CANCELLED AT 2026-01-01T00:00:00 DUE TO NODE FAILURE, "
     "SEE SLURMCTLD LOG FOR DETAILS ***"),
    ("interrupted", 143,
     "slurmstepd: error: *** STEP 3.0 ON n1 CANCELLED AT 2026-01-01T00:00:00 DUE TO PREEMPTION "
     "***\nsrun: Job step aborted: Waiting up to 32 seconds for job step to finish."),
    ("timeout", 143,
     "slurmstepd: error: *** STEP 3.0 ON n1 CANCELLED AT 2026-01-01T00:00:00 DUE TO TIME LIMIT "
     "***\nsrun: error: n1: task 0: Terminated"),
    ("timeout", 1, "slurmstepd: error: *** JOB 3 CANCELLED AT 2026 DUE TO TIME LIMIT ***"),
    ("timeout", 1, "State: TIMEOUT (exit code 0)"),
    ("interrupted", 1, "State: CANCELLED (exit code 0)"),
    ("interrupted", 1, "State: PREEMPTED (exit code 0)"),
    ("timeout", 15, "=>> PBS: job killed: walltime 86431 exceeded limit 86400"),
    ("timeout", 124, "timeout: sending signal TERM to command ‘python’"),
    ("interrupted", 130,
     "^CTraceback (most recent call last):\n  File \"t.py\", line 3, in <module>\n    "
     "time.sleep(9)\nKeyboardInterrupt"),
    ("interrupted", 143, "epoch 3\nReceived SIGTERM, shutting down gracefully"),
    ("interrupted", 1,
     "W1125 torch/distributed/elastic/agent/server/api.py:719] Received 15 death signal, "
     "shutting down workers\nW1125 Sending process 3 closing signal SIGTERM\n"
     + TRACE
     + "torch.distributed.elastic.multiprocessing.api.SignalException: Process 9 got signal: 15"),
    ("interrupted", 143,
     "2026-01-01 Spot instance interruption notice received; terminating in 2 minutes\n"
     "Terminated"),
    ("interrupted", 143, "The job was preempted by a higher priority job"),
    ("interrupted", None, "Reason: Preempted"),
    ("interrupted", None,
     "Process finished with exit code 143 (interrupted by signal 15: SIGTERM)"),
    ("interrupted", 1, "Aborted!"),
    ("interrupted", 129, "Hangup"),
    ("crash.segv", 134, "malloc(): corrupted top size\nAborted (core dumped)"),
    ("crash.segv", 134,
     "double free or corruption (fasttop)\nFatal Python error: Aborted\n\nCurrent thread 0x1 "
     "(most recent call first):\n  File \"a.py\", line 3 in f"),
    ("crash.segv", -6, "free(): corrupted unsorted chunks"),
    ("crash.segv", 134, "munmap_chunk(): invalid pointer\nAborted (core dumped)"),
    ("crash.segv", -6, "malloc(): invalid size (unsorted)"),
    ("crash.segv", 134, "malloc(): mismatching next->prev_size (unsorted)\nAborted"),
    ("crash.segv", 134, "corrupted size vs. prev_size while consolidating\nAborted"),
    ("crash.segv", 134, "tcache_thread_shutdown(): unaligned tcache chunk detected\nAborted"),
    ("crash.segv", 134, "free(): invalid next size (normal)"),
    ("crash.segv", 134, "realloc(): invalid next size"),
    ("crash.segv", 134, "free(): unaligned chunk detected in tcache 2"),
    ("crash.segv", 134, "malloc(): unaligned tcache chunk detected"),
    ("crash.segv", 134, "*** buffer overflow detected ***: terminated"),
    ("crash.segv", 139,
     "Fatal Python error: Segmentation fault\n\nThread 0x1 (most recent call first):\n  File "
     "\"/v/threading.py\", line 320 in wait\n\nCurrent thread 0x2 (most recent call first):\n  "
     "File \"/v/torch/autograd/__init__.py\", line 200 in backward\n  File \"t.py\", line 3 in "
     "<module>\n\nExtension modules: numpy.core._multiarray_umath, torch._C (total: 21)\n"
     "Segmentation fault (core dumped)"),
    ("crash.segv", 139,
     "[n1:1] *** Process received signal ***\n[n1:1] Signal: Segmentation fault (11)\n[n1:1] "
     "Signal code: Address not mapped (1)\n[n1:1] Failing at address: 0x8\n[n1:1] [ 0] "
     "/lib/libc.so.6(+0x42520)[0x7f]\n[n1:1] *** End of error message ***"),
    ("crash.segv", None,
     "kernel: python3[3311]: segfault at 7f0000000008 ip 00007f2b sp 00007ffd error 4 in "
     "libtorch_cuda.so[7f2b+4000]"),
    ("crash.segv", 139,
     "!!!!!!! Segfault encountered !!!!!!!\n  File \"<unknown>\", line 0, in getrf_\n"),
    ("crash.segv", None, "Process finished with exit code 139 (interrupted by signal 11: SIGSEGV)"),
    ("crash.segv", 139, "srun: error: n1: task 0: Segmentation fault (core dumped)"),
    ("crash.segv", 1,
     "E1125 torch/distributed/elastic/multiprocessing/api.py:869] failed (exitcode: -11) "
     "local_rank: 2 (pid: 3) of binary: /v/bin/python"),
    ("crash.abort", 134,
     "Fatal Python error: Aborted\n\nCurrent thread 0x1 (most recent call first):\n  File "
     "\"a.py\", line 3 in f"),
    ("crash.abort", 134,
     "python: ../src/foo.c:33: bar: Assertion `n > 0' failed.\nAborted (core dumped)"),
    ("crash.abort", 134,
     "terminate called after throwing an instance of 'std::runtime_error'\n  what():  something "
     "odd\nAborted (core dumped)"),
    ("crash.abort", 134, "terminate called without an active exception\nAborted (core dumped)"),
    ("crash.abort", -6,
     "Fatal Python error: PyGILState_Release: thread state 0x55 must be current when releasing\n"
     "Python runtime state: initialized"),
    ("crash.abort", 134,
     "Fatal Python error: Cannot recover from stack overflow.\nPython runtime state: "
     "initialized\nAborted"),
    ("crash.abort", -6,
     "Fatal Python error: _PyEval_SaveThread: the function must be called with the GIL held"),
    ("crash.abort", 134, "Fatal Python error: none_dealloc: deallocating None\nAborted"),
    ("crash.signal", 132, "Illegal instruction (core dumped)"),
    ("crash.signal", None,
     "traps: python3[9] trap invalid opcode ip:7f sp:7f error:0 in libtorch_cpu.so[7f]"),
    ("crash.signal", 136, "Floating point exception"),
    ("oom.shm", 135, "bash: line 1: 77 Bus error (core dumped) python train.py"),
    ("oom.shm", 135,
     "Fatal Python error: Bus error\n\nCurrent thread 0x1 (most recent call first):\n  File "
     "\"d.py\", line 2 in __getitem__"),
    ("error.disk", 153, "File size limit exceeded (core dumped)"),
    ("timeout", 152, "CPU time limit exceeded (core dumped)"),
    ("error.python", 1, "RecursionError: maximum recursion depth exceeded in comparison"),
    ("error.dependency", 1,
     TRACE
     + "A module that was compiled using NumPy 1.x cannot be run in\nNumPy 2.1.0 as it may crash. "
     "To support both 1.x and 2.x\nversions of NumPy, modules must be compiled with NumPy "
     "2.0.\n\n"
     + TRACE
     + "AttributeError: _ARRAY_API not found"),
    ("error.dependency", 1,
     TRACE
     + "subprocess.CalledProcessError: Command '['ninja', '-v']' returned non-zero exit status "
     "1.\n\nThe above exception was the direct cause of the following exception:\n\n"
     + TRACE
     + "RuntimeError: Error building extension 'fused'"),
    ("error.disk", 1, "cp: error writing 'x': No space left on device"),
]  # fmt: skip
