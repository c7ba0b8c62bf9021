"""Training, in processes of its own as it is run: it learns, and ends in good order."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fwi import checkpoint, config, training_data
from fwi.__main__ import main
from fwi.checkpoint import BEST, LAST
from fwi.errors import DataError, UsageError
from fwi.evaluation import ErrorSums
from fwi.interruption import Interrupted
from fwi.ranks import Ranks
from fwi.shares import Member
from fwi.stepping import Learner
from fwi.training import train
from probes import pulse
from tests.fwi.runs import BATCHES, EPOCHS, MOVES, Job, differing, here

pytestmark = pytest.mark.long


@pytest.fixture(scope="session")
def uninterrupted(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Job:
    job = Job(data, tmp_path_factory.mktemp("uninterrupted"), "--workers", "0")
    assert job.end() == 0, job.err
    return job


def test_loss_falls_and_every_number_of_the_run_is_recorded(uninterrupted: Job) -> None:
    first, second = uninterrupted.epochs()
    pattern = (
        r"epoch \d/2  step (\d+)/12  loss ([\d.]+)  validation MAE ([\d.]+) \(odd ([\d.]+)\)"
        r"  FlatVel_A ([\d.]+)  FlatFault_A ([\d.]+)  lr (\S+)"
    )
    before, after = re.fullmatch(pattern, first), re.fullmatch(pattern, second)
    assert before is not None
    assert after is not None
    assert (before[1], after[1]) == ("6", "12")
    assert float(after[2]) < float(before[2])
    record = uninterrupted.record
    assert record.finished_s is not None
    assert record.failure is None
    assert (record.pulse.step, record.pulse.total) == (12, 12)
    assert record.gauges["mae"] == pytest.approx(float(after[3]), abs=0.1)
    assert record.gauges["mae_odd"] == pytest.approx(float(after[4]), abs=0.1)
    assert record.gauges["mae.FlatVel_A"] == pytest.approx(float(after[5]), abs=0.1)
    assert {"loss", "lr", "samples_per_s"} <= set(record.gauges)
    counts = {phase.name: phase.count for phase in record.phases}
    for phase in ("forward", "loss", "backward"):
        assert counts[phase] == EPOCHS * BATCHES
    for phase in ("optimizer", "ema"):
        assert counts[phase] == EPOCHS * MOVES
    assert {"startup", "data", "transfer", "evaluate", "checkpoint"} <= set(counts)


def test_what_holds_the_memory_is_recorded(uninterrupted: Job) -> None:
    gauges, state = uninterrupted.record.gauges, uninterrupted.last()
    parameters = 4 * sum(t.numel() for t in state["model"].values())
    assert gauges["bytes.parameters"] == pytest.approx(parameters, rel=0.01)
    assert gauges["bytes.gradients"] == pytest.approx(parameters, rel=0.01)
    assert gauges["bytes.ema"] == pytest.approx(parameters, rel=0.01)
    assert gauges["bytes.optimizer"] == pytest.approx(2 * parameters, rel=0.01)
    assert gauges["bytes.inputs"] == 2 * (5 * 1000 * 70 * 2 + 70 * 70 * 4)
    assert gauges["bytes.activations"] > gauges["bytes.inputs"]


def test_what_held_the_peak_is_written_by_kind_module_and_phase(uninterrupted: Job) -> None:
    content = json.loads((uninterrupted.checkpoints.parent / "memory.json").read_text())
    first, steady = content["first"], content["steady"]
    assert "optimizer" not in first["by_kind"] or first["phase"] == "optimizer"
    assert steady["by_kind"]["optimizer"] == uninterrupted.record.gauges["bytes.optimizer"]
    for step in (first, steady, *content["phases"].values()):
        assert sum(step["by_kind"].values()) == step["bytes"] == step["by_module"][""]
        assert sum(one["bytes"] for one in step["largest"]) <= step["bytes"]
    assert steady["by_module"]["decoder"] > steady["by_module"]["decoder.0"] > 0
    assert {"transfer", "forward", "loss", "backward", "optimizer", "ema"} <= set(
        steady["by_phase"]
    )
    assert set(content["phases"]) == {"evaluate", "checkpoint"}
    # The peak of the step is the largest of its phases' peaks.
    assert (
        max(steady["by_phase"].values()) == steady["bytes"] == steady["by_phase"][steady["phase"]]
    )
    assert content["job"] == {"model": "specproj", "dtype": "fp32", "batch_size": 2}
    made = [one["stack"] for one in steady["largest"]]
    assert all(any("fwi/training.py" in frame for frame in stack) for stack in made)
    for step in (first, steady):
        assert step["bytes"] <= step["replayed"]["allocated"] <= step["replayed"]["reserved"]
        assert "torch" not in step
    assert uninterrupted.record.gauges["samples"] == EPOCHS * 12


def test_best_checkpoint_is_that_of_the_lowest_error(uninterrupted: Job) -> None:
    errors = [float(line.split("MAE ")[1].split()[0]) for line in uninterrupted.epochs()]
    best = checkpoint.load(uninterrupted.checkpoints / BEST)
    assert best["best"] == pytest.approx(min(errors), abs=0.1)
    assert best["place"]["epoch"] == 1 + errors.index(min(errors))


@pytest.mark.parametrize("workers", ["0", "2"])
def test_killed_in_mid_epoch_and_resumed_equals_uninterrupted_bit_for_bit(
    data: Path, tmp_path: Path, uninterrupted: Job, workers: str
) -> None:
    options = ("--workers", workers, "--checkpoint-every", "1")
    killed = Job(data, tmp_path, *options)
    killed.wait_for_step(BATCHES + 3)
    killed.kill()
    place = killed.last()["place"]
    assert place["epoch"] == 1
    assert 0 < place["position"] < 12
    resumed = Job(data, tmp_path, *options, "--resume", str(killed.checkpoints))
    assert resumed.end() == 0, resumed.err
    assert "going on from" in resumed.out
    assert differing(resumed.last(), uninterrupted.last()) == []
    assert resumed.epochs() == uninterrupted.epochs()[1:]


def test_asked_to_end_with_its_workers_it_checkpoints_and_goes_on_bit_for_bit(
    data: Path, tmp_path: Path, uninterrupted: Job
) -> None:
    asked = Job(data, tmp_path, "--workers", "2")
    asked.wait_for_step(3)  # in the middle of the second window
    os.killpg(asked.pid, signal.SIGTERM)
    assert asked.end() == 128 + signal.SIGTERM, asked.err
    assert "Traceback" not in asked.err
    assert f"--resume {asked.checkpoints}" in asked.out
    assert asked.record.finished_s is None
    place = asked.last()["place"]
    assert place["epoch"] == 0
    assert 0 < place["position"] < 12
    resumed = Job(data, tmp_path, "--workers", "2", "--resume", str(asked.checkpoints))
    assert resumed.end() == 0, resumed.err
    assert differing(resumed.last(), uninterrupted.last()) == []


@pytest.fixture
def recorder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The flight recorder that a job in this process writes to."""
    pulse.detach()
    path = tmp_path / "pulse"
    pulse.create(path)
    monkeypatch.setenv(pulse.ENVIRONMENT, str(path))
    yield path
    pulse.detach()


