"""Jobs that a batch system, a container engine or a monitor has ended, and what for."""

from __future__ import annotations

from tests.runner.endings.whole import TRACE

CANCELLED = "slurmstepd: error: *** JOB 11 ON n1 CANCELLED AT 2024-05-02T11:20:31 ***"
LATE = CANCELLED.removesuffix("***") + "DUE TO TIME LIMIT ***"
OVER = (
    "slurmstepd: error: Exceeded job memory limit at some point.\n",
    "slurmstepd: error: Job 11 exceeded memory limit (4215064 > 4194304), being killed\n",
)
RUN_LIMIT = "TERM_RUNLIMIT: job killed after reaching LSF run time limit."

ENDINGS: list[tuple[str, int | None, str]] = [
    *[
        ("oom.host.killed", status, over + CANCELLED)
        for over in OVER
        for status in (137, 1, -9, 143)
    ],
    # USR2, USR1, XCPU and the rest: a scheduler ends a job with what it was set up for.
    *[
        ("timeout", status, said)
        for said in (RUN_LIMIT, "step 4\n" + LATE)
        for status in (140, 138, 152, 130, 143, 137, -12, 1)
    ],
    ("crash.signal", 140, "step 4"),
    ("interrupted", 1, CANCELLED),
    ("oom.host.killed", 1, "Killed process 991 (python) total-vm:12kB, anon-rss:5kB, file-rss:0kB"),
    ("oom.host.killed", 1, "epoch 3\nKilled process 991 (python) total-vm:12kB, anon-rss:5kB"),
    ("oom.host.killed", 1, "Job has gone over memory limit of 4096 megabytes"),
    ("oom.host.killed", 1,
     TRACE
     + "ray.exceptions.WorkerCrashedError: A worker died or was killed while executing a task by "
     "an unexpected system error.\n(raylet) 1 Workers (tasks / actors) killed due to memory "
     "pressure (OOM), 0 Workers crashed due to other reasons"),
    ("oom.host.killed", 1,
     "(raylet) 1 Workers (tasks / actors) killed due to memory pressure (OOM), 0 Workers crashed\n"
     + TRACE
     + "ray.exceptions.WorkerCrashedError: A worker died or was killed while executing a task by "
     "an unexpected system error."),
    ("interrupted", 1, "[rank: 0] Received SIGTERM: 15"),
    ("interrupted", 1, "wandb: Ctrl + C detected. Stopping sweep."),
    ("interrupted", 1, "make: *** [Makefile:3: train] Interrupt"),
    ("interrupted", 1,
     "W0512 12:00:00.123 77 torch/distributed/elastic/agent/server/api.py:719] Received "
     "Signals.SIGINT death signal, shutting down workers"),
    ("oom.host.killed", 143,
     "Container [pid=4112,containerID=container_1] is running beyond physical memory limits. "
     "Current usage: 8.1 GB of 8 GB physical memory used; 12.3 GB of 16.8 GB virtual memory "
     "used. Killing container."),
    ("oom.host.killed", 1,
     "ExecutorLostFailure (executor 3 exited caused by one of the running tasks) Reason: "
     "Container killed by YARN for exceeding memory limits. 9.1 GB of 9 GB physical memory used."),
    ("oom.host.killed", 137, "cgroup mem limit exceeded: oom-kill triggered\nKilled"),
    ("oom.host.killed", 1,
     "job 812 exceeds job hard limit \"h_vmem\" of queue \"gpu.q@n1\" (17179869184.00000 > "
     "limit:16000000000.00000) - sending SIGKILL"),
    ("timeout", 1, "job 812.1 exceeded hard wallclock time - initiate terminate method"),
    ("timeout", 137,
     "job 812 exceeds job hard limit \"h_rt\" of queue \"gpu.q@n1\" - sending SIGKILL"),
    ("timeout", 143, "=>> PBS: job killed: walltime 3605 exceeded limit 3600\nTerminated"),
    ("timeout", 1,
     "slurmstepd: error: Exceeded job memory limit at some point.\nslurmstepd: error: *** JOB 8 "
     "ON n1 CANCELLED AT 2024-01-01T00:00:00 DUE TO TIME LIMIT ***"),
    ("timeout", 1,
     "slurmstepd: error: *** JOB 8 ON n1 CANCELLED AT 2024-01-01T00:00:00 DUE TO TIME LIMIT ***\n"
     "slurmstepd: error: Exceeded job memory limit at some point."),
    ("interrupted", 1,
     "slurmstepd: error: *** JOB 8 ON n1 CANCELLED AT 2024-01-01T00:00:00 DUE TO PREEMPTION ***\n"
     "srun: Job step aborted: Waiting up to 32 seconds for job step to finish."),
    ("oom.host.killed", 137,
     "distributed.nanny.memory - WARNING - Worker tcp://127.0.0.1:3 (pid=41) exceeded 95% memory "
     "budget. Restarting...\nKilled"),
]  # fmt: skip
