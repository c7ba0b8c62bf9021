"""Forks while another thread holds a lock: in the child nobody is left to let it go. The parent
waits for the child."""

import os
import threading
import time

lock = threading.Lock()
held = threading.Event()


def hold() -> None:
    with lock:
        held.set()
        time.sleep(2)


holder = threading.Thread(target=hold)
holder.start()
held.wait()
child = os.fork()
if child == 0:
    with lock:
        os._exit(0)
print("culprit", child, flush=True)
holder.join()
os.waitpid(child, 0)
