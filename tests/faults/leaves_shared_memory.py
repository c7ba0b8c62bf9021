"""Ends well and leaves a shared-memory segment that only it ever used, for the seconds given."""

import sys
import time
from multiprocessing import resource_tracker, shared_memory

segment = shared_memory.SharedMemory(create=True, size=1 << 20)
resource_tracker.unregister(segment._name, "shared_memory")
segment.buf[0] = 1
time.sleep(float(sys.argv[1]) if len(sys.argv) > 1 else 0)
segment.close()
