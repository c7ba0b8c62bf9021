"""Samples of host and device memory while a job runs, and the peaks over all of them."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from probes import device, host, procfs
from probes.device import DeviceMemory
from probes.procfs import Identity, Stat
from probes.pulse import Pulse
from runner import device_ledger, host_ledger, leaks
from runner.device_ledger import Driver
from runner.helpers import Helper
from runner.host_ledger import HostLedger
from runner.system_watch import SystemWatch
from runner.worker_watch import WorkerWatch

COST_SHARE = 0.004
"""Part of one core that looking at the job may take; the period is stretched to keep it."""
_BETWEEN_SHARE = 0.001
"""The same of the samples between, which read no page of a process."""
CREDIT_S = 0.05
"""Processor time that may be spent ahead of it, so that a short job has some samples."""
_XIDS = 32


@dataclass(frozen=True)
class Sample:
    """One look. Bytes; None where it was not read."""

    at_s: float
    """On the monotonic clock."""
    phase: str
    step: int
    host_rss: int
    host_pss: int | None
    host_uss: int | None
    shm: int | None
    """In /dev/shm, above what was there before the attempt."""
    processes: int
    device_used: dict[int, int]
    """The most since the sample before: the driver is read more often than the host."""
    torch_allocated: int | None
    torch_reserved: int | None
    is_between: bool = False
    """Whether it was taken between two others and read no process's pages: no PSS, and an RSS that
    counts shared pages again."""


@dataclass(frozen=True)
class Job:
    """What the sampler is told of the job at a sample."""

    root: int
    """Pid of the attempt's first process."""
    pulsing: int | None = None
    """Pid of the process that pulses."""
    numbers: Mapping[str, float] = field(default_factory=dict)
    """The newest values of the gauges that it leaves."""
    torch_memory: tuple[int, int] | None = None
    """Bytes that torch has allocated and reserved."""


@dataclass
class Peaks:
    """The largest of each, in bytes; None: never read."""

    host_pss: int | None = None
    host_rss: int | None = None
    host_uss: int | None = None
    shm: int | None = None
    device_used: dict[int, int] = field(default_factory=dict)
    device_allocated: int | None = None
    device_reserved: int | None = None
    host_holders: tuple[tuple[int, str, int], ...] = ()
    """(pid, name, bytes) at the moment of the PSS peak, biggest first."""
    host_ledger: HostLedger = field(default_factory=HostLedger)
    """Who held what at that moment."""

    def add(
        self, sample: Sample, holders: tuple[tuple[int, str, int], ...], held: HostLedger
    ) -> None:
        if sample.host_pss is not None and sample.host_pss > (self.host_pss or 0):
            self.host_holders = holders
            self.host_ledger = held
        self.host_pss = larger(self.host_pss, sample.host_pss)
        self.host_rss = larger(self.host_rss, sample.host_rss)
        self.host_uss = larger(self.host_uss, sample.host_uss)
        self.shm = larger(self.shm, sample.shm)
        for index, used in sample.device_used.items():
            self.device_used[index] = max(used, self.device_used.get(index, 0))


@dataclass
class PhasePeak:
    host: int | None = None
    device: int | None = None


