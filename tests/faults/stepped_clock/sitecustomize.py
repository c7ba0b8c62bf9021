"""Put on the path of a Python program: its clock of the day jumps by an hour, a second after its
start, and a second later back by two."""

import time

_time, _time_ns, _began = time.time, time.time_ns, time.monotonic()


def _step() -> int:
    gone = time.monotonic() - _began
    return 0 if gone < 1 else 3600 if gone < 2 else -3600


time.time = lambda: _time() + _step()
time.time_ns = lambda: _time_ns() + _step() * 10**9
