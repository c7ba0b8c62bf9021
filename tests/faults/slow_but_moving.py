"""A progress bar that only redraws itself, slower than most, for as many steps as asked for."""

import sys
import time

for step in range(int(sys.argv[1])):
    sys.stderr.write(f"\r{step} steps")
    sys.stderr.flush()
    time.sleep(0.4)
