"""Slow, but every step comes: the steps and the seconds of one."""

import sys
import time

from probes import pulse

steps, seconds = int(sys.argv[1]), float(sys.argv[2])
pulse.attach()
for step in range(steps):
    with pulse.phase("forward"):
        time.sleep(seconds)
        pulse.beat(step=step, total=steps)
