"""Ends that are told as news, as somebody else's business, or not as an error at all."""

from __future__ import annotations

from tests.runner.endings.whole import TRACE

ENDINGS: list[tuple[str, int | None, str]] = [
    # The cause stands above, and the last words say so.
    ("oom.device.capacity", 1,
     "ERROR 06-12 14:03:22 [core.py:515] Traceback (most recent call last):\n"
     "ERROR 06-12 14:03:22 [core.py:515]   File \"/v/vllm/v1/engine/core.py\", line 506, in run\n"
     "ERROR 06-12 14:03:22 [core.py:515] ValueError: No available memory for the cache blocks. Try "
     "increasing `gpu_memory_utilization` when initializing the engine.\n"
     + TRACE
     + "RuntimeError: Engine core initialization failed. See root cause above. Failed core "
     "proc(s): {}"),
    ("oom.device.library", 1,
     TRACE
     + "tensorflow.python.framework.errors_impl.UnknownError: Failed to get convolution algorithm. "
     "This is probably because cuDNN failed to initialize, so try looking to see if a warning log "
     "message was printed above."),
    # Words of a level, in lower case or after a sign of equality, do not make a line a warning.
    ("error.collective", 1,
     "jaxlib.xla_extension.XlaRuntimeError: DEADLINE_EXCEEDED: Barrier timed out. Id: "
     "initialization_timeout_barrier::0. Please look at the task logs (both timed out and first "
     "task) to debug further.\n# of tasks that reached the barrier: 3/4."),
    ("ok", 0, "level=warning msg=\"CUDA out of memory, using a smaller batch\"\ndone"),
    ("error.python", 1,
     "level=warning msg=\"CUDA out of memory. Tried to allocate 2.00 GiB\"\nconfig is not valid"),
    # Stopped, and told without alarm.
    ("interrupted", 1,
     TRACE + "lightning.pytorch.utilities.exceptions.SIGTERMException"),
    ("interrupted", 1,
     "[2026-01-01 00:00:00,000] [INFO] [launch.py] Main process received SIGTERM, exiting"),
    ("interrupted", None,
     "Warning  Preempted  2m  default-scheduler  Preempted by default/high-prio-0 on node gke-1"),
    ("hang.stopped", None, "[1]+  Stopped                 python train.py"),
    ("hang.stopped", None, "step 4 loss 0.31\nzsh: suspended  python train.py"),
    ("hang.io", None,
     "INFO: task python3:4412 blocked for more than 120 seconds.\n      Tainted: P           OE\n"
     "python3         D    0  4412   4410 0x00000000\nCall Trace:\n schedule+0x42/0xb0"),
    # A node's disk, a kernel of a notebook, an actor.
    ("error.disk", None,
     "Reason:           Evicted\nMessage:          The node was low on resource: "
     "ephemeral-storage. Container trainer was using 91209212Ki, request is 0, has larger "
     "consumption of ephemeral-storage."),
    ("error.disk", 1, TRACE + "OSError: Not enough free space to write 80000000 bytes after offset "
     "128"),
    ("oom.host.killed", 1, TRACE + "nbclient.exceptions.DeadKernelError: Kernel died"),
    ("oom.host.killed", 1,
     TRACE + "distributed.scheduler.KilledWorker: Attempted to run task load on 4 different "
     "workers, but all those workers died while running it."),
    ("error.dependency", 127, "/usr/bin/env: 'python': No such file or directory"),
    ("error.dependency", 1,
     "exec: \"torchrun\": executable file not found in $PATH: unknown"),
    # Nobody was there to answer.
    ("error.python", 1, "Overwrite? " + TRACE + "EOFError: EOF when reading a line"),
    ("error.nan", 1, TRACE + "xgboost.core.XGBoostError: Check failed: valid: Input data contains "
     "`inf` or a value too large, while `missing` is not set to `inf`"),
]  # fmt: skip

MISUNDERSTOOD = [
    "usage: train.py [-h] [--lr LR]\ntrain.py: error: unrecognized arguments: --learning-rate 3e-4",
    "usage: torchrun [-h]\ntorchrun: error: the following arguments are required: training_script",
    "Usage: train.py [OPTIONS] DATA\nTry 'train.py --help' for help.\n\nError: No such option: "
    "--batchsize Did you mean --batch-size?",
    "╭─ Unrecognized options ───────────────╮\n│ Unrecognized options: --batchsize    │\n"
    "╰──────────────────────────────────────╯",
    "ERROR: The function received no value for the required argument: data\nUsage: train.py DATA",
    "python3: can't open file '/w/trian.py': [Errno 2] No such file or directory",
    "Could not override 'trainer.max_epoch'.\nTo append to your config use +trainer.max_epoch=3\n"
    "Key 'max_epoch' is not in struct",
    'usage: main.py [options] fit [-h]\nerror: Parser key "trainer.devices": Does not validate',
]
"""Programs that did not understand their options: an error of theirs, of their use beside."""
