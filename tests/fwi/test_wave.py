"""The solver against the plain formula, an independent solver, and facts of wave propagation."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import deepwave
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from fwi import _wave_numba, _wave_torch, wave
from fwi.errors import DataError, DeviceError

Array = NDArray[np.float64]
ROOT = Path(__file__).resolve().parents[2]


def rms(difference: NDArray[np.floating]) -> float:
    return float(np.sqrt(np.mean(np.square(difference, dtype=np.float64))))


def layered(*velocities: float) -> Array:
    rows = np.minimum(np.arange(70) * len(velocities) // 70, len(velocities) - 1)
    return np.repeat(np.asarray(velocities, float)[rows][:, None], 70, axis=1)


def blobs(seed: int) -> Array:
    """A smooth map from 1500 to 4500 m/s."""
    z, x = np.mgrid[:70, :70] / 70
    phase = np.random.default_rng(seed).uniform(0, 6, 4)
    wavy = np.sin(5 * x + phase[0]) * np.sin(7 * z + phase[1]) + np.sin(9 * x + 4 * z + phase[2])
    return 1500 + 3000 * (wavy - wavy.min()) / np.ptp(wavy)


def split(left: float, right: float) -> Array:
    made = np.full((70, 70), left, dtype=np.float64)
    made[:, 35:] = right
    return made


@pytest.fixture
def one_torch_thread() -> Iterator[None]:
    """Torch's own threads would fight those of other tests, and flushing is set a thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    yield
    torch.set_flush_denormal(False)
    torch.set_num_threads(threads)


def plain_formula(velocity: Array, source_x: int, sponge: int) -> Array:
    """One shot in float64, every cell at every step, on the torus: (1000, 70)."""
    v = np.pad(velocity, sponge, mode="edge")
    thickness = (sponge - 1) * 10.0
    i = np.arange(sponge)
    d = 3 * velocity.min() * np.log(1e7) / (2 * thickness) * (i * 10.0 / thickness) ** 2
    damping = np.zeros_like(v)
    damping[:sponge, :] = d[::-1, None]
    damping[-sponge:, :] = d[:, None]
    damping[:, :sponge] = d[::-1]
    damping[:, -sponge:] = d
    k = damping * 1e-3
    a = (v * 1e-3 / 10) ** 2
    ricker = [
        (1 - 2 * b) * np.exp(-b) for b in (np.pi * 15 * 1e-3 * (np.arange(147) - 73)) ** 2
    ] + [0.0] * 853
    z, x = sponge + 1, sponge + source_x
    p, p_old = np.zeros_like(v), np.zeros_like(v)
    record = np.empty((1000, 70))
    for t in range(1000):
        shifted = [np.roll(p, by, axis) for axis in (0, 1) for by in (-1, 1)]
        far = [np.roll(p, by, axis) for axis in (0, 1) for by in (-2, 2)]
        p_new = (2 - 5 * a - k) * p - (1 - k) * p_old
        p_new += a * (4 / 3 * sum(shifted) - 1 / 12 * sum(far))
        p_new[z, x] += (v[z, x] * 1e-3) ** 2 * ricker[t]
        p_new[np.abs(p_new) < 1e-60] = 0
        record[t] = p_new[z, sponge : sponge + 70]
        p_old, p = p, p_new
    return record


@pytest.mark.parametrize("source_x", [0, 34])
def test_full_sponge_gives_the_plain_formula_to_float32_rounding(source_x: int) -> None:
    velocity = split(1500, 4500)
    ours = wave.simulate(velocity[None], sources=[source_x])[0, 0]
    assert rms(ours - plain_formula(velocity, source_x, 120)) < 1e-5


