"""SHA256SUMS: the checksum of each file of a folder, as ``sha256sum -c`` reads it."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from fwi.errors import DataError
from probes import files

NAME = "SHA256SUMS"

_LINE = re.compile(rb"(\\?)([0-9a-f]{64}) [ *](.+)")
_ESCAPES = {b"\\": b"\\\\", b"\n": b"\\n", b"\r": b"\\r"}
_AT_ONCE = 1 << 20


def write(folder: Path, sums: Mapping[str, str]) -> None:
    """Write the manifest of ``folder``: path below it → hexadecimal SHA-256, sorted by path."""
    lines = [_line(os.fsencode(path), digest) for path, digest in sorted(sums.items())]
    files.write_bytes(folder / NAME, b"".join(lines))


def _line(path: bytes, digest: str) -> bytes:
    # coreutils' own way of names with a line's end in them.
    escaped = b"".join(_ESCAPES.get(bytes([byte]), bytes([byte])) for byte in path)
    return (b"\\" if escaped != path else b"") + digest.encode() + b"  " + escaped + b"\n"


def read(folder: Path) -> dict[str, str]:
    """Path below ``folder`` → hexadecimal SHA-256.

    Raises FileNotFoundError where there is none, DataError for a line that is no checksum, or for
    a path that leads out of the folder.
    """
    sums = {}
    for number, line in enumerate((folder / NAME).read_bytes().splitlines(), 1):
        match = _LINE.fullmatch(line)
        path = _unescaped(match[3]) if match is not None and match[1] else match and match[3]
        if match is None or not path or path.startswith(b"/") or b".." in path.split(b"/"):
            raise DataError(
                f"{folder / NAME}: line {number} is not a SHA-256 and a file below the folder; "
                f"copy the manifest again"
            )
        sums[os.fsdecode(path)] = match[2].decode()
    return sums


def _unescaped(path: bytes) -> bytes:
    names = {escape: plain for plain, escape in _ESCAPES.items()}
    return re.sub(rb"\\.", lambda match: names.get(match[0], match[0]), path)


def digest(path: Path, advance: Callable[[int], None]) -> str:
    """The hexadecimal SHA-256 of a file; ``advance(bytes)`` for each MiB read. Raises OSError."""
    found = hashlib.sha256()
    with open(path, "rb", buffering=0) as file:
        buffer = bytearray(_AT_ONCE)
        while count := file.readinto(buffer):
            found.update(memoryview(buffer)[:count])
            advance(count)
    return found.hexdigest()
