"""The infer job: records in, the networks' answers out."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fwi import config, ensemble
from fwi.inference import infer
from fwi.models import build
from tests.fwi.inference.asking import OIDS, by_hand, require_rows, table
from tests.fwi.runs import ROOT
from tests.runner.conftest import environment

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("one_thread")]

RECORD = ROOT.parent / "shared" / "data" / "000039dca2.npy"


def test_submission_holds_what_the_network_predicts(
    job: config.Infer, checkpoints: dict[str, Path], records: Path
) -> None:
    infer(job)
    maps = by_hand(checkpoints["a"], records).clip(1500, 4500)
    require_rows(job.target, maps, within=0.051)
    assert os.listdir(job.target.parent) == ["s.csv"]
    infer(dataclasses.replace(job, round=True))
    require_rows(job.target, np.rint(maps), within=0.0)


@pytest.mark.parametrize(("tta", "clip"), [(False, True), (True, False)])
def test_mirrored_record_and_range_are_left_out_when_asked(
    job: config.Infer, checkpoints: dict[str, Path], records: Path, tta: bool, clip: bool
) -> None:
    infer(dataclasses.replace(job, tta=tta, clip=clip))
    maps = by_hand(checkpoints["a"], records, tta=tta)
    require_rows(job.target, maps.clip(1500, 4500) if clip else maps, within=0.051)


@pytest.mark.parametrize("how", ["mean", "median"])
def test_several_networks_become_one_map(
    job: config.Infer, checkpoints: dict[str, Path], records: Path, how: Any
) -> None:
    names = [str(checkpoints[name]) for name in "abc"]
    infer(dataclasses.replace(job, checkpoint=tuple(names), combine=how))
    each = np.stack([by_hand(checkpoints[name], records) for name in "abc"])
    combined = each.mean(0) if how == "mean" else np.median(each, 0)
    require_rows(job.target, combined.clip(1500, 4500), within=0.051)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_median_is_numpys_for_any_number_of_networks(count: int) -> None:
    maps = torch.randn(count, 2, 70, 70)
    found = ensemble.combine(maps, "median")
    np.testing.assert_allclose(found.numpy(), np.median(maps.numpy(), 0), atol=1e-6)


class _Leftmost(torch.nn.Module):
    """Says of each cell what the first sample at its receiver is, in the first source's gather."""

    def forward(self, cube: torch.Tensor) -> torch.Tensor:
        return cube[:, :1, :1, :].float().expand(-1, 1, 70, 70)


def test_network_without_a_flip_of_its_own_is_asked_about_the_mirrored_record() -> None:
    cube = torch.randn(2, 5, 1000, 70)
    member = ensemble.Member(_Leftmost(), "specproj", None, "fp32", "", "", tta=True)
    [found] = ensemble.predict([member], cube)
    expected = (cube[:, 0, 0] + cube[:, 4, 0]) / 2
    torch.testing.assert_close(found[:, 5], expected)
    [alone] = ensemble.predict([dataclasses.replace(member, tta=False)], cube)
    torch.testing.assert_close(alone[:, 5], cube[:, 0, 0])


def test_array_holds_all_cells(
    job: config.Infer, checkpoints: dict[str, Path], records: Path
) -> None:
    infer(dataclasses.replace(job, out=job.target.with_name("p.npy"), format="npy", clip=False))
    found = np.load(job.target.with_name("p.npy"))
    np.testing.assert_allclose(found[:, 0], by_hand(checkpoints["a"], records), atol=0.02)
    assert job.target.with_name("p.oids.txt").read_text().split() == OIDS


def test_rows_come_in_the_order_of_the_sample_submission(job: config.Infer, tmp_path: Path) -> None:
    infer(job)
    sorted_by_oid = table(job.target)
    lines = job.target.read_text().splitlines()
    order = [4, 1, 0, 5, 2, 3]
    shuffled = [lines[0], *(line for n in order for line in lines[1 + 70 * n : 71 + 70 * n])]
    (tmp_path / "sample.csv").write_text("\n".join(shuffled))
    infer(dataclasses.replace(job, sample_submission=tmp_path / "sample.csv"))
    assert list(table(job.target)) == [line.split(",")[0] for line in shuffled[1:]]
    assert table(job.target) == sorted_by_oid


@pytest.mark.parametrize("tta", [True, False])
def test_published_network_predicts_from_a_re_pack_with_its_own_flip_or_none(
    job: config.Infer, hgnet: Path, re_pack: Path, tta: bool
) -> None:
    asked_of_hgnet = dataclasses.replace(
        job, checkpoint=(str(hgnet),), model="hgnet", encoder="hgnetv2_b0", data=re_pack, tta=tta
    )
    infer(asked_of_hgnet)
    network = build("hgnet", encoder="hgnetv2_b0", flip_average=tta).eval()
    network.load_state_dict(torch.load(hgnet, weights_only=True))
    cube = torch.from_numpy(np.stack([np.load(re_pack / f"{oid}.npy") for oid in OIDS]))
    with torch.no_grad():
        maps = network(cube)[:, 0].numpy()
    require_rows(job.target, maps.clip(1500, 4500), within=0.051)


@pytest.mark.skipif(not RECORD.is_file(), reason=f"the real record is not at {RECORD}")
def test_real_record_becomes_a_submission_under_the_runner(hgnet: Path, tmp_path: Path) -> None:
    """By the newest run's checkpoint, in the order of a sample submission."""
    (tmp_path / "test").mkdir()
    shutil.copy(RECORD, tmp_path / "test")
    run = tmp_path / "runs" / "20260101-000000-train-hgnet-0a0b" / "checkpoints"
    run.mkdir(parents=True)
    said = {"model": "hgnet", "encoder": "hgnetv2_b0"}
    weights = torch.load(hgnet, weights_only=True)
    torch.save({"config": said, "model": weights}, run / "best.pt")
    rows = "".join(f"000039dca2_y_{y}" + ",3000.0" * 35 + "\n" for y in range(70))
    columns = ",".join(f"x_{x}" for x in range(1, 70, 2))
    (tmp_path / "sample.csv").write_text(f"oid_ypos,{columns}\n{rows}")
    done = subprocess.run(
        [sys.executable, "-m", "runner", "infer", "--checkpoint", "last",
         "--data", str(tmp_path), "--out", str(tmp_path / "s.csv"), "--device", "cpu", "--json",
         "--sample-submission", str(tmp_path / "sample.csv"), "--workers", "1"],
        env=environment(tmp_path / "runs") | {"OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert (result["job"], result["outcome"]) == ("infer", "ok")
    found = table(tmp_path / "s.csv")
    assert list(found) == [f"000039dca2_y_{y}" for y in range(70)]
    assert np.array(list(found.values())).shape == (70, 35)
    assert all(1500 <= cell <= 4500 for row in found.values() for cell in row)
