"""Narrow networks, six records, and what the one says of the other."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fwi import config
from fwi.mirroring import mirrored
from fwi.models import build

OIDS = [f"{n:010x}" for n in range(7, 13)]


def specproj() -> torch.nn.Module:
    return build("specproj", width=16, attention=1)


def asked(*paths: Path, **options: Any) -> config.Infer:
    defaults = {"device": "cpu", "workers": 0, "batch_size": 3}
    return config.Infer(checkpoint=tuple(map(str, paths)), **defaults | options)


def by_hand(path: Path, records: Path, *, tta: bool = True) -> np.ndarray:
    """What a checkpoint predicts for the six records, (6, 70, 70) m/s."""
    network = specproj().eval()
    network.load_state_dict(torch.load(path, weights_only=True)["model"])
    cube = torch.from_numpy(np.stack([np.load(records / f"{oid}.npy") for oid in OIDS]))
    with torch.no_grad():
        found = network(cube)
        if tta:
            found = (found + network(mirrored(cube)).flip(3)) / 2
    return found[:, 0].numpy()


def table(path: Path) -> dict[str, list[float]]:
    """Rows by id, in the file's order."""
    with open(path, newline="") as file:
        _, *rows = csv.reader(file)
    return {name: [float(cell) for cell in cells] for name, *cells in rows}


def require_rows(path: Path, maps: np.ndarray, within: float) -> None:
    found = table(path)
    assert list(found) == [f"{oid}_y_{y}" for oid in OIDS for y in range(70)]
    expected = maps[:, :, 1::2].reshape(-1, 35)
    np.testing.assert_allclose(list(found.values()), expected, atol=within, rtol=0)
