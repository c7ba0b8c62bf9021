"""The loop is stuck, while a helper thread goes on reporting pulses and printing."""

import threading
import time

from probes import pulse


def heartbeat() -> None:
    step = 2
    while True:
        step += 1
        pulse.beat(step=step, total=100)
        print("still training", flush=True)
        time.sleep(0.1)


pulse.attach()
for step in range(3):
    with pulse.phase("forward"):
        pulse.beat(step=step, total=100)
threading.Thread(target=heartbeat, daemon=True).start()
with pulse.phase("backward"):
    threading.Lock().acquire()
    threading.Event().wait()
