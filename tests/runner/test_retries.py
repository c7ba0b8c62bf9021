"""Real programs that fail and are tried again, under the real supervisor."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fwi import checkpoint
from tests.fwi.trees import write_pair
from tests.runner.conftest import ROOT, Supervised, environment, fault, is_gone

pytestmark = pytest.mark.long

Supervise = Callable[..., Supervised]
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen samples of noise: twelve to learn from, four to validate on."""
    folder = tmp_path_factory.mktemp("data")
    for n in range(4):
        write_pair(folder, "FlatVel_A", n, samples=4, dtype=np.float16)
    return folder


@pytest.fixture
def train(data: Path, tmp_path: Path, runs: Path) -> Callable[..., Supervised]:
    """Train with a fault; the options of the job as keywords."""

    def run(
        how: str,
        supervision: dict[str, Any] | None = None,
        mark: Path = tmp_path / "mark",
        nproc: int = 1,
        **job: Any,
    ) -> Supervised:
        options = {
            "data": str(data), "epochs": 2, "batch_size": 4, "workers": 0,
            "validation_fraction": 0.25, "checkpoint_every": 1,
        } | job  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", "tests.runner.recovering", how, str(mark), str(nproc),
             json.dumps(options), json.dumps({"auto": True, "grace": 5} | (supervision or {}))],
            env=environment(runs) | {"OMP_NUM_THREADS": "1"},
            capture_output=True, text=True, timeout=280,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        result = json.loads(done.stdout.splitlines()[-1])
        folder = runs / result["run"]
        return Supervised(result, done.returncode, done.stdout, done.stderr, folder)

    return run


def outcomes(run: Supervised) -> list[str]:
    return [one["outcome"] for one in run.result["attempts"]]


def changed(run: Supervised) -> list[dict[str, Any]]:
    return [one["changed"] for one in run.result["attempts"]]


FAILS_ONCE = 'if [ -e "$1" ]; then echo fine; else touch "$1"; echo "{0}"; exit 1; fi'


def fails_once(words: str, mark: Path) -> list[str]:
    return ["sh", "-c", FAILS_ONCE.format(words), "sh", str(mark)]


def test_command_that_fails_once_is_ok_at_the_second_attempt(
    supervise: Supervise, tmp_path: Path
) -> None:
    run = supervise(fails_once("RuntimeError: flaky", tmp_path / "mark"), "--retries", "1")
    assert (run.outcome, run.status) == ("ok", 0)
    assert outcomes(run) == ["error.python", "ok"]
    assert run.result["recovery"] == {"retries": 1, "stopped": None}
    assert "attempt 1 ended as error.python; attempt 2 of 2: the same options again" in run.stderr
    first, second = (
        json.loads((run.folder / f"attempt-{n}" / "result.json").read_text()) for n in (1, 2)
    )
    assert first["outcome"] == "error.python"
    assert second == run.result
    report = (run.folder / "report.md").read_text()
    assert "## Attempts" in report
    assert "| 1 | error.python |" in report
    assert "| 2 | ok |" in report
    with sqlite3.connect(run.folder.parent / "ledger.db") as ledger:
        rows = ledger.execute("SELECT n, outcome FROM attempt ORDER BY n").fetchall()
        [state] = ledger.execute("SELECT state, outcome FROM run").fetchall()
    assert rows == [(1, "error.python"), (2, "ok")]
    assert state == ("done", "ok")


def test_without_retries_a_failure_is_the_end_and_nothing_is_said_of_attempts(
    supervise: Supervise, tmp_path: Path
) -> None:
    run = supervise(fails_once("RuntimeError: flaky", tmp_path / "mark"))
    assert outcomes(run) == ["error.python"]
    assert run.result["recovery"] == {"retries": 0, "stopped": None}
    assert "attempt" not in run.stderr
    assert "## Attempts" not in (run.folder / "report.md").read_text()


