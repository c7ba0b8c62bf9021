"""Ends well, and leaves a child whose first thread has ended while another runs on: the kernel
shows it as a zombie."""

import ctypes
import platform
import subprocess
import sys
import threading
import time

if sys.argv[1:] == ["child"]:
    threading.Thread(target=time.sleep, args=(3600,)).start()
    print("ready", flush=True)
    # exit(2) ends the calling thread alone.
    ctypes.CDLL(None).syscall({"x86_64": 60, "aarch64": 93}[platform.machine()], 0)
child = subprocess.Popen([sys.executable, __file__, "child"], stdout=subprocess.PIPE)
assert child.stdout is not None
child.stdout.readline()
time.sleep(0.2)
print("culprit", child.pid, flush=True)
