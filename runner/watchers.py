"""All that looks at one attempt, from before its start to after its end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from runner import flight, stall
from runner.activity import Activity
from runner.bounded_log import BoundedLog
from runner.confirming import Confirmation
from runner.console import Console
from runner.leak_watch import LeakWatch
from runner.memory_guard import MemoryGuard
from runner.oom_watch import OomWatch
from runner.options import Supervision
from runner.paths import AttemptPaths
from runner.progress import Progress
from runner.rank_pulses import RankPulses
from runner.sampling import Sampler


class Watchers:
    """Each remembers the state of things at construction, so that is before the job starts.

    ``later`` is the event loop's ``call_later``; ``trouble`` is told what is not measured.
    """

    def __init__(
        self,
        paths: AttemptPaths,
        options: Supervision,
        environment: dict[str, str],
        console: Console,
        trouble: Callable[[str], None],
        later: Callable[..., Any],
    ) -> None:
        self._paths = paths
        self.oom = OomWatch()
        self.leaks = LeakWatch(environment)
        self.log = BoundedLog(paths.output, options.log_limit << 20, later)
        self.pulses = flight.make(paths.pulse, trouble)
        stall.prepare(paths)
        self.ranks = RankPulses(self.pulses)
        self.reader = self.ranks.first
        self.sampler = Sampler(options.sample, trouble, lambda text: console.say(text, "warning"))
        self.guard = MemoryGuard.of(options.max_host_memory, console.say)
        self.progress = Progress(self.ranks, time.monotonic())
        silent = options.progress == "cpu"
        self.activity = Activity(options.limits().watchdog) if silent else None
        self.stalls = Confirmation(
            paths,
            self.progress,
            strict=options.strict,
            say=lambda text: console.say(text, "stall"),
            trouble=trouble,
        )

    def close(self) -> None:
        self.sampler.close()
        self.oom.close()
        self.ranks.close()
        self.log.close()
        stall.tidy(self._paths)
        flight.tidy(self.pulses, self._paths.pulse)
