"""Readings of torch's device allocator, and what they are where no device is in use."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from probes import _torch_private as private
from probes import allocation_history, allocator, pulse


@pytest.fixture
def recorder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A flight recorder that this process writes to."""
    pulse.detach()
    path = tmp_path / "pulse"
    pulse.create(path)
    monkeypatch.setenv(pulse.ENVIRONMENT, str(path))
    assert pulse.attach()
    yield path
    pulse.detach()


without_cuda = pytest.mark.skipif(torch.cuda.is_available(), reason="CUDA may be running")
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


@without_cuda
def test_nothing_is_known_and_nothing_written_where_cuda_does_not_run(recorder: Path) -> None:
    assert allocator.memory() is None
    allocator.Meter().read(now=True)
    assert allocator.Meter().lap() is None
    assert allocator.pinned() is None
    assert pulse.read(recorder).torch_allocated is None
    assert not allocator.snapshot(recorder.with_name("snapshot.pickle"))
    allocator.record_end()
    assert [path.name for path in recorder.parent.iterdir()] == ["pulse"]


def test_end_is_not_recorded_where_nobody_supervises(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(pulse.ENVIRONMENT, raising=False)
    monkeypatch.chdir(tmp_path)
    allocator.record_end()
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr().err == ""


@pytest.mark.gpu
@needs_cuda
def test_reading_follows_a_tensor_and_the_snapshot_names_its_segment(recorder: Path) -> None:
    held = torch.zeros(64 << 20, dtype=torch.uint8, device="cuda")
    allocator.Meter().read()
    record = pulse.read(recorder)
    assert record.torch_allocated is not None
    assert record.torch_reserved is not None
    assert held.nbytes <= record.torch_allocated <= record.torch_reserved
    allocator.record_end()
    content = pickle.loads(recorder.with_name("snapshot.pickle").read_bytes())
    assert any(segment["total_size"] >= held.nbytes for segment in content["segments"])


@pytest.mark.gpu
@needs_cuda
def test_laps_have_peaks_of_their_own_and_the_recorder_keeps_the_largest(recorder: Path) -> None:
    meter = allocator.Meter()
    meter.lap()
    large = torch.zeros(64 << 20, dtype=torch.uint8, device="cuda")
    size = large.nbytes
    del large
    first = meter.lap()
    second = meter.lap()
    assert first is not None
    assert second is not None
    assert second.peak_allocated + size <= first.peak_allocated
    assert pulse.read(recorder).torch_peak_allocated == first.peak_allocated


@pytest.mark.gpu
@needs_cuda
def test_end_tells_the_largest_allocation_and_the_line_that_made_it(recorder: Path) -> None:
    history = allocation_history.History(torch.device("cuda"))
    history.begin()
    held = torch.zeros(96 << 20, dtype=torch.uint8, device="cuda")
    with pytest.raises(torch.OutOfMemoryError):
        torch.empty(1 << 50, dtype=torch.uint8, device="cuda")
    allocator.record_end()
    private.record_allocations(0)
    told = json.loads(recorder.with_name("oom.json").read_text())
    assert told["largest"][0]["bytes"] >= held.nbytes
    assert "test_allocator.py" in told["largest"][0]["stack"][0]
