"""Numbers of a training for TensorBoard, read back by TensorBoard's own reader."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from fwi import scalars
from fwi.config import Train
from fwi.errors import DependencyError
from fwi.scalars import Scalars
from fwi.training import train

accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")


def read(folder: Path) -> dict[str, dict[int, float]]:
    """Step → value by name."""
    found = accumulator.EventAccumulator(str(folder))
    found.Reload()
    return {
        tag: {event.step: event.value for event in found.Scalars(tag)}
        for tag in found.Tags()["scalars"]
    }


@pytest.mark.usefixtures("narrow_network")
def test_training_leaves_loss_errors_rate_and_memory(data: Path, tmp_path: Path) -> None:
    train(Train(data=data, device="cpu", epochs=2, batch_size=6, workers=0, tensorboard=True,
                split="random", checkpoints=tmp_path / "checkpoints"))  # fmt: skip
    found = read(tmp_path / "tensorboard")
    for name in ("train/lr", "train/samples_per_s", "memory/host_rss_mib", "train/epoch_loss"):
        assert found[name], name
        assert all(value >= 0 for value in found[name].values())
    # The end of each of two epochs.
    assert len(found["mae/all"]) == len(found["mae/odd"]) == 2
    assert {"mae/FlatVel_A", "mae/FlatFault_A"} & set(found)
    assert 0 < found["mae/all"][max(found["mae/all"])] < 3000


def test_points_of_an_attempt_before_this_one_are_not_shown(tmp_path: Path) -> None:
    for first, value in ((0, 1.0), (3, 2.0)):
        told = Scalars(tmp_path, first)
        for step in range(max(first, 1), 6):
            told._next_s = 0.0
            told.step(step, {"loss": value})
        told.close()
    assert read(tmp_path)["train/loss"] == {1: 1.0, 2: 1.0, 3: 2.0, 4: 2.0, 5: 2.0}


def test_nothing_is_written_where_nobody_asked(tmp_path: Path) -> None:
    told = Scalars(None)
    told.step(1, {"loss": 1.0})
    told.close()
    assert list(tmp_path.iterdir()) == []
    assert scalars.folder(tmp_path / "run" / "checkpoints") == tmp_path / "run" / "tensorboard"


def test_missing_library_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("tensorboard", "torch.utils.tensorboard"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(DependencyError, match=r"--tensorboard.*pip install tensorboard"):
        Scalars(tmp_path)
