"""Whether a pack is as it was made: every file of its manifest by checksum, and no other record."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from fwi import crew, manifest
from fwi._pack_folder import RECIPE_FILE
from fwi._synthesis_progress import Progress
from fwi.errors import DataError
from probes import pulse

_SHOWN = 20


def verify(root: Path, threads: int) -> None:
    """Check the pack in ``root``; prints one line where it is sound.

    Raises DataError that names the files which are missing, changed, or in no manifest.
    """
    try:
        sums = manifest.read(root)
    except FileNotFoundError:
        raise DataError(_without_manifest(root)) from None
    except OSError as error:
        raise DataError(f"{root}: manifest cannot be read: {error.strerror}") from error
    bad: list[str] = []
    size = 0
    sizes = {}
    for path in sums:
        try:
            sizes[path] = os.stat(root / path).st_size
        except OSError as error:
            bad.append(f"{root / path}: {error.strerror}")
    total = sum(sizes.values())
    progress = Progress(-(-total // 2**20), doing="checking", did="checked", unit="MiB")

    def advance(count: int) -> None:
        nonlocal size
        size += count
        progress.advance_to(size >> 20)
        pulse.beat(progress.done, progress.total)

    with progress, pulse.phase("check"):
        crew.work(sizes, lambda report: _checker(root, sums, bad, report), threads, advance)
    bad += _strays(root, sums)
    if bad:
        lines = [
            f"{root}: {len(bad)} of {len(sums)} files are not as they were packed",
            *sorted(bad)[:_SHOWN],
            *([f"… and {len(bad) - _SHOWN} more"] if len(bad) > _SHOWN else []),
            "Remove what is changed or foreign and give the pack command again"
            if (root / RECIPE_FILE).exists()
            else f"Without {RECIPE_FILE}, which says what it was packed by, nothing can be added: "
            "pack into a new folder",
        ]
        raise DataError("\n".join(lines))
    print(f"all {len(sums):,} files in {root} are as they were packed", flush=True)


def _checker(
    root: Path, sums: dict[str, str], bad: list[str], report: crew.Report
) -> Callable[[str], None]:
    def check(path: str) -> None:
        try:
            if manifest.digest(root / path, report.done) != sums[path]:
                bad.append(f"{root / path}: changed since it was packed (its SHA-256 differs)")
        except OSError as error:
            bad.append(f"{root / path}: cannot be read: {error.strerror}")

    return check


def _strays(root: Path, sums: dict[str, str]) -> list[str]:
    """Arrays that the manifest does not know: a training would take them for data."""
    return [
        f"{path}: not of the pack"
        for path in root.rglob("*.npy")
        if not path.name.startswith(".") and path.relative_to(root).as_posix() not in sums
    ]


def _without_manifest(root: Path) -> str:
    if (root / RECIPE_FILE).exists():
        return f"{root}: the pack is not finished; give the pack command again to go on, then check"
    return f"{root}: no {manifest.NAME}: not a pack of this project; name the folder of one"
