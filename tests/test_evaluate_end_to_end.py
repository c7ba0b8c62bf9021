"""``python -m runner evaluate``, as its users start it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from fwi import geology, wave
from fwi.models import build
from tests.test_end_to_end import runner

pytestmark = pytest.mark.long


@pytest.mark.timeout(300)
def test_last_run_is_judged_in_the_folder_of_a_run_of_its_own(tmp_path: Path) -> None:
    maps = geology.velocity_maps("Style_A", 2, seed=0)
    folder = tmp_path / "set" / "Style_A"
    folder.mkdir(parents=True)
    np.save(folder / "data1.npy", wave.simulate(maps).astype(np.float16))
    np.save(folder / "model1.npy", maps[:, None])
    trained = tmp_path / "runs" / "20260101-000000-train-hgnet-00aa" / "checkpoints"
    trained.mkdir(parents=True)
    said = {"model": "hgnet", "encoder": "hgnetv2_b0", "data": str(folder.parent)}
    weights = build("hgnet", encoder="hgnetv2_b0").state_dict()
    torch.save({"config": said, "model": weights}, trained / "best.pt")
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
