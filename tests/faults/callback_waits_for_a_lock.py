"""A coroutine takes a lock as a thread would: the whole loop stands still."""

import asyncio
import threading

lock = threading.Lock()


async def fetch() -> None:
    lock.acquire()
    lock.acquire()


asyncio.run(fetch())
