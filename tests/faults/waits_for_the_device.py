"""Waits in a library's ``cudaStreamSynchronize``: the frame of a device that does not answer,
without a device. Takes the folder to build the library in."""

import ctypes
import subprocess
import sys
from pathlib import Path

source = Path(sys.argv[1]) / "runtime.c"
library = Path(sys.argv[1]) / "libcudart.so"
source.write_text(
    "#include <unistd.h>\nint cudaStreamSynchronize(void *s) { pause(); return 0; }\n"
)
subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)


def train_step() -> None:
    runtime.cudaStreamSynchronize(None)


runtime = ctypes.CDLL(str(library))
train_step()
