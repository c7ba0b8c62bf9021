"""The baselines learn under the supervisor: from full records, from a re-pack, from weights."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from fwi import checkpoint, config, resuming
from fwi.__main__ import main
from fwi.errors import DataError, UsageError
from fwi.layout import pair_names
from fwi.models import build
from fwi.ranks import Ranks
from fwi.shares import Member
from fwi.training_data import gather
from tests.fwi.runs import here
from tests.fwi.trees import cubes, maps, write_pair
from tests.runner.conftest import environment


def train(folder: Path, data: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "runner", "train", "--data", str(data), "--device", "cpu",
         "--workers", "0", "--epochs", "1", "--batch-size", "2", "--json", *options],
        env=environment(folder / "runs") | {"OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, timeout=280,
    )  # fmt: skip


def re_pack(root: Path, family: str, n: int) -> None:
    seismic, velocity = (root / name for name in pair_names(family, n))
    for path in (seismic, velocity):
        path.parent.mkdir(parents=True, exist_ok=True)
    np.save(seismic, cubes(2, n, np.float16, (5, 72, 72)))
    np.save(velocity, maps(2, n))


def test_hgnet_learns_from_a_re_pack_beginning_with_the_weights_of_a_file(tmp_path: Path) -> None:
    for n in range(2):
        re_pack(tmp_path / "packed", "FlatVel_A", n)
    start = build("hgnet", encoder="hgnetv2_b0").state_dict()
    torch.save({f"_orig_mod.{k}": v for k, v in start.items()}, tmp_path / "published.pt")
    done = train(
        tmp_path,
        tmp_path / "packed",
        *("--model", "hgnet", "--encoder", "hgnetv2_b0", "--lr", "1e-6", "--ema", "0"),
        *("--weights", str(tmp_path / "published.pt")),
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["outcome"] == "ok"
    assert result["gauges"]["mae"] > 0
    last = tmp_path / "runs" / result["run"] / "checkpoints" / "last.pt"
    learned = checkpoint.load(last)["model"]
    for name in ("backbone.stem.stem1.conv.weight", "decoder.blocks.0.conv1.conv.weight"):
        assert not torch.equal(learned[name], start[name])
        torch.testing.assert_close(learned[name], start[name], atol=1e-5, rtol=0)


def test_convnext_learns_from_full_records_with_recomputed_activations(tmp_path: Path) -> None:
    for n in range(2):
        write_pair(tmp_path / "full", "FlatVel_A", n)
    done = train(
        tmp_path,
        tmp_path / "full",
        *("--model", "convnext", "--encoder", "convnext_atto", "--activation-checkpointing"),
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["outcome"] == "ok"
    assert {"forward", "backward", "optimizer"} <= {phase["name"] for phase in result["phases"]}


def test_weights_of_another_network_end_the_job_naming_the_keys(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for n in range(2):
        write_pair(tmp_path / "full", "FlatVel_A", n)
    torch.save(build("hgnet", encoder="hgnetv2_b0").state_dict(), tmp_path / "other.pt")
    status = main(
        ["train", "--model", "inversionnet", "--device", "cpu", "--data", str(tmp_path / "full"),
         "--checkpoints", str(tmp_path / "checkpoints"), "--weights", str(tmp_path / "other.pt")]
    )  # fmt: skip
    said = capfd.readouterr().err
    assert status == 3
    assert "missing: convblock1.layers.0.weight" in said
    assert "unexpected: backbone.stem.stem1.conv.weight" in said


@pytest.mark.parametrize("model", ["convnext", "inversionnet", "specproj"])
def test_network_of_the_full_record_is_refused_a_re_pack(
    model: config.Model, tmp_path: Path
) -> None:
    re_pack(tmp_path, "FlatVel_A", 0)
    with pytest.raises(DataError, match=f"{model} takes .*--model hgnet takes these"):
        gather(here(tmp_path, tmp_path / "checkpoints", model=model), Ranks(Member()))


def test_run_that_goes_on_asks_for_no_weights_to_begin_with() -> None:
    job = config.Train(model="hgnet", pretrained=True, weights=Path("gone.pt"))
    assert resuming.without_start(job) == config.Train(model="hgnet")


def test_encoder_defines_a_run_and_its_default_is_its_name() -> None:
    saved = resuming.recorded(config.Train(model="hgnet"))
    resuming.require_same_run(Path("a"), saved, config.Train(model="hgnet", encoder="hgnetv2_b2"))
    other = config.Train(model="hgnet", encoder="hgnetv2_b4")
    with pytest.raises(UsageError, match="--encoder: hgnetv2_b2 in the checkpoint"):
        resuming.require_same_run(Path("a"), saved, other)


def test_checkpoint_from_before_there_were_encoders_is_of_the_same_run() -> None:
    saved = resuming.recorded(config.Train())
    del saved["encoder"], saved["weights"], saved["pretrained"], saved["encoder_weights"]
    resuming.require_same_run(Path("a"), saved, config.Train())
    assert resuming.changes(saved, config.Train(lr=0.1)) == "--lr 0.001 → 0.1"
