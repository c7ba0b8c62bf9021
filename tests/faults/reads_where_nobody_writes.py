"""Opens a named pipe whose other side nobody opens."""

import os
import sys

os.mkfifo(sys.argv[1])
open(sys.argv[1])  # noqa: SIM115
