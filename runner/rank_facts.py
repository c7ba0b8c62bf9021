"""What the recorders of several ranks add to an outcome and its evidence. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from probes.pulse import Record
from runner import kills, rank_pulses, signalled
from runner.evidence import Evidence, Fact
from runner.hangs import Hang
from runner.outcomes import Outcome
from runner.rank_pulses import Standing

_SEEN_ANYWAY = (Outcome.HANG_COLLECTIVE, Outcome.HANG_STOPPED)
_ECHOES = (Outcome.ERROR_COLLECTIVE,)
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


@dataclass(frozen=True)
class Failure:
    """What a process of the job said that it was about to end in."""

    outcome: str
    text: str
    pid: int | None


def failure(evidence: Evidence) -> Failure | None:
    """The failure that a process of the job named itself: a cause before what another's failure
    leads to, and of several the lowest rank's. What is no outcome of ours is left out."""
    records = evidence.ranks or ((evidence.record,) if evidence.record else ())
    told = [Failure(*one.failure, one.pid) for one in records if one.failure is not None]
    known = [one for one in told if one.outcome in Outcome._value2member_map_]
    return min(known, key=is_echo, default=None)


def is_echo(failure: Failure) -> bool:
    """Whether it is what the end of another process of the job leads to."""
    if failure.outcome == Outcome.ERROR_PYTHON:
        return kills.are_spoken_of(failure.text)
    return failure.outcome in _ECHOES


def crashed(evidence: Evidence) -> int | None:
    """The signal of the first process of the tree that crashed by itself."""
    ours = {(sent.pid, sent.signal) for sent in evidence.sent}
    died = [one for one in evidence.exits if (one.pid, one.signal) not in ours]
    return next((one.signal for one in died if one.signal in signalled.CRASHES), None)


def another_died_first(evidence: Evidence, named: Failure) -> bool:
    """Whether the launcher saw another rank die of a signal before this one failed."""
    first = _first(evidence)
    return first is not None and int(first[2]) < 0 and int(first[3]) != named.pid


def facts(evidence: Evidence) -> list[Fact]:
    """Which rank failed first, as the launcher says, and where it was."""
    told = _first(evidence)
    if told is None or evidence.stopped_for is not None or evidence.exit_code == 0:
        return []
    text = f"rank {told[1]} (pid {told[3]}) failed first, with exit status {told[2]}"
    own = next((one for one in evidence.ranks if one.rank == int(told[1])), None)
    # An exception has left the phases that it was raised in; a signal has not.
    if own is not None and int(told[2]) < 0:
        text += f", in {own.pulse.phase} at step {own.pulse.step}"
    return [Fact("output", text)]


def _first(evidence: Evidence) -> re.Match[str] | None:
    """Number, status and pid of the rank that failed first, as torchrun's summary has them."""
    root = _ROOT_CAUSE.search(evidence.output)
    return _FIRST_RANK.search(evidence.output, root.end()) if root else None


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
