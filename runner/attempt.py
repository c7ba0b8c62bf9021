"""One attempt: start the job, watch it, stop it, collect what is left, and say what was seen."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from probes import files, host, procfs, pulse, stack_signal
from runner import (
    attempt_ending,
    attempt_group,
    host_limit,
    memory_guard,
    output,
    process_tree,
    racing,
    stopping,
)
from runner.attempt_end import AttemptEnd
from runner.attempt_ending import Course
from runner.console import Console
from runner.evidence import Stop
from runner.hooks import Hooks
from runner.leaks import Leaks
from runner.options import Supervision
from runner.output import Stream
from runner.paths import AttemptPaths
from runner.process_tree import MARK, Exit, Tree
from runner.sampling import Job
from runner.units import duration
from runner.watchdog import Finding, Standstill, Verdict, judge
from runner.watchers import Watchers

_TICK = 0.25
_FIRST_TICK = 0.01


class Attempt:
    """Runs once. ``interrupt`` may be called meanwhile, from the same thread."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        run: str,
        paths: AttemptPaths,
        options: Supervision,
        console: Console,
        environment: Mapping[str, str],
        inherit_input: bool,
        hooks: Hooks,
    ) -> None:
        self._command = list(command)
        self._run = run
        self._paths = paths
        self._options = options
        self._limits = options.limits()
        self._console = console
        self._environment = dict(environment)
        self._inherit_input = inherit_input
        self._hooks = hooks
        self._interrupts = 0
        self._wake = asyncio.Event()
        self._asked = asyncio.Event()
        self._root_exit: Exit | None = None
        self._detected: float | None = None
        self._troubles: list[str] = []
        self._verdict: Verdict | None = None
        self._warned = False
        self._mid_line = self._shm_full = self._is_over = False
        self.stood_still_s = 0.0
        """Time in which the supervisor did not run; it does not count against the job."""

    def interrupt(self) -> None:
        """Once: let the job write its checkpoint and stop. Twice: kill."""
        self._interrupts += 1
        self._asked.set()
        self._wake.set()

    def pass_on(self, number: int) -> None:
        """A signal for the job; it is not counted to those that we sent of our own accord."""
        if hasattr(self, "_tree"):
            process_tree.send(self._tree.root, number)

    async def run(self) -> AttemptEnd:
        self._seen = Watchers(
            self._paths,
            self._options,
            self._environment,
            self._console,
            self._trouble,
            asyncio.get_running_loop().call_later,
        )
        self._started_text = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        was_subreaper = process_tree.is_subreaper()
        process_tree.become_subreaper()
        try:
            return await self._run_started()
        except Exception as error:
            if hasattr(self, "_tree"):
                return await self._failed(error)
            if self._group is not None:
                self._group.remove()
            if not isinstance(error, OSError):
                raise
            what = f"{self._command[0]}: {error.strerror or error}"
            return attempt_ending.not_started(what, error.errno, self._started_text, self._troubles)
        finally:
            process_tree.become_subreaper(was_subreaper)
            self._seen.close()

    async def _run_started(self) -> AttemptEnd:
        parent = os.getpid()
        self._group = attempt_group.make(self._run, self._paths.folder)
        # A child's peak begins with our own pages, which it shows until it has become the job.
        self._own_rss = procfs.peak_rss(parent) or 0
        self._score = process_tree.oom_score(self._run, procfs.oom_score_adjusts())
        bystanders = process_tree.before(parent)
        child = subprocess.Popen(
            self._command,
            stdin=None if self._inherit_input else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self._environment
            | {
                MARK: self._run,
                pulse.ENVIRONMENT: str(self._seen.pulses),
                stack_signal.ENVIRONMENT: str(self._paths.own_stacks),
            },
            start_new_session=True,
            preexec_fn=attempt_group.becoming(self._group, self._score),  # noqa: PLW1509 - one thread
        )
        spawned = time.monotonic()
        root = procfs.identity(child.pid)
        assert root is not None, "a child that was not waited for is at least a zombie"
        self._tree = Tree(root, self._run, bystanders, self._group)
        streams: list[Stream] = []
        watched: int | None = None
        try:
            watched = process_tree.wake_at_end(child.pid, self._wake.set)
            streams = output.streams(
                child, self._seen.log, before_echo=self._console.clear, say=self._trouble
            )
            self._seen.sampler.workers.bound = host_limit.read(
                root.pid, self._options.max_host_memory
            )
            helper = self._seen.sampler.watch_devices()
            if helper is not None:
                self._tree.exclude(helper)
            reason = await self._supervise(streams)
            ended = time.monotonic()
            self._shm_full = host.shm_is_full()
            self._root_exit = self._root_exit or process_tree.reap(root.pid, self._command[0])
            leftovers = await stopping.sweep(self._tree, self._options.grace)
            group_left = await stopping.remove_group(self._tree)
            for stream in streams:
                await stream.finish()
            left = self._seen.leaks.collect(
                self._tree.pids_seen,
                self._seen.log.tail().decode("utf-8", "replace"),
                processes=leftovers,
                cgroup=group_left,
                devices_before=self._seen.sampler.devices_before or (),
                devices=await self._seen.sampler.devices_at_rest(self._tree.pids_seen),
            )
            self._mid_line = streams[0].is_mid_line
            return self._end(reason, left, spawned, ended)
        except BaseException as error:
            if procfs.is_alive(root):
                self._console.say(f"the supervisor failed ({error!r}): the job is stopped")
            raise  # Here it is stopped first; then it is told.
        finally:
            await stopping.kill_all(self._tree)
            await stopping.remove_group(self._tree)
            child.returncode = 0 if self._root_exit is None else (self._root_exit.code or 0)
            for stream in streams:
                stream.close()
            if watched is not None:
                asyncio.get_running_loop().remove_reader(watched)
                os.close(watched)

    async def _supervise(self, streams: list[Stream]) -> Stop | None:
        """Until the first process has ended; why we ended it, None where it did by itself."""
        while True:
            reason = await self._watch(streams)
            if reason is None:
                return None
            self._detected = time.monotonic()
            if reason in (Stop.STALL, Stop.EXIT_STALL):
                assert self._verdict is not None
                confirmed = await self._confirmed(self._verdict, streams)
                if self._interrupts:
                    reason = Stop.INTERRUPT
                elif self._is_over:
                    reason = Stop.MEMORY_LIMIT
                elif not confirmed:
                    self._detected = None
                    continue
            await self._stop(reason)
            return reason

    async def _confirmed(self, verdict: Verdict, streams: list[Stream]) -> bool:
        """Whether the stall is one. Whoever asks for the end does not wait for the answer, nor does
        memory: it is watched meanwhile as before."""
        return await racing.answered(
            self._seen.stalls.of(verdict, self._tree, streams, self._has_ended),
            self._asked.wait(),
            self._over_its_limit(),
        )

    async def _over_its_limit(self) -> None:
        """Until the job holds more than it may; samples are taken all the while."""
        while True:
            await asyncio.sleep(_TICK if self._seen.guard is None else memory_guard.TICK)
            self._sample(time.monotonic())
            if self._seen.guard is not None and self._seen.guard.is_over(self._tree.scan()):
                self._is_over = True
                return

    async def _watch(self, streams: list[Stream]) -> Stop | None:
        standstill = Standstill(looked=time.monotonic())
        most = _TICK if self._seen.guard is None else memory_guard.TICK
        longest = min(most, max(_FIRST_TICK, (self._limits.watchdog or _TICK) / 8))
        tick = _FIRST_TICK
        before = self.stood_still_s
        while True:
            tick = min(longest, 2 * tick)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), tick)
            self._wake.clear()
            now = time.monotonic()
            moved = self._seen.progress.look(now, streams)
            if moved:
                self._seen.stalls.progressed()
            standstill = standstill.look(now, tick, moved)
            self.stood_still_s = before + standstill.total
            if self._has_ended():
                return None
            if self._interrupts:
                return Stop.INTERRUPT
            self._seen.leaks.look(self._tree.pids_known, self._pids_now)
            self._sample(now)
            if self._seen.activity and self._seen.activity.look(
                now, self._tree.scan, self._seen.sampler.devices or ()
            ):
                self._seen.progress.worked(now)
            if self._seen.guard is not None and self._seen.guard.is_over(self._tree.scan()):
                return Stop.MEMORY_LIMIT
            seen = self._seen.progress.observation(now, standstill)
            verdict = judge(self._limits, seen)
            if verdict.finding is Finding.DEADLINE:
                return Stop.DEADLINE
            if verdict.finding in (Finding.STALL, Finding.EXIT_STALL):
                self._verdict = verdict
                return Stop.STALL if verdict.finding is Finding.STALL else Stop.EXIT_STALL
            self._warn(verdict.finding is Finding.QUIET, verdict.quiet_s, verdict.limit_s)
            self._console.live(lambda: self._state(verdict.quiet_s))  # noqa: B023 - called at once

    def _has_ended(self) -> bool:
        root = self._tree.root.pid
        self._seen.oom.follow(root)
        self._root_exit = self._root_exit or process_tree.reap(root, self._command[0])
        return self._root_exit is not None

    def _state(self, quiet_s: float) -> str:
        return self._hooks.live(
            self._seen.progress.pulse, self._seen.sampler, quiet_s, self._seen.reader.gauges()
        )

    def _pids_now(self) -> list[int]:
        return [stat.pid for stat in self._tree.scan()]

    def _sample(self, now: float) -> None:
        self._hooks.on_look(now, self._seen.reader)
        self._seen.sampler.look_at_devices(
            self._tree.pids_seen, self._seen.progress.pulse, self._seen.reader.torch_memory()
        )
        if not self._seen.sampler.is_due(now):
            return
        # Of all threads: another one reads what may not answer.
        began_cpu_s = time.process_time()
        try:
            members = self._tree.scan()
            self._seen.oom.look(now, members)
            job = Job(
                self._tree.root.pid,
                self._seen.reader.pid(),
                self._seen.reader.gauges(),
                self._seen.reader.torch_memory(),
            )
            newest = self._seen.progress.pulse
            self._hooks.on_sample(self._seen.sampler.take(now, members, newest, job, began_cpu_s))
        except (OSError, ValueError) as error:
            self._trouble(f"a sample was not taken: {error}")
        for pid in set(procfs.silent()) & self._tree.pids_seen:
            self._trouble(
                f"process {pid}: its memory cannot be read, as a thread of it sleeps in the kernel "
                "and holds the lock of its address space (seen where a file server is gone)"
            )

    def _warn(self, quiet: bool, quiet_s: float, limit_s: float) -> None:
        if quiet and not self._warned:
            self._console.say(
                f"no progress for {duration(quiet_s)}; "
                f"after {duration(limit_s)} the job is stopped (--watchdog)",
                "warning",
            )
        self._warned = quiet

    async def _stop(self, reason: Stop) -> None:
        """TERM, the grace time, KILL. What must not be disturbed in its last work is asked first:
        a job that writes its checkpoint needs its workers alive until it says so."""
        gently = reason in (Stop.INTERRUPT, Stop.DEADLINE)
        if gently:
            self._console.say("asking the job to stop; once more kills it", "stop")

        def hurried() -> bool:
            guard = self._seen.guard
            return self._interrupts > 1 or (
                guard is not None
                and guard.cuts_short(self._tree.scan(), is_reason=reason is Stop.MEMORY_LIMIT)
            )

        whom = "the first process" if gently else "the whole tree"
        self._console.note("signal", f"SIGTERM to {whom}, because of: {reason.value}")
        self._root_exit = self._root_exit or await stopping.terminate(
            self._tree,
            self._command[0],
            root_only=gently,
            grace=min(self._options.grace, memory_guard.GRACE)
            if reason is Stop.MEMORY_LIMIT
            else self._options.grace,
            hurried=hurried,
        )
        if self._root_exit is None or self._root_exit.signal == signal.SIGKILL:
            self._console.note("signal", "SIGKILL to the whole tree: it had not ended in time")

    def _end(
        self,
        reason: Stop | None,
        left: Leaks,
        spawned: float,
        ended: float,
    ) -> AttemptEnd:
        if self._seen.log.error is not None:
            self._trouble(self._seen.log.error)
        course = Course(
            oom_score=self._score,
            started_text=self._started_text,
            spawned=spawned,
            ended=ended,
            detected=self._detected,
            reason=reason,
            root_exit=self._root_exit,
            own_rss=self._own_rss,
            shm_full=self._shm_full,
            is_mid_line=self._mid_line,
            left=left,
            troubles=self._troubles,
        )
        return attempt_ending.end_of(course, self._seen, self._tree, self._paths)

    async def _failed(self, error: Exception) -> AttemptEnd:
        """What is known of an attempt whose supervision failed; the job has been stopped."""
        with suppress(OSError):
            files.write_text(self._paths.supervisor_error, traceback.format_exc())
        root = self._tree.root.pid
        left, began = Leaks(), self._seen.progress.started
        try:
            self._root_exit = self._root_exit or process_tree.reap(root, self._command[0])
            left = self._seen.leaks.collect(
                self._tree.pids_seen,
                "",
                processes=await stopping.sweep(self._tree, 0.0),
                cgroup=None,
                devices_before=(),
                devices=(),
            )
            end = self._end(None, left, began, time.monotonic())
        except Exception as another:
            # What failed before may fail here once more: then the result goes without it.
            self._trouble(f"what was measured is not known: {type(another).__name__}: {another}")
            end = attempt_ending.unseen(
                self._root_exit, left, self._started_text, began, self._troubles
            )
        told = (
            f"the supervisor failed and has stopped the job: {type(error).__name__}: {error} "
            f"({self._paths.supervisor_error.name} has the traceback)"
        )
        return replace(end, evidence=replace(end.evidence, supervisor_error=told))

    def _trouble(self, text: str) -> None:
        """Say once what is not measured or kept; the job goes on."""
        if text not in self._troubles:
            self._troubles.append(text)
            self._console.say(text, "trouble")
