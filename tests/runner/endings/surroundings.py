"""What surrounds a message: loggers, launchers, summaries, and what was lived through."""

from __future__ import annotations

from tests.runner.endings.whole import TRACE

OOM = (
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.00 GiB. GPU 0 has a total "
    "capacity of 14.74 GiB of which 600.12 MiB is free. Including non-PyTorch memory, this "
    "process has 14.14 GiB memory in use. Of the allocated memory 13.71 GiB is allocated by "
    "PyTorch, and 310.44 MiB is reserved by PyTorch but unallocated."
)

ENDINGS: list[tuple[str, int | None, str]] = [
    ("oom.device.capacity", 1,
     "╭───── Traceback (most recent call last) ─────╮\n│ /job/train.py:61 in "
     "main                    │\n│ ❱ 61     step(batch)                         │\n"
     "╰──────────────────────────────────────────────╯\nOutOfMemoryError: CUDA out of memory. "
     "Tried to allocate 1.00 GiB. GPU 0 has a total\ncapacity of 14.74 GiB of which 600.12 MiB "
     "is free. Including non-PyTorch memory,\nthis process has 14.14 GiB memory in use. Of the "
     "allocated memory 13.71 GiB is\nallocated by PyTorch, and 310.44 MiB is reserved by "
     "PyTorch but unallocated."),
    ("oom.device.fragmentation", 1,
     TRACE
     + "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00\nGiB. GPU 0 has a "
     "total capacity of 14.74 GiB of which 600.12 MiB is\nfree. Including non-PyTorch memory, "
     "this process has 14.14 GiB memory\nin use. Of the allocated memory 7.71 GiB is allocated "
     "by PyTorch, and\n6.00 GiB is reserved by PyTorch but unallocated."),
    ("oom.device.capacity", 1,
     "{\"time\":\"2026-11-25T01:02:03Z\",\"level\":\"ERROR\",\"message\":\"Traceback (most "
     "recent call last):\\n  File \\\"train.py\\\", line 3, in <module>\\n    f()\\n"
     + OOM
     + "\"}"),
    ("error.python", 1,
     "{\"time\":\"2026-11-25T01:02:03Z\",\"level\":\"ERROR\",\"message\":\"Traceback (most "
     "recent call last):\\n  File \\\"train.py\\\", line 3, in <module>\\n    f()\\nKeyError: "
     "'lr'\"}"),
    ("oom.device.capacity", 1,
     "Error executing job with overrides: ['trainer.gpus=1']\n"
     + TRACE
     + OOM
     + "\n\nSet the environment variable HYDRA_FULL_ERROR=1 for a complete stack trace."),
    ("error.python", 1,
     "Error executing job with overrides: []\n"
     + TRACE
     + "omegaconf.errors.ConfigAttributeError: Missing key lr\n    full_key: lr\n    "
     "object_type=dict\n\nSet the environment variable HYDRA_FULL_ERROR=1 for a complete stack "
     "trace."),
    ("oom.device.capacity", 1,
     "2026-11-25 01:02:03.123 | ERROR    | __main__:<module>:12 - An error has been caught in "
     "function '<module>', process 'MainProcess' (77), thread 'MainThread' (1):\nTraceback "
     "(most recent call last):\n\n> File \"/job/train.py\", line 12, in <module>\n    "
     "main()\n    └ <function main at 0x7f>\n\n  File \"/job/train.py\", line 9, in main\n    "
     "x.cuda()\n    │ └ <method 'cuda'>\n    └ tensor([1.])\n\n"
     + OOM),
    ("oom.device.capacity", 1,
     "Traceback (most recent call last):\n  File \"/job/train.py\", line 88, in <module>\n    "
     "main()\n  File \"/job/train.py\", line 61, in main\n    raise ChildFailedError(\n"
     "torch.distributed.elastic.multiprocessing.errors.ChildFailedError: \n"
     "============================================================\ntrain.py FAILED\n"
     "------------------------------------------------------------\nFailures:\n  "
     "<NO_OTHER_FAILURES>\n------------------------------------------------------------\nRoot "
     "Cause (first observed failure):\n[0]:\n  time      : 2026-11-25_01:02:03\n  host      : "
     "n1\n  rank      : 0 (local_rank: 0)\n  exitcode  : 1 (pid: 123)\n  error_file: "
     "/tmp/torchelastic_x/none_y/attempt_0/0/error.json\n  traceback : Traceback (most recent "
     "call last):\n    File "
     "\"/v/torch/distributed/elastic/multiprocessing/errors/__init__.py\", line 346, in "
     "wrapper\n      return f(*args, **kwargs)\n    File \"/job/train.py\", line 12, in "
     "main\n      go()\n  "
     + OOM
     + "\n  \n============================================================"),
    ("error.fd", 1,
     "torch.distributed.elastic.multiprocessing.errors.ChildFailedError: \n"
     "============================================================\ntrain.py FAILED\n"
     "------------------------------------------------------------\nFailures:\n  "
     "<NO_OTHER_FAILURES>\n------------------------------------------------------------\nRoot "
     "Cause (first observed failure):\n[0]:\n  time      : 2026-11-25_01:02:03\n  host      : "
     "n1\n  rank      : 0 (local_rank: 0)\n  exitcode  : 1 (pid: 123)\n  error_file: "
     "/tmp/torchelastic_x/none_y/attempt_0/0/error.json\n  traceback : Traceback (most recent "
     "call last):\n    File "
     "\"/v/torch/distributed/elastic/multiprocessing/errors/__init__.py\", line 346, in "
     "wrapper\n      return f(*args, **kwargs)\n    File \"/job/train.py\", line 12, in "
     "main\n      go()\n  OSError: [Errno 24] Too many open files: '/d/1.npy'\n  \n"
     "============================================================"),
    ("error.python", 1,
     "torch.distributed.elastic.multiprocessing.errors.ChildFailedError: \n"
     "============================================================\ntrain.py FAILED\n"
     "------------------------------------------------------------\nFailures:\n  "
     "<NO_OTHER_FAILURES>\n------------------------------------------------------------\nRoot "
     "Cause (first observed failure):\n[0]:\n  time      : 2026-11-25_01:02:03\n  host      : "
     "n1\n  rank      : 0 (local_rank: 0)\n  exitcode  : 1 (pid: 123)\n  error_file: "
     "/tmp/torchelastic_x/none_y/attempt_0/0/error.json\n  traceback : Traceback (most recent "
     "call last):\n    File "
     "\"/v/torch/distributed/elastic/multiprocessing/errors/__init__.py\", line 346, in "
     "wrapper\n      return f(*args, **kwargs)\n    File \"/job/train.py\", line 12, in "
     "main\n      go()\n  KeyError: 'lr'\n  \n"
     "============================================================"),
    ("error.nan", 1,
     "torch.distributed.elastic.multiprocessing.errors.ChildFailedError: \n"
     "============================================================\ntrain.py FAILED\n"
     "------------------------------------------------------------\nFailures:\n  "
     "<NO_OTHER_FAILURES>\n------------------------------------------------------------\nRoot "
     "Cause (first observed failure):\n[0]:\n  time      : 2026-11-25_01:02:03\n  host      : "
     "n1\n  rank      : 0 (local_rank: 0)\n  exitcode  : 1 (pid: 123)\n  error_file: "
     "/tmp/torchelastic_x/none_y/attempt_0/0/error.json\n  traceback : Traceback (most recent "
     "call last):\n    File "
     "\"/v/torch/distributed/elastic/multiprocessing/errors/__init__.py\", line 346, in "
     "wrapper\n      return f(*args, **kwargs)\n    File \"/job/train.py\", line 12, in "
     "main\n      go()\n  RuntimeError: loss is nan at step 3\n  \n"
     "============================================================"),
    ("oom.device.capacity", 1,
     "2026-11-25T01:02:03.123456789Z stderr F Traceback (most recent call last):\n"
     "2026-11-25T01:02:03.123456789Z stderr F   File \"/job/train.py\", line 88, in <module>\n"
     "2026-11-25T01:02:03.123456789Z stderr F     main()\n2026-11-25T01:02:03.123456789Z stderr "
     "F   File \"/job/train.py\", line 61, in main\n2026-11-25T01:02:03.123456789Z stderr F     "
     "step(batch)\n2026-11-25T01:02:03.123456789Z stderr F "
     + OOM),
    ("oom.host.killed", 1,
     "2026-11-25T01:02:03.1234567Z ##[error]Process completed with exit code 137."),
    ("error.disk", 1,
     "AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage \"OSError: [Errno 28] "
     "No space left on device\"\nCommand \"/opt/conda/bin/python3.8 train.py\""),
    ("oom.device.capacity", 1,
     "ErrorMessage \"RuntimeError: CUDA out of memory. Tried to allocate 20.00 MiB (GPU 0; "
     "14.76 GiB total capacity; 13.42 GiB already allocated; 11.75 MiB free; 13.61 GiB reserved "
     "in total by PyTorch)\"\nCommand \"/opt/conda/bin/python3.8 train.py\"\n"
     "ExecuteUserScriptError"),
    ("oom.device.capacity", 1,
     "ray.exceptions.RayTaskError(OutOfMemoryError): ray::train_loop() (pid=12, ip=10.0.0.1)\n  "
     "File \"/job/t.py\", line 3, in f\n    x.cuda()\n"
     + OOM),
    ("error.python", 1,
     "ray.exceptions.RayTaskError(KeyError): ray::f() (pid=12, ip=10.0.0.1)\n  File "
     "\"/job/t.py\", line 3, in f\n    d['x']\nKeyError: 'x'"),
    ("oom.device.capacity", 1,
     "==== FAILURES ====\n____ test_train ____\n\n    def test_train():\n>       train()\n\n"
     "tests/t.py:3: \n_ _ _ _\nE       torch.OutOfMemoryError: CUDA out of memory. Tried to "
     "allocate 2.00 GiB (GPU 0; 14.76 GiB total capacity; 12.91 GiB already allocated; 901.75 "
     "MiB free; 13.20 GiB reserved in total by PyTorch)\n\ntests/t.py:9: OutOfMemoryError\n=== "
     "short test summary info ===\nFAILED tests/t.py::test_train - torch.OutOfMemoryError: CUDA "
     "out of memory. T...\n=== 1 failed, 12 passed in 3.2s ==="),
    ("error.python", 1,
     "E       AssertionError: assert 3 == 4\n\ntests/t.py:9: AssertionError\n=== short test "
     "summary info ===\nFAILED tests/test_oom.py::test_cuda_out_of_memory - assert 3 == 4\n=== "
     "1 failed, 12 passed in 3.2s ==="),
    ("oom.device.capacity", 1,
     TRACE
     + "RuntimeError: No executable batch size found, reached zero."),
    ("oom.device.capacity", 1,
     TRACE
     + OOM
     + "\n\nDuring handling of the above exception, another exception occurred:\n\n"
     + TRACE
     + "RuntimeError: No executable batch size found, reached zero."),
    ("oom.device.capacity", 1,
     TRACE
     + OOM
     + "\n\nDuring handling of the above exception, another exception occurred:\n\n"
     + TRACE
     + "UnboundLocalError: local variable 'out' referenced before assignment"),
    ("error.python", 1,
     "Batch size 64 failed, trying batch size 32\nCUDA out of memory. Tried to allocate 2.00 "
     "GiB\nFinished batch size finder, will continue with full run using batch size 32\nEpoch "
     "0: 100%|###| 4/4\n"
     + TRACE
     + "KeyError: 'lr'"),
    ("error.python", 1,
     TRACE
     + OOM
     + "\nbatch 12 skipped, emptying the cache\nstep 0 loss 0.0\nstep 1 loss 0.1\nstep 2 loss "
     "0.2\nstep 3 loss 0.3\nstep 4 loss 0.4\nstep 5 loss 0.5\nstep 6 loss 0.6\nstep 7 loss 0.7\n"
     "step 8 loss 0.8\nstep 9 loss 0.9\nstep 10 loss 0.10\nstep 11 loss 0.11\nstep 12 loss "
     "0.12\nstep 13 loss 0.13\nstep 14 loss 0.14\nstep 15 loss 0.15\nstep 16 loss 0.16\nstep 17 "
     "loss 0.17\nstep 18 loss 0.18\nstep 19 loss 0.19\nstep 20 loss 0.20\nstep 21 loss 0.21\n"
     "step 22 loss 0.22\nstep 23 loss 0.23\nstep 24 loss 0.24\nstep 25 loss 0.25\nstep 26 loss "
     "0.26\nstep 27 loss 0.27\nstep 28 loss 0.28\nstep 29 loss 0.29\nstep 30 loss 0.30\nstep 31 "
     "loss 0.31\nstep 32 loss 0.32\nstep 33 loss 0.33\nstep 34 loss 0.34\nstep 35 loss 0.35\n"
     "step 36 loss 0.36\nstep 37 loss 0.37\nstep 38 loss 0.38\nstep 39 loss 0.39\n"
     + TRACE
     + "IndexError: list index out of range"),
    ("error.python", 1,
     TRACE
     + OOM
     + "\nstep 0 loss 0.0\nstep 1 loss 0.1\nstep 2 loss 0.2\nstep 3 loss 0.3\nstep 4 loss 0.4\n"
     "step 5 loss 0.5\nstep 6 loss 0.6\nstep 7 loss 0.7\nstep 8 loss 0.8\nstep 9 loss 0.9\nstep "
     "10 loss 0.10\nstep 11 loss 0.11\nstep 12 loss 0.12\nstep 13 loss 0.13\nstep 14 loss 0.14\n"
     "step 15 loss 0.15\nstep 16 loss 0.16\nstep 17 loss 0.17\nstep 18 loss 0.18\nstep 19 loss "
     "0.19\nstep 20 loss 0.20\nstep 21 loss 0.21\nstep 22 loss 0.22\nstep 23 loss 0.23\nstep 24 "
     "loss 0.24\nstep 25 loss 0.25\nstep 26 loss 0.26\nstep 27 loss 0.27\nstep 28 loss 0.28\n"
     "step 29 loss 0.29\nstep 30 loss 0.30\nstep 31 loss 0.31\nstep 32 loss 0.32\nstep 33 loss "
     "0.33\nstep 34 loss 0.34\nstep 35 loss 0.35\nstep 36 loss 0.36\nstep 37 loss 0.37\nstep 38 "
     "loss 0.38\nstep 39 loss 0.39\nvalidation failed: metric file is empty\n"),
    ("interrupted", 130,
     TRACE
     + OOM
     + "\nstep 0 loss 0.0\nstep 1 loss 0.1\nstep 2 loss 0.2\nstep 3 loss 0.3\nstep 4 loss 0.4\n"
     "step 5 loss 0.5\nstep 6 loss 0.6\nstep 7 loss 0.7\nstep 8 loss 0.8\nstep 9 loss 0.9\nstep "
     "10 loss 0.10\nstep 11 loss 0.11\nstep 12 loss 0.12\nstep 13 loss 0.13\nstep 14 loss 0.14\n"
     "step 15 loss 0.15\nstep 16 loss 0.16\nstep 17 loss 0.17\nstep 18 loss 0.18\nstep 19 loss "
     "0.19\nstep 20 loss 0.20\nstep 21 loss 0.21\nstep 22 loss 0.22\nstep 23 loss 0.23\nstep 24 "
     "loss 0.24\nstep 25 loss 0.25\nstep 26 loss 0.26\nstep 27 loss 0.27\nstep 28 loss 0.28\n"
     "step 29 loss 0.29\nstep 30 loss 0.30\nstep 31 loss 0.31\nstep 32 loss 0.32\nstep 33 loss "
     "0.33\nstep 34 loss 0.34\nstep 35 loss 0.35\nstep 36 loss 0.36\nstep 37 loss 0.37\nstep 38 "
     "loss 0.38\nstep 39 loss 0.39\n^C"
     + TRACE
     + "KeyboardInterrupt"),
    ("oom.device.capacity", 1,
     TRACE
     + OOM
     + "\nwandb: \nwandb: You can sync this run to the cloud by running:\nwandb: wandb sync "
     "/x/offline-run\nwandb: Find logs at: wandb/offline-run/logs\n"),
    ("oom.device.capacity", 1,
     TRACE
     + OOM
     + "\nsrun: error: gpu01: task 0: Exited with exit code 1\nsrun: Terminating StepId=33.0\n"
     "slurmstepd: error: *** STEP 33.0 ON gpu01 CANCELLED AT 2026-01-01T00:00:00 ***\nsrun: "
     "error: gpu02: task 1: Terminated"),
    ("oom.device.capacity", 1,
     "[rank0]: Traceback (most recent call last):\n[rank0]:   File \"/job/train.py\", line 88, "
     "in <module>\n[rank0]:     main()\n[rank0]:   File \"/job/train.py\", line 61, in main\n"
     "[rank0]:     step(batch)\n[rank0]: "
     + OOM
     + "\n[rank1]: Traceback (most recent call last):\n[rank1]:   File \"/job/train.py\", line "
     "88, in <module>\n[rank1]:     main()\n[rank1]:   File \"/job/train.py\", line 61, in "
     "main\n[rank1]:     step(batch)\n[rank1]: "
     + OOM
     + "\nW1125 01:02:03.1 12 torch/distributed/elastic/multiprocessing/api.py:900] Sending "
     "process 12 closing signal SIGTERM\n"),
    ("oom.device.capacity", 1,
     "[rank0]: Traceback (most recent call last):\n[rank1]: Traceback (most recent call last):\n"
     "[rank0]:   File \"/job/train.py\", line 88, in <module>\n[rank1]:   File "
     "\"/job/train.py\", line 88, in <module>\n[rank0]:     main()\n[rank1]:     main()\n"
     "[rank0]:   File \"/job/train.py\", line 61, in main\n[rank1]:   File \"/job/train.py\", "
     "line 61, in main\n[rank0]:     step(batch)\n[rank1]:     step(batch)\n[rank0]: "
     + OOM
     + "\n[rank1]: RuntimeError: [../third_party/gloo/gloo/transport/tcp/pair.cc:598] Connection "
     "closed by peer [10.0.0.4]:1\n"),
    ("oom.host.killed", 1,
     "[rank0]: Traceback (most recent call last):\n[rank0]:   File \"/job/train.py\", line 88, "
     "in <module>\n[rank0]:     main()\n[rank0]:   File \"/job/train.py\", line 61, in main\n"
     "[rank0]:     step(batch)\n[rank0]: RuntimeError: "
     "[../third_party/gloo/gloo/transport/tcp/pair.cc:598] Connection closed by peer "
     "[10.0.0.4]:1\nE1125 torch/distributed/elastic/multiprocessing/api.py:882] failed "
     "(exitcode: -9) local_rank: 1 (pid: 3) of binary: /v/bin/python\nTraceback (most recent "
     "call last):\n  File \"/job/train.py\", line 88, in <module>\n    main()\n  File "
     "\"/job/train.py\", line 61, in main\n    raise ChildFailedError(\n"
     "torch.distributed.elastic.multiprocessing.errors.ChildFailedError: \n=====\ntrain.py "
     "FAILED\n---\nFailures:\n[1]:\n  rank      : 0 (local_rank: 0)\n  exitcode  : 1 (pid: 2)\n"
     "---\nRoot Cause (first observed failure):\n[0]:\n  rank      : 1 (local_rank: 1)\n  "
     "exitcode  : -9 (pid: 3)\n  error_file: <N/A>\n  traceback : Signal 9 (SIGKILL) received "
     "by PID 3\n====="),
    ("error.data", 1,
     TRACE
     + "RuntimeError: Caught RuntimeError in DataLoader worker process 0.\nOriginal Traceback "
     "(most recent call last):\n  File \"/v/torch/utils/data/_utils/worker.py\", line 287, in "
     "_worker_loop\n    data = fetcher.fetch(index)\n  File \"/v/d.py\", line 4, in "
     "__getitem__\n    return torch.load(p)\nRuntimeError: PytorchStreamReader failed reading "
     "zip archive: failed finding central directory\n"),
    ("error.disk", 1,
     TRACE
     + "OSError: [Errno 28] No space left on device\n\nDuring handling of the above exception, "
     "another exception occurred:\n\n"
     + TRACE
     + "RuntimeError: PytorchStreamWriter failed writing file data/0: file write failed"),
    ("error.disk", 1,
     TRACE
     + "RuntimeError: [enforce fail at inline_container.cc:603] . unexpected pos 128 vs 22\n\n"
     "During handling of the above exception, another exception occurred:\n\n"
     + TRACE
     + "KeyError: 'x'"),
    ("crash.segv", 139,
     TRACE
     + "KeyError: 'x'\nException ignored in: <function A.__del__>\nSegmentation fault (core "
     "dumped)"),
    ("fault.device", 134,
     TRACE
     + "RuntimeError: CUDA error: device-side assert triggered\nterminate called after throwing "
     "an instance of 'c10::Error'\n  what():  CUDA error: device-side assert triggered\nAborted "
     "(core dumped)"),
    ("oom.device.capacity", 134,
     TRACE
     + OOM
     + "\nterminate called without an active exception\nAborted (core dumped)"),
    ("error.dependency", 1,
     "Traceback (most recent call last):\n  File \"/v/bin/accelerate\", line 5, in "
     "<module>\n    from accelerate.commands.accelerate_cli import main\nModuleNotFoundError: "
     "No module named 'accelerate'"),
    ("error.dependency", 1,
     TRACE
     + "ImportError: cannot import name 'x' from 'y'\n\nDuring handling of the above exception, "
     "another exception occurred:\n\n"
     + TRACE
     + "ImportError: cannot import name 'z' from 'y'"),
    ("ok", 0, "loss scale 65536.0 overflow, skipping\nstep 9 loss 0.31\nDone in 3 s"),
    ("ok", 0, "best val_loss inf -> 0.412, saving\nfinished"),
    ("ok", 0, "Epoch 3 train_loss=0.41 val_loss=nan\nEpoch 4 train_loss=0.39 val_loss=0.41\ndone"),
    ("ok", 0,
     "step 9 loss 0.3\nWARNING: step 10 loss nan, skipping batch\nfinished, saved last.pt"),
    ("ok", 0, "0 errors, 0 warnings; no OOM, no NaN loss"),
    ("ok", 0,
     "Trainer.fit stopped: max_steps=10 reached.\nEarlyStopping: val_loss did not improve from "
     "0.41"),
    ("ok", 0, "oom_kill 0\nno process was killed\n"),
    ("ok", 0, "Segmentation of the volume finished: 0 faults"),
    ("ok", 0, "Metric val_loss improved. New best score: 0.412\nmin_loss=inf ignored"),
    ("ok", 0,
     "Gradient overflow.  Skipping step, loss scaler 0 reducing loss scale to 32768.0\nepoch 3 "
     "loss 0.3"),
    ("ok", 0, "timed out waiting for lock, retrying\nlock acquired\nfinished"),
    ("ok", 0, "NCCL WARN Call to connect returned Connection refused, retrying\nepoch 1 done"),
    ("ok", 0, "loss_nan_count=0 final loss 0.41"),
    ("ok", 0, "WARNING loss is inf at step 0 (warm-up), continuing\nfinal loss: 0.2"),
    ("error.nan", 0, "epoch 9 loss nan acc 0.1\ntraining finished"),
    ("error.nan", 0, "Final train loss: nan, final val loss: nan\nSaved"),
    ("error.nan", 0, "step 100 | loss nan | lr 1e-4\nstep 200 | loss nan | lr 1e-4\ndone"),
    ("error.nan", 0, "[400/400] loss=tensor(nan)\nbye"),
    ("error.nan", 0, "{\"epoch\": 3, \"loss\": NaN}\n{\"epoch\": 4, \"loss\": NaN}"),
    ("error.nan", 0, "Epoch 4/4 - loss: nan - val_loss: nan - 3s\nfinished in 4 s"),
    ("error.nan", 0, "iter 100: loss nan, time 4ms"),
    ("error.nan", 1,
     "Gradient overflow.  Skipping step, loss scaler 0 reducing loss scale to 5e-324\nGradient "
     "overflow.  Skipping step, loss scaler 0 reducing loss scale to 0.0\nTraceback (most "
     "recent call last):\n  File \"/job/train.py\", line 88, in <module>\n    "
     "scaled_loss.backward()\n  File \"/v/apex/amp/handle.py\", line 123, in scale_loss\n    "
     "optimizer._post_amp_backward(loss_scaler)\n  File \"/v/apex/amp/_process_optimizer.py\", "
     "line 249, in post_backward\n    x\nZeroDivisionError: float division by zero"),
    ("error.disk", 1, TRACE + "RuntimeError: write(): fd 29 failed with Input/output error"),
    ("error.disk", 1,
     TRACE
     + "RuntimeError: [enforce fail at inline_container.cc:319] . PytorchStreamWriter failed "
     "opening archive."),
]  # fmt: skip
