"""Waits for a lock on a file that another process holds. ``flock`` or ``posix``, the file."""

import fcntl
import os
import sys
import time

kind, name = sys.argv[1:]
take = fcntl.flock if kind == "flock" else fcntl.lockf
read, write = os.pipe()
child = os.fork()
file = open(name, "w")  # noqa: SIM115 - held to the end
if child == 0:
    take(file, fcntl.LOCK_EX)
    os.write(write, b"x")
    time.sleep(3600)
os.read(read, 1)
print("culprit", child, flush=True)
take(file, fcntl.LOCK_EX)
