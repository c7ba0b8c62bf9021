"""Says nothing and does nothing."""

import time

time.sleep(3600)
