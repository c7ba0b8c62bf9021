"""The spectral projector on waves whose direction is known, and its algebra on any record."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from fwi.models.projector import SpectralProjector

TIMES, RECEIVERS, DT, DX = 1000, 70, 1e-3, 10.0
UP_THE_LINE, DOWN_THE_LINE = 1, -1
SHARP = 1e-3


def plane_wave(cycles_t: int, cycles_x: int, direction: int, phase: float = 0.3) -> Tensor:
    """cos(kx − direction·ωt), whole cycles along both axes so that the record is periodic."""
    t = torch.arange(TIMES, dtype=torch.float64)[:, None] / TIMES
    x = torch.arange(RECEIVERS, dtype=torch.float64) / RECEIVERS
    return torch.cos(2 * math.pi * (cycles_x * x - direction * cycles_t * t) + phase).float()


def moving_ricker(direction: int, apparent_velocity: float = 2500.0) -> Tensor:
    """A 15 Hz Ricker pulse that sweeps the line within the record, fading at the line's ends."""
    t = torch.arange(TIMES)[:, None] * DT
    x = (torch.arange(RECEIVERS) - (RECEIVERS - 1) / 2) * DX
    a = (math.pi * 15 * (t - 0.5 - direction * x / apparent_velocity)) ** 2
    return (1 - 2 * a) * torch.exp(-a) * torch.hann_window(RECEIVERS, periodic=False)


def noise(seed: int = 0) -> Tensor:
    return torch.randn(TIMES, RECEIVERS, generator=torch.Generator().manual_seed(seed))


def energy(record: Tensor) -> float:
    return record.double().square().sum().item()


@pytest.mark.parametrize("cycles", [(15, 1), (15, 4), (40, 20), (3, 33), (300, 2)])
def test_wave_to_larger_receivers_goes_up_whole_in_the_sharp_limit(cycles: tuple[int, int]) -> None:
    wave = plane_wave(*cycles, UP_THE_LINE)
    up, down = SpectralProjector(temperature=SHARP)(wave)
    torch.testing.assert_close(up, wave, atol=1e-5, rtol=0)
    assert down.abs().max() < 1e-5


@pytest.mark.parametrize("cycles", [(15, 1), (15, 4), (40, 20), (3, 33), (300, 2)])
def test_wave_to_smaller_receivers_goes_down_whole_in_the_sharp_limit(
    cycles: tuple[int, int],
) -> None:
    wave = plane_wave(*cycles, DOWN_THE_LINE)
    up, down = SpectralProjector(temperature=SHARP)(wave)
    torch.testing.assert_close(down, wave, atol=1e-5, rtol=0)
    assert up.abs().max() < 1e-5


@pytest.mark.parametrize("direction", [UP_THE_LINE, DOWN_THE_LINE])
@pytest.mark.parametrize(("cycles_t", "cycles_x"), [(15, 1), (15, 4), (25, 9)])
@pytest.mark.parametrize("velocity", [1800.0, 3000.0, 5000.0])
def test_wave_is_shared_as_the_formula_says_at_temperature_one(
    direction: int, cycles_t: int, cycles_x: int, velocity: float
) -> None:
    wave = plane_wave(cycles_t, cycles_x, direction)
    up, down = SpectralProjector(velocity=velocity)(wave)
    omega = direction * 2 * math.pi * cycles_t / (TIMES * DT)
    k = 2 * math.pi * cycles_x / (RECEIVERS * DX)
    ratio = omega / math.sqrt(omega**2 + velocity**2 * k**2)
    torch.testing.assert_close(up, 0.5 * (1 + ratio) * wave, atol=1e-5, rtol=0)
    torch.testing.assert_close(down, 0.5 * (1 - ratio) * wave, atol=1e-5, rtol=0)


def test_two_crossing_waves_are_told_apart() -> None:
    rising, falling = plane_wave(15, 3, UP_THE_LINE), 2 * plane_wave(22, 5, DOWN_THE_LINE)
    up, down = SpectralProjector(temperature=SHARP)(rising + falling)
    torch.testing.assert_close(up, rising, atol=1e-5, rtol=0)
    torch.testing.assert_close(down, falling, atol=1e-5, rtol=0)


@pytest.mark.parametrize("direction", [UP_THE_LINE, DOWN_THE_LINE])
def test_dipping_pulse_keeps_its_energy_in_its_half(direction: int) -> None:
    halves = SpectralProjector(temperature=SHARP)(moving_ricker(direction))
    own, other = halves if direction == UP_THE_LINE else halves[::-1]
    assert energy(own) > 20 * energy(other)


def test_mirrored_record_exchanges_the_halves_of_what_has_a_direction() -> None:
    record = sum(plane_wave(10 + n, n, (-1) ** n) for n in range(1, 30))
    assert isinstance(record, Tensor)
    projector = SpectralProjector()
    up, down = projector(record)
    mirrored_up, mirrored_down = projector(record.flip(-1))
    torch.testing.assert_close(mirrored_up, down.flip(-1), atol=1e-4, rtol=0)
    torch.testing.assert_close(mirrored_down, up.flip(-1), atol=1e-4, rtol=0)


@pytest.mark.parametrize("temperature", [SHARP, 0.3, 1.0, 10.0])
@pytest.mark.parametrize("velocity", [1501.0, 3000.0, 5499.0])
def test_up_and_down_add_up_to_any_record(velocity: float, temperature: float) -> None:
    record = noise()
    up, down = SpectralProjector(velocity=velocity, temperature=temperature)(record)
    torch.testing.assert_close(up + down, record, atol=2e-6, rtol=0)


