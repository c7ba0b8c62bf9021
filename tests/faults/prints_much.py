"""Prints as many MiB as asked for, in numbered lines of 64 bytes."""

import sys

megabytes = int(sys.argv[1])
line = 0
for _ in range(megabytes):
    block = []
    for _ in range((1 << 20) // 64):
        block.append(b"%062d\n\n" % line)
        line += 1
    sys.stdout.buffer.write(b"".join(block))
sys.stdout.buffer.flush()
sys.stderr.write("the end\n")
