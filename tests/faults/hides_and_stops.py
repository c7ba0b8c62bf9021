"""A grandchild forked twice, changed session, emptied its environment, ignores SIGTERM and was
stopped; it prints its pid before. The first process ignores SIGTERM too."""

import os
import signal
import sys
import time

PROGRAM = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGHUP, signal.SIG_IGN)
os.kill(os.getpid(), signal.SIGSTOP)
time.sleep(3600)
"""

if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    print(os.getpid(), flush=True)
    os.execve(sys.executable, [sys.executable, "-c", PROGRAM], {})
signal.signal(signal.SIGTERM, signal.SIG_IGN)
while True:
    time.sleep(3600)
