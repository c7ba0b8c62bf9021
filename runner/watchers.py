"""All that looks at one attempt, from before its start to after its end."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from contextlib import ExitStack
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

    ``later`` is the event loop's ``call_later``; ``trouble`` is told what is not measured. Raises
    OSError where the log or the flight recorder cannot be made, with nothing left of the rest.
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
        with ExitStack() as made:
            self.oom = OomWatch()
            made.callback(self.oom.close)
            self.leaks = LeakWatch(environment, trouble)
            self.log = BoundedLog(paths.output, options.log_limit << 20, later)
            made.callback(self.log.close)
            self.pulses = flight.make(paths.pulse, trouble)
            made.callback(flight.tidy, self.pulses, paths.pulse)
            stall.prepare(paths, trouble)
            made.callback(stall.tidy, paths)
            self.ranks = RankPulses(self.pulses)
            made.callback(self.ranks.close)
            warn = functools.partial(console.say, kind="warning")
            self.sampler = Sampler(options.sample, trouble, warn)
            made.callback(self.sampler.close)
            # What was made before a failure is put away at once.
            self._made = made.pop_all()
        self.reader = self.ranks.first
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
        self._made.close()
