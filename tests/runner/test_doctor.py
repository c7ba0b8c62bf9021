"""The doctor among real leftovers; each test looks for what it made itself and nothing else."""

from __future__ import annotations

import json
import multiprocessing.shared_memory
import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from probes import cgroup_control, procfs
from runner import preflight
from runner.doctor import file_locks, leftovers, open_files, shm
from runner.ledger import Ledger
from runner.paths import ledger_path
from tests.runner.conftest import ROOT, environment, is_gone, wait_until

SLEEP = [sys.executable, "-c", "import time; time.sleep(120)"]


def doctor(runs: Path, *options: str, extra: dict[str, str] | None = None, **how: Any) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", "runner", "doctor", "--json", *options],
        env=environment(runs) | (extra or {}),
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=240,
        **how,
    )
    assert done.returncode in (0, 3), done.stderr
    content = json.loads(done.stdout)
    assert content["ok"] is (done.returncode == 0)
    return content


def found(content: Any, check: str) -> list[Any]:
    return [one for one in content["findings"] if one["check"] == check]


@pytest.fixture
def lost_run(runs: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A run whose supervisor is dead, and a process of it that lives."""
    runs.mkdir()
    run = "20260101-000000-exec-left-0001"
    code = (
        "import sys; from pathlib import Path; from runner.ledger import Ledger;"
        "Ledger(Path(sys.argv[1])).begin(sys.argv[2], 'exec', '', ['x'], '2026-01-01T00:00:00Z')"
    )
    subprocess.run([sys.executable, "-c", code, str(ledger_path(runs)), run], check=True, cwd=ROOT)
    child = subprocess.Popen(SLEEP, env={**os.environ, "FWI_RUN": run})
    assert wait_until(lambda: procfs.has_environment(child.pid, f"FWI_RUN={run}".encode()) is True)
    yield run, child
    child.kill()
    child.wait()


def test_orphan_of_a_lost_run_is_named_then_ended_and_a_second_fix_does_nothing(
    runs: Path, lost_run: tuple[str, subprocess.Popen[bytes]]
) -> None:
    run, child = lost_run
    before = doctor(runs)
    assert run in found(before, "runs.lost")[0]["what"]
    assert str(child.pid) in found(before, "runs.orphans")[0]["what"]
    assert child.poll() is None
    first = doctor(runs, "--fix")
    assert any(run in line for line in first["fixed"])
    assert not found(first, "runs.orphans")
    assert child.wait(10) == -signal.SIGKILL
    assert doctor(runs, "--fix")["fixed"] == []


def test_process_of_a_living_run_is_left_alone(
    runs: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    supervisor = start(SLEEP)
    assert wait_until(lambda: ledger_path(runs).exists() and bool(_marked(runs)), 20)
    (pid,) = _marked(runs)
    content = doctor(runs, "--fix")
    assert not found(content, "runs.orphans")
    assert content["fixed"] == []
    assert not is_gone(pid)
    supervisor.send_signal(signal.SIGTERM)
    supervisor.wait(30)


def _marked(runs: Path) -> list[int]:
    ids = [row.id for row in Ledger(ledger_path(runs)).runs()]
    return [
        pid
        for pid in procfs.pids()
        if any(procfs.has_environment(pid, f"FWI_RUN={run}".encode()) for run in ids)
    ]


def test_process_that_outlived_a_finished_run_is_ended(
    runs: Path, lost_run: tuple[str, subprocess.Popen[bytes]]
) -> None:
    run, child = lost_run
    ledger = Ledger(ledger_path(runs))
    ledger.mark_lost(run)
    ledger.close()
    content = doctor(runs, "--fix")
    assert any(str(child.pid) in line for line in content["fixed"])
    assert child.wait(10) == -signal.SIGKILL


@pytest.fixture
def dead_pid() -> int:
    child = subprocess.Popen(["true"])
    child.wait()
    return child.pid


@pytest.fixture
def segment(dead_pid: int) -> Iterator[Path]:
    """A segment named after a process that is dead, and old."""
    path = Path(f"/dev/shm/torch_{dead_pid}_{os.getpid()}_0")
    path.write_bytes(b"x" * 8192)
    os.utime(path, (0, 0))
    yield path
    path.unlink(missing_ok=True)


def test_segment_of_a_dead_process_is_removed_once(segment: Path) -> None:
    facts = shm.gather(open_files.scan())
    (own,) = [one for one in facts.unheld if one.name == segment.name]
    assert own.provably_stale
    assert list(shm.fix(shm.Facts((own,), False))) == []
    only = shm.Facts((own,), True)
    assert [str(segment) in line for line in shm.fix(only)] == [True]
    assert not segment.exists()
    assert list(shm.fix(only)) == []


def test_segment_that_somebody_has_open_or_mapped_is_not_stale(segment: Path) -> None:
    import mmap

    descriptor = os.open(segment, os.O_RDWR)
    try:
        assert segment.name not in _unheld()
        view = mmap.mmap(descriptor, 4096)
    finally:
        os.close(descriptor)
    assert segment.name not in _unheld()
    view.close()
    assert segment.name in _unheld()


def _unheld() -> list[str]:
    return [one.name for one in shm.gather(open_files.scan()).unheld]


def test_segment_of_a_living_owner_is_not_touched() -> None:
    memory = multiprocessing.shared_memory.SharedMemory(create=True, size=4096)
    try:
        assert memory.name not in _unheld()
    finally:
        memory.close()
        memory.unlink()


def test_segment_made_again_under_its_name_is_not_removed(segment: Path) -> None:
    (own,) = [one for one in shm.gather(open_files.scan()).unheld if one.name == segment.name]
    kept = segment.with_name(segment.name + "_kept")
    segment.rename(kept)
    segment.write_bytes(b"new")
    try:
        assert list(shm.fix(shm.Facts((own,), True))) == []
        assert segment.exists()
    finally:
        kept.unlink()


def test_stale_lock_of_torchs_extensions_is_a_problem_until_it_is_mended(
    runs: Path, tmp_path: Path
) -> None:
    lock = tmp_path / "extensions" / "py311_cpu" / "mine" / "lock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    os.utime(lock, (0, 0))
    extra = {"TORCH_EXTENSIONS_DIR": str(tmp_path / "extensions")}
    with lock.open():
        held = found(doctor(runs, "--fix", extra=extra), file_locks.CHECK)
        assert [one["level"] for one in held] == ["note"]
        assert str(os.getpid()) in held[0]["what"]
    before = doctor(runs, extra=extra)
    assert [one["level"] for one in found(before, file_locks.CHECK)] == ["problem"]
    assert before["ok"] is False
    first = doctor(runs, "--fix", extra=extra)
    assert first["fixed"] == [f"removed {lock}"]
    assert not lock.exists()
    assert doctor(runs, "--fix", extra=extra)["fixed"] == []


def test_low_descriptor_limit_is_a_problem(runs: Path) -> None:
    content = doctor(
        runs, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (100, 4096))
    )
    (one,) = found(content, "limits.files")
    assert (one["level"], one["mend"]) == ("problem", "ulimit -n 4096")


def test_nearly_full_runs_folder_is_a_problem_said_before_the_job_too(tmp_path: Path) -> None:
    place = tmp_path / "small"
    place.mkdir()
    script = (
        'mount -t tmpfs -o size=8m tmpfs "$1" || exit 77;'
        ' "$0" -m runner doctor --json --runs-dir "$1/runs";'
        ' "$0" -m runner exec --runs-dir "$1/runs" -- true'
    )
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, sys.executable, str(place)],
        env=environment(place),
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=240,
    )
    if done.returncode in (1, 77):
        pytest.skip(f"no mount namespace here: {done.stderr}")
    (one,) = found(json.loads(done.stdout), "disk.runs")
    assert one["level"] == "problem"
    assert re.search(rf"^problem: .* free in {re.escape(str(place))}", done.stderr, re.MULTILINE)


def test_empty_cgroup_of_a_run_that_is_over_is_removed(
    runs: Path, lost_run: tuple[str, subprocess.Popen[bytes]]
) -> None:
    run, _ = lost_run
    group = cgroup_control.make(f"fwi-{run}")
    if not isinstance(group, cgroup_control.Group):
        pytest.skip(f"no cgroup can be made here: {group}")
    made = group.folder
    try:
        assert made in leftovers.gather(runs).groups
        doctor(runs, "--fix")
        assert not made.exists()
        assert leftovers.gather(runs).groups == ()
    finally:
        if made.exists():
            made.rmdir()


def test_program_that_watches_the_runs_is_named(runs: Path) -> None:
    runs.mkdir()
    code = (
        "import ctypes, sys, time; c = ctypes.CDLL(None); d = c.inotify_init();"
        "assert c.inotify_add_watch(d, sys.argv[1].encode(), 0x100) > 0;"
        "print('ready', flush=True); time.sleep(120)"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(runs)], stdout=subprocess.PIPE)
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        seen = found(doctor(runs), "watchers.runs")
        assert any(str(child.pid) in one["what"] for one in seen)
    finally:
        child.kill()
        child.communicate()


def test_ledger_that_is_none_is_a_warning(runs: Path) -> None:
    runs.mkdir()
    ledger_path(runs).write_bytes(b"this is no database\n" * 100)
    (one,) = found(doctor(runs), "ledger")
    assert one["level"] == "warning"


def test_torch_is_not_imported(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from runner import preflight;"
        "preflight.examine(Path(sys.argv[1]));"
        "print([n for n in ('torch', 'numpy', 'timm') if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, cwd=ROOT
    )
    assert done.stdout == "[]\n", done.stderr


def test_plain_lines_where_output_is_no_terminal(runs: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "runner", "doctor"],
        env=environment(runs),
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert "\x1b" not in done.stdout
    words = {line.split()[0] for line in done.stdout.splitlines() if not line.startswith(" ")}
    assert words <= {"ok", "note", "warning", "problem"}
    assert len(done.stdout.splitlines()) > 8


def test_short_form_is_silent_on_a_healthy_machine_and_bounded_elsewhere(tmp_path: Path) -> None:
    said: list[str] = []
    began = time.monotonic()
    preflight.brief(tmp_path, said.append)
    assert time.monotonic() - began < 10
    assert len(said) <= 3
    assert all("\n" not in line for line in said)
