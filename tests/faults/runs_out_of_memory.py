"""Asks for more host memory than it may have."""

import resource

resource.setrlimit(resource.RLIMIT_AS, (512 << 20, 512 << 20))
held = bytearray(1 << 30)
