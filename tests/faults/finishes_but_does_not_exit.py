"""Commits its work, says so, and never ends."""

import time

from probes import pulse

pulse.attach()
pulse.beat(step=10, total=10)
pulse.finished()
time.sleep(3600)
