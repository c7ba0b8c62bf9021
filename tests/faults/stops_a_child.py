"""Waits for a child that is stopped, as by a debugger."""

import os
import signal
import time

child = os.fork()
if child == 0:
    os.kill(os.getpid(), signal.SIGSTOP)
    time.sleep(3600)
print("culprit", child, flush=True)
os.waitpid(child, 0)
