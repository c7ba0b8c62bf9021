"""What a run leaves in /dev/shm: told apart from what others make meanwhile."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from probes import sysv
from probes.device import DeviceMemory
from runner import ipc_watch, leaks, supervisor, temp_folders
from runner.leak_watch import LeakWatch
from runner.options import Supervision
from tests.runner.conftest import ROOT, Supervised, fault

Supervise = Callable[..., Supervised]
SHM = Path("/dev/shm")


@pytest.fixture
def foreign() -> Iterator[str]:
    name = f"test-foreign-{os.getpid()}"
    yield name
    (SHM / name).unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("name", "pid"),
    [
        ("torch_123_4567_8", 123),
        ("torch_x_4567_8", None),
        ("psm_12ab34cd", None),
        ("sem.mp-abc", None),
        ("../torch_1_2_3", None),
    ],
)
def test_maker_is_told_by_torchs_names_alone(name: str, pid: int | None) -> None:
    assert leaks.maker(name) == pid


@pytest.mark.parametrize(
    ("output", "pids"),
    [
        ("RuntimeError: DataLoader worker (pid 712) is killed by signal: Bus error. ", {712}),
        ("RuntimeError: DataLoader worker (pid(s) 712, 713) exited unexpectedly", {712, 713}),
        ("RuntimeError: DataLoader worker (pid 99999999999) is killed", set()),
        (
            "unable to allocate shared memory(shm) for file </torch_712_98_0>: No space left on "
            "device (28)",
            {712},
        ),
        ("process (pid 712) is killed", set()),
    ],
)
def test_workers_that_torch_names_in_its_errors_are_known(output: str, pids: set[int]) -> None:
    assert leaks.workers_named(output) == pids


def test_segment_that_the_job_was_seen_to_map_is_removed_and_reported(
    supervise: Supervise,
) -> None:
    run = supervise(fault("leaves_shared_memory", 1))
    [name] = run.result["leaks"]["shm"]
    assert run.result["leaks"]["removed"] == [name]
    assert not (SHM / name).exists()


@pytest.mark.parametrize("before_s", [0.8, 1.2, 2.6])
def test_segment_of_a_child_that_no_sample_had_seen_yet_is_removed(
    supervise: Supervise, before_s: float
) -> None:
    program = f'sleep {before_s}; "$0" "$1" 1; true'
    run = supervise(["sh", "-c", program, *fault("leaves_shared_memory")], "--sample", "2")
    [name] = run.result["leaks"]["shm"]
    assert run.result["leaks"]["removed"] == [name]
    assert not (SHM / name).exists()


def test_file_that_appears_meanwhile_is_reported_as_unsure_and_stays(
    supervise: Supervise, foreign: str
) -> None:
    # The job makes it without mapping it: nobody can tell it from another program's.
    run = supervise(["touch", str(SHM / foreign)])
    assert foreign in run.result["leaks"]["unsure"]
    assert foreign not in run.result["leaks"]["shm"]
    assert (SHM / foreign).exists()


@pytest.mark.parametrize("ends", ["", "time.sleep(600)"])
def test_folder_that_a_job_holds_open_is_unsure_and_stays_however_the_job_ends(
    supervise: Supervise, ends: str
) -> None:
    folder = SHM / f"test-folder-{os.getpid()}"
    source = (
        f"import os, sys, time; os.mkdir({str(folder)!r}); os.open({str(folder)!r}, os.O_RDONLY)\n"
        f"open({str(folder / 'kept')!r}, 'w').close(); time.sleep(1); {ends}"
    )
    try:
        run = supervise([sys.executable, "-c", source], "--watchdog", "2", "--grace", "1")
        assert (folder / "kept").exists()
    finally:
        shutil.rmtree(folder)
    assert run.outcome.partition(".")[0] == ("hang" if ends else "ok")
    assert folder.name in run.result["leaks"]["unsure"]
    assert run.result["leaks"]["shm"] == run.result["troubles"] == []


def test_names_that_are_not_utf_8_are_written_with_their_bytes_escaped(
    supervise: Supervise, runs: Path
) -> None:
    ours, others = (os.fsencode(SHM / f"test-{who}-{os.getpid()}-") + b"\xff" for who in "ab")
    source = (
        f"import os, subprocess, time; os.open({ours!r}, os.O_CREAT | os.O_RDWR)\n"
        f"subprocess.run(['touch', {others!r}]); time.sleep(0.5)"
    )
    word = os.fsdecode(b"a word \xfe")
    try:
        run = supervise([sys.executable, "-c", source, word], "--sample", "0.1")
        assert not os.path.exists(ours)
    finally:
        os.unlink(others)
    leaks = run.result["leaks"]
    assert leaks["shm"] == leaks["removed"] == [f"test-a-{os.getpid()}-\\xff"]
    assert f"test-b-{os.getpid()}-\\xff" in leaks["unsure"]
    assert run.outcome == "ok"
    assert json.loads((run.folder / "run.json").read_text())["command"][-1] == "a word \\xfe"
    with sqlite3.connect(runs / "ledger.db") as ledger:
        kept = dict(ledger.execute("SELECT what, kind FROM leak"))
        [(command,)] = ledger.execute("SELECT command FROM run")
    assert kept[f"test-b-{os.getpid()}-\\xff"] == "unsure"
    assert json.loads(command)[-1] == "a word \\xfe"


def test_program_whose_name_is_not_utf_8_and_is_not_there_is_a_usage_error(
    supervise: Supervise,
) -> None:
    run = supervise([os.fsdecode(b"/nowhere/\xff\xfe")])
    assert (run.outcome, run.status) == ("error.usage", 2)
    assert run.result["evidence"][0]["text"].startswith("/nowhere/\\xff\\xfe: ")
    assert "/nowhere/\\xff\\xfe: " in run.stderr


def test_whatever_fails_where_leaks_are_looked_for_costs_a_sentence_each_and_not_the_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("a name of a new kind")

    monkeypatch.setattr(leaks.ShmWatch, "look", fails)
    monkeypatch.setattr(leaks, "remove", fails)
    monkeypatch.setattr(leaks, "device_left", fails)
    monkeypatch.setattr(temp_folders.TempFolders, "__init__", fails)
    monkeypatch.setattr(ipc_watch.IpcWatch, "left", fails)
    result = supervisor.run(["sleep", "0.3"], options=Supervision(runs_dir=tmp_path))
    assert result.ok
    said = [
        f"what the attempt leaves {where} is not known in full: RuntimeError: a name of a new kind"
        for where in (
            "among the temporary files",
            "in /dev/shm",
            "of System V IPC",
            "on the devices",
        )
    ]
    assert list(result.as_dict()["troubles"]) == said


def test_shared_memory_that_cannot_be_listed_at_first_is_nobodys_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "kept"
    kept.touch()
    told: list[str] = []
    monkeypatch.setattr(leaks, "SHM", str(tmp_path))
    monkeypatch.setattr(leaks, "_SHM_PREFIX", os.fsencode(tmp_path) + b"/")
    with monkeypatch.context() as patched:

        def refuses(folder: object) -> None:
            raise OSError(errno.EMFILE, "Too many open files", folder)

        patched.setattr(os, "scandir", refuses)
        watch = LeakWatch({"TMPDIR": str(tmp_path / "none")}, told.append)
    with kept.open("rb"):
        watch.look(lambda: [os.getpid()], lambda: [os.getpid()])
    found = watch.collect(
        {os.getpid()}, "", processes=(), cgroup=None, devices_before=(), devices=()
    )
    assert found.shm == ()
    assert kept.exists()
    assert "Too many open files" in told[0]


def test_segment_and_sockets_of_a_killed_job_are_removed_and_reported(supervise: Supervise) -> None:
    before = {segment.id for segment in sysv.segments()}
    run = supervise(fault("leaves_a_segment_and_sockets"), "--sample", "0.1")
    assert run.outcome == "crash.killed"
    folder = run.stderr.splitlines()[0] if not run.stdout else run.stdout.splitlines()[0]
    assert run.result["leaks"]["folders"] == [folder]
    assert not Path(folder).exists()
    [segment] = run.result["leaks"]["ipc"]
    assert {folder, segment} <= set(run.result["leaks"]["removed"])
    assert {one.id for one in sysv.segments()} <= before


@pytest.mark.skipif(
    not Path("/proc/sysvipc/msg").exists(), reason="no System V message queues here"
)
def test_message_queue_of_a_job_is_reported_and_stays(supervise: Supervise) -> None:
    before = {queue.id for queue in sysv.queues()}
    source = (
        "import ctypes; libc = ctypes.CDLL(None); made = libc.msgget(0, 0o1600); print(made)\n"
        "raise SystemExit(made < 0)"
    )
    run = supervise([sys.executable, "-c", source])
    assert run.outcome == "ok"
    number = int(run.stdout.split()[0])
    try:
        assert number not in before
        assert f"System V message queue {number} (0 messages)" in run.result["leaks"]["unsure"]
        assert number in {queue.id for queue in sysv.queues()}
    finally:
        ctypes.CDLL(None).msgctl(number, 0, None)


def _device(used: int, processes: dict[int, int | None]) -> DeviceMemory:
    return DeviceMemory(0, "T4", 16 << 30, used, (16 << 30) - used, processes)


GIB = 1 << 30


@pytest.mark.parametrize(
    ("before", "after", "held", "unaccounted"),
    [
        # Somebody else's memory was there before, and is no leak.
        (_device(4 * GIB, {7: 4 * GIB}), _device(4 * GIB, {7: 4 * GIB}), 0, 0),
        (_device(0, {}), _device(2 * GIB, {42: 2 * GIB}), 2 * GIB, 0),
        # Another program grew meanwhile, or came.
        (_device(GIB, {7: GIB}), _device(3 * GIB, {7: 3 * GIB}), 0, 0),
        (_device(GIB, {7: GIB}), _device(3 * GIB, {7: GIB, 8: 2 * GIB}), 0, 0),
        # Memory of a dead process that a broken driver keeps.
        (_device(GIB, {7: GIB}), _device(3 * GIB, {7: GIB}), 0, 1),
        (_device(GIB, {7: GIB}), _device(4 * GIB, {7: GIB, 42: GIB}), GIB, 1),
        # A driver's own ups and downs; and one that does not tell who holds what.
        (_device(GIB, {}), _device(GIB + (32 << 20), {}), 0, 0),
        (_device(GIB, {7: None}), _device(3 * GIB, {7: None}), 0, 0),
    ],
)
def test_device_memory_is_compared_by_process_with_the_state_before(
    before: DeviceMemory, after: DeviceMemory, held: int, unaccounted: int
) -> None:
    found, words = leaks.device_left([before], [after], {42})
    assert (found, len(words)) == (held, unaccounted)


def test_runs_in_one_process_leave_no_descriptor_open(tmp_path: Path) -> None:
    source = (
        "import os\nfrom pathlib import Path\n"
        "from runner import supervisor\nfrom runner.options import Supervision\n"
        f"options = Supervision(runs_dir=Path({str(tmp_path)!r}))\n"
        "counts = []\n"
        "for command in ['true'], ['false'], ['no such program'], ['true']:\n"
        "    supervisor.run(command, options=options)\n"
        "    counts.append(len(os.listdir('/proc/self/fd')))\n"
        "assert len(set(counts)) == 1, counts\n"
    )
    # Character devices are opened anew for writing without waiting; pipes and files are not alike.
    done = subprocess.run(
        [sys.executable, "-c", source],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (leaks.Leaks(), []),
        (leaks.Leaks(shm=("a",), ipc=("shm 7",), removed=("a", "shm 7")), []),
        (leaks.Leaks(shm=("a", "b"), removed=("a",)), ["the segment b could not be removed"]),
        (leaks.Leaks(ipc=("shm 7",)), ["the segment shm 7 could not be removed"]),
        (leaks.Leaks(device_bytes=3 << 20), ["3.0 MiB of device memory"]),
        (leaks.Leaks(cgroup="/x"), ["the cgroup /x could not be removed"]),
        (leaks.Leaks(unsure=("psm_1",)), []),
    ],
)
def test_only_what_is_still_there_and_ours_is_in_the_way_of_the_next_attempt(
    found: leaks.Leaks, said: list[str]
) -> None:
    lines = leaks.holding(found)
    assert len(lines) == len(said)
    assert all(words in line for words, line in zip(said, lines, strict=True))
