"""Where the flight recorder of an attempt lies: in its folder, or elsewhere if that has no space.
A job whose pulses nobody sees would be taken for stalled."""

from __future__ import annotations

import errno
import resource
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from probes import pulse
from runner import rank_pulses

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


def make(path: Path, say: Callable[[str], None]) -> Path:
    """Make the recorder at ``path``, or in the folder of temporary files; where it is.

    Raises OSError where there is no space in either, or for another reason, as a limit on the size
    of every file.
    """
    try:
        pulse.create(path)
        return path
    except OSError as error:
        path.unlink(missing_ok=True)
        if error.errno == errno.EFBIG:
            most, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
            why = f"a file may have {most} bytes (ulimit -f), which is too little for the pulses"
            raise OSError(error.errno, why, str(path)) from error
        if error.errno not in _NO_SPACE:
            raise
        elsewhere = Path(tempfile.mkdtemp(prefix="fwi-run-")) / path.name
        try:
            pulse.create(elsewhere)
        except OSError:
            tidy(elsewhere, path)
            raise
        say(f"{path}: {error.strerror}; the pulses go to {elsewhere} and are not kept")
        return elsewhere


def tidy(made: Path, path: Path) -> None:
    """Take away the recorder that is not in the attempt's folder."""
    if made != path:
        rank_pulses.tidy(made)
        with suppress(OSError):
            made.unlink(missing_ok=True)
            made.parent.rmdir()
