"""The options of the synth job, and the small set that a training without data simulates."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fwi.config.checks import Require, is_device
from fwi.config.choices import SMALL_SET_FAMILIES
from fwi.config.places import cache_dir
from fwi.layout import FAMILIES, SAMPLES_PER_FILE, Family


@dataclass(frozen=True, kw_only=True)
class Synth:
    """Make velocity maps and simulate their seismic gathers, in OpenFWI's layout."""

    families: tuple[Family, ...] = FAMILIES
    """Families to make."""
    samples: int = SAMPLES_PER_FILE
    """Samples a family."""
    out: Path = Path("data")
    """Folder to write to; what is there and complete is kept."""
    seed: int = 0
    """Seed of the maps; the same seed gives the same files."""
    samples_per_file: int = SAMPLES_PER_FILE
    """Samples a file."""
    dtype: Literal["float32", "float16"] = "float32"
    """Number type of the files; float16 is the re-pack's."""
    device: str = "cpu"
    """Where the wave equation is solved: cpu, cuda or cuda:N."""
    threads: int = 0
    """Threads of the CPU solver; 0: one for each processor this process may use."""

    def problems(self) -> list[str]:
        """What is wrong, each line naming the option, its value and what fits."""
        require = Require(self)
        require("device", is_device(self.device) and self.device != "auto", "cpu, cuda or cuda:N")
        require("seed", 0 <= self.seed < 2**63, "a whole number from 0")
        require("samples", self.samples >= 1, "a whole number from 1")
        require("samples_per_file", self.samples_per_file >= 1, "a whole number from 1")
        require("threads", self.threads >= 0, "a whole number from 0")
        require("families", bool(self.families), "at least one family")
        return require.found


def small_set(seed: int = 0, families: tuple[Family, ...] = ()) -> Synth:
    """The set that ``train`` simulates when it is given no data: tens of maps, small files.

    Its folder is named after what is in it, so that other seeds and families stand beside it.
    """
    families = families or SMALL_SET_FAMILIES
    name = f"small-seed{seed}-" + "-".join(f.replace("_", "") for f in families)
    return Synth(
        families=families,
        samples=32,
        samples_per_file=8,
        out=cache_dir() / name,
        seed=seed,
        dtype="float16",
    )
