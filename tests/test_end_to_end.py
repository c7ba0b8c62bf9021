"""The main job, as its users start it: simulate, train under supervision, report, go on."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.runner.conftest import environment

pytestmark = pytest.mark.long


def runner(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "runner", *arguments],
        env=environment(folder / "runs") | {"FWI_CACHE_DIR": str(folder / "cache")},
        capture_output=True,
        text=True,
        timeout=280,
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """16 simulated maps of two families in four files."""
    folder = tmp_path_factory.mktemp("data")
    done = runner(
        folder,
        *("synth", "--families", "FlatVel_A", "CurveFault_A", "--samples", "8"),
        *("--samples-per-file", "4", "--dtype", "float16", "--out", str(folder / "set")),
    )
    assert done.returncode == 0, done.stderr
    return folder / "set"


@pytest.mark.timeout(300)
def test_supervised_training_lowers_the_loss_and_says_what_used_the_memory(
    data: Path, tmp_path: Path
) -> None:
    done = runner(
        tmp_path,
        *("train", "--watchdog", "120", "--data", str(data), "--batch-size", "4"),
        *("--epochs", "4", "--lr", "0.002", "--workers", "1", "--json"),
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    losses = [float(x) for x in re.findall(r"^epoch \d/4 .* loss (\S+)", done.stdout, re.M)]
    assert len(losses) == 4
    assert losses[-1] < 0.9 * losses[0]
    assert result["outcome"] == "ok"
    assert result["gauges"]["mae"] > 0
    assert result["gauges"]["bytes.parameters"] > 0
    assert result["gauges"]["bytes.activations"] < 4 * 25e6
    phases = {phase["name"]: phase["count"] for phase in result["phases"]}
    assert phases["forward"] == phases["backward"] == phases["optimizer"] == 8
    assert result["peaks"]["host_pss"] > result["gauges"]["bytes.parameters"]
    leaks = result["leaks"]
    assert (leaks["processes"], leaks["shm"], leaks["device_bytes"]) == ([], [], 0)
    assert leaks["cgroup"] is None
    folder = tmp_path / "runs" / result["run"]
    assert {path.name for path in (folder / "checkpoints").glob("*.pt")} >= {"last.pt", "best.pt"}
    report = (folder / "report.md").read_text()
    assert "activations kept for the backward pass" in report
    assert "Nothing was left behind" in report


@pytest.mark.timeout(300)
def test_interrupted_run_is_continued_by_its_id(data: Path, tmp_path: Path) -> None:
    command = (
        *("train", "--data", str(data), "--batch-size", "2", "--epochs", "2"),
        *("--workers", "2", "--grace", "120", "--json"),
    )
    child = subprocess.Popen(
        [sys.executable, "-m", "runner", *command],
        env=environment(tmp_path / "runs"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    for line in child.stdout:
        if line.startswith("epoch 1/2"):
            break
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=240)
    result = json.loads(out.splitlines()[-1])
    assert (result["outcome"], child.returncode) == ("interrupted", 130), err
    again = runner(tmp_path, *command, "--resume", result["run"])
    assert again.returncode == 0, again.stderr
    assert "going on from" in again.stdout
    assert "epoch 2/2" in again.stdout
    assert "epoch 1/2" not in again.stdout


@pytest.mark.timeout(300)
def test_training_without_data_makes_its_own_and_says_where(tmp_path: Path) -> None:
    done = runner(tmp_path, "train", "--families", "FlatVel_A", "--dryrun", "--batch-size", "2")
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "cache" / "small-seed0-FlatVelA"
    assert str(folder) in done.stdout
    assert len(list(folder.glob("FlatVel_A/data/*.npy"))) == 4
    assert "dryrun: validated" in done.stdout
