"""The 72×72 re-pack's ``folds.csv``: which files validate, and where their maps are."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from fwi.errors import DataError
from fwi.sample_index import NO_FOLD
from probes import files

_COLUMNS = ("dataset", "fold", "data_fpath", "label_fpath")


@dataclass(frozen=True)
class Folds:
    """The table's rows by (family, name of the seismic file)."""

    folder: Path = Path()
    """Where the table stands."""
    rows: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    """(fold, path of the maps as the table spells it)."""

    def fold(self, family: str, name: str) -> int:
        return self.rows.get((family, name), (NO_FOLD, ""))[0]

    def places(self, family: str, name: str) -> Iterator[Path]:
        """Where the maps of a seismic file may be, the likeliest first.

        As the table spells it, absolute or from its own folder; then, because the table was
        written on another machine, its last parts from the family's folder up, below the table's
        folder and beside it.
        """
        _, label = self.rows.get((family, name), (NO_FOLD, ""))
        if not label:
            return
        yield self.folder / label
        parts = [part for part in Path(label).parts if part not in ("/", "..")]
        if family not in parts:
            yield self.folder.parent / label
            return
        last = len(parts) - 1 - parts[::-1].index(family)
        for first in range(last + 1):
            for folder in (self.folder, self.folder.parent):
                yield folder.joinpath(*parts[first:])


def read_folds(path: Path) -> Folds:
    """The table of one re-pack.

    Raises DataError, with the line where there is one, for anything but a CSV file with the columns
    ``dataset`` (family), ``fold`` (0 validates, others train), ``data_fpath`` and ``label_fpath``.
    """
    rows: dict[tuple[str, str], tuple[int, str]] = {}
    line = 1
    try:
        # A spreadsheet program puts a byte-order mark before the first column's name.
        with open(path, newline="", encoding="utf-8-sig") as file:
            table = csv.DictReader(file)
            if not set(_COLUMNS) <= set(table.fieldnames or ()):
                raise DataError(
                    f"{path}: columns {', '.join(table.fieldnames or ()) or 'none'}, expected "
                    f"{', '.join(_COLUMNS)}"
                )
            for row in table:
                line = table.line_num
                fold = int(row["fold"])
                if not NO_FOLD < fold <= np.iinfo(np.int16).max:
                    raise ValueError(f"fold {fold}, expected 0 to validate or -100 to train")
                rows[row["dataset"], Path(row["data_fpath"]).name] = (fold, row["label_fpath"])
    except (ValueError, TypeError, csv.Error) as error:
        raise DataError(f"{path}: line {line} is not of the re-pack's table ({error})") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    return Folds(path.parent, rows)


def write_folds(path: Path, rows: Iterable[tuple[str, int, str, str]]) -> None:
    """Write the table of a re-pack: (family, fold, seismic file, file of its maps), a row a file,
    paths from the table's folder on. Fold 0 validates, -100 trains."""
    with io.StringIO(newline="") as text:
        table = csv.writer(text, lineterminator="\n")
        table.writerow(_COLUMNS)
        table.writerows(rows)
        files.write_text(path, text.getvalue())
