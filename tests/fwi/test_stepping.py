"""One move of the optimizer and what is around it: average, scale, schedule, finite numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from fwi import config
from fwi.config import Train
from fwi.errors import NonFiniteError
from fwi.finite import SKIPS_ALLOWED, Watch
from fwi.precision import resolve_precision
from fwi.schedule import Place, learning_rate, progress, steps_left
from fwi.stepping import Learner

CPU = torch.device("cpu")


@pytest.fixture
def narrow(narrow_network: None) -> Callable[..., Learner]:
    """A learner with the narrow network, in this process."""

    def make(**options: Any) -> Learner:
        job = Train(**options)
        return Learner(job, CPU, resolve_precision(job, CPU))

    return make


@pytest.mark.parametrize(
    ("options", "precision"),
    [
        ({}, "fp32"),
        ({"dtype": "bf16"}, "bf16"),
        ({"fp16": 1}, "fp16"),
        ({"fp16": 0}, "fp32"),
    ],
)
def test_precision_on_a_cpu(options: dict[str, Any], precision: str) -> None:
    assert resolve_precision(Train(**options), CPU) == precision


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
