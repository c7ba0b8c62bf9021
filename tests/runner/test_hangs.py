"""What hangs, by stack dumps of every origin and by pictures of whole trees."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes import dumps
from runner import thread_roles, waits
from runner.dump_text import read_dump
from runner.hangs import Scene, Suspect, decide
from runner.outcomes import Outcome
from runner.wait_kinds import Kind, Wait


def spy(*frames: str, state: str = "idle", name: str = "MainThread") -> str:
    """A thread as py-spy prints it, the innermost frame first."""
    return f'Thread 41 ({state}): "{name}"\n' + "".join(f"    {frame}\n" for frame in frames)


def fault(*frames: tuple[str, int, str], head: str = "Thread 0x00007f01") -> str:
    """A thread as faulthandler prints it."""
    lines = "".join(f'  File "{file}", line {n} in {name}\n' for file, n, name in frames)
    return f"{head} (most recent call first):\n{lines}"


MAIN = "train (train.py:9)"
DISTRIBUTED = "torch/distributed"

DUMPS = [
    ("hang.collective", spy(f"all_reduce ({DISTRIBUTED}/distributed_c10d.py:3252)", MAIN)),
    ("hang.collective", spy(f"monitored_barrier ({DISTRIBUTED}/distributed_c10d.py:4)", MAIN)),
    ("hang.collective", spy(f"_store_based_barrier ({DISTRIBUTED}/distributed_c10d.py:9)", MAIN)),
    ("hang.collective", spy(f"_env_rendezvous_handler ({DISTRIBUTED}/rendezvous.py:260)", MAIN)),
    ("hang.collective", spy("synchronize (horovod/torch/mpi_ops.py:1200)",
                            "allreduce (horovod/torch/mpi_ops.py:260)", MAIN)),
    ("hang.collective", spy("gloo::transport::tcp::Pair::recv (libtorch_cpu.so)",
                            "c10d::ProcessGroupGloo::runLoop (libtorch_cpu.so)")),
    ("hang.device", spy("synchronize (torch/cuda/__init__.py:1083)", MAIN, state="active")),
    ("hang.device", spy("synchronize (torch/cuda/streams.py:97)", MAIN, state="active+gil")),
    ("hang.device", spy("Event.elapsed_time (torch/cuda/streams.py:220)", MAIN, state="active")),
    ("hang.device", spy("wait (torch/cuda/streams.py:170)", MAIN, state="active")),
    # Of torch's own Python these come to the device last; where they hold the interpreter's lock
    # they compute, and a conversion moves nothing.
    ("hang.device", spy("convert (torch/nn/modules/module.py:1326)",
                        "Module._apply (torch/nn/modules/module.py:928)",
                        "Module.to (torch/nn/modules/module.py:1340)", MAIN, state="active")),
    ("hang.device", spy("_apply (torch/nn/modules/module.py:928)",
                        "to (torch/nn/modules/module.py:1340)", MAIN, state="active")),
    ("hang.device", spy("_clip_grads_with_norm_ (torch/nn/utils/clip_grad.py:155)",
                        "clip_grad_norm_ (torch/nn/utils/clip_grad.py:213)", MAIN, state="active")),
    ("hang.spin", spy("_apply (torch/nn/modules/module.py:928)",
                      "to (torch/nn/modules/module.py:1340)", MAIN, state="active+gil")),
    ("hang.spin", spy("_apply (torch/nn/modules/module.py:928)",
                      "half (torch/nn/modules/module.py:1100)", MAIN, state="active")),
    ("hang.device", spy("hipStreamSynchronize (libamdhip64.so.6)", MAIN, state="active")),
    ("hang.device", spy("_lazy_init (torch/cuda/__init__.py:319)", MAIN)),
    ("hang.dataloader", spy("wait (threading.py:327)", "get (queue.py:171)",
                            "_try_get_data (torch/utils/data/dataloader.py:1243)", MAIN)),
    ("hang.dataloader", spy("wait (multiprocessing/popen_fork.py:40)",
                            "join (multiprocessing/process.py:149)",
                            "_shutdown_workers (torch/utils/data/dataloader.py:1568)", MAIN)),
    ("hang.lock", spy("acquire (<frozen importlib._bootstrap>:130)",
                      "_find_and_load (<frozen importlib._bootstrap>:1170)", MAIN)),
    ("hang.lock", spy("acquire (logging/__init__.py:927)",
                      "handle (logging/__init__.py:977)", MAIN)),
    ("hang.lock", spy("__enter__ (multiprocessing/synchronize.py:95)", MAIN)),
    ("hang.lock", spy("wait (threading.py:324)", "result (concurrent/futures/_base.py:451)", MAIN)),
    ("hang.lock", spy("_wait_for_tstate_lock (threading.py:1139)",
                      "join (threading.py:1119)", MAIN)),
    ("hang.lock", spy("acquire (filelock/_api.py:331)", MAIN)),
    ("hang.lock", spy("_poll (multiprocessing/popen_fork.py:27)",
                      "join (multiprocessing/process.py:149)", MAIN)),
    ("hang.io", spy("read (ssl.py:1166)", "recv_into (ssl.py:1314)", "readinto (socket.py:706)",
                    "urlopen (urllib3/connectionpool.py:791)", MAIN)),
    ("hang.io", spy("accept (socket.py:295)", MAIN)),
    ("hang.io", spy("_recv (multiprocessing/connection.py:395)",
                    "recv_bytes (multiprocessing/connection.py:216)", MAIN)),
    ("hang.io", spy("read_array (numpy/lib/format.py:811)", "load (numpy/lib/npyio.py:430)", MAIN)),
    ("hang.io", spy("_execute_child (subprocess.py:1920)",
                    "__init__ (subprocess.py:1026)", MAIN)),
    ("hang.io", spy("communicate (subprocess.py:1209)", "run (subprocess.py:550)", MAIN)),
    ("hang.io", spy("select (selectors.py:469)", "_run_once (asyncio/base_events.py:1898)", MAIN)),
    ("hang.spin", spy("loss (train.py:7)", MAIN, state="active+gil")),
    ("hang.device", spy("cuda_metrics (train.py:7)", MAIN, state="active")),
    ("hang.io", spy("read_shard (train.py:7)", MAIN)),
    ("hang.lock", spy("finalize (train.py:7)", MAIN)),
    # faulthandler: the main thread is the last, its helpers are not what hangs.
    ("hang.io", fault(("/p/threading.py", 327, "wait"),
                      ("/p/multiprocessing/queues.py", 231, "_feed"))
     + "\n" + fault(("/p/socket.py", 706, "readinto"), ("/p/train.py", 4, "<module>"),
                    head="Current thread 0x00007f02")),
    ("hang.lock", "Timeout (0:00:30)!\n" + fault(("/p/threading.py", 1119, "join"),
                                                 ("/j/train.py", 3, "<module>"))),
    ("hang.collective", fault((f"/v/{DISTRIBUTED}/distributed_c10d.py", 9, "broadcast_object_list"),
                              ("/j/train.py", 3, "<module>"),
                              head="Thread 0x00007f01 [python]")),
    # gdb and pstack.
    ("hang.device", 'Thread 1 (Thread 0x7f0 (LWP 99) "python"):\n'
     "#0  0x00007f in ?? () from /lib64/libcuda.so.1\n#1  0x7f in cuCtxSynchronize () from x\n"),
    ("hang.lock", 'Thread 1 (Thread 0x7f0 (LWP 99) "python"):\n'
     "#0  __lll_lock_wait (futex=0x7f, private=0) at lowlevellock.c:52\n"
     "#1  0x00007f in __GI___pthread_mutex_lock (mutex=0x7f) at ../nptl/pthread_mutex_lock.c:80\n"),
    ("hang.io", "TID 88:\n#0  0x00007fa0 __libc_read\n#1  0x00007fa1 os_read\n"),
    # Several processes: the parent that waits is a consequence.
    ("hang.dataloader", "Process 7: python train.py\nPython v3.12.1 (/usr/bin/python3)\n"
     + spy("poll (multiprocessing/connection.py:257)",
           "_try_get_data (torch/utils/data/dataloader.py:1243)", MAIN)
     + "Process 9: python train.py\nPython v3.12.1 (/usr/bin/python3)\n"
     + spy("__getitem__ (data.py:3)", "fetch (torch/utils/data/_utils/fetch.py:51)",
           "_worker_loop (torch/utils/data/_utils/worker.py:308)")),
    ("hang.collective", "Process 7: python run.py\n"
     + spy("_invoke_run (torch/distributed/elastic/agent/server/api.py:900)", MAIN)
     + "Process 8: python train.py\n"
     + spy(f"barrier ({DISTRIBUTED}/distributed_c10d.py:5)", MAIN)),
]  # fmt: skip


@pytest.mark.parametrize(("outcome", "text"), DUMPS, ids=range(len(DUMPS)))
def test_dump_is_read(outcome: str, text: str) -> None:
    found = read_dump(text)
    assert found is not None
    assert (found.outcome.value, bool(found.facts)) == (outcome, True), found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Traceback (most recent call last):\n  File \"a.py\", line 3, in <module>\nKeyError: 'x'",
        "Fatal Python error: Segmentation fault\n\n" + fault(("/j/train.py", 3, "<module>")),
        "Thread pool started (idle)\nepoch 1 done\n#1 best so far",
    ],
)
def test_what_is_no_dump_of_a_hang_is_left_alone(text: str) -> None:
    assert read_dump(text) is None


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=400))
def test_any_text_is_read_without_an_error(text: str) -> None:
    read_dump('Thread 1 (idle): "MainThread"\n' + text)
    read_dump(text)


def lock(detail: str = "") -> Wait:
    return Wait(Kind.LOCK, detail or "lock.acquire")


LOADING = Wait(Kind.LOADER, "_try_get_data (dataloader.py:1)")
REDUCING = Wait(Kind.COLLECTIVE, "all_reduce (distributed_c10d.py:1)")
CHILD = Wait(Kind.CHILD, "waitpid")

SCENES = [
    ("hang.dataloader", "pid 2",
     [Suspect(1, wait=LOADING), Suspect(2, parent=1, is_worker=True, wait=lock()),
      Suspect(3, parent=1, is_worker=True, wait=Wait(Kind.LOADER_IDLE, "get"))]),
    ("hang.stopped", "pid 2",
     [Suspect(1, wait=LOADING), Suspect(2, parent=1, is_worker=True, state="T")]),
    ("hang.dataloader", "pid 2",
     [Suspect(1, wait=LOADING), Suspect(2, parent=1, is_worker=True, share=1.0)]),
    ("hang.collective", "rank 1",
     [Suspect(1, wait=Wait(Kind.SLEEP, "sleep")), Suspect(2, parent=1, rank=0, wait=REDUCING),
      Suspect(3, parent=1, rank=1, wait=Wait(Kind.SLEEP, "sleep"))]),
    ("hang.lock", "pid 2", [Suspect(1, wait=CHILD), Suspect(2, parent=1, wait=lock())]),
    ("hang.io", "pid 2",
     [Suspect(1, wait=lock("join")), Suspect(2, parent=1, state="D", wait=lock())]),
    ("hang.spin", "pid 1", [Suspect(1, share=0.99), Suspect(2, parent=1, wait=lock())]),
    ("hang.device", "cuStreamSynchronize",
     [Suspect(1, share=1.0, wait=Wait(Kind.DEVICE, "cuStreamSynchronize"))]),
    # A guess does not stand against what the processor tells.
    ("hang.spin", "100% of a core",
     [Suspect(1, share=1.0, wait=Wait(Kind.DEVICE, "clip_grad_norm_", sure=False))]),
    ("hang.device", "clip_grad_norm_",
     [Suspect(1, share=0.1, wait=Wait(Kind.DEVICE, "clip_grad_norm_", sure=False))]),
    ("hang.unknown", "sleep", [Suspect(1, wait=Wait(Kind.SLEEP, "sleep"))]),
    ("hang.io", "waitpid", [Suspect(1, wait=CHILD), Suspect(2, parent=1)]),
]  # fmt: skip


@pytest.mark.parametrize(("outcome", "named", "suspects"), SCENES, ids=range(len(SCENES)))
def test_tree_names_its_culprit(outcome: str, named: str, suspects: list[Suspect]) -> None:
    found = decide(Scene(tuple(suspects)))
    assert found.outcome.value == outcome
    assert any(named in fact.text for fact in found.facts), found.facts


def test_rank_that_never_came_is_named() -> None:
    scene = Scene((Suspect(1), Suspect(2, parent=1, rank=0, wait=REDUCING)), world=2)
    found = decide(scene)
    assert found.outcome is Outcome.HANG_COLLECTIVE
    assert any("rank 1 of 2 is not there" in fact.text for fact in found.facts)


CALLBACK = (
    "Handle._run (asyncio/events.py:80)",
    "BaseEventLoop._run_once (asyncio/base_events.py:1922)",
    "run (asyncio/runners.py:190)",
)


@pytest.mark.parametrize(
    ("kind", "frames"),
    [
        # Within a callback the loop waits for nothing: the callback does.
        ("lock", ("wait (threading.py:327)", "fetch (job.py:4)", *CALLBACK, MAIN)),
        (None, ("fetch (job.py:4)", *CALLBACK, MAIN)),
        ("io", ("select (selectors.py:468)", *CALLBACK[1:], MAIN)),
    ],
)
def test_loop_of_asyncio_waits_only_outside_of_its_callbacks(
    kind: str | None, frames: tuple[str, ...]
) -> None:
    [dump] = dumps.parse("Process 7: python x.py\nPython v3.11.7\n\n" + spy(*frames))
    wait = waits.of_stack(dump.stacks[0])
    assert (wait.kind if wait else None) == kind


@pytest.mark.parametrize(
    ("at_exit", "frames"),
    [
        (True, ("_shutdown (threading.py:1590)",)),
        (True, ("futex (libc.so.6)", "wait (threading.py:629)", "0x7f04aba4524a (libc.so.6)")),
        (False, ("join (threading.py:1119)", MAIN, "<module> (train.py:20)")),
        (False, ("wait (threading.py:629)", "_run_module_as_main (<frozen runpy>:198)")),
        (False, ("__poll (libc.so.6)", "main (libfoo.so)")),
    ],
)
def test_program_is_at_its_exit_where_none_of_its_first_frames_is_left(
    at_exit: bool, frames: tuple[str, ...]
) -> None:
    [dump] = dumps.parse("Process 7: python x.py\nPython v3.11.7\n\n" + spy(*frames))
    assert thread_roles.is_at_exit(dump.stacks[0]) is at_exit


def test_empty_tree_is_unknown() -> None:
    assert decide(Scene(())).outcome is Outcome.HANG_UNKNOWN


@pytest.mark.parametrize(
    ("inner", "kind"),
    [
        # The handler's lock is held already: what it writes to does not take it.
        (["write (libc.so.6)", "flush (logging/__init__.py:1100)"], "io"),
        # Nothing in Python is called any more: it waits for the lock of the handler.
        (["futex_wait (libc.so.6)"], "lock"),
    ],
)
def test_handler_of_a_log_waits_for_its_lock_only_before_it_writes(
    inner: list[str], kind: str
) -> None:
    frames = [*inner, "handle (logging/__init__.py:978)", "info (logging/__init__.py:1489)"]
    text = 'Process 7: python x.py\nPython v3.13.0\n\nThread 7 (idle): "MainThread"\n' + "".join(
        f"    {frame}\n" for frame in frames
    )
    [dump] = dumps.parse(text)
    wait = waits.of_stack(dump.stacks[0])
    assert wait is not None
    assert wait.kind == kind
