"""A packed record beside PyTorch's and NumPy's own operations, bit for bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from fwi import _packing_numba as kernels
from fwi.reduction import to_72
from fwi.repack import NotRepresentable, Repack, can_reduce, shape_of
from tests.fwi.trees import cubes

pytestmark = pytest.mark.usefixtures("one_thread")

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "000039dca2.npy"
FULL = (5, 1000, 70)


def packed(record: np.ndarray, size: str, dtype: str) -> np.ndarray:
    repack = Repack(record.shape, record.dtype, size, dtype)  # type: ignore[arg-type]
    repack.record[...] = record
    return np.frombuffer(bytes(repack()), dtype).reshape(shape_of(size))  # type: ignore[arg-type]


def by_the_recipe(record: np.ndarray, size: str, dtype: str) -> np.ndarray:
    """As the public re-pack was made: one gather at a time, in PyTorch."""
    gathers = []
    for gather in torch.from_numpy(record):
        made = gather.float()[None, None]
        if size != "full":
            made = F.interpolate(made, size=(70, 70), mode="area")
        if size == "72":
            made = F.pad(made, (1, 1, 1, 1), mode="replicate")
        gathers.append(made[0, 0].to(getattr(torch, dtype)))
    return torch.stack(gathers).numpy()


def same_bits(one: np.ndarray, other: np.ndarray) -> bool:
    return (
        one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    )


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("stored", [np.float32, np.float16])
@pytest.mark.parametrize("size", ["full", "70", "72"])
def test_every_bit_is_that_of_the_recipe(size: str, stored: type, dtype: str) -> None:
    # Scales from subnormal float16 to its end, where the order of the additions shows.
    for seed, scale in enumerate((1e-7, 1e-4, 1, 10, 12000)):
        record = np.clip(cubes(1, seed)[0] * scale, -65000, 65000).astype(stored)
        assert same_bits(packed(record, size, dtype), by_the_recipe(record, size, dtype))


@pytest.mark.skipif(not REAL.exists(), reason=f"{REAL.name}, a real record, is not here")
@pytest.mark.parametrize("size", ["full", "70", "72"])
def test_real_record_is_packed_bit_for_bit(size: str) -> None:
    record = np.load(REAL)
    assert same_bits(packed(record, size, "float16"), by_the_recipe(record, size, "float16"))
    assert same_bits(packed(record.astype(np.float32), size, "float16"),
                     by_the_recipe(record, size, "float16"))  # fmt: skip


def test_the_networks_own_reduction_on_the_device_gives_the_same() -> None:
    record = cubes(1, 7)[0]
    assert same_bits(
        packed(record, "72", "float16"), to_72(torch.from_numpy(record)[None])[0].numpy()
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(-40, 12))
def test_averages_are_added_up_in_pytorchs_order(seed: int, exponent: int) -> None:
    values = np.random.default_rng(seed).standard_normal((1, 1000, 70)) * 2.0**exponent
    gather = values.astype(np.float32)
    averages = np.empty((1, 70, 70), np.float32)
    kernels.average(gather, averages)
    area = F.interpolate(torch.from_numpy(gather)[None], size=(70, 70), mode="area")
    assert same_bits(averages, area[0].numpy())


@settings(max_examples=100, deadline=None)
@given(st.binary(min_size=256, max_size=256).map(lambda bits: np.frombuffer(bits, np.float32)))
def test_rounding_is_numpys_for_any_bits(values: np.ndarray) -> None:
    halves = np.empty(64, np.float16)
    largest = kernels.narrow(values, halves)
    with np.errstate(all="ignore"):
        expected = values.astype(np.float16)
    numbers = ~np.isnan(values)
    assert same_bits(halves[numbers], expected[numbers])
    assert (largest >= kernels.FLOAT16_INFINITY) == (not np.isfinite(expected).all())


def test_rounding_at_and_beside_every_float16_and_every_tie() -> None:
    finite = np.arange(65536, dtype=np.uint16).view(np.float16)
    finite = finite[np.isfinite(finite)]
    wide = finite.astype(np.float32)
    ties = wide.view(np.uint32) + np.uint32(0x1000)
    near = [bits + np.uint32(step) for bits in (wide.view(np.uint32), ties) for step in (0, 1)]
    near += [bits - np.uint32(1) for bits in (wide.view(np.uint32), ties)]
    subnormal = np.linspace(-(2.0**-13), 2.0**-13, 200_001, dtype=np.float32)
    values = np.concatenate([*(bits.view(np.float32) for bits in near), subnormal])
    values = values[~np.isnan(values)]
    halves = np.empty(values.shape, np.float16)
    kernels.narrow(values, halves)
    with np.errstate(over="ignore"):
        assert same_bits(halves, values.astype(np.float16))
    widened = np.empty(finite.shape, np.float32)
    kernels.widen(finite, widened)
    assert same_bits(widened, wide)


@pytest.mark.parametrize("size", ["full", "72"])
@pytest.mark.parametrize(
    ("stored", "dtype", "value"),
    [
        ("float32", "float16", np.nan),
        ("float32", "float16", np.inf),
        ("float32", "float16", -66000 * 16),
        ("float16", "float16", np.nan),
        ("float16", "float32", -np.inf),
        ("float32", "float32", np.nan),
    ],
)
def test_what_no_network_learns_from_is_refused(
    size: str, stored: str, dtype: str, value: float
) -> None:
    record = cubes(1, 0, stored)[0]
    record[3, 500, 7] = value
    with pytest.raises(NotRepresentable):
        packed(record, size, dtype)


def test_only_full_records_are_reduced() -> None:
    assert can_reduce(FULL, "72")
    assert can_reduce((5, 72, 72), "72")
    assert not can_reduce((5, 72, 72), "70")
    assert not can_reduce((5, 70, 70), "full")
