"""Says that it is ready, and then nothing for the seconds given."""

import sys
import time

print("ready", flush=True)
time.sleep(float(sys.argv[1]))
