"""Leaves a grandchild that forked twice, changed session, emptied its environment, closed its files
and ignores SIGTERM. Prints its pid, waits for the time given, and ends well."""

import os
import signal
import sys
import time


def become_daemon(write: int) -> None:
    os.setsid()
    if os.fork():
        os._exit(0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    os.write(write, str(os.getpid()).encode())
    # A new image with an empty environment: no mark is left to be found by.
    os.closerange(0, 64)
    program = "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(3600)"
    os.execve(sys.executable, [sys.executable, "-c", program], {})


read, write = os.pipe()
child = os.fork()
if child == 0:
    become_daemon(write)
os.waitpid(child, 0)
print(os.read(read, 32).decode(), flush=True)
time.sleep(float(sys.argv[1]) if len(sys.argv) > 1 else 0)
