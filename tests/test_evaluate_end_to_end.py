"""``python -m runner evaluate``, as its users start it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch

from fwi import geology, wave
from fwi.models import build
from probes import pulse
from tests.runner.conftest import wait_until
from tests.test_end_to_end import runner

pytestmark = pytest.mark.long


def trained_on(tmp_path: Path, times: int) -> Path:
    """The folder of a network's checkpoint; its set is two samples, ``times`` over."""
    maps = geology.velocity_maps("Style_A", 2, seed=0)
    folder = tmp_path / "set" / "Style_A"
    folder.mkdir(parents=True)
    cubes = wave.simulate(maps).astype(np.float16)
    np.save(folder / "data1.npy", np.tile(cubes, (times, 1, 1, 1)))
    np.save(folder / "model1.npy", np.tile(maps[:, None], (times, 1, 1, 1)))
    trained = tmp_path / "runs" / "20260101-000000-train-hgnet-00aa" / "checkpoints"
    trained.mkdir(parents=True)
    said = {"model": "hgnet", "encoder": "hgnetv2_b0", "data": str(folder.parent)}
    weights = build("hgnet", encoder="hgnetv2_b0").state_dict()
    torch.save({"config": said, "model": weights}, trained / "best.pt")
    return trained


@pytest.mark.timeout(300)
def test_last_run_is_judged_in_the_folder_of_a_run_of_its_own(tmp_path: Path) -> None:
    trained = trained_on(tmp_path, times=1)
    done = runner(
        tmp_path,
        *("evaluate", "--checkpoint", "last", "--part", "all", "--misfit", "--workers", "0"),
        *("--batch-size", "2", "--json"),
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert (result["job"], result["outcome"]) == ("evaluate", "ok")
    content = json.loads(
        (tmp_path / "runs" / result["run"] / "evaluation" / "evaluation.json").read_text()
    )
    assert content["overall"]["samples"] == 2
    for name in ("mae", "rmse", "ssim", "misfit"):
        assert result["gauges"][name] == pytest.approx(content["overall"][name])
    assert result["gauges"]["mae.Style_A"] == result["gauges"]["mae"]
    phases = {phase["name"] for phase in result["phases"]}
    assert {"data", "forward", "score", "simulate", "figures"} <= phases
    assert content["networks"][0]["source"] == str(trained / "best.pt")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_evaluation_that_is_stopped_says_so_and_leaves_no_half_of_itself(
    tmp_path: Path, number: signal.Signals
) -> None:
    trained_on(tmp_path, times=100)
    command = ("evaluate", "--checkpoint", "last", "--part", "all", "--workers", "1")
    with subprocess.Popen(
        [sys.executable, "-m", "runner", *command, "--batch-size", "1", "--json"],
        env=os.environ | {"FWI_RUNS_DIR": str(tmp_path / "runs"), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as child:  # fmt: skip
        wait_until(lambda: any(scored(path) for path in recorders(tmp_path)), 120)
        child.send_signal(number)
        out, err = child.communicate(timeout=120)
    assert child.returncode == 130, err
    assert "Traceback" not in err
    result = json.loads(out.splitlines()[-1])
    assert result["outcome"] == "interrupted"
    assert not result["leaks"]["processes"]
    run = tmp_path / "runs" / result["run"]
    assert not [path for path in (run / "evaluation").rglob("*") if path.is_file()]
    assert (run / "report.md").is_file()


def recorders(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "runs").glob("*-evaluate-*/attempt-1/pulse"))


def scored(recorder: Path) -> bool:
    """Whether the job is in the midst of it."""
    with suppress(OSError, ValueError):
        seen = pulse.read(recorder)
        return any(phase.name == "score" and phase.count > 3 for phase in seen.phases)
    return False
