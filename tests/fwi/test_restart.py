"""A run that goes on with smaller batches, or after its checkpoints were damaged."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from fwi import checkpoint
from fwi.checkpoint import LAST, PREVIOUS
from fwi.config import Train
from fwi.stepping import Learner
from fwi.training import train
from tests.fwi.runs import here

pytestmark = pytest.mark.usefixtures("narrow_network")


class Died(Exception):
    pass


def die_at_move(number: int, job: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    """Train until the optimizer would move for the ``number``-th time, from 1."""
    move, moves = Learner.move, 0

    def move_or_die(learner: Learner, rate: float) -> torch.Tensor:
        nonlocal moves
        moves += 1
        if moves == number:
            raise Died
        return move(learner, rate)

    with monkeypatch.context() as patch:
        patch.setattr(Learner, "move", move_or_die)
        with pytest.raises(Died):
            train(job)


@pytest.mark.parametrize("change", [(4, 2), (2, 4), (1, 8)])
def test_smaller_batches_from_the_middle_of_an_epoch_end_as_the_uninterrupted_run(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: tuple[int, int]
) -> None:
    """12 samples an epoch in windows of 8: two moves each, of 8 and 4 samples."""
    whole = here(data, tmp_path / "whole", batch_size=8, accumulate=1, checkpoint_every=1)
    train(whole)
    died = dataclasses.replace(whole, checkpoints=tmp_path / "died")
    die_at_move(4, died, monkeypatch)
    before = checkpoint.load(tmp_path / "died" / LAST)["place"]
    assert before == {"epoch": 1, "position": 8, "step": 3, "moves": 3}
    batch, accumulate = change
    train(dataclasses.replace(died, restart=True, batch_size=batch, accumulate=accumulate))
    expected, found = (checkpoint.load(tmp_path / name / LAST) for name in ("whole", "died"))
    assert found["place"] == {"epoch": 2, "position": 0, "step": 3 + 4 // batch, "moves": 4}
    assert expected["place"]["moves"] == 4
    rates = [s["optimizer"]["param_groups"][0]["lr"] for s in (expected, found)]
    assert rates[0] == rates[1]
    for name, weight in expected["model"].items():
        torch.testing.assert_close(found["model"][name], weight, rtol=1e-3, atol=1e-5)


def test_restart_without_a_checkpoint_begins_anew(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(here(data, tmp_path, epochs=1, restart=True))
    assert "going on from" not in capsys.readouterr().out
    assert checkpoint.load(tmp_path / LAST)["place"]["epoch"] == 1


@pytest.mark.parametrize("sound", [PREVIOUS, None])
def test_restart_passes_over_damaged_checkpoints_and_begins_anew_where_none_is_sound(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], sound: str | None
) -> None:
    job = here(data, tmp_path)
    train(job)
    for path in tmp_path.glob("*.pt"):
        if path.name != sound:
            path.write_bytes(path.read_bytes()[:-100])
    capsys.readouterr()
    train(dataclasses.replace(job, restart=True))
    said = capsys.readouterr().out
    assert ("going on from" in said) == (sound is not None)
    assert "is not a sound checkpoint" in said
    assert checkpoint.load(tmp_path / LAST)["place"]["epoch"] == 2


def test_restart_with_nothing_of_its_own_goes_on_from_what_was_asked_for(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(here(data, tmp_path / "earlier", epochs=1))
    again = here(data, tmp_path / "new", restart=True, resume=str(tmp_path / "earlier"))
    train(again)
    assert f"going on from {tmp_path / 'earlier' / LAST}" in capsys.readouterr().out
    train(dataclasses.replace(again, epochs=3))
    assert f"going on from {tmp_path / 'new' / LAST}" in capsys.readouterr().out
