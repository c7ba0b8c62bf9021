"""The result of a run in the form of the contract (``result.json``, schema 1)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from runner.attempt import AttemptEnd
from runner.evidence import Diagnosis
from runner.outcomes import Outcome, exit_status

SCHEMA = 1


@dataclass(frozen=True)
class Result:
    """A run that is over."""

    run: str
    job: str
    diagnosis: Diagnosis
    end: AttemptEnd
    attempts: tuple[dict[str, Any], ...]

    @property
    def outcome(self) -> Outcome:
        return Outcome(self.diagnosis.outcome)

    @property
    def ok(self) -> bool:
        return self.outcome is Outcome.OK

    def exit_status(self, passthrough: bool = False) -> int:
        """What ``python -m runner`` ends with; the job's own status when asked for."""
        evidence = self.end.evidence
        if passthrough and evidence.exit_code is not None:
            return evidence.exit_code
        if passthrough and evidence.signal is not None:
            return 128 + evidence.signal
        return exit_status(self.outcome)

    def as_dict(self) -> dict[str, Any]:
        end, diagnosis = self.end, self.diagnosis
        return {
            "schema": SCHEMA,
            "run": self.run,
            "job": self.job,
            "outcome": diagnosis.outcome,
            "ok": self.ok,
            "confidence": diagnosis.confidence,
            "exit_code": end.evidence.exit_code,
            "signal": end.evidence.signal,
            "evidence": [asdict(fact) for fact in diagnosis.facts],
            "also": list(diagnosis.also),
            "advice": list(diagnosis.advice),
            "attempts": list(self.attempts),
            "peaks": {
                "host_pss": end.peaks.host_pss,
                "host_rss": end.peaks.host_rss,
                "host_uss": end.peaks.host_uss,
                "shm": end.peaks.shm,
                "device_used": {str(k): v for k, v in end.peaks.device_used.items()},
                "device_allocated": end.peaks.device_allocated,
                "device_reserved": end.peaks.device_reserved,
                "host_holders": [
                    {"pid": pid, "name": name, "bytes": held}
                    for pid, name, held in end.peaks.host_holders
                ],
            },
            "phases": phases(end),
            "gauges": dict(end.record.gauges) if end.record else {},
            "leaks": {
                "processes": [asdict(left) for left in end.leaks.processes],
                "shm": list(end.leaks.shm),
                "device_bytes": end.leaks.device_bytes,
            },
            "timing": {
                key: round(value, 6) if isinstance(value, float) else value
                for key, value in asdict(end.timing).items()
            },
            "output_bytes": end.output_bytes,
            "troubles": list(end.troubles),
        }


def phases(end: AttemptEnd) -> list[dict[str, Any]]:
    """Each phase with its count, seconds, and peaks in bytes (None: no sample fell into it)."""
    if end.record is None:
        return []
    found = []
    for phase in end.record.phases:
        peak = end.phase_peaks.get(phase.name)
        found.append(
            {
                "name": phase.name,
                "count": phase.count,
                "seconds": round(phase.seconds, 6),
                "host_peak": peak.host if peak else None,
                "device_peak": peak.device if peak else None,
            }
        )
    return found
