"""The packages in one string: what a notebook carries of this project."""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import importlib.util
import io
import lzma
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fwi.errors import DependencyError

PACKAGES = ("fwi", "probes", "runner")
VENDORED = ("tyro", "docstring-parser", "typeguard", "typing-extensions")
"""The command line's library with what it needs: pure Python, and not on every host."""
VENDOR = "vendor"
"""Their folder in the archive, apart: it is used only where the host lacks them."""

_LINE = 100
_FOR_TEXT = [
    {"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": 4, "lp": 0, "pb": 0}
]
"""xz takes bytes in fours for related, unless it is told otherwise; in text they are not."""


@dataclass(frozen=True)
class Archive:
    """A tar file, compressed by xz."""

    content: bytes
    files: int

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    def as_lines(self) -> str:
        """Base64 in lines."""
        text = base64.b64encode(self.content).decode()
        return "\n".join(text[at : at + _LINE] for at in range(0, len(text), _LINE))


def sources() -> dict[str, Path]:
    """The folders of the packages, by name."""
    folders = {}
    for name in PACKAGES:
        found = importlib.util.find_spec(name)
        for folder in (found.submodule_search_locations or ()) if found else ():
            folders[name] = Path(folder)
    return folders


def archive() -> Archive:
    """The packages as they are on this machine; the same files give the same bytes.

    Raises DependencyError where a library that is to be carried along is not installed.
    """
    entries = sorted([*_own(), *_vendored()], key=lambda entry: entry[0])
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, path in entries:
            content = path.read_bytes()
            entry = tarfile.TarInfo(name)  # of nobody, and of no time
            entry.size, entry.mode = len(content), 0o644
            tar.addfile(entry, io.BytesIO(content))
    return Archive(lzma.compress(written.getvalue(), filters=_FOR_TEXT), len(entries))


def _own() -> Iterator[tuple[str, Path]]:
    for name, folder in sources().items():
        for path in folder.rglob("*"):
            if _counts(path):
                yield f"{name}/{path.relative_to(folder).as_posix()}", path


def _vendored() -> Iterator[tuple[str, Path]]:
    for name in VENDORED:
        try:
            listed = importlib.metadata.files(name) or []
        except importlib.metadata.PackageNotFoundError as error:
            raise DependencyError(f"{name} is not installed: pip install {name}") from error
        for file in listed:
            path = Path(str(file.locate()))
            # With the licence, which stands in the distribution's own folder.
            if ".." not in file.parts and _counts(path):
                yield f"{VENDOR}/{file.as_posix()}", path


def _counts(path: Path) -> bool:
    # Compiled code, Python's and numba's, is of this machine alone.
    return path.is_file() and path.parent.name != "__pycache__" and not path.name.startswith(".")
