"""Prints as many bytes as asked for on each output, NUL on one and 1 on the other, without newline
and as fast as it can."""

import os
import sys
import threading


def flood(output: int, block: bytes) -> None:
    left = int(sys.argv[1])
    while left > 0:
        left -= os.write(output, block[:left])


other = threading.Thread(target=flood, args=(2, b"\1" * (1 << 18)))
other.start()
flood(1, b"\0" * (1 << 18))
other.join()