def test_same_failure_twice_is_called_deterministic_and_ends_the_run(supervise: Supervise) -> None:
    run = supervise(["sh", "-c", "echo 'KeyError: 5'; exit 1"], "--retries", "5")
    assert outcomes(run) == ["error.python"] * 2
    assert "deterministic" in run.result["recovery"]["stopped"]
    assert "no further attempt: the same failure twice: it is deterministic" in run.stderr
    assert "deterministic" in (run.folder / "report.md").read_text()


def test_what_is_not_retried_says_why(supervise: Supervise) -> None:
    full = "echo 'OSError: [Errno 28] No space left on device'; exit 1"
    run = supervise(["sh", "-c", full], "--auto")
    assert outcomes(run) == ["error.disk"]
    assert "the disk would be as full" in run.result["recovery"]["stopped"]


def test_auto_means_two_retries(supervise: Supervise, tmp_path: Path) -> None:
    count = tmp_path / "count"
    failing = 'echo x >> "$1"; echo "RuntimeError: number $(wc -l < "$1")"; exit 1'
    run = supervise(["sh", "-c", failing, "sh", str(count)], "--auto")
    assert outcomes(run) == ["error.python"] * 3
    assert run.result["recovery"] == {"retries": 2, "stopped": "all 2 retries are used"}


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ({}, "expandable_segments:True"),
        (
            {"PYTORCH_CUDA_ALLOC_CONF": "max_split_size_mb:64"},
            "max_split_size_mb:64,expandable_segments:True",
        ),
    ],
)
def test_fragmented_command_gets_expandable_segments_beside_what_the_user_set(
    supervise: Supervise, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    user: dict[str, str], expected: str,
) -> None:  # fmt: skip
    for name in ("PYTORCH_CUDA_ALLOC_CONF", "PYTORCH_ALLOC_CONF"):
        monkeypatch.delenv(name, raising=False)
    for name, value in user.items():
        monkeypatch.setenv(name, value)
    oom = (
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.00 GiB. GPU 0 has a total "
        "capacity of 14.74 GiB of which 100.00 MiB is free. Process 7 has 14.60 GiB memory in use. "
        "Of the allocated memory 6.00 GiB is allocated by PyTorch, and 8.00 GiB is reserved by "
        "PyTorch but unallocated. If reserved but unallocated memory is large try setting "
        "PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True to avoid fragmentation."
    )
    script = f'echo "conf=$PYTORCH_CUDA_ALLOC_CONF=$PYTORCH_ALLOC_CONF"; {FAILS_ONCE.format(oom)}'
    run = supervise(["sh", "-c", script, "sh", str(tmp_path / "mark")], "--retries", "1")
    assert run.outcome == "ok"
    assert changed(run)[0]["PYTORCH_CUDA_ALLOC_CONF"] == [
        user.get("PYTORCH_CUDA_ALLOC_CONF"),
        expected,
    ]
    assert f"conf={expected}={expected}" in run.stdout


def test_hanging_command_gets_one_more_attempt(supervise: Supervise) -> None:
    run = supervise(fault("sleeps_forever"), "--watchdog", "1", "--grace", "5", "--retries", "4")
    assert [outcome.partition(".")[0] for outcome in outcomes(run)] == ["hang", "hang"]
    assert all((run.folder / f"attempt-{n}" / "stacks.txt").exists() for n in (1, 2))
    with sqlite3.connect(run.folder.parent / "ledger.db") as ledger:
        assert {n for (n,) in ledger.execute("SELECT attempt FROM sample")} == {1, 2}


