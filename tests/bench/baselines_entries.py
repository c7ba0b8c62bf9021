"""What is compared on what: the set, the budget, the networks and how each is trained."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from typing import Literal

from fwi import config
from fwi.layout import FAMILIES

Kind = Literal["time", "samples"]


@dataclass(frozen=True)
class Settings:
    """What the networks are compared on."""

    device: Literal["cpu", "cuda"] = "cpu"
    minutes: float = 20.0
    """Of training for each network: of processor time on a CPU, of wall-clock time on a GPU."""
    maps: int = 100
    """Training maps a family."""
    file: int = 25
    """Maps a file; one file of each family validates."""
    seed: int = 20
    """Of the maps."""
    batch_size: int = 16
    workers: int = 1
    threads: int | None = None
    """Of torch on a CPU; None: its own choice."""

    @classmethod
    def of_gpu(cls, minutes: float = 15.0, maps: int = 2000) -> Settings:
        workers = min(8, len(os.sched_getaffinity(0)))
        return cls("cuda", minutes, maps, 100, batch_size=64, workers=workers)

    @property
    def name(self) -> str:
        told = hashlib.sha256(json.dumps(asdict(self)).encode()).hexdigest()[:8]
        return f"baselines-{self.device}-{told}"

    @property
    def training(self) -> int:
        return self.maps * len(FAMILIES)

    @property
    def validation(self) -> int:
        return self.file * len(FAMILIES)


@dataclass(frozen=True)
class Entry:
    """A network and how it is trained."""

    model: config.Model
    encoder: str | None = None
    lr: float = 1e-3
    weight_decay: float = 1e-2
    recipe: str = "AdamW 1e-3"
    mirrored: bool = False
    """Validated by two passes, the second on the mirrored record."""

    @property
    def name(self) -> str:
        return f"{self.model} ({self.encoder})" if self.encoder else self.model

    @property
    def is_published(self) -> bool:
        """Of the size that the public baseline has; smaller ones are trained beside it, because
        they get further in a short time."""
        return self.encoder is not None and self.encoder == config.ENCODERS[self.model]


ENTRIES = (
    Entry("specproj"),
    Entry("hgnet", "hgnetv2_b2", weight_decay=0.0, recipe="Adam 1e-3, as published", mirrored=True),
    Entry("hgnet", "hgnetv2_b0", weight_decay=0.0, recipe="Adam 1e-3, as published", mirrored=True),
    Entry("convnext", "convnext_small", mirrored=True),
    Entry("convnext", "convnext_atto", mirrored=True),
    Entry("inversionnet", lr=3e-4, weight_decay=1e-4, recipe="AdamW 3e-4, decay 1e-4"),
)
MEASURED_ALONE = (Entry("caformer", "caformer_b36", mirrored=True),)
"""Not trained here: its steps alone are measured, two samples at a time on a CPU."""
