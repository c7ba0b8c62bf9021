"""What collectives, launchers, schedulers and shells say."""

from __future__ import annotations

WORDINGS: dict[str, list[str]] = {
    "error.collective": [
        "RuntimeError: Connection reset by peer\nException raised from recvBytes at "
        "../torch/csrc/distributed/c10d/Utils.hpp:595 (most recent call first):",
        "RuntimeError: [../third_party/gloo/gloo/transport/tcp/pair.cc:598] Connection closed by peer "
        "[10.0.0.4]:44444",
        "RuntimeError: [/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:575] Connection closed by "
        "peer [127.0.0.1]:9012",
        "RuntimeError: [../third_party/gloo/gloo/transport/tcp/pair.cc:534] Read error [127.0.1.1]:1212:"
        " Connection reset by peer",
        "RuntimeError: [../third_party/gloo/gloo/transport/tcp/unbound_buffer.cc:84] Timed out waiting "
        "1800000ms for recv operation to complete",
        "RuntimeError: [/opt/gloo/transport/tcp/unbound_buffer.cc:119] Timed out waiting 30000ms for "
        "send operation to complete",
        "RuntimeError: Application timeout caused pair closure",
        "RuntimeError: [enforce fail at /pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:446] "
        "op.preamble.length <= op.nbytes. 8192 vs 4096",
        "RuntimeError: Gloo connectFullMesh failed with [../third_party/gloo/gloo/transport/tcp/pair.cc:"
        "144] no error",
        "RuntimeError: Connection timed out",
        "RuntimeError: connect() timed out. Original timeout was 1800000 ms.",
        "RuntimeError: Timed out initializing process group in store based barrier on rank: 1, for key: "
        "store_based_barrier_key:1 (world_size=2, worker_count=1, timeout=0:30:00)",
        "RuntimeError: The client socket has timed out after 900s while trying to connect to (10.1.2.3, "
        "29500).",
        "TimeoutError: The client socket has timed out after 60s while trying to connect to (node0, "
        "29500).",
        "torch.distributed.DistNetworkError: The client socket has timed out after 600000ms while trying"
        " to connect to (node0, 29500).",
        "torch.distributed.DistStoreError: Timed out after 301 seconds waiting for clients. 3/4 clients "
        "joined.",
        "torch.distributed.DistStoreError: wait timeout after 600000ms, keys: /default_pg/0//cuda//timin"
        "g_1",
        "torch.distributed.DistBackendError: [1] is setting up NCCL communicator and retrieving "
        "ncclUniqueId from [0] via c10d key-value store by key '0', but store->get('0') got error: "
        "Connection reset by peer",
        "RuntimeError: [2] is setting up NCCL communicator and retrieving ncclUniqueId from [0] via c10d"
        " key-value store by key '0', but store->get('0') got error: Socket Timeout",
        "RuntimeError: NCCL communicator was aborted on rank 1.  Original reason for failure was: [Rank "
        "1] Watchdog caught collective operation timeout: WorkNCCL(OpType=ALLREDUCE, Timeout(ms)=1800000"
        ") ran for 1806986 milliseconds before timing out.",
        "RuntimeError: NCCL error in: /pytorch/torch/lib/c10d/ProcessGroupNCCL.cpp:784, unhandled system"
        " error, NCCL version 2.7.8\nncclSystemError: System call (socket, malloc, munmap, etc) failed.",
        "RuntimeError: NCCL error in: ../torch/csrc/distributed/c10d/ProcessGroupNCCL.cpp:1191, invalid "
        "usage, NCCL version 2.10.3\nncclInvalidUsage: This usually reflects invalid usage of NCCL "
        "library (such as too many async ops, too many collectives at once, mixing streams in a group, "
        "etc).\nDuplicate GPU detected : rank 1 and rank 0 both on CUDA device 2000",
        "torch.distributed.DistBackendError: NCCL error in: ../torch/csrc/distributed/c10d/"
        "ProcessGroupNCCL.cpp:1333, remote process exited or there was a network error, NCCL version "
        "2.19.3\nncclRemoteError: A call failed possibly due to a network error or a remote process "
        "exiting prematurely.",
        "RuntimeError: NCCL Error 1: unhandled cuda error",
        "RuntimeError: NCCL Error 2: unhandled system error",
        "RuntimeError: NCCL error in: /pytorch/torch/lib/c10d/ProcessGroupNCCL.cpp:290, internal error",
        "RuntimeError: Detected mismatch between collectives on ranks. Rank 0 is running collective: "
        "CollectiveFingerPrint(OpType=ALLREDUCE, TensorShape=[4]), but Rank 1 is running collective: "
        "CollectiveFingerPrint(OpType=BROADCAST)",
        "RuntimeError: Rank 1 failed to pass monitoredBarrier in 30000 ms",
        "RuntimeError: [Rank 0]: Ranks 1, 2 failed to pass monitoredBarrier in 5000 ms",
        "RuntimeError: [Rank 2] Collective WorkNCCL(SeqNum=14, OpType=ALLREDUCE, NumelIn=1) ran for "
        "600012 milliseconds before timing out.",
        "RuntimeError: Broken pipe\nException raised from sendBytes at "
        "../torch/csrc/distributed/c10d/Utils.hpp:608 (most recent call first):",
        "RuntimeError: Stop_waiting response is expected",
        "torch.distributed.elastic.rendezvous.api.RendezvousTimeoutError",
        "torch.distributed.elastic.rendezvous.api.RendezvousConnectionError: The connection to the C10d "
        "store has failed. See inner exception for details.",
        "torch.distributed.elastic.rendezvous.api.RendezvousClosedError",
        "horovod.common.exceptions.HorovodInternalError: ncclAllReduce failed: unhandled system error",
        "node1:812:955 [0] NCCL WARN NET/IB : Got completion from peer 10.0.0.2<41234> with status=12 "
        "opcode=0 len=0 vendor err 129",
        "[E ProcessGroupNCCL.cpp:737] [Rank 3] Watchdog caught collective operation timeout: WorkNCCL("
        "SeqNum=7, OpType=ALLGATHER, Timeout(ms)=1800000) ran for 1802710 milliseconds before timing "
        "out.\nterminate called after throwing an instance of 'std::runtime_error'",
        "[rank4]:[E318 07:39:53.792780659 ProcessGroupNCCL.cpp:1834] [PG ID 2 PG GUID 9 Rank 4] Timeout "
        "at NCCL work: 610, last enqueued NCCL work: 616, last completed NCCL work: 609.",
        "[F ProcessGroupNCCL.cpp:1243] [PG 0 Rank 1] [PG 0 Rank 1] ProcessGroupNCCL's watchdog got stuck"
        " for 480 seconds without making progress in monitoring enqueued collectives.",
        "RuntimeError: DDP expects same model across all ranks, but Rank 0 has 12 params, while rank 1 "
        "has inconsistent 11 params.",
        "RuntimeError: ProcessGroup::send timed out",
        "RuntimeError: FileStore timed out waiting for key: default_pg/0/1",
        "deepspeed.comm.X: Timeout: all_reduce collective timed out on rank 2",
        "mpi4py.MPI.Exception: MPI_ERR_PROC_FAILED: process failed",
    ],
    "oom.host.killed": [
        "Killed",
        "/var/spool/slurmd/job01/slurm_script: line 12: 22113 Killed                  python train.py",
        "zsh: killed     python train.py",
        "make: *** [Makefile:9: train] Killed",
        "make: *** [train] Error 137",
        "srun: error: gpu-12: task 3: Out Of Memory",
        "slurmstepd: error: Detected 1 oom_kill event in StepId=7.batch. Some of the step tasks have "
        "been OOM Killed.",
        "slurmstepd: error: Detected 3 oom-kill event(s) in step 11.0 cgroup. Some of your processes may"
        " have been killed by the cgroup out-of-memory handler.",
        "slurmstepd: error: Job 77 exceeded memory limit (8391000 > 8388608), being killed",
        "slurmstepd: error: Exceeded job memory limit at some point.",
        "[12.5] Memory cgroup out of memory: Killed process 81 (python) total-vm:9000kB, anon-rss:8000kB"
        ", file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:20kB oom_score_adj:0",
        "Nov  3 04:05:06 h kernel: Out of memory: Kill process 4012 (python) score 911 or sacrifice "
        "child",
        "[12.5] oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=x,mems_allowed=0,oom_memcg="
        "/docker/1,task_memcg=/docker/1,task=python,pid=81,uid=0",
        "[12.5] oom_reaper: reaped process 81 (python), now anon-rss:0kB, file-rss:0kB, shmem-rss:0kB",
        "systemd[1]: train.service: A process of this unit has been killed by the OOM killer.",
        "systemd[1]: train.service: Failed with result 'oom-kill'.",
        "systemd-oomd[610]: Killed /user.slice/user-1000.slice due to memory pressure for "
        "/user.slice being 71.3% > 50.00%",
        "    Last State:     Terminated\n      Reason:       OOMKilled\n      Exit Code:    137",
        "torch.multiprocessing.spawn.ProcessExitedException: process 3 terminated with signal SIGKILL",
        "subprocess.CalledProcessError: Command '['python', '-u', 'train.py']' died with "
        "<Signals.SIGKILL: 9>.",
        "concurrent.futures.process.BrokenProcessPool: A process in the process pool was terminated "
        "abruptly while the future was running or pending.",
        "joblib.externals.loky.process_executor.TerminatedWorkerError: A worker process managed by the "
        "executor was unexpectedly terminated. This could be caused by a segmentation fault while "
        "calling the function or by an excessive memory usage causing the Operating System to kill the "
        "worker.\n\nThe exit codes of the workers are {SIGKILL(-9)}",
        "ray.exceptions.OutOfMemoryError: Task was killed due to the node running low on memory.",
        "Your notebook tried to allocate more memory than is available. It has restarted.",
        "Your session crashed after using all available RAM.",
        "mpirun noticed that process rank 2 with PID 0 on node n1 exited on signal 9 (Killed).",
        "Command terminated by signal 9",
        "=>> PBS: job killed: mem 67110912kb exceeded limit 67108864kb",
        "TERM_MEMLIMIT: job killed after reaching LSF memory usage limit.",
        "The node was low on resource: memory. Threshold quantity: 100Mi, available: 88Mi.",
        "[2026-11-23 10:00:00,123] [INFO] [launch.py:347:main] Process 4112 exits with return code = -9",
    ],
    "crash.worker": [
        "RuntimeError: DataLoader worker (pid 1901937) is killed by signal: Killed. ",
        "RuntimeError: DataLoader worker (pid 4) is killed by signal: Aborted. ",
        "RuntimeError: DataLoader worker (pid 4) is killed by signal: Terminated. ",
        "RuntimeError: DataLoader worker (pid 77) is killed by signal: Killed. Details are lost due to "
        "multiprocessing. Rerunning with num_workers=0 may give better error trace.",
        "RuntimeError: DataLoader worker (pid(s) 11, 12, 13) exited unexpectedly",
        "RuntimeError: DataLoader worker (pid 4121) exited unexpectedly with exit code 1. Details are "
        "lost due to multiprocessing. Rerunning with num_workers=0 may give better error trace.",
        "RuntimeError: DataLoader worker (pid 4121) exited unexpectedly with exit code 0.",
    ],
    "crash.segv": [
        "Segmentation fault (core dumped)",
        "Segmentation fault: 11",
        "./run.sh: line 3: 41 Segmentation fault      (core dumped) python train.py",
        "zsh: segmentation fault (core dumped)  python train.py",
        "fish: Job 1, 'python train.py' terminated by signal SIGSEGV (Address boundary error)",
        "Fatal Python error: Segmentation fault\n\nThread 0x00007f0 (most recent call first):\n  <no "
        "Python frame>\n\nExtension modules: numpy.core._multiarray_umath (total: 41)",
        "srun: error: n1: task 0: Segmentation fault (core dumped)",
        "torch.multiprocessing.spawn.ProcessExitedException: process 0 terminated with signal SIGSEGV",
        "subprocess.CalledProcessError: Command 'python x.py' died with <Signals.SIGSEGV: 11>.",
        "RuntimeError: DataLoader worker (pid 3) is killed by signal: Segmentation fault. ",
        "ERROR: Unexpected segmentation fault encountered in worker.",
        "[n1:00312] *** Process received signal ***\n[n1:00312] Signal: Segmentation fault (11)\n"
        "[n1:00312] Signal code: Address not mapped (1)",
        "python[4411]: segfault at 0 ip 00007f11 sp 00007ffe error 4 in libtorch_cpu.so[7f11+1f000]",
        "[8.1] traps: python[77] general protection fault ip:7f1 sp:7ff error:0 in libc.so.6[7f1+195000]",
        "[n1:312:0:312] Caught signal 11 (Segmentation fault: address not mapped to object at address "
        "(nil))",
        "double free or corruption (!prev)\nAborted (core dumped)",
        "free(): invalid next size (fast)\nAborted (core dumped)",
        "malloc(): unsorted double linked list corrupted\nAborted",
        "corrupted size vs. prev_size\nAborted (core dumped)",
        "malloc_consolidate(): invalid chunk size\nAborted (core dumped)",
        "munmap_chunk(): invalid pointer\nAborted",
        "free(): double free detected in tcache 2\nAborted",
        "*** Error in `python': free(): invalid pointer: 0x00007f8e5c000010 ***",
        "*** stack smashing detected ***: terminated\nAborted (core dumped)",
        "corrupted double-linked list\nAborted (core dumped)",
        "realloc(): invalid old size\nAborted (core dumped)",
    ],
    "interrupted": [
        "KeyboardInterrupt",
        "KeyboardInterrupt: ",
        "torch.distributed.elastic.multiprocessing.api.SignalException: Process 77 got signal: 15",
        "torch.distributed.elastic.multiprocessing.api.SignalException: Process 77 got signal: 1",
        "torch.multiprocessing.spawn.ProcessExitedException: process 1 terminated with signal SIGINT",
        "torch.multiprocessing.spawn.ProcessExitedException: process 1 terminated with signal SIGTERM",
        "RuntimeError: DataLoader worker (pid 3) is killed by signal: Interrupt. ",
        "slurmstepd: error: *** STEP 481.0 ON n1 CANCELLED AT 2026-05-02T11:20:31 ***",
        "slurmstepd: error: *** JOB 4 ON n1 CANCELLED AT 2026-05-02T11:20:31 DUE TO PREEMPTION ***",
        "srun: Force Terminated job 4412\nslurmstepd: error: *** STEP 4412.0 ON n1 CANCELLED AT 2026 ***",
        "run.sh: line 4: 3311 Terminated              python train.py",
        "Aborted!",
        "mpirun: abort is already in progress...hit ctrl-c again to forcibly terminate",
    ],
    "timeout": [
        "slurmstepd: error: *** JOB 7 ON n1 CANCELLED AT 2026-05-02T11:20:31 DUE TO TIME LIMIT ***",
        "slurmstepd: error: *** STEP 7.0 ON n1 CANCELLED AT 2026-05-02T11:20:31 DUE TO TIME LIMIT ***",
        "=>> PBS: job killed: walltime 3642 exceeded limit 3600",
        "TERM_RUNLIMIT: job killed after reaching LSF run time limit.",
        "    Reason:       DeadlineExceeded\n    Message:      Job was active longer than specified "
        "deadline",
    ],
}
