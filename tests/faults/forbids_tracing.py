"""Forbids everybody to look into it, as a program with secrets does, and waits for what nobody
sends. Attached to its recorder, it still tells its own stacks."""

import ctypes
import threading

from probes import pulse

PR_SET_DUMPABLE = 4

ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0)
pulse.attach()
with pulse.phase("data"):
    threading.Event().wait()
