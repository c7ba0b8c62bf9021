"""Works through ever other lines, and says nothing, for the seconds given; then ends well."""

import sys
import time
import zlib

until = time.monotonic() + float(sys.argv[1])


def load() -> bytes:
    return bytes(range(256)) * 4000


def squeeze(data: bytes) -> bytes:
    return zlib.compress(data, 6)


def compute() -> int:
    return sum(number * number for number in range(60_000))


while time.monotonic() < until:
    squeeze(load())
    compute()
