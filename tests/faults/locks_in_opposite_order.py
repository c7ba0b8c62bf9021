"""Two threads take two locks, each in its own order, and wait for each other."""

import threading

first, second = threading.Lock(), threading.Lock()
both = threading.Barrier(2)


def other_way() -> None:
    with second:
        both.wait()
        first.acquire()


threading.Thread(target=other_way, daemon=True).start()
with first:
    both.wait()
    second.acquire()
