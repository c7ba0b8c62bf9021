"""Training, in processes of its own as it is run: it learns, and ends in good order."""

from __future__ import annotations

import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fwi import checkpoint, config, models, training_data
from fwi.__main__ import main
from fwi.checkpoint import BEST, LAST
from fwi.config import Synth, Train
from fwi.errors import DataError, NonFiniteError, UsageError
from fwi.evaluation import ErrorSums
from fwi.finite import SKIPS_ALLOWED, Watch
from fwi.interruption import Interrupted
from fwi.precision import resolve_precision
from fwi.schedule import Place, learning_rate, progress, steps_left
from fwi.stepping import Learner
from fwi.synthesis import synthesise
from fwi.training import train
from probes import pulse

ROOT = Path(__file__).resolve().parents[2]
CPU = torch.device("cpu")

EPOCHS, BATCHES, MOVES = 2, 6, 3
OPTIONS = ("--epochs", "2", "--batch-size", "2", "--accumulate", "2", "--device", "cpu",
           "--validation-fraction", "0.25")  # fmt: skip


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen simulated maps of two families: twelve to learn from, four to validate on."""
    folder = tmp_path_factory.mktemp("data")
    synthesise(
        Synth(families=("FlatVel_A", "FlatFault_A"), samples=8, samples_per_file=2,
              dtype="float16", out=folder)
    )  # fmt: skip
    return folder


class Job:
    """``python -m fwi train`` with a narrow network, its pulses recorded."""

    def __init__(self, data: Path, folder: Path, *options: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.checkpoints = folder / "checkpoints"
        self._recorder = folder / f"pulse-{len(list(folder.iterdir()))}"
        pulse.create(self._recorder)
        self._child = subprocess.Popen(
            [sys.executable, "-m", "tests.fwi.train_narrow", "train", "--data", str(data),
             "--checkpoints", str(self.checkpoints), *OPTIONS, *options],
            env=os.environ
            | {"FWI_PULSE": str(self._recorder), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        self.out = self.err = ""

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def record(self) -> pulse.Record:
        return pulse.read(self._recorder)

    def wait_for_step(self, step: int) -> None:
        until = time.monotonic() + 60
        while self.record.pulse.step < step:
            assert time.monotonic() < until, "no such step was reached"
            assert self._child.poll() is None, self._child.communicate()
            time.sleep(0.002)

    def end(self) -> int:
        """The exit status, once it has ended by itself."""
        self.out, self.err = self._child.communicate(timeout=60)
        return self._child.returncode

    def kill(self) -> None:
        os.killpg(self.pid, signal.SIGKILL)
        assert self.end() == -signal.SIGKILL

    def epochs(self) -> list[str]:
        """The lines of the epochs, without the speed."""
        lines = [line for line in self.out.splitlines() if line.startswith("epoch")]
        return [re.sub(r"  \S+ samples/s", "", line) for line in lines]

    def last(self) -> checkpoint.State:
        return checkpoint.load(self.checkpoints / LAST)


@pytest.fixture(scope="session")
def uninterrupted(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Job:
    job = Job(data, tmp_path_factory.mktemp("uninterrupted"), "--workers", "0")
    assert job.end() == 0, job.err
    return job


def same(one: Any, other: Any) -> bool:
    """Whether two states are equal, tensors bit for bit."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def differing(one: checkpoint.State, other: checkpoint.State) -> list[str]:
    parts = set(one) - {"config"}
    return sorted(part for part in parts if not same(one[part], other[part]))


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
def narrow_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """SpecProj at width 16, on one thread: several spin when others want the processor too."""
    monkeypatch.setattr(
        "fwi.stepping.build", lambda name: models.build(name, width=16, attention=1)
    )
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def here(data: Path, folder: Path, **options: Any) -> Train:
    """The same job as above, for this process."""
    return Train(
        **{
            "data": data, "checkpoints": folder, "epochs": EPOCHS, "batch_size": 2,
            "accumulate": 2, "device": "cpu", "validation_fraction": 0.25, "workers": 0,
        } | options
    )  # fmt: skip


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
    assert re.match(r"the loss of step \d is nan in fp32", record.failure[1])
    assert record.failure[1] in capsys.readouterr().err
    assert record.finished_s is None
    assert not (job.checkpoints / LAST).exists()


