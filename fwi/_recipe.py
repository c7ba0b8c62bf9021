"""What all files of one synth folder were made by, and who works in it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Collection, Iterator
from pathlib import Path

from fwi import config, geology, wave
from fwi.errors import UsageError
from probes import files

RECIPE_FILE = "synth.json"
_LOCK_FILE = ".synth.lock"

_Recipe = dict[str, int | str]


def recipe_of(job: config.Synth) -> _Recipe:
    """What decides a file's bytes, apart from which and how many are asked for."""
    return {
        "seed": job.seed,
        "samples_per_file": job.samples_per_file,
        "dtype": job.dtype,
        "solver_version": wave.SOLVER_VERSION,
        "geology_version": geology.GEOLOGY_VERSION,
    }


@contextlib.contextmanager
def claimed(job: config.Synth, targets: Collection[Path]) -> Iterator[None]:
    """Work in ``job.out`` by its recipe; UsageError if the folder has another, or foreign files.

    Several processes of one recipe may work at a time: each file is replaced as a whole by the
    same bytes. The first alone writes the recipe and removes what killed processes left half-done.
    """
    descriptor = os.open(job.out / _LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        alone = _lock(descriptor)
        _agree(job, targets)
        if alone:
            _sweep(targets)
            fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """Whether nobody else works in the folder; False where the file system cannot tell."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        # Held exclusively only for the moments of _agree and _sweep.
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        return False
    except OSError:
        return False
    return True


def _agree(job: config.Synth, targets: Collection[Path]) -> None:
    path, wanted = job.out / RECIPE_FILE, recipe_of(job)
    try:
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        for target in targets:
            if target.exists():
                raise UsageError(
                    f"--out {job.out}: {target} is there, but no {RECIPE_FILE} that says what it "
                    "was made by; name a new folder, so that it is not mixed with simulated data"
                ) from None
        files.write_text(path, json.dumps(wanted, indent=2) + "\n")
        return
    except ValueError as error:
        raise UsageError(
            f"{path} is not JSON ({error}): expected what synth wrote there; name a new folder "
            "with --out"
        ) from error
    found = found if isinstance(found, dict) else {}
    other = [_difference(key, found.get(key), value) for key, value in wanted.items()
             if found.get(key) != value]  # fmt: skip
    if other:
        raise UsageError(
            f"--out {job.out} holds files made by another recipe: {'; '.join(other)}. "
            "Name a new folder with --out, or give the options that its "
            f"{RECIPE_FILE} names"
        )


def _difference(key: str, found: object, wanted: object) -> str:
    if key.endswith("_version"):
        return f"{key.removesuffix('_version')} version {found} there, {wanted} now"
    return f"--{key.replace('_', '-')} {found} there, {wanted} now"


def _sweep(targets: Collection[Path]) -> None:
    """Remove what a killed process left where these are written (files.replacing's names)."""
    for folder in {target.parent for target in targets}:
        for left in folder.glob(".*.npy.*.tmp"):
            left.unlink(missing_ok=True)