@pytest.mark.parametrize(
    ("velocity", "source_x"),
    [
        (np.full((70, 70), 1500.0), 0),
        (np.full((70, 70), 4500.0), 69),
        (layered(1500, 1800, 2600, 4500), 17),
        (layered(4500, 1500, 3000), 52),
        (split(4500, 1500), 69),
        (blobs(1), 34),
        (np.random.default_rng(0).uniform(1500, 4500, (70, 70)), 35),
    ],
    ids=["slow", "fast", "faster-below", "slower-below", "two-sides", "smooth", "noise"],
)
def test_waves_that_leave_and_come_in_again_follow_the_plain_formula(
    velocity: Array, source_x: int
) -> None:
    # A sponge of 25 lets much through, so that the torus' seams carry strong waves.
    ours = wave.simulate(velocity[None], sources=[source_x], sponge=25)[0, 0]
    assert rms(ours - plain_formula(velocity, source_x, 25)) < 2e-5


@pytest.mark.parametrize("make", [lambda: layered(1600, 2100, 3900), lambda: blobs(2)])
def test_cells_left_out_do_not_change_the_record(
    make: Callable[[], Array], monkeypatch: pytest.MonkeyPatch
) -> None:
    velocity = np.stack([make(), make()[:, ::-1]])
    active_only = wave.simulate(velocity)
    monkeypatch.setattr(_wave_numba, "_MARGIN", 10**6)
    every_cell = wave.simulate(velocity)
    assert rms(active_only - every_cell) < 3e-6
    assert np.abs(active_only - every_cell).max() < 1e-4


