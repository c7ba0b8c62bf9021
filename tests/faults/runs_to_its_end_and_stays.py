"""Knows of no pulses; its work is done, and what it registered to run last never returns."""

import atexit
import threading

atexit.register(threading.Event().wait)
print("saved", flush=True)
