"""Errors of a device that the driver reports (Xid): whose mistake they are. Pure.

https://docs.nvidia.com/deploy/xid-errors/ lists the numbers. Many (13, 31, 43, 45) come of a
program's own mistake, and of any program's on the machine; others are the card's or the driver's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from runner.outcomes import Outcome
from runner.signatures import Match

_NUMBER = re.compile(r"\bXid (?:\(PCI:[^)]*\): )?(\d{1,4})")
_OF_THE_CARD = frozenset((48, 62, 64, 74, 79, 92, 94, 95, 109, 119, 120, 140, 143))
"""Memory errors, a lost bus or link, a controller that does not answer."""
_NATIVE = ("RuntimeError", "AcceleratorError", "XlaRuntimeError", "InternalError")
"""Exceptions of native code, in which a lost device may show in any words."""


def explain(match: Match, xids: Iterable[str]) -> bool:
    """Whether a program that lost its device would say this, and the driver says that it did."""
    raised = match.line.partition(":")[0].rpartition(".")[2]
    may_be = match.outcome in (Outcome.CRASH_ABORT, Outcome.ERROR_COLLECTIVE) or (
        match.outcome is Outcome.ERROR_PYTHON and raised in _NATIVE
    )
    return may_be and any(_is_of_the_card(xid) for xid in xids)


def _is_of_the_card(xid: str) -> bool:
    found = _NUMBER.search(xid)
    return found is not None and int(found[1]) in _OF_THE_CARD
