"""Moves into the cgroup given and eats memory until the kernel ends it."""

import os
import sys
import time

with open(os.path.join(sys.argv[1], "cgroup.procs"), "w") as procs:
    procs.write(str(os.getpid()))
print("moved", flush=True)
time.sleep(float(sys.argv[2]) if len(sys.argv) > 2 else 0)
held = []
while True:
    held.append(b"x" * (8 << 20))
