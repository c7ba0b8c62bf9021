"""Fixtures of the workload's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from fwi import models
from fwi.config import Synth
from fwi.synthesis import synthesise


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen simulated maps of two families: twelve to learn from, four to validate on."""
    folder = tmp_path_factory.mktemp("data")
    synthesise(
        Synth(families=("FlatVel_A", "FlatFault_A"), samples=8, samples_per_file=2,
              dtype="float16", out=folder)
    )  # fmt: skip
    return folder


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Several spin when others want the processor too."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def narrow_network(monkeypatch: pytest.MonkeyPatch, one_thread: None) -> None:
    """SpecProj at width 16, on one thread."""
    monkeypatch.setattr(
        "fwi.stepping.build",
        lambda name, **options: models.build(name, width=16, attention=1, **options),
    )
