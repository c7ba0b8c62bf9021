"""Training on several processes equals training on one, and ends in good order."""

from __future__ import annotations

import dataclasses
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from fwi import checkpoint, ranks, shares
from fwi.checkpoint import BEST, LAST
from fwi.config import Train
from fwi.errors import DiskFullError
from fwi.ranks import Ranks, joined
from fwi.stepping import Learner
from fwi.training import train
from tests.fwi import trees
from tests.fwi.ranked import names, together
from tests.fwi.runs import differing

pytestmark = pytest.mark.usefixtures("narrow_network")

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def uneven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine samples to learn from and three to validate on: neither is divisible by four."""
    folder = tmp_path_factory.mktemp("uneven")
    for n in range(1, 5):
        trees.write_pair(folder, "FlatVel_A", n, samples=3, dtype=np.float16)
    return folder


def job(data: Path, folder: Path, **options: Any) -> Train:
    return Train(
        **{
            "data": data, "checkpoints": folder, "epochs": 2, "batch_size": 2, "accumulate": 2,
            "device": "cpu", "validation_fraction": 0.25, "workers": 0,
        } | options
    )  # fmt: skip


def last(folder: Path) -> checkpoint.State:
    return checkpoint.load(folder / LAST)


@pytest.fixture(scope="module")
def two(uneven: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """The checkpoints of two processes that were left alone."""
    made: list[Path] = []

    def run() -> Path:
        if not made:
            folder = tmp_path_factory.mktemp("two")
            assert together(2, lambda _: train(job(uneven, folder))) == [None, None]
            made.append(folder)
        return made[0]

    return run


def test_two_processes_come_to_what_one_does_with_the_same_samples_a_step(
    uneven: Path, tmp_path: Path, two: Callable[[], Path]
) -> None:
    """Windows of 8 and of 1 sample: in the last step of an epoch one rank has nothing to learn."""
    train(job(uneven, tmp_path, batch_size=4))
    one, both = last(tmp_path), last(two())
    assert both["place"] == one["place"] == {"epoch": 2, "position": 0, "step": 6, "moves": 4}
    assert both["best"] == pytest.approx(one["best"], rel=1e-5)
    assert both["running"]["total"] == one["running"]["total"] == 0
    begun = Learner(job(uneven, tmp_path), CPU, "fp32").network.state_dict()
    for part in ("model", "ema"):
        prefix = "module." if part == "ema" else ""
        moved = apart = 0.0
        for name, start in begun.items():
            mine, theirs = (state[part][prefix + name].double() for state in (one, both))
            moved += float((mine - start).square().sum())
            apart += float((mine - theirs).square().sum())
        assert moved > 0
        assert apart < 1e-6 * moved


def test_random_states_of_both_ranks_are_kept_and_differ(two: Callable[[], Path]) -> None:
    state = last(two())
    assert state["processes"] == 2
    [other] = state["rng_of_others"]
    assert not torch.equal(state["rng"]["torch"], other["torch"])


def ask_at_step(number: int, rank: int, what: Train) -> Any:
    """Train; the given rank is asked to end while it learns from its ``number``-th batch."""
    add, added = Learner.add, 0

    def add_and_ask(learner: Learner, *args: Any, **kwargs: Any) -> torch.Tensor:
        nonlocal added
        added += 1
        if added == number and os.environ["RANK"] == str(rank):
            os.kill(os.getpid(), signal.SIGTERM)
        return add(learner, *args, **kwargs)

    Learner.add = add_and_ask  # type: ignore[method-assign] # in a fork
    train(what)


def test_one_rank_asked_to_end_ends_both_and_going_on_is_bit_for_bit_the_same(
    uneven: Path, tmp_path: Path, two: Callable[[], Path]
) -> None:
    asked = job(uneven, tmp_path)
    ended = together(2, lambda _: ask_at_step(4, 1, asked))
    assert names(ended) == ["Interrupted", "Interrupted"]
    assert {said for _, said in ended} == {"asked to end by SIGTERM"}
    # The first window of the second epoch was half learned from: nothing of it is kept.
    assert last(tmp_path)["place"] == {"epoch": 1, "position": 0, "step": 3, "moves": 2}
    resumed = dataclasses.replace(asked, resume=str(tmp_path))
    assert together(2, lambda _: train(resumed)) == [None, None]
    assert differing(last(tmp_path), last(two())) == []


def test_checkpoint_of_two_processes_goes_on_in_one_which_is_said(
    uneven: Path, tmp_path: Path, two: Callable[[], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    train(job(uneven, tmp_path, resume=str(two()), epochs=3))
    said = capsys.readouterr().out
    assert "is of 2 process(es), this run has 1" in said
    assert "2 a step (before: 4)" in said
    assert last(tmp_path)["place"]["epoch"] == 3
    assert (tmp_path / BEST).exists()


def test_number_that_is_not_finite_in_one_rank_is_found_by_both_and_told_by_the_first(
    tmp_path: Path,
) -> None:
    for n in range(1, 3):
        _, broken = trees.write_pair(tmp_path, "FlatVel_A", n, samples=2)
        maps = np.load(broken)
        maps[1] = np.nan
        np.save(broken, maps)
    what = job(tmp_path, tmp_path / "checkpoints", batch_size=1, accumulate=1)
    first, second = together(2, lambda _: train(what))
    assert first[0] == "NonFiniteError"
    assert "the loss of step 1 is nan" in first[1]
    assert second[0] == "ToldElsewhere"


def primitives(rank: int, folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    who = shares.member(os.environ)
    with joined(who, CPU) as all_of:
        print("said by", rank)
        found["agree"] = all_of.agree(10 * rank)
        found["mean"] = all_of.mean(torch.tensor(float(rank)), (0.25, 0.75)[rank]).item()
        sums = torch.full((2,), float(1 + rank))
        all_of.add_up(sums)
        found["sums"] = sums.tolist()
        found["gather"] = all_of.gather(rank)
        found["first"] = all_of.first(lambda: f"of {rank}")

        def no_room() -> None:
            raise DiskFullError("no room")

        try:
            all_of.first(no_room)
        except Exception as error:
            found["failed"] = (type(error).__name__, getattr(error, "outcome", None))

        def note() -> None:
            with (folder / "made").open("a") as file:
                file.write(str(rank))

        all_of.on_each_machine(note)
        found["made"] = (folder / "made").read_text()
        try:
            all_of.require_same("samples", 100 - rank)
        except Exception as error:
            found["same"] = str(error)
    return found


def test_what_ranks_do_in_common(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    first, second = together(2, lambda rank: primitives(rank, tmp_path))
    assert first.pop("gather") == [0, 1]
    second.pop("gather")
    assert first.pop("failed") == ("DiskFullError", "error.disk")
    assert second.pop("failed") == ("ToldElsewhere", "error.disk")
    assert second.pop("same").startswith("rank 1 finds samples 99, rank 0 100")
    assert first == second == {
        "agree": 10, "mean": 0.75, "sums": [3.0, 3.0], "first": "of 0", "made": "0",
    }  # fmt: skip
    assert capfd.readouterr().out == "said by 0\n"


def test_process_alone_does_the_same_without_any_other() -> None:
    alone = Ranks(shares.Member())
    value = torch.tensor(2.0)
    assert alone.agree(3) == 3
    assert alone.mean(value, 1.0) is value
    assert alone.gather("a") == ["a"]
    assert alone.first(lambda: "b") == "b"
    network = nn.Linear(1, 1)
    assert alone.wrapped(network, CPU) is network


def test_common_statistics_of_batches_keep_names_and_what_is_validated() -> None:
    network: nn.Module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU())
    images = torch.randn(2, 1, 8, 8)
    network(images)
    keys, before = list(network.state_dict()), network.eval()(images)
    converted = ranks.with_common_statistics(network)
    assert any(isinstance(m, nn.SyncBatchNorm) for m in converted.modules())
    assert list(converted.state_dict()) == keys
    torch.testing.assert_close(converted.eval()(images), before)
    plain = nn.Sequential(nn.Conv2d(1, 2, 3))
    assert ranks.with_common_statistics(plain) is plain
