"""Holds a job to the run's own memory limit: cheap looks while far from it, exact ones near it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from probes import host
from probes.procfs import Stat
from runner import limits
from runner.evidence import MemoryPicture
from runner.limits import Finding, Watch
from runner.units import size

TICK = 0.1
"""Seconds between looks: what a job can allocate meanwhile is beyond the limit's protection."""
GRACE = 3.0
"""Seconds at the most for a job over its limit to end by itself."""


@dataclass
class MemoryGuard:
    """RSS counts shared pages in every process, so it is never below what is held: only where it
    comes near the limit is PSS read, which costs more."""

    watch: Watch
    say: Callable[[str], None]
    picture: MemoryPicture | None = None
    """What was held when the limit was passed."""

    @classmethod
    def of(cls, text: str | None, say: Callable[[str], None]) -> MemoryGuard | None:
        """None where no limit was asked for. Raises ValueError for a text that is none."""
        if text is None:
            return None
        return cls(Watch(limits.parse(text).of(host.memory_limit())), say)

    def is_over(self, members: Sequence[Stat]) -> bool:
        """Whether the job holds more than it may."""
        bound = sum(member.rss for member in members)
        if not self.watch.is_worth_a_look(bound):
            return False
        held = host.tree_memory(members, with_pss=True)
        used = held.pss if held.pss is not None else held.rss
        finding, self.watch = self.watch.look(used)
        if finding is Finding.NEAR:
            self.say(
                f"the job holds {size(used)} of the {size(self.watch.limit)} that it may "
                f"(--max-host-memory); beyond them it is stopped"
            )
        if finding is Finding.OVER:
            self.picture = MemoryPicture(used, self.watch.limit, held.largest)
        return finding is Finding.OVER

    def cuts_short(self, members: Sequence[Stat], *, is_reason: bool) -> bool:
        """Whether a job that was asked to end is given no more time: it passes the limit meanwhile,
        or, where that is why it was asked (``is_reason``), has run away."""
        if is_reason:
            return self.watch.has_run_away(sum(member.rss for member in members))
        return self.is_over(members)