def test_peaks_are_those_of_all_attempts(supervise: Supervise, tmp_path: Path) -> None:
    """The first holds 200 MB and fails, the second holds nothing and ends well."""
    script = (
        "import os, sys, time; path = sys.argv[1]; "
        "held = b'' if os.path.exists(path) else b'x' * 200_000_000; time.sleep(0.7); "
        "open(path, 'x') if held else sys.exit(0); raise RuntimeError('first')"
    )
    run = supervise([sys.executable, "-c", script, str(tmp_path / "mark")], "--retries", "1")
    first, second = (one["peaks"]["host_rss"] for one in run.result["attempts"])
    assert run.result["peaks"]["host_rss"] == first > 200e6 > second
    assert run.result["peaks"]["host_holders"][0]["bytes"] > 150e6
    times = [one["began_s"] for one in run.result["attempts"]]
    assert times[0] == 0.0
    assert times[1] > 0.7
    assert run.result["timing"]["ended_s"] > 1.4
    assert "Over all attempts" in (run.folder / "report.md").read_text()


def test_deadline_bounds_all_attempts_together(supervise: Supervise, tmp_path: Path) -> None:
    failing = 'echo x >> "$1"; sleep 0.6; echo "RuntimeError: $(wc -l < "$1")"; exit 1'
    run = supervise(
        ["sh", "-c", failing, "sh", str(tmp_path / "count")],
        *("--retries", "50", "--deadline", "2.5", "--grace", "1"),
    )
    assert 2 <= len(outcomes(run)) <= 5
    assert outcomes(run)[-1] == "timeout" or "deadline" in run.result["recovery"]["stopped"]
    assert set(outcomes(run)[:-1]) == {"error.python"}


def test_daemon_of_the_first_attempt_is_gone_before_the_second_and_reported(
    supervise: Supervise, tmp_path: Path
) -> None:
    script = '[ -e "$0" ] && exit 0; touch "$0"; "$@"; exit 1'
    run = supervise(
        ["sh", "-c", script, str(tmp_path / "mark"), *fault("daemonises")],
        *("--retries", "1", "--grace", "0.5"),
    )
    assert outcomes(run) == ["error.python", "ok"]
    [left] = run.result["leaks"]["processes"]
    assert is_gone(left["pid"])
    assert run.result["attempts"][0]["leaks"]["processes"] == [left]
    assert run.result["attempts"][1]["leaks"]["processes"] == []


def test_interrupt_ends_the_whole_run(start: Start) -> None:
    child = start(["sh", "-c", "echo ready; sleep 60; exit 1"], "--retries", "3", "--grace", "5")
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    child.send_signal(signal.SIGINT)
    out, _ = child.communicate(timeout=240)
    result = json.loads(out.splitlines()[-1])
    assert [one["outcome"] for one in result["attempts"]] == ["interrupted"]
    assert child.returncode == 130


# The train job.


def test_device_too_small_for_the_batch_is_trained_on_with_half_of_it_from_the_checkpoint(
    train: Callable[..., Supervised],
) -> None:
    """It holds two samples of four, and fails at the second move: the first left a checkpoint."""
    run = train("holds-two-samples")
    assert run.outcome == "ok"
    assert outcomes(run) == ["oom.device.capacity", "ok"]
    assert changed(run)[0] == {"batch_size": [4, 2], "accumulate": [1, 2]}
    assert (
        "attempt 1 ended as oom.device.capacity; attempt 2 of 3: --batch-size 2 --accumulate 2, "
        "from the last checkpoint" in run.stderr
    )
    assert "going on from" in run.stdout
    assert "--batch-size 4 → 2, --accumulate 1 → 2" in run.stdout
    place = checkpoint.load(run.folder / "checkpoints" / "last.pt")["place"]
    assert (place["epoch"], place["moves"]) == (2, 6)
    assert place["step"] == 1 + 2 * 5
    assert [one["with"]["batch_size"] for one in run.result["attempts"]] == [4, 2]


def test_device_oom_that_no_batch_changes_is_deterministic(
    train: Callable[..., Supervised],
) -> None:
    run = train("holds-nothing", {"retries": 6})
    assert outcomes(run) == ["oom.device.capacity"] * 2
    assert "deterministic" in run.result["recovery"]["stopped"]
    assert "at step 0" in run.result["recovery"]["stopped"]
    assert "attempt 2 of 7: --batch-size 2 --accumulate 2, from the beginning" in run.stderr


