"""The result of a command that ended before its run began, in the form of ``result.json``. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from runner.outcomes import Outcome

SCHEMA = 1


def as_dict(
    job: str, outcome: Outcome, status: int, reason: str, earlier: Sequence[str] = ()
) -> dict[str, Any]:
    """``status`` is what the command ends with, ``reason`` its evidence; ``earlier`` are the runs
    that were to prepare this one."""
    return {
        "schema": SCHEMA,
        "run": None,
        "job": job,
        "outcome": outcome.value,
        "ok": False,
        "confidence": None,
        "exit_code": None,
        "exit_status": status,
        "signal": None,
        "evidence": [{"source": job, "text": reason}],
        "also": [],
        "advice": [],
        "attempts": [],
        **({"found": {"not_confirmed": list(earlier)}} if earlier else {}),
    }
