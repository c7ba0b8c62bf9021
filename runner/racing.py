"""A question that is answered only while nothing more urgent comes up."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any


async def answered(
    question: Coroutine[Any, Any, bool], *urgent: Coroutine[Any, Any, object]
) -> bool:
    """The answer; False where one of the others ended first. None of them goes on afterwards."""
    asked = asyncio.ensure_future(question)
    tasks = [asked, *(asyncio.ensure_future(one) for one in urgent)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return asked.done() and asked.result()
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
