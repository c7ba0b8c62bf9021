"""Takes a lock that it already holds."""

import threading

lock = threading.Lock()
with lock:
    lock.acquire()
