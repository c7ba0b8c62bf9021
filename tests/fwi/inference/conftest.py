"""Checkpoints and records."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from fwi import config, predictions
from fwi.models import build
from tests.fwi.inference.asking import OIDS, asked, specproj
from tests.fwi.trees import cubes


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Networks that were not trained, as training leaves them; their heads differ from zero."""
    folder = tmp_path_factory.mktemp("checkpoints")
    for seed, name in enumerate(("a", "b", "c", "nan")):
        torch.manual_seed(seed)
        weights = specproj().state_dict()
        weights["head.weight"] = torch.randn_like(weights["head.weight"])
        if name == "nan":
            weights["head.bias"] = weights["head.bias"] * torch.nan
        torch.save({"config": {"model": "specproj"}, "model": weights}, folder / f"{name}.pt")
    return {path.stem: path for path in folder.iterdir()}


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """SpecProj is built at width 16."""
    monkeypatch.setattr(
        "fwi.trained.build",
        lambda name, **options: specproj() if name == "specproj" else build(name, **options),
    )


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six records of noise."""
    folder = tmp_path_factory.mktemp("records")
    for n, oid in enumerate(OIDS):
        np.save(folder / f"{oid}.npy", cubes(1, n, np.float16)[0])
    return folder


@pytest.fixture(scope="module")
def hgnet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of an HGNet as they are published."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("published") / "hgnet.pt"
    torch.save(build("hgnet", encoder="hgnetv2_b0").state_dict(), path)
    return path


@pytest.fixture
def re_pack(tmp_path: Path) -> Path:
    folder = tmp_path / "re-pack"
    folder.mkdir()
    for n, oid in enumerate(OIDS):
        np.save(folder / f"{oid}.npy", cubes(1, n, np.float16, (5, 72, 72))[0])
    return folder


@pytest.fixture
def chunks_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictions, "CHUNK", 2)


@pytest.fixture
def job(checkpoints: dict[str, Path], records: Path, tmp_path: Path) -> config.Infer:
    return asked(checkpoints["a"], data=records, out=tmp_path / "s.csv")
