"""What the recorders of several ranks add to an outcome and its evidence. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from probes.pulse import Record
from runner import rank_pulses
from runner.evidence import Evidence, Fact
from runner.hangs import Hang
from runner.outcomes import Outcome
from runner.rank_pulses import Standing

_SEEN_ANYWAY = (Outcome.HANG_COLLECTIVE, Outcome.HANG_STOPPED)
_SYMPTOMS = ("error.collective",)
_ROOT_CAUSE = re.compile(r"Root Cause \(first observed failure\)")
_FIRST_RANK = re.compile(
    r"\brank +: (\d+) \(local_rank: \d+\)\s+exitcode +: (-?\d+) \(pid: (\d+)\)"
)


def with_ranks(hang: Hang, standings: Sequence[Standing]) -> Hang:
    """The verdict on the stacks, beside where each rank was last seen.

    A rank that is elsewhere while others are in a phase of waiting is the culprit of
    ``hang.collective``, also where the stacks cannot be read.
    """
    said = rank_pulses.words(standings)
    if not said:
        return hang
    fact = Fact("pulse", said)
    if hang.outcome in _SEEN_ANYWAY or not rank_pulses.culprits(standings):
        return replace(hang, facts=(*hang.facts, fact))
    also = (hang.outcome, *hang.also) if hang.outcome is not Outcome.HANG_UNKNOWN else hang.also
    return Hang(Outcome.HANG_COLLECTIVE, 0.85, (fact, *hang.facts), also)


def failure(evidence: Evidence) -> tuple[str, str] | None:
    """Outcome and text of the failure that a process of the job named itself: a cause before what
    another's failure leads to, and of several the lowest rank's."""
    records = evidence.ranks or ((evidence.record,) if evidence.record else ())
    named = [record.failure for record in records if record.failure is not None]
    return min(named, key=lambda one: one[0] in _SYMPTOMS, default=None)


def facts(evidence: Evidence) -> list[Fact]:
    """Which rank failed first, as the launcher says, and where it was."""
    root = _ROOT_CAUSE.search(evidence.output)
    told = _FIRST_RANK.search(evidence.output, root.end()) if root else None
    if told is None or evidence.stopped_for is not None or evidence.exit_code == 0:
        return []
    text = f"rank {told[1]} (pid {told[3]}) failed first, with exit status {told[2]}"
    own = next((one for one in evidence.ranks if one.rank == int(told[1])), None)
    # An exception has left the phases that it was raised in; a signal has not.
    if own is not None and int(told[2]) < 0:
        text += f", in {own.pulse.phase} at step {own.pulse.step}"
    return [Fact("output", text)]


def table(records: Sequence[Record]) -> list[dict[str, Any]]:
    """A row for each rank, as JSON types; empty for a job of one process."""
    if len(records) < 2:
        return []
    newest = max(record.pulse.at_s for record in records)
    return [
        {
            "rank": record.rank,
            "pid": record.pid,
            "phase": record.pulse.phase,
            "step": record.pulse.step,
            "still_s": round(newest - record.pulse.at_s, 6),
            "seconds": {phase.name: round(phase.seconds, 6) for phase in record.phases},
            "device_allocated": record.torch_peak_allocated,
            "failure": None if record.failure is None else record.failure[0],
        }
        for record in records
    ]
