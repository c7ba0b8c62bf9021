"""Verdicts as a table of looks."""

from __future__ import annotations

from pathlib import Path

import pytest

from probes import pulse
from runner.options import Supervision
from runner.progress import Progress, time_of
from runner.rank_pulses import RankPulses
from runner.watchdog import Finding, Limits, Observation, Standstill, judge

LIMITS = Limits(watchdog=10, phases={"checkpoint": 60, "startup": 0}, deadline=1000)


@pytest.mark.parametrize(
    ("seen", "finding"),
    [
        (Observation(now=9, started=0, last_progress=5, phase="forward"), Finding.FINE),
        (Observation(now=10, started=0, last_progress=5, phase="forward"), Finding.QUIET),
        (Observation(now=15, started=0, last_progress=5, phase="forward"), Finding.STALL),
        # A phase's own time is taken in place of the watchdog's; 0 switches it off.
        (Observation(now=34, started=0, last_progress=5, phase="checkpoint"), Finding.FINE),
        (Observation(now=65, started=0, last_progress=5, phase="checkpoint"), Finding.STALL),
        (Observation(now=900, started=0, last_progress=0, phase="startup"), Finding.FINE),
        # Time in which nobody could look does not count.
        (
            Observation(now=75, started=0, last_progress=5, phase="forward", standstill=61),
            Finding.QUIET,
        ),
        (
            Observation(now=1060, started=0, last_progress=1059, phase="f", standstill_total=61),
            Finding.FINE,
        ),
        (Observation(now=1000, started=0, last_progress=999, phase="forward"), Finding.DEADLINE),
        # The deadline outranks a stall.
        (Observation(now=1000, started=0, last_progress=5, phase="forward"), Finding.DEADLINE),
        # Committed work is neither stalled nor late.
        (
            Observation(now=1010, started=0, last_progress=990, phase="x", finished=990),
            Finding.EXIT_STALL,
        ),
        (
            Observation(now=1001, started=0, last_progress=1000, phase="x", finished=990),
            Finding.FINE,
        ),
        # A pulse from just after the look is no negative time.
        (Observation(now=5, started=0, last_progress=5.1, phase="forward"), Finding.FINE),
    ],
)
def test_verdict(seen: Observation, finding: Finding) -> None:
    assert judge(LIMITS, seen).finding is finding


def test_zero_switches_every_limit_off() -> None:
    seen = Observation(now=1e6, started=0, last_progress=0, phase="forward")
    assert judge(Limits(watchdog=0), seen).finding is Finding.FINE


def test_late_look_is_a_standstill_and_progress_ends_it() -> None:
    state = Standstill(looked=0.0)
    state = state.look(0.25, expected=0.25, progress=False)
    assert (state.since_progress, state.total) == (0.0, 0.0)
    state = state.look(60.5, expected=0.25, progress=False)
    assert state.since_progress == pytest.approx(60.0)
    state = state.look(60.75, expected=0.25, progress=True)
    assert state.since_progress == 0.0
    assert state.total == pytest.approx(60.0)


def test_look_a_little_late_is_no_standstill() -> None:
    assert Standstill(looked=0.0).look(1.0, expected=0.25, progress=False).total == 0.0


def test_documented_defaults_protect() -> None:
    limits = Supervision().limits()
    assert limits.watchdog == 600
    assert limits.of("startup") == limits.of("evaluate") == limits.of("checkpoint") == 600
    assert Supervision(watchdog=5, watchdog_startup=0).limits().of("startup") == 0


@pytest.mark.parametrize(
    ("pulse_s", "taken"),
    [(10.2, 10.2), (10.0, 10.0), (3610.2, 10.5), (-3589.8, 10.5), (9.9, 10.5)],
)
def test_new_pulse_from_a_clock_that_is_not_ours_is_taken_as_made_now(
    pulse_s: float, taken: float
) -> None:
    assert time_of(pulse_s, looked=10.0, now=10.5) == taken


def test_job_that_names_no_phases_has_started_with_its_first_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "pulse"
    pulse.create(path)
    monkeypatch.setenv(pulse.ENVIRONMENT, str(path))
    pulses = RankPulses(path)
    progress = Progress(pulses, started=0.0)

    def phase() -> str:
        progress.look(1.0, [])
        return progress.observation(1.0, Standstill(looked=1.0)).phase

    seen = [phase()]
    assert pulse.attach()
    seen.append(phase())
    pulse.beat(step=1, total=8)
    seen.append(phase())
    pulse.detach()
    pulses.close()
    assert seen == ["startup", "startup", ""]
