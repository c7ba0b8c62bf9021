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
    """Where the ranks were at the end, and which failed first as their launcher says."""
    found = []
    first = _failed_first(evidence.output) if evidence.stopped_for is None else None
    if first is not None:
        found.append(Fact("output", first))
    if evidence.stall is None and evidence.exit_code != 0:
        said = rank_pulses.words([_standing(record) for record in evidence.ranks], "was")
        found += [Fact("pulse", said)] if said else []
    return found


def _standing(record: Record) -> Standing:
    return Standing(record.rank, record.pulse, record.pulse.at_s, record.finished_s)


def _failed_first(output: str) -> str | None:
    root = _ROOT_CAUSE.search(output)
    told = _FIRST_RANK.search(output, root.end()) if root else None
    if told is None:
        return None
    return f"rank {told[1]} (pid {told[3]}) failed first, with exit status {told[2]}"


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
