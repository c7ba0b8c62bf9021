"""Options of training beside the plain run: patience, weights to begin with, layouts, compiling."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from fwi import checkpoint, config
from fwi.checkpoint import BEST, LAST
from fwi.config import Train
from fwi.errors import DataError
from fwi.stepping import Learner
from fwi.training import train
from tests.fwi import trees

pytestmark = pytest.mark.usefixtures("narrow_network")

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two samples, one to learn from and one to validate on."""
    folder = tmp_path_factory.mktemp("few")
    for n in (1, 2):
        trees.write_pair(folder, "FlatVel_A", n, samples=1)
    return folder


def job(data: Path, folder: Path, **options: Any) -> Train:
    return Train(
        **{"data": data, "checkpoints": folder, "device": "cpu", "workers": 0, "epochs": 20,
           "validation_fraction": 0.5} | options
    )  # fmt: skip


def test_training_ends_when_no_epoch_was_better_for_long_enough_also_across_a_resume(
    few: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With so small a rate no weight moves: every epoch is as good as the first."""
    still = job(few, tmp_path, lr=1e-30, weight_decay=0, ema=0, patience=2)
    train(still)
    state = checkpoint.load(tmp_path / LAST)
    assert (state["place"]["epoch"], state["since_best"]) == (3, 2)
    assert checkpoint.load(tmp_path / BEST)["place"]["epoch"] == 1
    assert "stopped after epoch 3: no better validation MAE than" in capsys.readouterr().out
    resumed = dataclasses.replace(still, resume=str(tmp_path))
    train(resumed)
    assert checkpoint.load(tmp_path / LAST)["place"]["epoch"] == 3
    train(dataclasses.replace(resumed, patience=3))
    assert checkpoint.load(tmp_path / LAST)["place"]["epoch"] == 4
    assert not config.problems(still)
    assert config.problems(dataclasses.replace(still, patience=-1)) == [
        "--patience -1: expected a whole number from 0"
    ]


def test_run_begins_with_the_best_weights_of_an_earlier_one_and_nothing_else(
    few: Path, tmp_path: Path
) -> None:
    train(job(few, tmp_path / "earlier", epochs=1))
    best = checkpoint.load(tmp_path / "earlier" / BEST)
    begun = job(few, tmp_path / "later", weights=tmp_path / "earlier", seed=5)
    learner = Learner(begun, CPU, "fp32")
    for name, value in learner.network.state_dict().items():
        assert torch.equal(value, best["ema"]["module." + name])
    assert not learner.optimizer.state
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"--weights .*: a folder without best.pt or last.pt"):
        Learner(dataclasses.replace(begun, weights=tmp_path / "empty"), CPU, "fp32")


def learned(**options: Any) -> tuple[Learner, torch.Tensor]:
    """A learner after one move, and what the validated network then predicts."""
    learner = Learner(Train(device="cpu", **options), CPU, "fp32")
    draws = torch.Generator().manual_seed(1)
    cube = torch.randn(2, 5, 1000, 70, generator=draws).half()
    velocity = torch.rand(2, 1, 70, 70, generator=draws) * 3000 + 1500
    learner.add(learner.predict(cube), velocity, share=1)
    learner.move(1e-4)
    with torch.no_grad():
        return learner, learner.validated.eval()(cube)


def names_and_shapes(learner: Learner) -> dict[str, dict[str, torch.Size]]:
    state = learner.state()
    return {part: {k: v.shape for k, v in state[part].items()} for part in ("model", "ema")}


def test_channels_last_are_the_same_numbers_and_names() -> None:
    plain, expected = learned()
    other, found = learned(channels_last=True)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=0.5)
    assert names_and_shapes(other) == names_and_shapes(plain)
    kernels = [p for p in other.network.parameters() if p.ndim == 4 and min(p.shape[1:]) > 1]
    assert kernels
    assert all(p.is_contiguous(memory_format=torch.channels_last) for p in kernels)


def test_compiled_network_keeps_its_names_and_its_average_predicts_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Traced as for any backend, but no code is generated, which takes a minute."""
    monkeypatch.setattr(
        nn.Module, "compile", functools.partialmethod(nn.Module.compile, backend="eager")
    )
    plain, expected = learned()
    compiled, found = learned(compile=True)
    assert compiled.network._compiled_call_impl is not None
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=0.5)
    assert names_and_shapes(compiled) == names_and_shapes(plain)
