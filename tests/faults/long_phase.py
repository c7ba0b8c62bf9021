"""Trains, with one stretch that takes several times a step's time: the phase and its seconds."""

import sys
import time

from probes import pulse

phase, seconds = sys.argv[1], float(sys.argv[2])
pulse.attach()
if phase == "startup":
    time.sleep(seconds)
for step in range(3):
    with pulse.phase("forward"):
        pulse.beat(step=step, total=3)
        time.sleep(0.2)
if phase != "startup":
    with pulse.phase(phase):
        time.sleep(seconds)
pulse.finished()