def test_nan_in_fp16_goes_on_in_bf16(train: Callable[..., Supervised]) -> None:
    run = train("nan-in-fp16", dtype="fp16", dryrun=True, batch_size=1)
    assert outcomes(run) == ["error.nan", "ok"]
    assert changed(run)[0] == {"dtype": ["fp16", "bf16"]}
    assert "on cpu in bf16" in run.stdout


def test_training_that_hangs_once_goes_on_from_its_checkpoint(
    train: Callable[..., Supervised],
) -> None:
    run = train("hangs-once", {"watchdog": 3, "watchdog_startup": 60, "grace": 1})
    assert run.outcome == "ok"
    assert outcomes(run)[0].startswith("hang.")
    assert len(outcomes(run)) == 2
    assert "epoch 1, 8 samples into it, step 2" in run.stdout
    assert "epoch 2/2  step 6/6" in run.stdout


def test_ranks_go_on_with_half_the_batch_and_after_the_hang_of_one_that_is_named(
    train: Callable[..., Supervised],
) -> None:
    run = train(
        "both-ranks-run-out-and-one-hangs", {"watchdog": 4, "watchdog_startup": 90, "grace": 1},
        nproc=2, epochs=4,
    )  # fmt: skip
    assert outcomes(run) == ["oom.device.capacity", "hang.collective", "ok"]
    assert changed(run)[:2] == [{"batch_size": [4, 2], "accumulate": [1, 2]}, {}]
    second = json.loads((run.folder / "attempt-2" / "result.json").read_text())
    assert "rank 1" in " ".join(fact["text"] for fact in second["evidence"])
    # Of the eight moves the first attempt made one, the second two more.
    assert run.stdout.count("going on from") == 2
    place = checkpoint.load(run.folder / "checkpoints" / "last.pt")["place"]
    assert (place["epoch"], place["moves"]) == (4, 8)
    assert run.result["leaks"]["processes"] == []


def test_workers_that_the_kernel_kills_become_fewer_and_then_none(
    train: Callable[..., Supervised], memory_cgroup: Path
) -> None:
    run = train("workers-eat-memory", mark=memory_cgroup, workers=2, dryrun=True)
    assert outcomes(run) == ["oom.host.worker", "oom.host.worker", "ok"]
    assert changed(run) == [
        {"workers": [2, 1], "prefetch": [2, 1]},
        {"workers": [1, 0]},
        {},
    ]


def test_shared_memory_of_4_mb_is_recovered_from_by_sharing_files(
    data: Path, tmp_path: Path
) -> None:
    """A real /dev/shm of that size, seen by nobody else, and the command line itself."""
    inside = 'mount -t tmpfs -o size=4m tmpfs /dev/shm && exec "$@"'
    if subprocess.run(["unshare", "-m", "sh", "-c", inside, "sh", "true"]).returncode:
        pytest.skip("no mount namespace can be made here")
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", inside, "sh", sys.executable, "-m", "runner", "train",
         "--auto", "--json", "--data", str(data), "--epochs", "1", "--batch-size", "8",
         "--workers", "2", "--device", "cpu", "--validation-fraction", "0.25"],
        env=environment(tmp_path / "runs"), capture_output=True, text=True, timeout=280, cwd=ROOT,
    )  # fmt: skip
    result = json.loads(done.stdout.splitlines()[-1])
    assert [one["outcome"] for one in result["attempts"]] == ["oom.shm", "ok"], done.stderr
    assert result["attempts"][0]["changed"] == {"sharing": ["auto", "file_system"]}
    assert "attempt 1 ended as oom.shm; attempt 2 of 3: --sharing file_system" in done.stderr
    assert result["leaks"]["processes"] == []
    assert os.listdir(tmp_path / "runs" / result["run"] / "checkpoints")
