"""Commits its work, and a thread that is no daemon keeps the process from ending."""

import threading

from probes import pulse

pulse.attach()
pulse.beat(step=10, total=10)
pulse.finished()
threading.Thread(target=threading.Event().wait).start()
