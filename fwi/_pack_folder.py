"""The folder of a pack: what it was packed by, who works in it, and which files are done.

``pack.json`` holds the recipe, written first. ``.pack.journal`` gets a line a file as soon as that
is whole. ``folds.csv`` and ``SHA256SUMS`` are written last, from the journal: where the manifest is
there, the pack was once complete.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import hashlib
import json
import os
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fwi import config, folds, manifest
from fwi._pack_files import explained, identity
from fwi.errors import UsageError
from probes import files

RECIPE_FILE = "pack.json"
FOLDS_FILE = "folds.csv"
_JOURNAL, _LOCK_FILE = ".pack.journal", ".pack.lock"

_WHOLE = "|".join(map(re.escape, (RECIPE_FILE, FOLDS_FILE, manifest.NAME, _JOURNAL)))
_HALF = re.compile(rf"\.(?:{_WHOLE}|.+\.npy)\.\w{{8}}\.tmp")
"""The names that files.replacing gives to what a pack job writes."""
_HALF_LINK = re.compile(r"\..+\.npy\.\d+\.tmp")

RECIPE_VERSION = 1
"""Of the bytes that a record becomes."""


@dataclass(frozen=True)
class Packed:
    """A file that is whole."""

    path: str
    """Below the pack, parts joined by /."""
    sha256: str
    size: int
    source: tuple[int, int]
    """:func:`identity` of what it was made from: another one is packed again."""
    dataset: str | None = None
    """The family, of a labelled seismic file."""
    fold: int = 0
    label: str | None = None
    """The file of its maps, below the pack."""


class PackFolder:
    """A pack at work; several threads may add to it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._packed: dict[str, Packed] = {}
        self._journal = -1
        self._lock = threading.Lock()

    def place(self, path: str) -> Path:
        return self.root / path

    def holds(self, path: str, source: Path) -> bool:
        """Whether a file is there, whole, and made from what its source is now."""
        packed = self._packed.get(path)
        if packed is None or packed.source != identity(source):
            return False
        try:
            return os.stat(self.place(path)).st_size == packed.size
        except OSError:
            return False

    def add(self, packed: Packed) -> None:
        """Note a file that has its final name."""
        line = json.dumps(dataclasses.asdict(packed)).encode() + b"\n"
        with self._lock, explained(self.root / _JOURNAL):
            os.write(self._journal, line)
            self._packed[packed.path] = packed

    def finish(self) -> None:
        """Write the table of folds and the manifest of all that is packed."""
        rows = [
            (packed.dataset, packed.fold, packed.path, packed.label)
            for _, packed in sorted(self._packed.items())
            if packed.dataset is not None and packed.label is not None
        ]
        sums = {packed.path: packed.sha256 for packed in self._packed.values()}
        for parent in {self.place(path).parent for path in self._packed}:
            files.sync_folder(parent)
        with explained(self.root / manifest.NAME):
            if rows:
                folds.write_folds(self.root / FOLDS_FILE, rows)
            for name in (RECIPE_FILE, *([FOLDS_FILE] if rows else [])):
                sums[name] = hashlib.sha256((self.root / name).read_bytes()).hexdigest()
            manifest.write(self.root, sums)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[None]:
        path = self.root / _JOURNAL
        with contextlib.suppress(FileNotFoundError):
            for line in path.read_bytes().splitlines():
                # The last one of a machine that lost its power may be half a line.
                with contextlib.suppress(ValueError, TypeError):
                    fields = json.loads(line)
                    packed = Packed(**fields | {"source": tuple(fields["source"])})
                    self._packed[packed.path] = packed
        # What somebody removed is packed again if it is asked for, and in no table if it is not.
        self._packed = {
            name: packed for name, packed in self._packed.items() if self.place(name).exists()
        }
        # Anew, without the lines that later ones replaced, and whole to its end.
        lines = [json.dumps(dataclasses.asdict(packed)) for packed in self._packed.values()]
        files.write_text(path, "".join(line + "\n" for line in lines))
        self._journal = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        try:
            yield
        finally:
            with self._lock:
                os.close(self._journal)


@contextlib.contextmanager
def opened(job: config.Pack) -> Iterator[PackFolder]:
    """The pack that ``job`` writes, for this process alone; what a killed one left is removed.

    Raises UsageError where the folder cannot be written to, another job works in it, or it holds
    another pack or files that no pack job wrote.
    """
    assert job.dest is not None
    root = job.dest
    recipe = {
        "size": job.size,
        "dtype": job.dtype,
        "maps": job.maps,
        "recipe_version": RECIPE_VERSION,
        "source": str(job.source.resolve()),
    }
    with contextlib.ExitStack() as stack:
        try:
            root.mkdir(parents=True, exist_ok=True)
            stack.enter_context(_locked(root))
            if _was_there(root, recipe):
                _sweep(root)
            folder = PackFolder(root)
            stack.enter_context(folder._opened())
        except OSError as error:
            raise UsageError(
                f"DEST {root} cannot be written to: {error.strerror}: {error.filename}"
            ) from error
        yield folder


@contextlib.contextmanager
def _locked(root: Path) -> Iterator[None]:
    descriptor = os.open(root / _LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(
                f"DEST {root}: another pack job works there; wait for it, or stop it"
            ) from None
        except OSError:
            pass  # a file system without locks: two jobs would write the same bytes twice
        yield
    finally:
        os.close(descriptor)


def _was_there(root: Path, wanted: dict[str, Any]) -> bool:
    """Whether the folder holds this pack already, begun or done; else it is begun."""
    path = root / RECIPE_FILE
    try:
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        _refuse_foreign(root)
        files.write_text(path, json.dumps(wanted, indent=2) + "\n")
        return False
    except ValueError as error:
        raise UsageError(
            f"{path} is not JSON ({error}): expected what pack wrote there; name a new folder"
        ) from error
    found = found if isinstance(found, dict) else {}
    other = [
        f"{key.replace('_', ' ')} {found.get(key)} there, {value} now"
        for key, value in wanted.items()
        if found.get(key) != value
    ]
    if other:
        raise UsageError(
            f"DEST {root} holds another pack: {'; '.join(other)}. Name a new folder, or give what "
            f"its {RECIPE_FILE} names" + _if_moved(found, wanted, path)
        )
    return True


def _if_moved(found: dict[str, Any], wanted: dict[str, Any], path: Path) -> str:
    if found | {"source": ""} != wanted | {"source": ""}:
        return ""
    return f"; where the same data was only moved, write its new place into {path}"


def _refuse_foreign(root: Path) -> None:
    theirs = [name for name in (FOLDS_FILE, manifest.NAME) if (root / name).exists()]
    for path in root.rglob("*.npy") if not theirs else ():
        if not path.name.startswith("."):
            theirs = [str(path.relative_to(root))]
            break
    if theirs:
        raise UsageError(
            f"DEST {root}: {theirs[0]} is there, but no {RECIPE_FILE} that says what it was packed "
            f"by; name a new folder, so that nothing is mixed or overwritten"
        )


def _sweep(root: Path) -> None:
    """Remove what killed pack jobs left half-written, and nothing else of that kind of name."""
    for folder, _, names in os.walk(root):
        for name in names:
            half = Path(folder, name)
            if _HALF.fullmatch(name):
                files.remove_abandoned(half)
            elif _HALF_LINK.fullmatch(name) and half.is_symlink():
                with contextlib.suppress(FileNotFoundError):
                    half.unlink()
