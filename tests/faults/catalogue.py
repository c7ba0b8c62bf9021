"""Every injected fault, with the outcome that it must have."""

from __future__ import annotations

from runner.outcomes import Outcome
from tests.faults._endings import ENDINGS
from tests.faults._hangs import HANGS
from tests.faults._memory import MEMORY
from tests.faults._negatives import NEGATIVES, SUPERVISOR
from tests.faults.fault import Fault

CATALOGUE: tuple[Fault, ...] = HANGS + MEMORY + ENDINGS + NEGATIVES + SUPERVISOR

BY_NAME = {fault.name: fault for fault in CATALOGUE}


def by_outcome() -> dict[Outcome, list[Fault]]:
    """The faults of every outcome, also of those that have none."""
    return {
        outcome: [fault for fault in CATALOGUE if fault.outcome == outcome] for outcome in Outcome
    }
