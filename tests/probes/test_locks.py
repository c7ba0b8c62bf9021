"""Locks that are held on files, by whom."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

from probes import locks


def test_file_that_another_process_has_locked_is_found_with_its_holder(tmp_path: Path) -> None:
    name = tmp_path / "index.lock"
    name.write_bytes(b"x")
    program = (
        "import fcntl, sys; file = open(sys.argv[1], 'r+'); "
        "fcntl.lockf(file, fcntl.LOCK_EX); print('locked', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(name)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with name.open("rb"):
            found = locks.contended(os.getpid(), locks.held())
            assert found is not None
            assert found[0] == str(name)
            assert found[1].pid == holder.pid
        # Not open here any more, and no other's to the holder itself.
        assert locks.contended(os.getpid(), locks.held()) is None
        assert locks.contended(holder.pid, locks.held()) is None
        holder.communicate()


def test_own_lock_and_a_lock_for_reading_are_nobody_elses(tmp_path: Path) -> None:
    with (tmp_path / "own").open("w+b") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        assert locks.contended(os.getpid(), locks.held()) is None
        fcntl.lockf(file, fcntl.LOCK_SH)
        assert os.fstat(file.fileno()).st_ino not in {lock.inode for lock in locks.held()}
