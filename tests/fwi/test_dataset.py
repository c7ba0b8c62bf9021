"""Samples read by position, by loaders, and from files that change under them."""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import resource
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from fwi import dataset, families
from fwi.config import Sharing
from fwi.dataset import EpochOrder, Samples, loader
from fwi.errors import DataError, DiskFullError
from fwi.sharing import shared_storage
from tests.fwi.trees import cubes, write_pair

CPU = torch.device("cpu")


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_sample_is_what_numpy_loads(tmp_path: Path, dtype: type) -> None:
    for n in range(2):
        write_pair(tmp_path, "FlatVel_A", n, samples=3, dtype=dtype)
    samples = Samples(families.index(tmp_path))
    for position in (0, 2, 3, 5, -1):
        cube, velocity = samples[position]
        file, inside = divmod(position % 6, 3)
        expected = np.load(tmp_path / f"FlatVel_A/data/data{file + 1}.npy")[inside]
        assert cube.dtype == torch.float16
        assert cube.shape == (5, 1000, 70)
        assert np.array_equal(cube.numpy(), expected.astype(np.float16))
        expected = np.load(tmp_path / f"FlatVel_A/model/model{file + 1}.npy")[inside]
        assert velocity.dtype == torch.float32
        assert velocity.shape == (1, 70, 70)
        assert np.array_equal(velocity.numpy(), expected)
    with pytest.raises(IndexError):
        samples[6]


def test_records_without_maps_are_cubes_alone(tmp_path: Path) -> None:
    np.save(tmp_path / "0000aaaa01.npy", cubes(1, 0, np.float16)[0])
    samples = Samples(families.index_test(tmp_path))
    assert isinstance(samples[0], torch.Tensor)
    [batch] = loader(samples, batch_size=4, workers=0, device=CPU)
    assert batch.shape == (1, 5, 1000, 70)


@pytest.mark.parametrize("workers", [0, 2])
def test_loader_gives_every_sample_once_in_the_order_of_its_sampler(
    tmp_path: Path, workers: int
) -> None:
    for n in range(3):
        write_pair(tmp_path, "Style_A", n, samples=3, dtype=np.float16)
    samples = Samples(families.index(tmp_path))
    order = EpochOrder(len(samples), seed=1, epoch=2)
    batches = list(loader(samples, batch_size=4, workers=workers, device=CPU, sampler=order))
    assert [len(cube) for cube, _ in batches] == [4, 4, 1]
    expected = [samples[position] for position in order]
    assert torch.equal(
        torch.cat([cube for cube, _ in batches]), torch.stack([c for c, _ in expected])
    )
    assert torch.equal(torch.cat([m for _, m in batches]), torch.stack([m for _, m in expected]))


def test_loader_keeps_its_promises(tmp_path: Path) -> None:
    write_pair(tmp_path, "Style_A", 0)
    samples = Samples(families.index(tmp_path))
    default = loader(samples, batch_size=1, device=CPU)
    assert (default.num_workers, default.persistent_workers, default.pin_memory) == (2, True, False)
    alone = loader(samples, batch_size=1, workers=0, device=CPU)
    assert (alone.persistent_workers, alone.prefetch_factor) == (False, None)
    assert loader(samples, batch_size=1, device=torch.device("cuda")).pin_memory


def test_batch_of_a_worker_is_made_in_shared_memory(tmp_path: Path) -> None:
    """Says when torch's private constructor of shared storage changes."""
    write_pair(tmp_path, "Style_A", 0)
    samples = _Telling(families.index(tmp_path))
    [said] = torch.utils.data.DataLoader(
        samples, batch_size=2, num_workers=1, collate_fn=lambda batch: batch
    )
    assert said == [True, True]


class _Telling(Samples):
    def __getitems__(self, positions):  # type: ignore[no-untyped-def]
        return [tensor.is_shared() for tensor in super().__getitems__(positions)]


