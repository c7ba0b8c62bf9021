"""Pulses its steps and names no phase; then waits for a file that nobody writes."""

import os
import sys

from probes import pulse

pulse.attach()
for step in range(1, 4):
    pulse.beat(step=step, total=8)
os.mkfifo(sys.argv[1])
os.open(sys.argv[1], os.O_RDONLY)