def test_projecting_twice_equals_once_in_the_sharp_limit() -> None:
    projector = SpectralProjector(temperature=SHARP)
    up, down = projector(noise())
    up_of_up, down_of_up = projector(up)
    up_of_down, down_of_down = projector(down)
    torch.testing.assert_close(up_of_up, up, atol=1e-5, rtol=0)
    torch.testing.assert_close(down_of_down, down, atol=1e-5, rtol=0)
    assert down_of_up.abs().max() < 1e-5
    assert up_of_down.abs().max() < 1e-5


def test_projecting_twice_differs_from_once_at_temperature_one() -> None:
    projector = SpectralProjector()
    up, _ = projector(noise())
    assert energy(projector(up)[0] - up) > 0.01 * energy(up)


@pytest.mark.parametrize(("times", "receivers"), [(100, 7), (101, 8), (33, 5), (64, 64)])
def test_algebra_holds_on_even_and_odd_grids(times: int, receivers: int) -> None:
    projector = SpectralProjector(times, receivers, temperature=SHARP)
    record = noise()[:times, :1].expand(times, receivers) * torch.rand(receivers)
    up, down = projector(record)
    torch.testing.assert_close(up + down, record, atol=2e-6, rtol=0)
    torch.testing.assert_close(projector(up)[0], up, atol=1e-5, rtol=0)


def test_band_keeps_a_ricker_and_drops_what_lies_above() -> None:
    projector = SpectralProjector(frequencies=70)
    pulse, hum = moving_ricker(UP_THE_LINE), plane_wave(90, 4, UP_THE_LINE)
    up, down = projector(pulse + hum)
    assert up.shape == down.shape == (140, RECEIVERS)
    # Sample 7n of 140 stands at the time of sample 50n of 1000.
    torch.testing.assert_close((up + down)[::7], pulse[::50], atol=1e-4, rtol=0)


@pytest.mark.parametrize("direction", [UP_THE_LINE, DOWN_THE_LINE])
def test_band_separates_directions_as_the_whole_does(direction: int) -> None:
    wave = plane_wave(15, 4, direction)
    whole = SpectralProjector()(wave)
    band = SpectralProjector(frequencies=70)(wave)
    for full, coarse in zip(whole, band, strict=True):
        torch.testing.assert_close(coarse[::7], full[::50], atol=1e-5, rtol=0)


def test_velocity_and_temperature_receive_gradients() -> None:
    projector = SpectralProjector()
    up, down = projector(plane_wave(15, 4, UP_THE_LINE))
    (up.square().sum() - down.square().sum()).backward()
    for parameter in projector.parameters():
        assert parameter.grad is not None
        assert torch.isfinite(parameter.grad)
        assert parameter.grad != 0


def test_descent_on_a_clean_wave_sharpens_the_split() -> None:
    projector = SpectralProjector()
    optimizer = torch.optim.SGD(projector.parameters(), lr=0.5)
    before = projector.temperature.item(), projector.velocity.item()
    for _ in range(3):
        optimizer.zero_grad()
        projector(plane_wave(15, 4, UP_THE_LINE))[1].square().mean().backward()
        optimizer.step()
    assert projector.temperature.item() < before[0]
    assert projector.velocity.item() < before[1]


@pytest.mark.parametrize("raw", [-100.0, 0.0, 100.0])
def test_velocity_stays_within_its_range_whatever_training_does(raw: float) -> None:
    projector = SpectralProjector()
    with torch.no_grad():
        projector.raw_velocity.fill_(raw)
    assert 1500.0 <= projector.velocity.item() <= 5500.0
    assert torch.isfinite(projector(noise())[0]).all()


@pytest.mark.parametrize("autocast", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("stored", [torch.float32, torch.float16, torch.bfloat16])
def test_arithmetic_is_float32_inside_autocast(autocast: torch.dtype, stored: torch.dtype) -> None:
    projector, record = SpectralProjector(), noise().to(stored)
    outside = projector(record.float())
    with torch.autocast("cpu", autocast):
        inside = projector(record)
    for a, b in zip(inside, outside, strict=True):
        assert a.dtype == torch.float32
        assert torch.equal(a, b)


def test_leading_axes_are_independent() -> None:
    projector = SpectralProjector()
    records = torch.stack([noise(n) for n in range(6)]).reshape(2, 3, TIMES, RECEIVERS)
    up, _ = projector(records)
    torch.testing.assert_close(up[1, 2], projector(records[1, 2])[0], atol=1e-6, rtol=0)


def test_grid_is_no_part_of_the_saved_state() -> None:
    assert sorted(SpectralProjector().state_dict()) == ["log_temperature", "raw_velocity"]


def test_record_of_another_shape_is_refused_with_the_expected_one() -> None:
    with pytest.raises(ValueError, match=r"\(70, 1000\): expected \(…, 1000, 70\)"):
        SpectralProjector()(torch.zeros(70, 1000))


@pytest.mark.parametrize(
    "options",
    [{"velocity": 1400.0}, {"temperature": 0.0}, {"frequencies": 0}, {"frequencies": 501}],
)
def test_impossible_option_is_refused(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        SpectralProjector(**options)  # type: ignore[arg-type]
