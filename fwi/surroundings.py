"""Where this runs, Kaggle, Colab or a machine of one's own, and where its data lies."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fwi.layout import FAMILIES

_DEPTH = 4
"""Folders below a place that are looked into: /kaggle/input/competitions/<name>/train_samples."""
_TEST_NAME = re.compile(r"^[0-9a-f]{10}\.npy$")


@dataclass(frozen=True)
class Surroundings:
    """What was found; None where nothing was."""

    host: Literal["kaggle", "colab", "local"]
    work: Path
    """Where results are kept."""
    data: tuple[Path, ...]
    """Folders with families, the one with the most of them first."""
    test: Path | None
    """The folder of the competition's test records."""
    sample_submission: Path | None


def look_around(
    root: Path = Path("/"),
    environment: Mapping[str, str] = os.environ,
    here: Path | None = None,
) -> Surroundings:
    """Look for data where each host has it: /kaggle/input; Colab's /content with a mounted drive;
    else $FWI_DATA, the working folder ``here`` and its data/. Folders are looked at, no file is
    read.
    """
    here = here or Path.cwd()
    own = [Path(environment["FWI_DATA"])] if environment.get("FWI_DATA") else []
    host: Literal["kaggle", "colab", "local"]
    if "KAGGLE_KERNEL_RUN_TYPE" in environment or (root / "kaggle/input").is_dir():
        host, work, places = "kaggle", root / "kaggle/working", [root / "kaggle/input"]
    elif "COLAB_RELEASE_TAG" in environment:
        host, work = "colab", root / "content"
        places = [work, work / "drive/MyDrive"]
    else:
        host, work, places = "local", here, [here / "data", here]
    families: dict[Path, set[str]] = {}
    tests: list[Path] = []
    samples: list[Path] = []
    for place in [*own, *places]:
        for folder in _folders(place, _DEPTH):
            if folder.name in FAMILIES:
                families.setdefault(folder.parent, set()).add(folder.name)
            elif folder.name == "test" and _holds_records(folder):
                tests.append(folder)
            if (folder / "sample_submission.csv").is_file():
                samples.append(folder / "sample_submission.csv")
    return Surroundings(
        host=host,
        work=work,
        data=tuple(sorted(families, key=lambda folder: -len(families[folder]))),
        test=next(iter(tests), None),
        sample_submission=next(iter(samples), None),
    )


def _folders(place: Path, depth: int) -> Iterator[Path]:
    """``place`` and what is below it, not into families or records: those hold many files."""
    yield place
    if depth == 0 or place.name in FAMILIES or place.name == "test":
        return
    try:
        with os.scandir(place) as entries:
            inner = sorted(e.name for e in entries if e.name[0] != "." and e.is_dir())
    except OSError:
        return
    for name in inner:
        yield from _folders(place / name, depth - 1)


def _holds_records(folder: Path) -> bool:
    with os.scandir(folder) as entries:
        return any(_TEST_NAME.match(entry.name) for entry in entries)
