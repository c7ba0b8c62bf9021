"""Watches the workers of a job grow, and says once what comes of it (:mod:`runner.growth`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from probes.pulse import Pulse
from runner import growth
from runner.growth import Growth, Look, Looks
from runner.host_ledger import HostLedger
from runner.host_limit import Bound

_JUDGE_S = 5.0
"""Between two judgements: each compares every two looks, some two milliseconds."""


class WorkerWatch:
    def __init__(self, say: Callable[[str], None]) -> None:
        self.bound: Bound | None = None
        """The limit that the job would meet first."""
        self._say = say
        self._looks = Looks()
        self._judge_again = 0.0
        self._warned: str | None = None
        self._found: Growth | None = None

    def look(self, now: float, held: HostLedger, newest: Pulse, told: Mapping[str, float]) -> None:
        """Take in a sample. ``told`` are the job's numbers: ``samples`` that it has seen, or the
        ``batch_size`` that each step has."""
        workers = held.workers()
        if any(worker.pages is None for worker in workers):
            workers = ()
        samples = told.get("samples")
        if samples is None and "batch_size" in told and newest.step:
            samples = newest.step * told["batch_size"]
        self._looks = self._looks.add(
            Look(
                at_s=now,
                workers=frozenset(worker.pid for worker in workers),
                held=sum(w.pages.private + w.pages.inherited for w in workers if w.pages),
                tree=held.total,
                step=newest.step,
                total=newest.total,
                samples=samples,
            )
        )
        if now >= self._judge_again:
            self._judge_again = now + _JUDGE_S
            self._judge()

    def _judge(self) -> None:
        found = growth.growth(self._looks)
        if found is None or (self._found is not None and found.seconds < self._found.seconds):
            return
        self._found = found
        said = growth.warning(self._looks, self.bound) if self._warned is None else None
        if said is not None:
            self._warned = said
            self._say(said)

    def result(self) -> dict[str, object] | None:
        """How the set of workers that was watched longest has grown; None: not seen."""
        self._judge()
        return growth.as_dict(self._found, self._warned) if self._found is not None else None
