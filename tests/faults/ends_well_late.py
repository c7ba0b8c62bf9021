"""Moves along, is ready, goes on for the seconds given, and ends well."""

import sys
import time

until = time.monotonic() + float(sys.argv[1])
print("ready", flush=True)
while time.monotonic() < until:
    print("training", flush=True)
    time.sleep(0.25)