def test_descriptors_are_bounded_and_given_back(tmp_path: Path) -> None:
    for n in range(dataset.OPEN_FILES + 8):
        write_pair(tmp_path, "FlatVel_A", n, samples=1, dtype=np.float16)
    before = len(os.listdir("/proc/self/fd"))
    samples = Samples(families.index(tmp_path))
    for position in range(len(samples)):
        samples[position]
        assert len(os.listdir("/proc/self/fd")) - before <= 2 * dataset.OPEN_FILES
    del samples
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("workers", [0, 1])
def test_file_cut_after_indexing_is_a_data_error_with_its_name(
    tmp_path: Path, workers: int
) -> None:
    seismic, _ = write_pair(tmp_path, "FlatVel_A", 0, samples=2, dtype=np.float16)
    samples = Samples(families.index(tmp_path))
    os.truncate(seismic, seismic.stat().st_size - 700)
    with pytest.raises(DataError, match=r"data1\.npy: sample 1 ends after"):
        list(loader(samples, batch_size=2, workers=workers, device=CPU))
    seismic.unlink()
    fresh = Samples(samples.index)
    with pytest.raises(DataError, match=r"data1\.npy: sample 0 cannot be read: No such file"):
        fresh[0]


@pytest.mark.parametrize("position", [-1, 4])
def test_position_outside_of_the_index_is_never_read(tmp_path: Path, position: int) -> None:
    write_pair(tmp_path, "FlatVel_A", 0)
    write_pair(tmp_path, "FlatVel_A", 1)
    with pytest.raises(IndexError, match=f"sample {position} of 4"):
        Samples(families.index(tmp_path)).__getitems__([0, position])


def test_lack_of_descriptors_is_not_held_against_the_file(tmp_path: Path) -> None:
    write_pair(tmp_path, "FlatVel_A", 0)
    samples = Samples(families.index(tmp_path))
    free = os.open("/", os.O_RDONLY)
    os.close(free)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, limits[1]))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            samples[0]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_spawned_worker_opens_its_own_files(tmp_path: Path) -> None:
    write_pair(tmp_path, "FlatVel_A", 0, dtype=np.float16)
    samples = Samples(families.index(tmp_path))
    samples[0]
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(_sum, (samples,)) == float(samples[1][0].float().sum())


def _sum(samples: Samples) -> float:
    return float(samples[1][0].float().sum())


def test_epoch_order_is_a_permutation_that_can_be_taken_up() -> None:
    whole = list(EpochOrder(100, seed=5, epoch=3))
    assert sorted(whole) == list(range(100))
    assert list(EpochOrder(100, seed=5, epoch=3, start=37)) == whole[37:]
    assert list(EpochOrder(100, seed=5, epoch=4)) != whole
    assert list(EpochOrder(100, seed=6, epoch=3)) != whole
    assert len(EpochOrder(100, seed=5, epoch=3, start=37)) == 63


@pytest.mark.parametrize(("sharing", "place"), [("auto", "/dev/shm/"), ("file_system", "/tmp")])
def test_batches_are_shared_where_they_are_asked_to_be(
    tmp_path: Path, sharing: Sharing, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if place == "/tmp":
        place = str(tmp_path)
        monkeypatch.setattr(tempfile, "tempdir", place)
    write_pair(tmp_path, "Style_A", 0, samples=4, dtype=np.float16)
    left = sorted(tmp_path.iterdir())
    samples = Samples(families.index(tmp_path))
    batches = list(loader(samples, batch_size=2, workers=1, device=CPU, sharing=sharing))
    [at] = [
        line.split(None, 5)[5]
        for line in Path("/proc/self/maps").read_text().splitlines()
        if covers(line, batches[0][0].data_ptr())
    ]
    assert at.startswith(place)
    assert torch.equal(
        torch.cat([cube for cube, _ in batches]), torch.stack([samples[i][0] for i in range(4)])
    )
    assert sorted(tmp_path.iterdir()) == left


def covers(line: str, address: int) -> bool:
    first, _, end = line.split()[0].partition("-")
    return int(first, 16) <= address < int(end, 16)


def test_batch_that_the_temporary_folder_cannot_hold_is_a_full_disk() -> None:
    with limited_file_size(1 << 20), pytest.raises(DiskFullError, match=r"a batch of 2 MiB"):
        shared_storage(2 << 20, "file_system")


@contextlib.contextmanager
def limited_file_size(limit: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_loader_prepares_and_pins_as_told(tmp_path: Path) -> None:
    write_pair(tmp_path, "Style_A", 0)
    samples = Samples(families.index(tmp_path))
    gpu = torch.device("cuda")
    told = loader(samples, batch_size=1, device=gpu, prefetch=5, pin_memory=False)
    assert (told.prefetch_factor, told.pin_memory) == (5, False)
