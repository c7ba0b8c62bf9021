"""How long the rest of a profile will take. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runner.profiling.configuration import Configuration


def seconds_left(
    done: Mapping[Configuration, float], left: Sequence[Configuration]
) -> float | None:
    """From the seconds of the rows that were run; None while there are none.

    A row is taken to be like the nearest that is done: same network, mode and precision before
    others. Time grows with the batch at the most in proportion.
    """
    if not done:
        return None
    return sum(_like(one, done) for one in left)


def _like(one: Configuration, done: Mapping[Configuration, float]) -> float:
    def distance(other: Configuration) -> tuple[bool, bool, bool, float]:
        larger = max(one.batch_size, other.batch_size) / min(one.batch_size, other.batch_size)
        return one.model != other.model, one.mode != other.mode, one.dtype != other.dtype, larger

    nearest = min(done, key=distance)
    return done[nearest] * max(1.0, one.batch_size / nearest.batch_size)
