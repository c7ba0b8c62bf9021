"""Says nothing for longer than the watchdog's time, and ends well just after."""

import sys
import time

time.sleep(float(sys.argv[1]))
print("done", flush=True)