@pytest.mark.usefixtures("narrow_network")
@pytest.mark.parametrize("workers", [0, 2])
def test_file_cut_after_the_start_is_error_data_without_a_workers_traceback(
    data: Path, tmp_path: Path, recorder: Path, workers: int,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    cut = tmp_path / "data"
    shutil.copytree(data, cut)

    def gather_then_cut(job: Train) -> training_data.TrainingData:
        found = training_data.gather(job)
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
def test_checkpoint_of_another_network_is_a_data_error_naming_the_part(
    data: Path, tmp_path: Path, uninterrupted: Job
) -> None:
    state = uninterrupted.last()
    state["model"].pop("head.bias")
    checkpoint.save(tmp_path, state, is_best=False)
    with pytest.raises(DataError, match="its model does not fit this run"):
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


@pytest.fixture
def narrow(narrow_network: None) -> Callable[..., Learner]:
    """A learner with the narrow network, in this process."""

    def make(**options: Any) -> Learner:
        job = Train(**options)
        return Learner(job, CPU, resolve_precision(job, CPU))

    return make


def batch(samples: int) -> tuple[torch.Tensor, torch.Tensor]:
    draws = torch.Generator().manual_seed(1)
    cube = torch.randn(samples, 5, 1000, 70, generator=draws).half()
    return cube, torch.rand(samples, 1, 70, 70, generator=draws) * 3000 + 1500


def weights(learner: Learner) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in learner.network.parameters()])


def test_two_batches_of_a_window_move_as_one_batch_of_both(
    narrow: Callable[..., Learner],
) -> None:
    cube, velocity = batch(3)
    whole, parts = narrow(), narrow()
    norms = []
    for learner, cuts in ((whole, [slice(0, 3)]), (parts, [slice(0, 2), slice(2, 3)])):
        for cut in cuts:
            learner.add(learner.predict(cube[cut]), velocity[cut], share=(cut.stop - cut.start) / 3)
        norms.append(learner.move(1e-3).item())
    assert norms[0] == pytest.approx(norms[1], rel=1e-4)
    moved = weights(whole) - weights(narrow())
    assert (weights(whole) - weights(parts)).norm() < 1e-2 * moved.norm()


def test_weights_are_seeded(narrow: Callable[..., Learner]) -> None:
    assert torch.equal(weights(narrow(seed=3)), weights(narrow(seed=3)))
    assert not torch.equal(weights(narrow(seed=3)), weights(narrow(seed=4)))


def test_gradients_are_clipped_to_the_norm_asked_for(narrow: Callable[..., Learner]) -> None:
    cube, velocity = batch(1)
    seen = []
    for clip in (0.0, 1e-3):
        learner = narrow(clip=clip)
        learner.optimizer = torch.optim.SGD(learner.network.parameters(), lr=1.0)
        before = weights(learner)
        learner.add(learner.predict(cube), velocity, share=1)
        norm = learner.move(1.0).item()
        seen.append((norm, (weights(learner) - before).norm().item()))
    (norm, free), (_, clipped) = seen
    assert free == pytest.approx(norm, rel=1e-3)
    assert norm > 1e-3
    assert clipped == pytest.approx(1e-3, rel=1e-2)


def test_average_follows_with_a_decay_that_grows_to_the_one_asked_for(
    narrow: Callable[..., Learner],
) -> None:
    learner = narrow(ema=0.25)
    average = learner.average
    assert average is not None
    parameter = next(learner.network.parameters())
    expected = None
    for n, decay in enumerate((None, 2 / 11, 3 / 12, 0.25)):
        with torch.no_grad():
            parameter.fill_(float(n))
        average.update_parameters(learner.network)
        expected = float(n) if decay is None else decay * expected + (1 - decay) * n  # type: ignore[operator]
    assert next(average.parameters()).flatten()[0].item() == pytest.approx(expected)
    assert learner.validated is average.module
    assert narrow(ema=0).average is None


