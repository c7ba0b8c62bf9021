"""The OpenFWI and Kaggle layouts → an index of samples.

A file is known by the last parts of its path alone, so a parent folder may be called anything, also
``data`` or ``seismic``; above the family's folder there may be any number of levels.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from fwi.errors import DataError
from fwi.folds import Folds, read_folds
from fwi.layout import CUBE_SHAPE, FAMILIES, MAP_SHAPE, REDUCED_SHAPES, seismic_number
from fwi.npy import Header, read_header
from fwi.sample_index import NO_FOLD, Index
from fwi.splits import Split, split

__all__ = [
    "CUBE_SHAPES",
    "Index",
    "Split",
    "holds",
    "index",
    "index_test",
    "split",
    "velocity_name",
]

CUBE_SHAPES = (CUBE_SHAPE, *REDUCED_SHAPES)
"""The record as it is, and the re-packs reduced in time."""

_SHOWN = 5
_VELOCITY_NAME = re.compile(r"^(vel\d+_1_\d+|model\d+)\.npy$")


@dataclass(frozen=True)
class _Pair:
    family: str
    seismic: Path
    velocity: Path
    header: Header
    velocity_header: Header
    fold: int


def index(root: Path, families: Sequence[str] = ()) -> Index:
    """The labelled samples below ``root``: OpenFWI's originals, Kaggle's samples, a re-pack.

    ``families``: only these; all that are there by default. A link to a folder is followed once.

    Raises DataError that names every file (the first five, and how many more) that is truncated,
    not of the expected shape or type, or without its other half; a family that is not there; a
    folder with nothing to train on.
    """
    if not root.is_dir():
        raise DataError(f"{root}: no such folder; expected one with OpenFWI or Kaggle files")
    found = _find(root)
    there = found.families()
    wanted = list(families) or [name for name in FAMILIES if name in there]
    missing = [name for name in wanted if name not in there]
    if missing or not wanted:
        raise DataError(
            f"{root}: no files of {', '.join(missing) or 'any family'}; families there: "
            f"{', '.join(sorted(there)) or 'none'}. "
            f"Expected <Family>/data/data1.npy with <Family>/model/model1.npy, or "
            f"<Family>/seis2_1_0.npy with <Family>/vel2_1_0.npy"
        )
    problems: list[str] = []
    pairs = [
        pair
        for family, path in sorted(found.seismic)
        if family in wanted
        for pair in [_checked(found, family, path, problems)]
        if pair is not None
    ]
    problems += [
        f"{path}: a velocity file without its seismic file; copy that too, or take this one away"
        for (family, _), path in found.widowed()
        if family in wanted
    ]
    shapes = sorted({pair.header.shape[1:] for pair in pairs})
    if len(shapes) > 1 and not problems:
        examples = [next(p for p in pairs if p.header.shape[1:] == shape) for shape in shapes]
        problems += [f"{p.seismic}: cubes of {p.header.shape[1:]}" for p in examples]
        problems.append("a folder must hold one size of cubes: name the folder of one of them")
    _refuse(problems)
    return _labelled(root, tuple(wanted), pairs)


def index_test(root: Path) -> Index:
    """The competition's test records: ``<oid>.npy`` below ``root`` or ``root/test``.

    A file is one sample, (5, 1000, 70) or reduced in time as a re-pack's, all of one shape; the
    file's name without its ending is the oid. Raises DataError as :func:`index` does.
    """
    folder = root / "test" if (root / "test").is_dir() else root
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; expected one with <oid>.npy files")
    with os.scandir(folder) as entries:
        names = sorted(e.name for e in entries if e.name.endswith(".npy") and e.name[0] != ".")
    if not names:
        raise DataError(
            f"{folder}: no .npy files; expected <oid>.npy, one record a file. Records whose maps "
            "are known lie by families: those are for the train and evaluate jobs"
        )
    problems: list[str] = []
    shape = None
    offsets, halves = np.zeros(len(names), np.int64), np.zeros(len(names), np.bool_)
    for n, name in enumerate(names):
        try:
            header = read_header(folder / name)
            _require_record(folder / name, header, shape)
            shape = header.shape
            offsets[n], halves[n] = header.offset, header.dtype == np.float16
        except DataError as error:
            problems.append(str(error))
    _refuse(problems)
    return Index(
        root=folder,
        shape=shape,  # type: ignore[arg-type]
        names=("test",),
        seismic=np.array([os.fsencode(name) for name in names], dtype=np.bytes_),
        velocity=None,
        family=np.zeros(len(names), np.int8),
        fold=np.full(len(names), NO_FOLD, np.int16),
        start=np.arange(len(names) + 1, dtype=np.int64),
        offset=offsets,
        half=halves,
    )


def holds(root: Path) -> tuple[bool, bool]:
    """Whether there are files of families below ``root``, and whether there are test records.

    Raises DataError where a folder or a folds.csv cannot be read.
    """
    folder = root / "test" if (root / "test").is_dir() else root
    with os.scandir(folder) as entries:
        tests = any(
            e.name.endswith(".npy")
            and e.name[0] != "."
            and seismic_number(e.name) is None
            and not _VELOCITY_NAME.match(e.name)
            for e in entries
        )
    return bool(_find(root).families()), tests


@dataclass
class _Found:
    seismic: list[tuple[str, Path]] = field(default_factory=list)
    """Family and file."""
    velocity: dict[tuple[str, str], Path] = field(default_factory=dict)
    """By family and file name."""
    folds: Folds = field(default_factory=Folds)

    def families(self) -> set[str]:
        """Those with seismic files, or with velocity files that wait for some."""
        return {family for family, _ in self.seismic} | {key[0] for key, _ in self.widowed()}

    def widowed(self) -> list[tuple[tuple[str, str], Path]]:
        """Velocity files whose seismic file is not there.

        None beside a re-pack of some files: its maps lie in a tree of all of them.
        """
        if self.folds.rows:
            return []
        expected = {(family, velocity_name(path.name)) for family, path in self.seismic}
        return sorted(item for item in self.velocity.items() if item[0] not in expected)


def _find(root: Path) -> _Found:
    found = _Found()
    tables = []
    for folder, names in _walk(root):
        if "folds.csv" in names:
            tables.append(read_folds(folder / "folds.csv"))
        family = _family_of(folder)
        if family is None:
            continue
        for name in names:
            if seismic_number(name) is not None:
                found.seismic.append((family, folder / name))
            elif _VELOCITY_NAME.match(name):
                found.velocity.setdefault((family, name), folder / name)
    if not tables and _family_of(root) is not None and (root.parent / "folds.csv").is_file():
        tables.append(read_folds(root.parent / "folds.csv"))
    if any(table.rows != tables[0].rows for table in tables):
        both = " and ".join(str(table.folder / "folds.csv") for table in tables[:2])
        raise DataError(f"{both} differ: name the folder of one re-pack")
    found.folds = tables[0] if tables else Folds()
    return found


def _walk(root: Path) -> Iterator[tuple[Path, list[str]]]:
    """Folders with their file names, hidden ones left out; each real folder once."""
    seen: set[tuple[int, int]] = set()
    for folder, inner, names in os.walk(root, followlinks=True, onerror=_refuse_folder):
        status = os.stat(folder)
        if (status.st_dev, status.st_ino) in seen:
            inner.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        yield Path(folder), sorted(name for name in names if not name.startswith("."))


def _refuse_folder(error: OSError) -> None:
    # os.walk passes over it by default, and half of the files would be missed.
    raise DataError(f"{error.filename}: folder cannot be read: {error.strerror}") from error


def _family_of(folder: Path) -> str | None:
    """The family that a folder belongs to, by its own name or that of the folder around
    ``data`` and ``model``."""
    parts = Path(os.path.abspath(folder)).parts
    if parts[-1] in FAMILIES:
        return parts[-1]
    if parts[-1] in ("data", "model") and len(parts) > 1 and parts[-2] in FAMILIES:
        return parts[-2]
    return None


def _checked(found: _Found, family: str, path: Path, problems: list[str]) -> _Pair | None:
    velocity = _velocity_of(found, family, path)
    if velocity is None:
        problems.append(
            f"{path}: without its velocity file ({velocity_name(path.name)}); expected it beside "
            f"it, in ../model, or where folds.csv says"
        )
        return None
    try:
        header, map_header = read_header(path), read_header(velocity)
        _require_any(path, header)
        samples = header.shape[0]
        _require(velocity, map_header, (samples, 1, *MAP_SHAPE), f"the maps of {path.name}")
    except DataError as error:
        problems.append(str(error))
        return None
    fold = found.folds.fold(family, path.name)
    return _Pair(family, path, velocity, header, map_header, fold)


def velocity_name(seismic: str) -> str:
    """``seis2_1_0.npy`` → ``vel2_1_0.npy``, ``data1.npy`` → ``model1.npy``."""
    if seismic.startswith("seis"):
        return "vel" + seismic.removeprefix("seis")
    return "model" + seismic.removeprefix("data")


def _velocity_of(found: _Found, family: str, path: Path) -> Path | None:
    name = velocity_name(path.name)
    places = [path.with_name(name), *found.folds.places(family, path.name)]
    if path.parent.name == "data":
        places.insert(1, path.parent.parent / "model" / name)
    if (family, path.name) in found.folds.rows and (family, name) in found.velocity:
        # Only for a re-pack: elsewhere the same name may stand for other maps.
        places.append(found.velocity[family, name])
    return next((place for place in places if os.path.exists(place)), None)


def _require_any(path: Path, header: Header) -> None:
    if len(header.shape) != 4 or header.shape[1:] not in CUBE_SHAPES or header.shape[0] < 1:
        sizes = " or ".join(f"(n, {', '.join(map(str, shape))})" for shape in CUBE_SHAPES)
        raise DataError(f"{path}: shape {header.shape}, expected {sizes}, n from 1")
    _require_type(path, header)


def _require_record(path: Path, header: Header, others: tuple[int, ...] | None) -> None:
    """One record, of the shape of those before it."""
    wanted = CUBE_SHAPES if others is None else (others,)
    if header.shape not in wanted:
        expected = " or ".join(map(str, wanted))
        as_others = ", as the records before it" if others is not None else ", one record"
        raise DataError(f"{path}: shape {header.shape}, expected {expected}{as_others}")
    _require_type(path, header)


def _require(path: Path, header: Header, shape: tuple[int, ...], what: str) -> None:
    if header.shape != shape:
        raise DataError(f"{path}: shape {header.shape}, expected {shape}, {what}")
    _require_type(path, header)


def _require_type(path: Path, header: Header) -> None:
    if header.dtype not in (np.dtype("<f2"), np.dtype("<f4")):
        raise DataError(
            f"{path}: type {header.dtype.str}, expected little-endian float32 or float16; "
            f"convert it with astype"
        )


def _refuse(problems: list[str]) -> None:
    if problems:
        more = len(problems) - _SHOWN
        shown = problems[:_SHOWN] + ([f"… and {more} more files"] if more > 0 else [])
        raise DataError("\n".join(shown))


def _labelled(root: Path, names: tuple[str, ...], pairs: Sequence[_Pair]) -> Index:
    def spelled(path: Path) -> bytes:
        return os.fsencode(path.relative_to(root) if path.is_relative_to(root) else path.absolute())

    return Index(
        root=root,
        shape=pairs[0].header.shape[1:],  # type: ignore[arg-type]
        names=names,
        seismic=np.array([spelled(pair.seismic) for pair in pairs], dtype=np.bytes_),
        velocity=np.array([spelled(pair.velocity) for pair in pairs], dtype=np.bytes_),
        family=np.array([names.index(pair.family) for pair in pairs], dtype=np.int8),
        fold=np.array([pair.fold for pair in pairs], dtype=np.int16),
        start=np.concatenate([[0], np.cumsum([p.header.shape[0] for p in pairs])]).astype(np.int64),
        offset=np.array([pair.header.offset for pair in pairs], dtype=np.int64),
        half=np.array([pair.header.dtype == np.float16 for pair in pairs], dtype=np.bool_),
        velocity_offset=np.array([p.velocity_header.offset for p in pairs], dtype=np.int64),
        velocity_half=np.array([p.velocity_header.dtype == np.float16 for p in pairs], np.bool_),
    )
