"""Stack dumps as py-spy, faulthandler and gdb print them, some of them cut off."""

from __future__ import annotations

import pytest

from runner.dump_text import read_dump
from runner.explain import explain

JOIN = """\
Thread 88 (idle): "MainThread"
    Thread._wait_for_tstate_lock (threading.py:1139)
    Thread.join (threading.py:1119)
    <module> (train.py:11)
"""
LOADER = """\
Thread 91 (idle): "prefetch"
    _PollLikeSelector.select (selectors.py:415)
    wait (multiprocessing/connection.py:947)
    Queue.get (multiprocessing/queues.py:113)
    _MultiProcessingDataLoaderIter._try_get_data (torch/utils/data/dataloader.py:1278)
    go (train.py:8)
    Thread.run (threading.py:982)
"""
SOCKET = """\
Thread 91 (idle): "reader"
    SocketIO.readinto (socket.py:706)
    fetch (train.py:8)
    Thread.run (threading.py:982)
"""
MONITOR = """\
Thread 92 (idle): "Thread-1"
    Condition.wait (threading.py:331)
    Event.wait (threading.py:629)
    TMonitor.run (tqdm/_monitor.py:60)
"""
POOL = """\
Thread 93 (idle): "Thread-3 (_handle_results)"
    Connection._recv (multiprocessing/connection.py:395)
    Pool._handle_results (multiprocessing/pool.py:579)
    Thread.run (threading.py:982)
"""
POOL_MAIN = """\
Thread 88 (idle): "MainThread"
    Condition.wait (threading.py:327)
    Event.wait (threading.py:629)
    ApplyResult.wait (multiprocessing/pool.py:765)
    preprocess (train.py:4)
"""
CUT_SPY = """\
    poll (multiprocessing/connection.py:257)
    get (multiprocessing/queues.py:113)
    _try_get_data (torch/utils/data/dataloader.py:986)
    <module> (train.py:9)
Thread 9892 (idle): "QueueFeederThread"
    wait (threading.py:312)
    _feed (multiprocessing/queues.py:231)
"""
CUT_FAULT = """\
  File "/v/torch/utils/file_baton.py", line 42 in wait
  File "/v/torch/utils/cpp_extension.py", line 1306 in _jit_compile
  File "/job/train.py", line 5 in <module>
"""
SQLITE = """\
Thread 94 (idle): "MainThread"
    clock_nanosleep (libc.so.6)
    usleep (libc.so.6)
    sqlite3InvokeBusyHandler (libsqlite3.so.0.8.6)
    log_metric (train.py:6)
"""
GDB_READ = """\
Thread 1 (Thread 0x7f05 (LWP 99) "python"):
#0  __GI___libc_read (nbytes=4, buf=0x7f0, fd=3) at ../sysdeps/unix/sysv/linux/read.c:26
#1  __GI___libc_read (fd=3, buf=0x7f0, nbytes=4) at ../sysdeps/unix/sysv/linux/read.c:24
#2  0x00005581 in _Py_read (fd=3, buf=0x7f0, count=4) at Python/fileutils.c:1774
"""
GDB_SPIN = """\
Thread 1 (Thread 0x7f05 (LWP 99) "python"):
#0  _PyEval_EvalFrameDefault (tstate=0x55, frame=0x7f, throwflag=0) at Python/ceval.c:4202
#1  0x00005581 in _PyEval_EvalFrame (throwflag=0) at ./Include/internal/pycore_ceval.h:73
"""

WANDB = """\
Thread 95 (idle): "MsgRouterThr"
    _read_packet_bytes (wandb/sdk/lib/sock_client.py:255)
    Thread.run (threading.py:982)
"""

DUMPS = [
    ("hang.lock", JOIN + WANDB),
    ("hang.dataloader", JOIN + LOADER),
    ("hang.io", JOIN + SOCKET),
    ("hang.lock", JOIN + MONITOR),
    ("hang.lock", POOL_MAIN + POOL),
    ("hang.dataloader", CUT_SPY),
    ("hang.lock", CUT_FAULT),
    ("hang.lock", SQLITE),
    ("hang.io", GDB_READ),
    ("hang.spin", GDB_SPIN),
    ("hang.collective", 'Thread 5 (idle): "MainThread"\n    sync_gradients (train.py:8)\n'),
    ("hang.io", 'Thread 5 (idle): "MainThread"\n    read_stdin (train.py:8)\n'),
]


