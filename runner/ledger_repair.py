"""A ledger that is damaged is set aside under another name, and a new one begun: nothing is lost,
and nothing waits for a person."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from runner.ledger import PATIENT_S, Ledger, LedgerBroken


def open_ledger(path: Path, say: Callable[[str], None], wait_s: float = PATIENT_S) -> Ledger:
    """The ledger; a new one where that of this name is damaged. Raises LedgerError."""
    try:
        return Ledger(path, wait_s=wait_s)
    except LedgerBroken as error:
        set_aside(path, str(error), say, wait_s)
        return Ledger(path, wait_s=wait_s)


def set_aside(path: Path, why: str, say: Callable[[str], None], wait_s: float = PATIENT_S) -> None:
    """Rename a damaged ledger, with its journal, and say so.

    Nothing is done where another process has done it meanwhile. Raises OSError.
    """
    with _alone(path.parent, wait_s):
        if _is_sound(path, wait_s):
            return
        name = f"{path.name}.damaged-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
        aside, n = path.with_name(name), 1
        while os.path.lexists(aside):
            n += 1
            aside = path.with_name(f"{name}-{n}")
        # The journal first: it must never be found beside a new ledger, and be taken for its own.
        for suffix in ("-wal", "-journal", "-shm", ""):
            with suppress(FileNotFoundError):
                os.rename(f"{path}{suffix}", f"{aside}{suffix}")
    say(
        f"the ledger is damaged ({why}): it is kept as {aside.name}, and a new one begins; "
        f"the folders of the runs are as they were"
    )


def _is_sound(path: Path, wait_s: float) -> bool:
    try:
        ledger = Ledger(path, wait_s=wait_s)
    except LedgerBroken:
        return False
    try:
        return ledger.is_sound()
    except LedgerBroken:
        return False
    finally:
        ledger.close()


@contextmanager
def _alone(folder: Path, wait_s: float) -> Iterator[None]:
    """Hold the folder's lock, or go on without it where it cannot be had in time: a dead network
    mount must not hold up a run."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    until = time.monotonic() + wait_s
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= until:
                    break
                time.sleep(0.01)
            except OSError:
                break
        yield
    finally:
        os.close(descriptor)
