"""Fixtures of the workload's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from fwi import models


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
