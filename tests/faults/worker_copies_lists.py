"""A worker that reads a list of its parent's: counting references copies page after page."""

import os
import time

from probes import pulse

COUNT = 1_600_000
READ = 1_000
PAUSE_S = 0.04

samples = [(n, n + 0.5) for n in range(COUNT)]
pulse.attach()
reader, writer = os.pipe()
if os.fork() == 0:
    for begin in range(0, COUNT, READ):
        total = sum(index for index, _ in samples[begin : begin + READ])
        os.write(writer, b".")
        time.sleep(PAUSE_S)
    os._exit(0)
os.close(writer)
step = 0
while os.read(reader, 1):
    step += 1
    pulse.beat(step=step, total=1_000_000)
    pulse.gauge("samples", step * READ)
