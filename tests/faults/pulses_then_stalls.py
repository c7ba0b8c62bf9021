"""Makes some steps, then prints for ever without a step: output is no progress of a job that
pulses."""

import time

from probes import pulse

assert pulse.attach()
for step in range(3):
    with pulse.phase("forward"):
        pulse.beat(step=step, total=100)
with pulse.phase("backward"):
    while True:
        print("still here", flush=True)
        time.sleep(0.1)
