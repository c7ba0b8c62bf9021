"""The second source of stacks: faulthandler, armed beforehand in our own jobs.

py-spy needs the right to trace; a process may always dump its own threads. :func:`arm` registers a
handler that appends every thread's stack to the file that ``FWI_STACKS`` names. The signal is one
of the real-time signals, which programs leave alone, and the handler runs in C, so it answers also
while the interpreter's lock is held. Forked children inherit it.
"""

from __future__ import annotations

import faulthandler
import os
import signal

from probes import procfs

ENVIRONMENT = "FWI_STACKS"
NUMBER = signal.SIGRTMAX - 3
_file: int | None = None


def arm() -> bool:
    """Answer the signal with all stacks; False where the variable is unset or the file is gone."""
    global _file
    path = os.environ.get(ENVIRONMENT)
    if not path or _file is not None:
        return _file is not None
    try:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        _file = os.open(path, flags)
        faulthandler.register(NUMBER, file=_file, all_threads=True, chain=False)
    except (OSError, ValueError, RuntimeError):
        return False
    return True


def is_armed(pid: int) -> bool:
    """Whether the process catches the signal: to any other it would be the end."""
    for line in procfs.status_lines(pid):
        if line.startswith("SigCgt:"):
            return bool(int(line.split()[1], 16) >> (NUMBER - 1) & 1)
    return False
