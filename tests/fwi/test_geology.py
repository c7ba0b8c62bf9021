"""The ten families: range, kind of numbers, reproducibility, and what each is known for."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from fwi.geology import velocity_maps
from fwi.layout import FAMILIES, Family

Maps = NDArray[np.float32]
LAYERED = [family for family in FAMILIES if not family.startswith("Style")]


def jumps(column: Maps) -> int:
    return int(np.count_nonzero(np.diff(column)))


def distinct(velocity: Maps) -> int:
    return len(np.unique(velocity))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_map_is_within_the_families_range(family: Family) -> None:
    maps = velocity_maps(family, 60, seed=1)
    assert maps.shape == (60, 70, 70)
    assert maps.dtype == np.float32
    assert maps.min() >= 1500
    assert maps.max() <= 4500
    assert len(np.unique(maps, axis=0)) == 60


@pytest.mark.parametrize("family", FAMILIES)
def test_whole_numbers_in_layers_and_continuous_values_in_styles(family: Family) -> None:
    maps = velocity_maps(family, 20)
    whole = np.all(maps == np.round(maps))
    assert whole == (family in LAYERED)


@pytest.mark.parametrize("family", FAMILIES)
def test_sample_depends_on_seed_family_and_index_alone(family: Family) -> None:
    together = velocity_maps(family, 12, seed=7)
    parts = [velocity_maps(family, n, seed=7, first=first) for first, n in ((0, 5), (5, 1), (6, 6))]
    assert np.array_equal(together, np.concatenate(parts))
    assert not np.array_equal(together, velocity_maps(family, 12, seed=8))


def test_families_of_one_seed_do_not_share_their_numbers() -> None:
    plain, faulted = velocity_maps("FlatVel_A", 30), velocity_maps("FlatVel_B", 30)
    shared = [np.intersect1d(a, b).size for a, b in zip(plain, faulted, strict=True)]
    assert sum(shared) < 10


def test_flat_families_do_not_change_along_x() -> None:
    for family in ("FlatVel_A", "FlatVel_B"):
        maps = velocity_maps(family, 40)
        assert np.all(maps == maps[:, :, :1])


def test_layers_are_3_to_8_and_the_ends_half_as_likely() -> None:
    counts = np.bincount([distinct(m) for m in velocity_maps("FlatVel_B", 2000)], minlength=9)
    assert counts[:3].sum() == 0
    assert len(counts) == 9
    ends, middle = counts[[3, 8]].mean(), counts[4:8].mean()
    assert 0.4 < ends / middle < 0.6


@pytest.mark.parametrize("family", ["FlatVel_A", "CurveVel_A"])
def test_velocity_grows_with_depth_in_vel_a(family: Family) -> None:
    assert np.all(np.diff(velocity_maps(family, 100), axis=1) >= 0)


@pytest.mark.parametrize("family", ["FlatVel_B", "CurveVel_B"])
def test_velocity_comes_in_any_order_in_vel_b(family: Family) -> None:
    steps = np.diff(velocity_maps(family, 200), axis=1)
    down = np.count_nonzero(steps < 0) / np.count_nonzero(steps)
    assert 0.4 < down < 0.6


def test_curved_horizons_are_one_wave_of_10_to_15_cells() -> None:
    found = 0
    for velocity in velocity_maps("CurveVel_A", 60):
        depths = [
            np.argmax(velocity >= value, axis=0)
            for value in np.unique(velocity)[1:]
            if np.all(velocity[0] < value) and np.all(velocity[-1] >= value)
        ]
        for depth in depths:
            found += 1
            assert 8 <= np.ptp(depth) <= 16
            assert np.abs((depth - depth.mean()) - (depths[0] - depths[0].mean())).max() < 2
    assert found > 60


@pytest.mark.parametrize("kind", ["Flat", "Curve"])
def test_fault_a_is_simpler_than_fault_b(kind: str) -> None:
    simple = [distinct(m) for m in velocity_maps(f"{kind}Fault_A", 300)]  # type: ignore[arg-type]
    crossed = [distinct(m) for m in velocity_maps(f"{kind}Fault_B", 300)]  # type: ignore[arg-type]
    assert max(simple) <= 4
    assert np.mean(np.asarray(simple) <= 2) > 0.5
    assert max(crossed) == 8
    assert np.mean(crossed) > 5.5


def test_flat_fault_breaks_horizons_that_are_flat_on_both_sides() -> None:
    broken = 0
    for velocity in velocity_maps("FlatFault_A", 100):
        # Moving along x, a flat map changes only where the fault is passed: once a row.
        changes = np.count_nonzero(np.diff(velocity, axis=1), axis=1)
        assert changes.max() <= 2
        broken += bool(changes.any())
    assert broken > 80


def test_faults_cross_in_b() -> None:
    # Between two crossing faults a row is broken up to twice; one fault breaks it once.
    a, b = (
        np.mean([np.count_nonzero(np.diff(m, axis=1)) for m in velocity_maps(f, 200)])
        for f in ("FlatFault_A", "FlatFault_B")
    )
    assert b > 2 * a


def test_style_b_is_sharper_than_style_a() -> None:
    def roughness(maps: Maps) -> float:
        return float(np.abs(np.diff(maps, axis=2)).mean())

    smooth, sharp = (roughness(velocity_maps(f, 200)) for f in ("Style_A", "Style_B"))
    assert sharp > 1.7 * smooth


@pytest.mark.parametrize(
    ("family", "length", "sigma", "noise"),
    [("Style_A", 3.48, 183.0, 0.0), ("Style_B", 1.96, 158.0, 58.0)],
)
def test_style_texture_has_the_fitted_length_and_spread(
    family: Family, length: float, sigma: float, noise: float
) -> None:
    maps = velocity_maps(family, 400).astype(np.float64)
    inside = maps[np.ptp(maps, axis=(1, 2)) < 2800]  # untouched by folding at the range's ends
    assert len(inside) > 100
    # Of a second difference the plane is gone, and its variance follows from the covariance.
    second = inside[:, :, 2:] - 2 * inside[:, :, 1:-1] + inside[:, :, :-2]
    correlation = np.exp(-(np.arange(3.0) ** 2) / (2 * length**2))
    expected = sigma**2 * (6 - 8 * correlation[1] + 2 * correlation[2]) + 6 * noise**2
    assert np.var(second) == pytest.approx(expected, rel=0.1)


def test_unknown_family_is_refused_with_the_ten() -> None:
    with pytest.raises(ValueError, match="Style_B"):
        velocity_maps("Salt", 1)  # type: ignore[arg-type]