@pytest.mark.usefixtures("narrow_network")
def test_map_that_is_not_finite_ends_as_error_nan_without_a_checkpoint(
    data: Path, tmp_path: Path, recorder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "data"
    shutil.copytree(data, broken)
    for path in broken.rglob("*.npy"):
        if path.name.startswith(("model", "vel")):
            maps = np.load(path)
            maps[0, 0, 3, 3] = np.nan
            np.save(path, maps)
    job = here(broken, tmp_path / "run")
    assert main(["train", *config.to_argv(job)]) == 3
    record = pulse.read(recorder)
    assert record.failure is not None
    assert record.failure[0] == "error.nan"
    assert re.match(
        r"the loss of step \d is nan in fp32\. \S+\.npy\[0\]: the velocity map is not finite",
        record.failure[1],
    )
    assert record.failure[1] in capsys.readouterr().err
    assert record.finished_s is None
    assert not (job.checkpoints / LAST).exists()


@pytest.mark.usefixtures("narrow_network")
def test_validation_that_is_not_finite_names_the_sample(
    data: Path, tmp_path: Path, recorder: Path
) -> None:
    broken = tmp_path / "data"
    shutil.copytree(data, broken)
    job = here(broken, tmp_path / "run", dryrun=True)
    part = training_data.gather(job, Ranks(Member())).validation
    path = part.index.velocity_path(part.index.locate(0)[0])
    maps = np.load(path)
    maps[0, 0, 3, 3] = np.nan
    np.save(path, maps)
    assert main(["train", *config.to_argv(job)]) == 3
    record = pulse.read(recorder)
    assert record.failure is not None
    assert record.failure[0] == "error.nan"
    assert "the validation error after step 2 is nan" in record.failure[1]
    assert f"{path.name}[0]: the velocity map is not finite" in record.failure[1]


@pytest.mark.usefixtures("narrow_network")
@pytest.mark.parametrize("workers", [0, 2])
def test_file_cut_after_the_start_is_error_data_without_a_workers_traceback(
    data: Path, tmp_path: Path, recorder: Path, workers: int,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    cut = tmp_path / "data"
    shutil.copytree(data, cut)

    def gather_then_cut(*asked: Any) -> training_data.TrainingData:
        found = training_data.gather(*asked)
        for path in cut.rglob("*.npy"):
            os.truncate(path, 200)
        return found

    monkeypatch.setattr("fwi.training.gather", gather_then_cut)
    assert main(["train", *config.to_argv(here(cut, tmp_path / "run", workers=workers))]) == 3
    failure = pulse.read(recorder).failure
    assert failure is not None
    assert failure[0] == "error.data"
    assert ".npy: sample" in failure[1]
    said = capsys.readouterr().err
    assert failure[1] in said
    assert "Traceback" not in said


@pytest.mark.usefixtures("narrow_network")
def test_worker_killed_by_somebody_ends_the_run_with_torchs_words_for_it(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    move = Learner.move

    def kill_a_worker(learner: Learner, rate: float) -> torch.Tensor:
        os.kill(multiprocessing.active_children()[0].pid or 0, signal.SIGKILL)
        return move(learner, rate)

    monkeypatch.setattr(Learner, "move", kill_a_worker)
    with pytest.raises(RuntimeError, match=r"DataLoader worker .* is killed by signal: Killed"):
        train(here(data, tmp_path, workers=2, batch_size=1, epochs=5))


@pytest.mark.usefixtures("narrow_network")
def test_asked_to_end_while_validating_it_validates_again_and_ends_the_same(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(here(data, tmp_path / "whole"))
    with monkeypatch.context() as patch:
        count = ErrorSums.add

        def asked_meanwhile(*arguments: Any) -> None:
            signal.raise_signal(signal.SIGTERM)
            count(*arguments)

        patch.setattr(ErrorSums, "add", asked_meanwhile)
        with pytest.raises(Interrupted):
            train(here(data, tmp_path / "asked"))
    place = checkpoint.load(tmp_path / "asked" / LAST)["place"]
    assert place == {"epoch": 0, "position": 12, "step": BATCHES, "moves": MOVES}
    train(here(data, tmp_path / "asked", resume=str(tmp_path / "asked")))
    states = [checkpoint.load(tmp_path / name / LAST) for name in ("whole", "asked")]
    assert differing(*states) == []


@pytest.mark.usefixtures("narrow_network")
def test_finished_run_says_so_and_goes_on_when_asked_for_more(
    data: Path, tmp_path: Path, uninterrupted: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    resume = str(uninterrupted.checkpoints)
    train(here(data, tmp_path, resume=resume))
    assert "nothing left to do: all 2 epochs are trained" in capsys.readouterr().out
    train(here(data, tmp_path, resume=resume, epochs=3, batch_size=5, accumulate=1))
    said = capsys.readouterr().out
    assert "--epochs 2 → 3" in said
    assert "--batch-size 2 → 5" in said
    place = checkpoint.load(tmp_path / LAST)["place"]
    assert place == {"epoch": 3, "position": 0, "step": 12 + 3, "moves": 6 + 3}
    assert (tmp_path / BEST).exists()


def test_resuming_as_another_run_is_a_usage_error_naming_both_values(
    data: Path, tmp_path: Path, uninterrupted: Job
) -> None:
    resume = str(uninterrupted.checkpoints)
    with pytest.raises(UsageError) as refused:
        train(here(data, tmp_path, resume=resume, seed=7, families=("FlatVel_A",), ema=0.0))
    said = str(refused.value)
    assert "--seed: 0 in the checkpoint, 7 now" in said
    assert "--families: not given in the checkpoint, FlatVel_A now" in said
    assert "--ema: 0.99 in the checkpoint, 0.0 now" in said


@pytest.mark.usefixtures("narrow_network")
def test_resuming_with_other_files_in_the_folder_is_a_data_error(
    data: Path, tmp_path: Path, uninterrupted: Job
) -> None:
    fewer = tmp_path / "data"
    shutil.copytree(data, fewer)
    for path in (fewer / "FlatVel_A").rglob("*4.npy"):
        path.unlink()
    state = uninterrupted.last()
    state["config"]["data"] = str(fewer.resolve())
    checkpoint.save(tmp_path, state, is_best=False)
    with pytest.raises(DataError, match=r"12 training and 4 validation samples, the data now"):
        train(here(fewer, tmp_path, resume=str(tmp_path)))


@pytest.mark.usefixtures("narrow_network")
@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("model", lambda part: part.pop("head.bias")),
        ("optimizer", lambda part: part["param_groups"].pop()),
        ("ema", lambda part: part.clear()),
        ("place", lambda part: part.update(position=-3)),
        ("place", lambda part: part.update(steps=1)),
        ("rng", lambda part: part.update(torch="abc")),
        ("running", lambda part: part.pop("total")),
    ],
)
def test_checkpoint_with_a_part_of_something_else_is_a_data_error_naming_the_part(
    data: Path, tmp_path: Path, uninterrupted: Job, part: str, change: Callable[[Any], object]
) -> None:
    state = uninterrupted.last()
    change(state[part])
    checkpoint.save(tmp_path, state, is_best=False)
    with pytest.raises(DataError, match=f"its {part} does not fit this run"):
        train(here(data, tmp_path, resume=str(tmp_path)))


@pytest.mark.usefixtures("narrow_network")
def test_dryrun_goes_through_every_phase_and_leaves_nothing(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(here(data, tmp_path, dryrun=True, workers=2))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines if line.startswith("dryrun:")] == [
        "learned",
        "validated",
        "wrote",
    ]
    assert list(tmp_path.iterdir()) == []