class Sampler:
    """Takes a sample when one is due. The first come quickly, so that a short job has some."""

    def __init__(
        self,
        period: float,
        say: Callable[[str], None],
        warn: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.peaks = Peaks()
        self.phases: dict[str, PhasePeak] = {}
        self.newest: Sample | None = None
        self.shm_was_full = False
        self.devices: list[DeviceMemory] = []
        self.devices_before: list[DeviceMemory] | None = None
        self.xids: list[str] = []
        """Errors of devices, the newest, in NVML's numbers."""
        self.devices_in_use: list[DeviceMemory] = []
        """At the newest sample of the job."""
        self.first_step: dict[int, Driver] = {}
        self.later: dict[int, Driver] = {}
        """Each device at its largest reading, up to the end of the first step, and after it."""
        self.workers = WorkerWatch(warn)
        self._period = period
        self._say = say
        self._taken = 0
        self._credit_s = CREDIT_S
        self._due = 0.0
        self._between_due = 0.0
        self._between_s = 0.0
        """Seconds of waiting that pay for such a sample."""
        self._shm_before = host.shm_used()
        self._unseen = False
        """Whether the driver told something that was not yet looked at."""
        self._used: dict[int, int] = {}
        self._used_between: dict[int, int] = {}
        """The most that each device had in use since the newest sample of the host, and since the
        newest of all: where those between are thinned out, no peak goes with them."""
        self._helper: Helper | None = None
        self.system = SystemWatch()

    def watch_devices(self) -> Identity | None:
        """Start the NVML child where there is a driver; its identity."""
        if not device.is_present():
            return None
        command = [sys.executable, "-m", "probes.device", "--period", str(self._period)]
        try:
            self._helper = Helper(command, self.device_line)
        except OSError as error:
            self._say(f"devices are not watched: their probe could not be started: {error}")
            return None
        return self._helper.identity

    def device_line(self, line: bytes) -> None:
        try:
            xids = device.parse_xids(line)
            if xids is not None:
                self.xids = (self.xids + xids)[-_XIDS:]
                return
            self.devices = device.parse(line)
        except (ValueError, TypeError, KeyError) as error:
            self._say(f"device memory is not measured: {error}")
            return
        self._unseen = True
        if self.devices_before is None:
            self.devices_before = self.devices

    def look_at_devices(
        self, pids: Collection[int], newest: Pulse, torch_memory: tuple[int, int] | None
    ) -> None:
        """Keep what the driver told since the last call, of the attempt's processes ``pids``. Costs
        nothing but that: a sample of the host, which costs much more, may come seconds later."""
        if not self._unseen:
            return
        self._unseen = False
        self.devices_in_use = self.devices
        kept = self.first_step if newest.number and newest.step <= 1 else self.later
        for one in self.devices:
            for used in (self._used, self._used_between):
                used[one.index] = max(one.used, used.get(one.index, 0))
            self.peaks.device_used[one.index] = max(
                one.used, self.peaks.device_used.get(one.index, 0)
            )
            found = device_ledger.reading(
                one,
                pids,
                self.devices_before or (),
                torch_memory[1] if torch_memory else None,
                is_there=lambda pid: procfs.stat(pid) is not None,
            )
            if one.index not in kept or found.weight > kept[one.index].weight:
                kept[one.index] = found
        if newest.phase and self.devices:
            peak = self.phases.setdefault(newest.phase, PhasePeak())
            peak.device = larger(peak.device, max(one.used for one in self.devices))

    async def devices_at_rest(self, pids: Collection[int]) -> list[DeviceMemory]:
        """A reading after the end of these processes: the driver takes a moment to free what they
        held. Where it has not after two periods and a second, the newest reading."""
        until = time.monotonic() + 2 * self._period + 1.0
        while self._helper is not None and time.monotonic() < until:
            if leaks.device_left(self.devices_before or (), self.devices, pids) == (0, []):
                break
            await asyncio.sleep(0.05)
        return self.devices

    def is_due(self, now: float) -> bool:
        return now >= min(self._due, self._between_due)

    def take(
        self,
        now: float,
        members: Sequence[Stat],
        newest: Pulse,
        job: Job,
        began_cpu_s: float | None = None,
    ) -> Sample:
        """One look. ``began_cpu_s``: processor time of this process when the look began, if that
        was before this call: what it cost stretches the period."""
        began = time.process_time() if began_cpu_s is None else began_cpu_s
        if now < self._due:
            return self._between(now, members, newest, job, began)
        held = host.tree_memory(members, with_pss=True)
        ledger = host_ledger.of(held.by_process, job.root, job.pulsing)
        shm = host.shm_used()
        self.shm_was_full = host.shm_is_full()
        self.system.look(members)
        sample = self._sample(now, held, shm, newest, job)
        self.peaks.add(sample, held.largest, ledger)
        if newest.phase:
            peak = self.phases.setdefault(newest.phase, PhasePeak())
            peak.host = larger(peak.host, sample.host_pss)
        self.workers.look(now, ledger, newest, job.numbers)
        self.newest = sample
        self._taken += 1
        cost_s = time.process_time() - began
        self._credit_s -= cost_s
        wait_s = next_period(self._period, self._taken, cost_s, self._credit_s)
        self._credit_s = min(CREDIT_S, self._credit_s + COST_SHARE * wait_s)
        self._due = now + wait_s
        self._between_due = now + max(self._period, min(wait_s, self._between_s))
        return sample

    def _between(
        self, now: float, members: Sequence[Stat], newest: Pulse, job: Job, began: float
    ) -> Sample:
        """What can be seen without reading a process's pages, where that is dear: it takes seconds
        of waiting to pay for the pages of a process that has a GPU's address space."""
        held = host.tree_memory(members, with_pss=False)
        sample = self._sample(now, held, host.shm_used(), newest, job, is_between=True)
        self._between_s = (time.process_time() - began) / _BETWEEN_SHARE
        self._between_due = now + max(self._period, self._between_s)
        return sample

    def _sample(
        self,
        now: float,
        held: host.TreeMemory,
        shm: int | None,
        newest: Pulse,
        job: Job,
        *,
        is_between: bool = False,
    ) -> Sample:
        used = self._used_between if is_between else self._used
        used = used or {one.index: one.used for one in self.devices}
        self._used_between = {}
        if not is_between:
            self._used = {}
        return Sample(
            at_s=now,
            phase=newest.phase,
            step=newest.step,
            host_rss=held.rss,
            host_pss=held.pss,
            host_uss=held.uss,
            shm=max(0, shm - self._shm_before)
            if shm is not None and self._shm_before is not None
            else None,
            processes=held.processes,
            device_used=used,
            torch_allocated=job.torch_memory[0] if job.torch_memory else None,
            torch_reserved=job.torch_memory[1] if job.torch_memory else None,
            is_between=is_between,
        )

    def close(self) -> None:
        if self._helper is not None:
            with suppress(OSError):
                self._helper.close()
            self._helper = None


def next_period(period: float, taken: int, cost_s: float, credit_s: float = 0.0) -> float:
    """Seconds to the next sample: 0.1, 0.2, 0.4 … up to the period, as long as another like the
    last, which took ``cost_s``, can be paid; else until it can."""
    eager: float = min(period, 0.1 * 2 ** min(taken - 1, 10))
    return max(eager, (cost_s - credit_s) / COST_SHARE)


def larger(a: int | None, b: int | None) -> int | None:
    """The larger of two measurements, either of which may be missing."""
    if a is None or b is None:
        return a if b is None else b
    return max(a, b)