PY_BT = """\
(gdb) py-bt
Traceback (most recent call first):
  Waiting for the GIL
  <built-in method {call} at remote 0x7f0e5dc63198>
  File "/v/python3.8/site-packages/{file}", line 1011, in {function}
    data = self._data_queue.get(timeout=timeout)
  File "train.py", line 140, in <module>
    print (main())
"""
OLD_PY_BT = """\
#1 Waiting for a lock (e.g. GIL)
#2 <built-in method acquire of _thread.lock object at remote 0x7f0a16edb840>
#4 file '/usr/lib/python3.8/threading.py', in '_wait_for_tstate_lock'
#8 file '/usr/lib/python3.8/threading.py', in 'join'
#12 file 'train.py', in 'main'
"""
OPENCV = """\
Thread 1 (Thread 0x7f51d7c2d1c0 (LWP 31190) "python"):
#0  futex_wait (private=0, expected=2) at ../sysdeps/nptl/futex-internal.h:146
#1  ___pthread_mutex_lock (mutex=0x7f51d4a1e0c8) at ./nptl/pthread_mutex_lock.c:93
#2  0x00007f51d3f0ac31 in cv::Mutex::lock() () from /v/site-packages/cv2/cv2.abi3.so
#3  0x00007f51d4011f12 in cv::parallel_for_(cv::Range const&) () from /v/cv2/cv2.abi3.so
"""
NATIVE_JOIN = """\
Thread 3 (Thread 0x7fc513d65700 (LWP 32036)):
#0  0x00007fc51414254d in __lll_lock_wait () from /lib64/libpthread.so.0
#1  0x00007fc51413dd68 in pthread_mutex_lock () from /lib64/libpthread.so.0
#2  0x0000000000400927 in work (temp=0x0) at a.c:15

Thread 1 (Thread 0x7fc514560740 (LWP 32035)):
#0  0x00007fc51413f017 in pthread_join () from /lib64/libpthread.so.0
#1  0x0000000000400a28 in main () at a.c:40
"""
AT_EXIT = """\
Thread 77001 (idle): "MainThread"
    wait (threading.py:316)
    _wait_for_finish (wandb/sdk/wandb_run.py:2401)
    _atexit_cleanup (wandb/sdk/wandb_run.py:2241)
    <lambda> (wandb/sdk/wandb_init.py:556)
"""
SHUTDOWN = """\
Thread 11200 (idle): "MainThread"
    _shutdown (threading.py:1590)
Thread 11233 (idle): "uploader"
    recv_into (socket.py:718)
    run (threading.py:1010)
"""
FINISHING = """\
Thread 501 (idle): "MainThread"
    select (selectors.py:469)
    finish (wandb/sdk/wandb_run.py:2100)
    main (train.py:200)
    <module> (train.py:210)
"""
DEBUGGED = """\
Thread 812 (idle): "MainThread"
    interaction (pdb.py:360)
    user_line (pdb.py:262)
    step (train.py:61)
    <module> (train.py:80)
"""
STATE = """\
Process 4455: python train.py
Python v3.10.12 (/usr/bin/python3.10)

Thread 4455 (idle): "MainThread"
    forward (model.py:88)
    <module> (train.py:75)
--- /proc/4455/status
Name:\tpython
State:\tT (stopped)
"""
RENDEZVOUS = """\
Thread 6117 (idle): "MainThread"
    _call_store (torch/distributed/elastic/rendezvous/c10d_rendezvous_backend.py:113)
    next_rendezvous (torch/distributed/elastic/rendezvous/dynamic_rendezvous.py:1026)
    launch_agent (torch/distributed/launcher/api.py:255)
    <module> (torchrun:8)
"""
STATEFUL = """\
Thread 88 (idle): "MainThread"
    get (queue.py:180)
    _try_get_data (torchdata/stateful_dataloader/stateful_dataloader.py:1250)
    <module> (train.py:9)
"""
SAMPLING = """\
Thread 90 (active+gil): "MainThread"
    sample_until_cuda_fits (aug.py:18)
    <module> (train.py:44)
"""
BEYOND = [
    ("hang.lock", PY_BT.format(call="acquire of _thread.lock object", file="x.py", function="f")),
    ("hang.collective", PY_BT.format(call="barrier of torch._C.ProcessGroupNCCL object",
                                     file="torch/distributed/distributed_c10d.py",
                                     function="barrier")),
    ("hang.dataloader", PY_BT.format(call="poll of select.poll object",
                                     file="torch/utils/data/dataloader.py",
                                     function="_try_get_data")),
    ("hang.io", PY_BT.format(call="recv of _socket.socket object", file="x.py", function="f")),
    ("hang.lock", OLD_PY_BT), ("hang.lock", OPENCV), ("hang.lock", NATIVE_JOIN),
    ("hang.exit", AT_EXIT), ("hang.exit", SHUTDOWN), ("hang.io", FINISHING),
    ("hang.stopped", DEBUGGED), ("hang.stopped", STATE), ("hang.collective", RENDEZVOUS),
    ("hang.dataloader", STATEFUL), ("hang.spin", SAMPLING),
]  # fmt: skip