@pytest.mark.usefixtures("one_torch_thread")
@pytest.mark.parametrize("sponge", [25, 120])
def test_torch_path_gives_the_compiled_path(sponge: int) -> None:
    maps = np.stack([layered(1500, 2500, 4500), split(3500, 2000)])[: 2 if sponge < 100 else 1]
    places = (0, 34) if sponge < 100 else (17,)
    theirs = _wave_torch.simulate(maps, places, sponge, "cpu", None)
    ours = wave.simulate(maps, sources=places, sponge=sponge)
    assert theirs.shape == ours.shape
    assert rms(theirs - ours) < 3e-5


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_gives_the_compiled_path() -> None:
    maps = np.stack([layered(1500, 2500, 4500), blobs(3)])
    assert rms(wave.simulate(maps, device="cuda") - wave.simulate(maps)) < 3e-5


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_one_kernel_gives_what_the_operators_give(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    maps = np.stack([layered(1500, 2500, 4500), blobs(3), split(3500, 2000)])
    fused = wave.simulate(maps, device="cuda")
    assert "operator by operator" not in capsys.readouterr().err
    monkeypatch.setattr(_wave_torch, "_fused", False)
    assert rms(fused - wave.simulate(maps, device="cuda")) < 3e-5


INTERPRETED = """
import numpy as np, torch
from fwi import _wave_torch, wave
steps, sponge, places = 25, 16, (0, 34)
_wave_torch.TIMES = steps
unit = wave.wavelet()[:steps]
wave.WAVELET_SAMPLES, wave.wavelet = steps, lambda: unit
maps = np.random.default_rng(1).uniform(1500, 4500, (2, 70, 70))
cpu = torch.device("cpu")
eager = _wave_torch._Shots(maps, places, sponge, cpu).run()
fused = _wave_torch._fused_record(maps, places, sponge, cpu)
print(float((fused - eager).abs().max() / eager.abs().max()))
"""


def test_one_kernel_interpreted_on_the_cpu_gives_what_the_operators_give() -> None:
    pytest.importorskip("triton", reason="this torch comes without Triton")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", INTERPRETED],
        env=os.environ | {"TRITON_INTERPRET": "1"}, cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 1e-5


def test_device_where_the_kernel_cannot_be_built_is_simulated_all_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unbuilt(*_: object) -> None:
        raise RuntimeError("Failed to find C compiler.\nPlease specify one")

    monkeypatch.setattr(_wave_torch, "_fused", True)
    monkeypatch.setattr(_wave_torch, "_fused_record", unbuilt)
    monkeypatch.setattr(_wave_torch, "_takes_a_kernel", lambda place: True)
    monkeypatch.setattr(_wave_torch, "TIMES", 8)
    for _ in range(2):
        record = _wave_torch.simulate(layered(1500, 2500)[None], (3,), 20, "cpu", None)
        assert np.abs(record).max() > 0
    said = capsys.readouterr().err
    assert said == "simulating operator by operator: Failed to find C compiler.\n"


@pytest.mark.usefixtures("one_torch_thread")
@pytest.mark.parametrize("make", [lambda: layered(1500, 2200, 3100, 4500), lambda: blobs(4)])
def test_independent_solver_gives_the_same_physics(make: Callable[[], Array]) -> None:
    velocity = make()
    steps = 1001
    source_x = torch.tensor([0, 34])
    sources = torch.stack([torch.ones_like(source_x), source_x], dim=-1)[:, None]
    receivers = torch.stack([torch.ones(70, dtype=torch.long), torch.arange(70)], dim=-1)
    ricker = torch.zeros(2, 1, steps)
    ricker[..., :147] = torch.from_numpy(wave.wavelet())
    theirs = -deepwave.scalar(
        torch.from_numpy(velocity).float(),
        grid_spacing=10.0,
        dt=1e-3,
        source_amplitudes=ricker,
        source_locations=sources,
        receiver_locations=receivers.expand(2, -1, -1),
        accuracy=4,
        pml_width=40,
        pml_freq=15.0,
        courant_number=0.69,
    )[-1]
    theirs = theirs[:, :, 1:].permute(0, 2, 1).numpy()
    ours = wave.simulate(velocity[None], sources=[0, 34], sponge=240)[0]
    for channel in (0, 1):
        assert rms(ours[channel] - theirs[channel]) < 5e-4 * rms(ours[channel])


def test_source_and_receiver_change_places() -> None:
    velocity = blobs(5)
    gathers = wave.simulate(velocity[None], sources=[5, 60])[0]
    assert rms(gathers[0, :, 60]) > 0.1
    assert rms(gathers[0, :, 60] - gathers[1, :, 5]) < 2e-5


def test_symmetric_map_gives_mirrored_gathers_except_in_channel_2() -> None:
    half = blobs(6)[:, :35]
    velocity = np.concatenate([half, half[:, ::-1]], axis=1)
    cube = wave.simulate(velocity[None])[0]
    mirrored = cube[::-1, :, ::-1]
    for channel in (0, 1, 3, 4):
        assert rms(cube[channel] - mirrored[channel]) < 2e-5
    assert rms(cube[2] - mirrored[2]) > 0.1 * rms(cube[2])


def test_sixth_source_makes_the_flip_of_channel_2_exact() -> None:
    velocity = blobs(7)
    flipped = wave.simulate(velocity[None, :, ::-1], sources=[34])[0, 0]
    sixth = wave.simulate(velocity[None], sources=[35])[0, 0]
    assert rms(flipped - sixth[:, ::-1]) < 2e-5


@pytest.mark.parametrize("speed", [1500.0, 2500.0, 4500.0])
def test_direct_wave_arrives_at_distance_over_speed(speed: float) -> None:
    gather = wave.simulate(np.full((1, 70, 70), speed), sources=[0])[0, 0]
    # Between two receivers the same pulse is delayed by their distance over the speed.
    near, far = gather[:, 20], gather[:, 65]
    lag = np.argmax(np.correlate(far, near, mode="full")) - (len(near) - 1)
    assert abs(lag - 45 * 10 / speed / 1e-3) <= 3
    # Before the pulse, which begins at once, can be there, there is nothing.
    silent = int(65 * 10 / speed / 1e-3) - 20
    assert np.abs(far[:silent]).max() < 1e-4 * np.abs(far).max()


def test_sample_0_is_the_wavelets_first_value_scaled_by_the_cell() -> None:
    velocity = layered(1700, 2900)
    cube = wave.simulate(velocity[None])[0]
    for channel, x in enumerate(wave.SOURCE_X):
        expected = (1700e-3) ** 2 * wave.wavelet()[0]
        assert cube[channel, 0, x] == pytest.approx(expected, rel=1e-6)
        assert np.count_nonzero(cube[channel, 0]) == 1


def test_wavelet_is_a_unit_ricker_of_15_hz() -> None:
    w = wave.wavelet()
    assert w.shape == (147,)
    assert w.argmax() == 73
    assert w[73] == 1
    spectrum = np.abs(np.fft.rfft(w, 8000))
    assert np.fft.rfftfreq(8000, 1e-3)[spectrum.argmax()] == pytest.approx(15, abs=0.2)


def test_shapes_order_and_progress_of_a_batch() -> None:
    maps = np.stack([np.full((70, 70), v) for v in (1500.0, 3000.0, 4500.0)])
    seen: list[int] = []
    batch = wave.simulate(maps[:, None].astype(np.float32), threads=2, progress=seen.append)
    assert batch.shape == (3, 5, 1000, 70)
    assert batch.dtype == np.float32
    assert seen == [1, 2, 3]
    assert np.array_equal(batch[1:2], wave.simulate(maps[1:2], threads=1))
    assert wave.simulate(maps[:0]).shape == (0, 5, 1000, 70)


def test_record_is_the_same_bytes_with_any_number_of_threads() -> None:
    maps = np.stack([blobs(8), layered(2000, 4000)])
    assert wave.simulate(maps, threads=1).tobytes() == wave.simulate(maps, threads=3).tobytes()


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (np.nan, "finite"),
        (np.inf, "finite"),
        (6300.0, "unstable"),
        (900.0, "dispersion|cannot carry"),
        (0.0, "cannot carry"),
        (-2000.0, "cannot carry"),
    ],
)
def test_map_that_cannot_be_simulated_is_refused_by_place_and_value(
    value: float, reason: str
) -> None:
    maps = np.full((3, 70, 70), 3000.0)
    maps[1, 12, 34] = value
    with pytest.raises(DataError, match=reason) as refused:
        wave.simulate(maps)
    assert "map 1" in str(refused.value)
    assert f"{value:g} m/s at depth 12, x 34" in str(refused.value)
    assert "1500 to 4500" in str(refused.value)


