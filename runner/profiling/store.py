"""Where a profile stands: ``runs/profiles/<id>/`` with what was asked and a file a row.

A row's file is written when the row is done, whole or not at all; so a profile that was killed at
any moment goes on with the first row that has none.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from probes import files
from runner import machine_json, paths
from runner.profiling.configuration import Configuration, Matrix
from runner.profiling.row import Row, row_of
from runner.report import forms, told

_FOLDER, _DESCRIPTION, _ROWS = "profiles", "profile.json", "rows"


class NoProfile(Exception):
    """There is no such profile, or it cannot be read; says what to do."""


@dataclass(frozen=True)
class Profile:
    """What was asked, and what is known so far."""

    folder: Path
    matrix: Matrix
    description: Mapping[str, Any]
    """``device``: cpu or cuda:N; ``machine``: facts of it; ``started``; ``steps`` and ``warmup`` of
    a row."""

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def device(self) -> str:
        return str(self.description.get("device", "cpu"))

    @property
    def steps(self) -> int:
        """Timed steps of a row."""
        return int(self.description["steps"])

    @property
    def warmup(self) -> int:
        """Steps before them."""
        return int(self.description["warmup"])

    @property
    def page(self) -> Path:
        return self.folder / "report.html"

    def rows(self) -> list[Row]:
        """Those that are there, in the matrix's order. A file that is none is taken as missing."""
        return [row for one in self.matrix.configurations() if (row := self.row(one)) is not None]

    def row(self, configuration: Configuration) -> Row | None:
        with suppress(OSError, ValueError, RecursionError):
            row = row_of(json.loads(self._file(configuration).read_text("utf-8")))
            if row.configuration == configuration:
                return row
        return None

    def keep(self, row: Row) -> None:
        """Raises OSError."""
        files.write_text(self._file(row.configuration), machine_json.dumps(row.as_dict()) + "\n")

    def _file(self, configuration: Configuration) -> Path:
        return self.folder / _ROWS / configuration.file_name


def begin(runs: Path, matrix: Matrix, description: Mapping[str, Any]) -> Profile:
    """A new profile. Raises OSError where its folder cannot be made."""
    folder = _profiles(runs) / paths.new_run_id("profile", "")
    (folder / _ROWS).mkdir(parents=True)
    content = {"schema": 1, "matrix": matrix.as_dict(), **description}
    files.write_text(folder / _DESCRIPTION, machine_json.dumps(content, indent=2) + "\n")
    return Profile(folder, matrix, description)


def find(runs: Path, name: str) -> Profile:
    """By its id, ``last``, or its folder's path. Raises NoProfile."""
    if name == "last":
        there = sorted(_profiles(runs).glob(f"*/{_DESCRIPTION}"))
        if not there:
            raise NoProfile(
                f"no profile in {_profiles(runs)} yet: `python -m runner profile` makes one"
            )
        return _read(there[-1].parent)
    for folder in (Path(name), _profiles(runs) / name if paths.is_run_id(name) else None):
        # os.path: a name that is too long, or may not be looked at, is no profile's.
        if folder is not None and os.path.isfile(folder / _DESCRIPTION):
            return _read(folder)
    known = [path.parent.name for path in sorted(_profiles(runs).glob(f"*/{_DESCRIPTION}"))]
    raise NoProfile(
        f"no profile {name} in {_profiles(runs)}; there: {', '.join(known[-5:]) or 'none'}"
    )


def is_profile(runs: Path, name: str) -> bool:
    return paths.is_run_id(name) and (_profiles(runs) / name / _DESCRIPTION).is_file()


def _read(folder: Path) -> Profile:
    path = folder / _DESCRIPTION
    try:
        found = json.loads(path.read_text("utf-8"))
        matrix = Matrix.of(found["matrix"])
        for name, least in (("steps", 1), ("warmup", 0)):
            if not _is_whole(found.get(name), least):
                raise ValueError(
                    f"{name} {found.get(name)!r}: expected a whole number from {least}"
                )
        where = told.place(forms.DESCRIPTION["machine"], found.get("machine"))
        if where is not None:
            raise ValueError(f"its machine is damaged at {where}")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise NoProfile(f"{path} is not what profile writes there: {error}") from error
    return Profile(folder, matrix, {k: v for k, v in found.items() if k != "matrix"})


def _is_whole(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _profiles(runs: Path) -> Path:
    return runs / _FOLDER