@pytest.mark.parametrize(("outcome", "text"), BEYOND, ids=range(len(BEYOND)))
def test_dump_beyond_the_usual_tells_what_hangs(outcome: str, text: str) -> None:
    found = read_dump(text)
    assert found is not None
    assert found.outcome == outcome, found


def test_what_it_waits_for_at_its_exit_is_named_beside() -> None:
    found = read_dump(AT_EXIT)
    assert found is not None
    assert found.also == ("hang.io",)
    assert "waits at its exit, in wait (threading.py:316)" in found.facts[0].text


@pytest.mark.parametrize(("outcome", "text"), DUMPS, ids=range(len(DUMPS)))
def test_dump_tells_what_hangs(outcome: str, text: str) -> None:
    found = read_dump(text)
    assert found is not None
    assert found.outcome == outcome, found


def test_backward_pass_may_be_the_collective_within_it() -> None:
    found = read_dump(
        'Thread 5 (idle): "MainThread"\n    _engine_run_backward (torch/autograd/graph.py:979)\n'
        "    backward (torch/_tensor.py:623)\n    step (train.py:8)\n"
    )
    assert found is not None
    assert {found.outcome, *found.also} >= {"hang.device", "hang.collective"}


@pytest.mark.parametrize(
    "text",
    [
        "    step 3 (train.py:9)\nall went well\n",
        "  loaded data.bin (libfoo.so)\n  loaded two\n",
        'Traceback (most recent call last):\n  File "train.py", line 3, in <module>\nKeyError: 1\n',
    ],
)
def test_indented_log_is_no_cut_dump(text: str) -> None:
    assert read_dump(text) is None


def test_other_dumpers_are_read_as_well() -> None:
    py_bt = (
        "#4 Frame 0x7f3484000910, for file /p/threading.py, line 358, in wait (self=<_Cond>)\n"
        "#11 Frame 0x7f34, for file /v/torch/utils/data/dataloader.py, line 281, in _get_batch (\n"
    )
    ray = (
        "Stack dump for me     20768  0.1  0.1 1751908 pts/0  Sl   12:48   0:01 ray_worker\n"
        "Thread 0x7F4AACDE7700 (active)\n\t recv (redis/_compat.py:79)\n\t f (train.py:3)\n"
    )
    recorder = (
        "{'record_id': 7, 'profiling_name': 'nccl:all_reduce', 'time_created_ns': 1,"
        " 'input_sizes': [[4]], 'state': 'started', 'retired': False}"
    )
    found = [read_dump(text) for text in (py_bt, ray, recorder)]
    outcomes = [hang.outcome for hang in found if hang]
    assert outcomes == ["hang.dataloader", "hang.io", "hang.collective"]
    assert read_dump(recorder.replace("started", "completed")) is None


TIMED = (
    "epoch 1\nTimeout (0:05:00)!\nThread 0x00007f4aa0e85b80 (most recent call first):\n"
    '  File "/v/torch/utils/file_baton.py", line 42 in wait\n  File "/j/t.py", line 5 in <module>\n'
)
FAILED = (
    'Traceback (most recent call last):\n  File "t.py", line 3, in <module>\n    f()\nKeyError: 1\n'
)
PROGRESS = "".join(f"step {n} loss 0.{n}\n" for n in range(30))


@pytest.mark.parametrize(
    ("outcome", "status", "text"),
    [
        ("hang.lock", None, TIMED),
        ("hang.lock", 1, TIMED),
        ("hang.lock", 124, TIMED),
        ("hang.lock", 137, TIMED),
        ("hang.io", 124, JOIN + SOCKET),
        ("ok", 0, TIMED + "finished\n"),
        ("error.python", 1, TIMED + FAILED),
        ("error.python", None, TIMED + FAILED),
        ("error.python", 1, TIMED + PROGRESS + "failed\n"),
        ("crash.segv", 139, "Fatal Python error: Segmentation fault\n\n" + TIMED[27:]),
    ],
)
def test_end_of_the_log_outranks_a_dump_in_its_middle(
    outcome: str, status: int | None, text: str
) -> None:
    assert explain(text, status).outcome == outcome


@pytest.mark.parametrize(
    ("how", "outcome"),
    [("stopped", "hang.stopped"), ("in uninterruptible sleep", "hang.io")],
)
@pytest.mark.parametrize("parent", ["", 'Process 7: python x.py\nPython v3.11.7\n\nThread 7 (idle)'
                                    ': "MainThread"\n    <module> (x.py:3)\n'])  # fmt: skip
def test_process_that_no_debugger_may_touch_is_named(how: str, outcome: str, parent: str) -> None:
    found = read_dump(f"{parent}process 8 (python) is {how}: no stack is taken\n")
    assert found is not None
    assert found.outcome == outcome
    assert any("pid 8" in fact.text for fact in found.facts)