def test_fastest_map_that_is_accepted_stays_finite_and_a_faster_one_blows_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limit = float(wave.stability_limit(5940.0))
    gather = wave.simulate(np.full((1, 70, 70), limit - 5), sources=[34])
    assert np.abs(gather).max() < 100
    monkeypatch.setattr(wave, "checked_maps", lambda velocity, sponge: np.asarray(velocity))
    unstable = wave.simulate(np.full((1, 70, 70), 6300.0), sources=[34])
    assert not np.abs(unstable).max() < 1e6


@pytest.mark.parametrize("shape", [(70, 70), (2, 70, 71), (2, 2, 70, 70)])
def test_wrong_shape_is_refused_with_the_one_expected(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match=r"\(N, 70, 70\)"):
        wave.simulate(np.full(shape, 3000.0))


def test_kilometres_a_second_are_recognised() -> None:
    with pytest.raises(DataError, match="km/s"):
        wave.simulate(np.full((1, 70, 70), 3.0))


def test_missing_device_is_named() -> None:
    absent = f"cuda:{torch.cuda.device_count()}"
    with pytest.raises(DeviceError, match=absent):
        wave.simulate(np.full((1, 70, 70), 3000.0), device=absent)
    with pytest.raises(DeviceError, match="bicycle"):
        wave.simulate(np.full((1, 70, 70), 3000.0), device="bicycle")


@pytest.mark.parametrize(
    "wrong", [{"sources": [70]}, {"sources": [-1]}, {"sponge": 1}, {"sponge": 241}, {"threads": -1}]
)
def test_impossible_arguments_are_refused_by_name(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        wave.simulate(np.full((1, 70, 70), 3000.0), **wrong)  # type: ignore[arg-type]
