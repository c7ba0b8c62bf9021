"""What an attempt's watchers saw, put together once it is over."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass

from probes.pulse import Record
from runner import ledgers
from runner.attempt_end import AttemptEnd, Timing
from runner.evidence import Evidence, Stop
from runner.leaks import Leaks
from runner.paths import AttemptPaths
from runner.process_tree import Exit, Tree
from runner.sampling import Peaks
from runner.watchers import Watchers


@dataclass(frozen=True)
class Course:
    """How an attempt went. Times are of the monotonic clock."""

    oom_score: int
    """``oom_score_adj`` of the job's processes."""
    started_text: str
    spawned: float
    ended: float
    detected: float | None
    """When a stall or the deadline was noticed."""
    reason: Stop | None
    root_exit: Exit | None
    own_rss: int
    """The supervisor's own peak, with which a child's begins."""
    shm_full: bool
    """At the end of the job's first process."""
    is_mid_line: bool
    left: Leaks
    troubles: Sequence[str]


def end_of(course: Course, watch: Watchers, tree: Tree, paths: AttemptPaths) -> AttemptEnd:
    """Everything that is known of an attempt that was started."""
    record, ranks = watch.reader.record(), watch.ranks.records()
    began, first = watch.progress.started, watch.progress.first_pulse
    peaks, ended = watch.sampler.peaks, course.root_exit
    if ended is not None and ended.peak_rss > course.own_rss:
        peaks.host_rss = max(peaks.host_rss or 0, ended.peak_rss)
    peaks.device_allocated = record.torch_peak_allocated
    peaks.device_reserved = record.torch_peak_reserved
    return AttemptEnd(
        evidence=_evidence(course, watch, tree, record, ranks),
        timing=Timing(
            started=course.started_text,
            spawn_s=course.spawned - began,
            first_pulse_s=None if first is None else first - began,
            ended_s=course.ended - began,
            detected_s=None if course.detected is None else course.detected - began,
            reaped_s=time.monotonic() - began,
        ),
        peaks=peaks,
        phase_peaks=watch.sampler.phases,
        leaks=course.left,
        record=record if record.pid is not None else None,
        output_bytes=watch.log.total,
        is_mid_line=course.is_mid_line,
        troubles=tuple(course.troubles),
        ledgers=ledgers.of(
            peaks.host_ledger,
            watch.sampler.first_step,
            watch.sampler.later,
            ledgers.told(paths.memory),
            watch.sampler.workers.result(),
            watch.sampler.workers.bound,
        ),
    )


def not_started(
    what: str, number: int | None, started_text: str, troubles: Sequence[str]
) -> AttemptEnd:
    """``what`` says why the job could not be started, ``number`` is the system's (errno(3))."""
    evidence = Evidence(exit_code=None, signal=None, start_error=what, start_errno=number)
    return _bare(evidence, Leaks(), Timing(started_text, 0.0, None, 0.0, None, 0.0), troubles)


def unseen(
    ended: Exit | None, left: Leaks, started_text: str, began: float, troubles: Sequence[str]
) -> AttemptEnd:
    """Of an attempt that was started, and of which no watcher can be asked. ``began`` is of the
    monotonic clock."""
    code, number = (ended.code, ended.signal) if ended else (None, None)
    seconds = time.monotonic() - began
    timing = Timing(started_text, 0.0, None, seconds, None, seconds)
    return _bare(Evidence(exit_code=code, signal=number), left, timing, troubles)


def _bare(evidence: Evidence, left: Leaks, timing: Timing, troubles: Sequence[str]) -> AttemptEnd:
    return AttemptEnd(
        evidence=evidence,
        timing=timing,
        peaks=Peaks(),
        phase_peaks={},
        leaks=left,
        record=None,
        output_bytes=0,
        troubles=tuple(troubles),
    )


def _evidence(
    course: Course, watch: Watchers, tree: Tree, record: Record, ranks: tuple[Record, ...]
) -> Evidence:
    printed = watch.log.tail().decode("utf-8", "replace")
    ended = course.root_exit
    killed = ended is not None and ended.signal == signal.SIGKILL
    kills, xids = watch.oom.kernel_log(tree.pids_seen, printed, course.oom_score, all_seen=killed)
    system = watch.sampler.system.picture(watch.sampler.devices_in_use, tree.pids_seen)
    return Evidence(
        exit_code=ended.code if ended else None,
        signal=ended.signal if ended else None,
        stopped_for=course.reason,
        sent_signals=tuple(tree.sent_to_root),
        sent=tuple(tree.sent),
        exits=tuple(tree.exits),
        pids=frozenset(tree.pids_seen),
        oom_kills_group=watch.oom.kills_in_groups(),
        oom_kills_machine=watch.oom.recent_kills_on_machine(),
        kernel_kills=kills,
        # Both tell the same events: the kernel's log in more words.
        xids=tuple(watch.sampler.xids) if xids is None else xids,
        shm_full=system.shm_full(course.shm_full or watch.sampler.shm_was_full),
        output=printed,
        record=record,
        ranks=ranks,
        stall=watch.stalls.picture,
        memory=watch.guard.picture if watch.guard is not None else None,
        system=system,
    )
