"""The options of the pack job."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from fwi.config.checks import Require
from fwi.layout import Family

Size = Literal["full", "70", "72"]


@dataclass(frozen=True, kw_only=True)
class Pack:
    """Pack records into a smaller copy of the folder, ready to train on; or verify such a pack."""

    source: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="SOURCE")]
    """Folder with OpenFWI, Kaggle or re-packed files, also the competition's test records."""
    dest: Annotated[Path | None, tyro.conf.Positional, tyro.conf.arg(metavar="DEST")] = None
    """Folder to write to; what is there and packed is kept."""
    size: Size = "full"
    """Of a gather: full, (1000, 70); 70, averaged to (70, 70); 72, that with its edges replicated
    to (72, 72), as in the public re-pack."""
    dtype: Literal["float16", "float32"] = "float16"
    """Number type of the packed records; maps keep theirs."""
    families: tuple[Family, ...] = ()
    """Families to pack, without the test records. Default: all that is there."""
    maps: Literal["copy", "link"] = "copy"
    """copy: a pack that stands alone. link: symbolic links to the maps of the source."""
    threads: int = 0
    """Threads; 0: one more than the processors this process may use, 32 at the most."""
    check: bool = False
    """Verify a pack, DEST or the one folder named, by its checksums; write nothing."""

    def problems(self) -> list[str]:
        """What is wrong, each line naming the option, its value and what fits."""
        require = Require(self)
        require("threads", self.threads >= 0, "a whole number from 0")
        found = require.found
        if not self.source.is_dir():
            found.append(f"SOURCE {self.source}: no such folder")
        if self.dest is None:
            return found if self.check else [*found, "DEST: expected a folder to write the pack to"]
        if self.dest.exists() and not self.dest.is_dir():
            found.append(f"DEST {self.dest}: a file, expected a folder, or a new name")
        elif self.check and not self.dest.exists():
            found.append(f"DEST {self.dest}: no such folder")
        elif self.source.is_dir() and not self.check:
            found += _overlaps(self.source, self.dest)
        return found

    @property
    def checked(self) -> Path:
        """The folder that --check verifies."""
        return self.source if self.dest is None else self.dest


def _overlaps(source: Path, dest: Path) -> list[str]:
    """A pack inside its source would be found there as more data, and the other way round."""
    relation = ""
    if _same(source, dest):
        relation = "the same folder as"
    elif any(_same(source, folder) for folder in dest.resolve().parents):
        relation = "inside of"
    elif any(_same(dest, folder) for folder in source.resolve().parents):
        relation = "around"
    if not relation:
        return []
    return [f"DEST {dest}: {relation} SOURCE {source}; name a folder beside it"]


def _same(one: Path, other: Path) -> bool:
    # By the file system's own numbers: a link or another mount is the same folder too.
    return one.exists() and other.exists() and os.path.samefile(one, other)
