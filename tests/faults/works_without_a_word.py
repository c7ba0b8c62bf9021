"""Works through ever other lines, and says nothing, for the seconds given, or until the file given
is there; then ends well."""

import os
import sys
import time
import zlib

until = time.monotonic() + float(sys.argv[1])
end = sys.argv[2] if len(sys.argv) > 2 else ""


def load() -> bytes:
    return bytes(range(256)) * 4000


def squeeze(data: bytes) -> bytes:
    return zlib.compress(data, 6)


def compute() -> int:
    return sum(number * number for number in range(60_000))


while time.monotonic() < until and not os.path.exists(end):
    squeeze(load())
    compute()
