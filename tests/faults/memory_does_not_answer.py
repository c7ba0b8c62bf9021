"""Waits for ever, and so does whoever reads its memory's files under /proc.

A thread that sleeps in the kernel with the lock of the address space does that to them. Here a pipe
that nobody writes to is mounted over each of the files, in the mount namespace of the trial.
"""

import ctypes
import os
import sys

from asks_a_silent_server import ask

BIND = 4096
libc = ctypes.CDLL(None, use_errno=True)
pipe = os.path.join(sys.argv[1], "pipe")
os.mkfifo(pipe)
for name in ("smaps_rollup", "environ", "cmdline", "maps"):
    target = f"/proc/{os.getpid()}/{name}"
    if libc.mount(pipe.encode(), target.encode(), None, BIND, None):
        raise OSError(ctypes.get_errno(), f"mount over {target}")
ask()
