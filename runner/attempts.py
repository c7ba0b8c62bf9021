"""What a run keeps of its attempts, and how several are told as one. Data and pure functions."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from runner import recovery
from runner.attempt_end import AttemptEnd, Timing
from runner.evidence import Diagnosis
from runner.ladder import Settings
from runner.recovery import Change
from runner.same_failure import Failure
from runner.sampling import Peaks, larger


@dataclass(frozen=True)
class Finished:
    """An attempt that is over, and what was decided then."""

    n: int
    began_s: float
    """Seconds after the beginning of the run."""
    end: AttemptEnd
    diagnosis: Diagnosis
    failure: Failure
    settings: Settings = field(default_factory=Settings)
    change: Change | None = None
    """What the next attempt has other than this one; None for the last."""

    def summary(self) -> dict[str, Any]:
        """The attempt's row of ``result.json``."""
        end = self.end
        return {
            "n": self.n,
            "outcome": self.diagnosis.outcome,
            "confidence": self.diagnosis.confidence,
            "changed": {name: list(pair) for name, pair in self.change.changed.items()}
            if self.change
            else {},
            "next": recovery.words(self.change) if self.change else None,
            "reason": self.change.reason if self.change else None,
            "with": self.settings.options(),
            "signature": self.failure.signature,
            "step": self.failure.step,
            "exit_code": end.evidence.exit_code,
            "signal": end.evidence.signal,
            "sent": [dataclasses.asdict(sent) for sent in end.evidence.sent],
            "started": end.timing.started,
            "began_s": round(self.began_s, 6),
            "seconds": round(end.timing.ended_s, 6),
            "peaks": peaks_dict(end.peaks),
            "leaks": leaks_dict(end),
        }


def peaks_dict(peaks: Peaks) -> dict[str, Any]:
    return {
        "host_pss": peaks.host_pss,
        "host_rss": peaks.host_rss,
        "host_uss": peaks.host_uss,
        "shm": peaks.shm,
        "device_used": {str(k): v for k, v in peaks.device_used.items()},
        "device_allocated": peaks.device_allocated,
        "device_reserved": peaks.device_reserved,
        "host_holders": [
            {"pid": pid, "name": name, "bytes": held} for pid, name, held in peaks.host_holders
        ],
    }


def leaks_dict(end: AttemptEnd) -> dict[str, Any]:
    return {
        "processes": [dataclasses.asdict(left) for left in end.leaks.processes],
        "shm": list(end.leaks.shm),
        "ipc": list(end.leaks.ipc),
        "folders": list(end.leaks.folders),
        "device_bytes": end.leaks.device_bytes,
        "cgroup": end.leaks.cgroup,
        "removed": list(end.leaks.removed),
        "unsure": list(end.leaks.unsure),
    }


def peaks_over_all(attempts: Sequence[Finished]) -> Peaks:
    """The largest of each, whichever attempt it was in; the holders are those at the host's."""
    merged = Peaks()
    for peaks in (one.end.peaks for one in attempts):
        if peaks.host_holders and (peaks.host_pss or 0) >= (merged.host_pss or 0):
            merged.host_holders = peaks.host_holders
            merged.host_ledger = peaks.host_ledger
        for name in ("host_pss", "host_rss", "host_uss", "shm", "device_allocated"):
            setattr(merged, name, larger(getattr(merged, name), getattr(peaks, name)))
        merged.device_reserved = larger(merged.device_reserved, peaks.device_reserved)
        for index, used in peaks.device_used.items():
            merged.device_used[index] = max(used, merged.device_used.get(index, 0))
    return merged


def ledgers_over_all(attempts: Sequence[Finished]) -> dict[str, Any]:
    """As ``ledgers``, ``ledger_notes``, ``growth``, ``limit`` and ``measured`` of a result: the
    host's ledger of the attempt with the highest host peak, those of devices of the one with the
    highest device peak, the rest of the last that tells it."""
    by_host = max(attempts, key=lambda one: one.end.peaks.host_pss or 0).end.ledgers
    by_device = max(attempts, key=lambda one: max(one.end.peaks.device_used.values(), default=0))
    bars = {name: bar for name, bar in by_host.bars.items() if name == "host"}
    bars |= {name: bar for name, bar in by_device.end.ledgers.bars.items() if name != "host"}
    newest = [one.end.ledgers for one in reversed(attempts)]
    return {
        "ledgers": bars,
        "ledger_notes": list(by_device.end.ledgers.notes),
        "growth": next((one.growth for one in newest if one.growth), None),
        "limit": next((one.limit for one in newest if one.limit), None),
        "measured": next((one.measured for one in newest if one.measured), None),
    }


def leaks_over_all(attempts: Sequence[Finished]) -> dict[str, Any]:
    """What any attempt left; lists one after the other without repeats, the largest of numbers."""
    merged: dict[str, Any] = {}
    for leaks in (leaks_dict(one.end) for one in attempts):
        for name, value in leaks.items():
            if isinstance(value, list):
                kept = merged.setdefault(name, [])
                kept += [item for item in value if item not in kept]
            elif isinstance(value, int):
                merged[name] = max(value, merged.get(name, value))
            else:
                merged[name] = value if value is not None else merged.get(name)
    return merged


def timing_of_run(attempts: Sequence[Finished]) -> Timing:
    """From the beginning of the first attempt to the end of the last."""
    first, last = attempts[0].end.timing, attempts[-1].end.timing
    offset = attempts[-1].began_s
    return dataclasses.replace(
        first,
        ended_s=offset + last.ended_s,
        detected_s=None if last.detected_s is None else offset + last.detected_s,
        reaped_s=offset + last.reaped_s,
    )
