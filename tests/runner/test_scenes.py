"""Pictures of processes without stacks, or whose main thread alone tells enough."""

from __future__ import annotations

from dataclasses import replace

import pytest

from probes.dumps import Frame, Stack
from probes.stacks import ProcessPicture, Thread
from runner import scenes
from runner.evidence import StallPicture


def process(
    pid: int = 1,
    call: str | None = None,
    *,
    name: str = "python",
    parent: int = 0,
    frames: tuple[Frame, ...] = (),
    contended: str | None = None,
    partner: str | None = None,
) -> ProcessPicture:
    stacks = (Stack(pid, "MainThread", False, frames),) if frames else ()
    thread = Thread(pid, pid, name, "S", None, call)
    return ProcessPicture(
        pid, name, parent, name, (thread,), stacks, contended=contended, partner=partner
    )


WORKER = process(2, "clock_nanosleep", name="pt_data_worker", parent=1)
HOLDER = "the other end of its pipe is held by "
CASES = [
    ("hang.dataloader", "pid 2",
     [process(call="poll", partner=f"{HOLDER}pt_data_worker (pid 2)"), WORKER]),
    ("hang.io", "tail (pid 3)", [process(call="read", partner=f"{HOLDER}tail (pid 3)")]),
    ("hang.lock", "steps.db", [process(call="clock_nanosleep", contended="steps.db is locked")]),
    ("hang.unknown", "sleeps", [process(call="clock_nanosleep")]),
    # It waits for something else: the locked file does not matter.
    ("hang.io", "read", [process(call="read", contended="steps.db is locked")]),
]  # fmt: skip


@pytest.mark.parametrize(("outcome", "named", "processes"), CASES, ids=range(len(CASES)))
def test_system_call_its_pipe_and_its_files_tell(
    outcome: str, named: str, processes: list[ProcessPicture]
) -> None:
    found = scenes.hang_of(StallPicture(9.0, 9.0, tuple(processes)))
    assert found.outcome.value == outcome
    assert any(named in fact.text for fact in found.facts), found.facts


MODULE = Frame("<module>", "train.py", 3)
SHUTDOWN = Frame("_shutdown", "threading.py", 1590)


@pytest.mark.parametrize(
    ("processes", "ended"),
    [
        ([process(frames=(SHUTDOWN,))], True),
        ([process(frames=(SHUTDOWN, MODULE))], False),
        ([process(call="futex")], False),
        # A shell that waits for it has no stack of Python, and is no reason against it.
        ([process(call="wait4", name="sh"), process(2, parent=1, frames=(SHUTDOWN,))], True),
        ([process(call="wait4", frames=(MODULE,)), process(2, parent=1, frames=(SHUTDOWN,))],
         False),
    ],
)  # fmt: skip
def test_program_has_run_to_its_end(processes: list[ProcessPicture], ended: bool) -> None:
    reached = scenes.end_reached(StallPicture(9.0, 9.0, tuple(processes)))
    assert (reached is not None) is ended


def test_program_that_still_moves_has_not_run_to_its_end() -> None:
    picture = StallPicture(9.0, 9.0, (process(frames=(SHUTDOWN,)),), moved=True)
    assert scenes.end_reached(picture) is None


def test_process_whose_stacks_could_not_be_taken_again_keeps_those_of_the_first_look() -> None:
    seen, unseen = process(1, frames=(MODULE,)), process(1, "futex")
    other = process(2, frames=(SHUTDOWN,))
    found = scenes.completed([unseen, other, process(3)], [seen, process(2, frames=(MODULE,))])
    assert [one.stacks for one in found] == [seen.stacks, other.stacks, ()]
    assert found[0].threads == unseen.threads


LINE = Frame("<module>", "train.py", 21)
ITEM = Frame("cuStreamSynchronize", "libcuda.so.580.159.04", None)
ASKS, READS = Frame("0x7f", "libcuda.so.580.159.04", None), Frame("clock_gettime", "[vdso]", None)


@pytest.mark.parametrize(
    ("before", "after", "moved"),
    [
        # A driver that asks its device over and over.
        ((ASKS, ITEM, LINE), (READS, ASKS, ITEM, LINE), False),
        ((ASKS, ITEM, LINE), (ASKS, ITEM, replace(LINE, line=22)), True),
        ((MODULE,), (LINE,), True),
        ((LINE,), (LINE,), False),
        # Beside no device, native frames tell that something goes on.
        ((READS, LINE), (Frame("compress", "libz.so.1", None), LINE), True),
    ],
)
def test_captures_differ_by_what_the_program_did(
    before: tuple[Frame, ...], after: tuple[Frame, ...], moved: bool
) -> None:
    busy = [replace(process(frames=frames), share=1.0) for frames in (before, after)]
    assert scenes.moved(busy[:1], busy[1:]) is moved


SHELL = process(call="wait4", name="sh")
CHILD, NEXT = (process(pid, name="head", parent=1) for pid in (2, 3))


@pytest.mark.parametrize(
    ("before", "after", "moved"),
    [
        # One child after another, each of which does something.
        ([SHELL, CHILD], [replace(SHELL, children_share=0.6)], True),
        ([SHELL, CHILD], [replace(SHELL, io_bytes=1 << 21)], True),
        ([SHELL], [replace(SHELL, io_bytes=1 << 21)], True),
        # A loop that only sleeps and asks.
        ([SHELL, CHILD], [replace(SHELL, children_share=0.01)], False),
        # The same child is still there; another process of the tree worked.
        ([SHELL, CHILD], [replace(SHELL, children_share=0.6), CHILD], False),
        ([process(call="read"), CHILD], [replace(process(call="read"), children_share=1.0)], False),
    ],
)
def test_children_that_follow_one_another_move(
    before: list[ProcessPicture], after: list[ProcessPicture], moved: bool
) -> None:
    assert scenes.moved(before, after) is moved


def test_wait_for_a_child_that_is_gone_tells_nothing() -> None:
    asks = scenes.hang_of(StallPicture(9.0, 9.0, (SHELL,)))
    assert (asks.outcome.value, asks.also) == ("hang.unknown", ("hang.io",))
    sleeps = scenes.hang_of(StallPicture(9.0, 9.0, (SHELL, replace(CHILD, parent=1))))
    assert sleeps.outcome.value == "hang.io"


def test_end_that_waits_for_children_is_told() -> None:
    join = (
        Frame("poll", "multiprocessing/popen_fork.py", 27),
        Frame("join", "multiprocessing/process.py", 149),
        Frame("_exit_function", "multiprocessing/util.py", 360),
    )
    first = process(frames=join)
    told = scenes.left_for_a_child(StallPicture(9.0, 9.0, (first, CHILD)))
    assert told == "python (pid 1) has run to its end and waits for a child process"
    within = process(frames=(*join[:2], MODULE))
    assert scenes.left_for_a_child(StallPicture(9.0, 9.0, (within, CHILD))) is None
    assert scenes.left_for_a_child(StallPicture(9.0, 9.0, (SHELL, CHILD))) is None
