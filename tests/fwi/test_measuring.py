"""The measure job, with a narrow network."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fwi.config import Measure
from fwi.measuring import measure
from probes import pulse


def test_real_steps_are_followed_apart_from_those_that_are_timed(
    narrow_network: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = tmp_path / "pulse"
    pulse.create(recorder)
    monkeypatch.setenv(pulse.ENVIRONMENT, str(recorder))
    out = tmp_path / "measured.json"
    measure(Measure(batch_size=3, device="cpu", warmup=1, steps=2, workers=1, out=out))
    found = json.loads(out.read_text())
    steady, first = found["tensors"]["steady"], found["tensors"]["first"]
    assert sum(steady["by_kind"].values()) == steady["bytes"]
    assert {"parameters", "optimizer", "ema", "activations", "inputs"} <= set(steady["by_kind"])
    assert "optimizer" not in first["by_kind"] or first["bytes"] <= steady["bytes"]
    assert [len(found["seconds"][name]) for name in ("warmup", "steady")] == [1, 2]
    assert found["samples_per_s"] > 0
    assert found["host"]["workers"] == 1
    assert found["host"]["peak_rss"] > found["host"]["base"] > 0
    assert found["device_memory"] is None
    beside = json.loads((tmp_path / "memory.json").read_text())
    assert beside["steady"] == steady
    assert beside["job"] == {"model": "specproj", "dtype": "fp32", "mode": "train"}
