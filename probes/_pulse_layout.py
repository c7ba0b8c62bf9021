"""Where each field of the flight recorder's file stands. Little-endian, fixed size.

::

    0      header     magic, version, size, pid, rank, start (monotonic ns)
    128    counter    number of the newest pulse; written last
    256    slots      two pulses; number n stands in slot n % 2
    512    memory     torch's allocated, reserved, and the peaks of both (bytes)
    640    finished   monotonic ns at which the work was committed, 0 before
    704    failure    outcome and text of the failure that the job named itself
    2048   phases     64 × (name, entered, nanoseconds spent)
    8192   gauges     128 × (name, newest value, monotonic ns)
    20480  events     counter, then a ring of 64 × (monotonic ns, text)
"""

from __future__ import annotations

import struct

MAGIC = b"FWIPULSE"
VERSION = 1
SIZE = 40960

HEADER = struct.Struct("<8sIIqqq")
COUNTER_AT = 128
PULSE = struct.Struct("<qqqq")  # monotonic ns, phase, step, total
SLOTS_AT = (256, 320)
MEMORY = struct.Struct("<qqqq")
MEMORY_AT = 512
FINISHED_AT = 640
FAILURE = struct.Struct("<64s1200s")
FAILURE_AT = 704

PHASE_NAME = struct.Struct("<48s")
PHASES_AT, PHASE_STRIDE, PHASES = 2048, 64, 64
GAUGE = struct.Struct("<48sdq")
GAUGES_AT, GAUGE_STRIDE, GAUGES = 8192, 64, 128
EVENTS_AT = 20480
EVENT = struct.Struct("<q248s")
EVENT_RING_AT, EVENTS = EVENTS_AT + 64, 64

QWORD = struct.Struct("<q")

assert FAILURE_AT + FAILURE.size <= PHASES_AT
assert PHASES_AT + PHASES * PHASE_STRIDE <= GAUGES_AT
assert GAUGES_AT + GAUGES * GAUGE_STRIDE <= EVENTS_AT
assert EVENT_RING_AT + EVENTS * EVENT.size <= SIZE


def encode(text: str, size: int) -> bytes:
    """UTF-8 of at most ``size`` bytes, cut between characters."""
    return text.encode("utf-8", "replace")[:size].decode("utf-8", "ignore").encode()


def decode(raw: bytes) -> str:
    return raw.rstrip(b"\0").decode("utf-8", "replace")
