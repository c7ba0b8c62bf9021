"""Closes both outputs, lives on for a while, and ends with status 5."""

import os
import time

print("last words", flush=True)
os.close(1)
os.close(2)
time.sleep(1.5)
os._exit(5)