@pytest.mark.parametrize("dtype", ["bf16", "fp32"])
def test_scale_is_off_and_gradients_that_are_not_finite_end_the_run(
    narrow: Callable[..., Learner], dtype: config.Dtype
) -> None:
    assert not narrow(dtype=dtype).scaler.is_enabled()
    watch = Watch(CPU, "bf16" if dtype == "bf16" else "fp32")
    with pytest.raises(NonFiniteError, match=r"gradients of step 4 have norm inf"):
        watch.norm(torch.tensor(torch.inf), 4)


def test_fp16_skips_a_move_whose_gradients_overflow_and_halves_the_scale(
    narrow: Callable[..., Learner],
) -> None:
    learner = narrow(fp16=1)
    assert learner.scaler.is_enabled()
    scale, before = learner.scaler.get_scale(), weights(learner)
    _, velocity = batch(1)
    predicted = learner.network.head.bias.sum() + torch.zeros(1, 1, 70, 70)
    learner.add(predicted, velocity * 1e-3, share=1e38)
    assert not torch.isfinite(learner.move(1e-3))
    assert torch.equal(weights(learner), before)
    assert learner.scaler.get_scale() == scale / 2
    resumed = narrow(fp16=1)
    resumed.takers(learner.state())["scaler"](learner.state()["scaler"])
    assert resumed.scaler.get_scale() == scale / 2
    assert "scaler" not in resumed.takers(narrow().state()), "from a run in fp32"


def test_fp16_run_ends_when_every_move_is_skipped() -> None:
    watch = Watch(CPU, "fp16")
    for step in range(SKIPS_ALLOWED):
        watch.norm(torch.tensor(torch.nan), step)
    watch.norm(torch.tensor(1.0), SKIPS_ALLOWED)
    for step in range(SKIPS_ALLOWED):
        watch.norm(torch.tensor(torch.nan), step)
    with pytest.raises(NonFiniteError, match=f"{SKIPS_ALLOWED + 1} moves in a row"):
        watch.norm(torch.tensor(torch.nan), 99)


def test_loss_that_is_not_finite_names_step_last_loss_precision_and_advice() -> None:
    watch = Watch(CPU, "fp16")
    watch.loss(torch.tensor(812.25), 1, 4)
    with pytest.raises(
        NonFiniteError, match=r"step 2 is nan in fp16; the one before was 812\.2.*--resume.*--lr"
    ):
        watch.loss(torch.tensor(torch.nan), 2, 4)
    with pytest.raises(NonFiniteError, match="validation error after step 2 is inf"):
        watch.error(torch.inf, 2)


def test_rate_rises_straight_and_falls_as_a_cosine() -> None:
    rates = [learning_rate(done, 1e-3, 0.2) for done in (0.0, 0.1, 0.2, 0.6, 1.0)]
    assert rates == pytest.approx([0, 5e-4, 1e-3, 5e-4, 0])
    assert learning_rate(0, 1e-3, 0) == 1e-3
    assert learning_rate(1, 1e-3, 1) == 1e-3


@pytest.mark.parametrize("batch_size", [1, 5, 8, 20])
def test_first_and_last_move_have_a_rate_and_steps_add_up(batch_size: int) -> None:
    samples, epochs = 12, 3
    place, total = Place(), steps_left(Place(), samples, epochs, batch_size)
    rates = []
    while place.epoch < epochs:
        window = min(batch_size, samples - place.position)
        rates.append(learning_rate(progress(place, window, samples, epochs), 1.0, 0.1))
        place = Place(place.epoch, place.position + window, place.step + 1, place.moves + 1)
        assert place.step + steps_left(place, samples, epochs, batch_size) == total
        if place.position == samples:
            place = Place(place.epoch + 1, 0, place.step, place.moves)
    assert len(rates) == total
    assert min(rates) > 0
