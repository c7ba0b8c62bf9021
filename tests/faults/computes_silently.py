"""Works hard and says nothing, for the seconds given; then ends well."""

import sys
import time

until = time.monotonic() + float(sys.argv[1])
while time.monotonic() < until:
    sum(range(10000))
