"""A stall is a finding only when the job did not end or move while it was looked at."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence

from runner import stall
from runner.evidence import StallPicture
from runner.output import Stream
from runner.paths import AttemptPaths
from runner.process_tree import Tree
from runner.progress import Progress
from runner.watchdog import Verdict


class Confirmation:
    """Whether what the watchdog found is a stall, and the picture that was taken of it.

    A job whose stacks moved between two captures is slow and not stuck: once, until it makes
    progress again, it is given more time. ``strict``: never.
    """

    def __init__(
        self,
        paths: AttemptPaths,
        progress: Progress,
        *,
        strict: bool,
        say: Callable[[str], None],
        trouble: Callable[[str], None],
    ) -> None:
        self._paths = paths
        self._progress = progress
        self._strict = strict
        self._say = say
        self._trouble = trouble
        self._given_time = False
        self.picture: StallPicture | None = None
        """Of the stall that was confirmed."""

    def progressed(self) -> None:
        """The job moved: the next stall begins anew."""
        self._given_time = False

    async def of(
        self,
        verdict: Verdict,
        tree: Tree,
        streams: Sequence[Stream],
        has_ended: Callable[[], bool],
    ) -> bool:
        """Capture the picture of the stall; False where the job moved or ended meanwhile."""
        self._say(
            f"stall: no progress for {verdict.quiet_s:.1f} s "
            f"in phase {self._progress.phase}; looking at its threads"
        )
        picture = await stall.capture(tree, verdict, self._paths, again=self._given_time)
        picture = dataclasses.replace(picture, ranks=tuple(self._progress.standings))
        if has_ended():
            self._say("it ended meanwhile: the stall is withdrawn")
            return False
        if self._progress.look(time.monotonic(), streams):
            self._say("it moved again: the stall is withdrawn")
            return False
        if picture.moved and not self._given_time and not self._strict:
            self._trouble(stall.more_time(verdict))
            self._given_time = True
            self._progress.at = time.monotonic()
            return False
        self.picture = picture
        return True
