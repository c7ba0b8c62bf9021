"""Holds more and more memory: the MiB given, in steps, and then keeps it."""

import os
import sys
import time

print("culprit", os.getpid(), flush=True)
held = []
for _ in range(int(sys.argv[1]) // 16):
    held.append(b"x" * (16 << 20))
    print(len(held) * 16, "MiB", flush=True)
    time.sleep(0.05)
while True:
    print("training", flush=True)
    time.sleep(0.2)
