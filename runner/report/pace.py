"""How fast a job goes, and when it will be done: from what was seen of its steps. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

_WINDOW_S = 60.0
_FEWEST_S = 2.0


@dataclass
class Pace:
    """Steps seen in the last minute."""

    _seen: deque[tuple[float, int]] = field(default_factory=deque)

    def see(self, now: float, step: int) -> None:
        """A step that goes back (another attempt) begins anew."""
        if self._seen and step < self._seen[-1][1]:
            self._seen.clear()
        self._seen.append((now, step))
        while len(self._seen) > 2 and now - self._seen[1][0] >= _WINDOW_S:
            self._seen.popleft()

    def per_second(self) -> float | None:
        """Steps a second; None before two seconds of steps were seen."""
        if not self._seen:
            return None
        (began, first), (now, last) = self._seen[0], self._seen[-1]
        if now - began < _FEWEST_S or last == first:
            return None
        return (last - first) / (now - began)

    def left_s(self, total: int) -> float | None:
        """Seconds to the last of ``total`` steps; None where it cannot be told."""
        rate = self.per_second()
        if rate is None or not total:
            return None
        return max(0, total - self._seen[-1][1]) / rate
