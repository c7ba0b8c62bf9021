"""Catches an out-of-memory error, goes on, and fails of something else."""

import traceback

try:
    raise MemoryError("caught")
except MemoryError:
    traceback.print_exc()
print("going on with a smaller batch", flush=True)
{}["optimizer"]
