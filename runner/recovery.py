"""Outcome + options + history → changed options, the same again, or the end of the run. Pure.

What is changed after which outcome stands in :mod:`runner.ladder`; here is when to stop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runner import same_failure
from runner.ladder import (
    AGAIN,
    ALLOCATOR_VARIABLES,
    FILE_SYSTEM,
    NOT_RETRIED,
    Ended,
    Rung,
    Settings,
    ladder,
)
from runner.outcomes import Outcome


@dataclass(frozen=True)
class Change:
    """Another attempt is to be made."""

    settings: Settings
    changed: Mapping[str, tuple[Any, Any]]
    """Option or variable → (before, now); empty: the same options again."""
    rung: str
    reason: str
    wait_for_device: bool = False
    """First wait until no other process holds the device."""


@dataclass(frozen=True)
class Stop:
    """No further attempt."""

    reason: str


def decide(history: Sequence[Ended], retries: int) -> Change | Stop:
    """What follows the newest attempt of ``history`` (oldest first, at least one)."""
    newest = history[-1]
    moved_to_disk = newest.outcome is Outcome.ERROR_DISK and newest.rung == FILE_SYSTEM.name
    if newest.outcome in NOT_RETRIED and not moved_to_disk:
        return Stop(f"{newest.outcome} is not retried: {NOT_RETRIED[newest.outcome]}")
    found = _next(newest, history)
    if isinstance(found, Change) and len(history) > retries:
        return Stop(f"all {retries} retries are used" if retries else "no retry was asked for")
    return found


def _next(newest: Ended, history: Sequence[Ended]) -> Change | Stop:
    alike = [one for one in history[:-1] if newest.failure.is_same_as(one.failure)]
    for rung in ladder(newest.outcome, newest.settings):
        settings = rung.apply(newest.settings, history)
        if settings is None:
            continue
        changed = _changed(newest.settings, settings)
        if alike and not changed:
            return Stop(same_failure.deterministic(newest.failure))
        # A change of another kind may still help; more of what made no difference does not.
        if alike and (rung.name == newest.rung or newest.failure.names_sizes):
            return Stop(
                f"{same_failure.deterministic(newest.failure)}, whatever is changed of its options"
            )
        if not changed and (hung := _hung_before(newest, history)):
            return hung
        return Change(settings, changed, rung.name, _reason(rung, settings), rung.wait_for_device)
    return Stop(f"nothing is left to change after {newest.outcome}")


def _reason(rung: Rung, settings: Settings) -> str:
    if rung is not AGAIN:
        return rung.words
    if settings.job is None:
        return "of a command only the environment can be changed, and none of it would help"
    return "the cause may have passed"


def _hung_before(newest: Ended, history: Sequence[Ended]) -> Stop | None:
    """A hang is tried again once with the same options, and again only where it came further."""
    if newest.outcome.kind != "hang":
        return None
    reached = [
        one.failure.step or 0
        for one in history[:-1]
        if one.outcome.kind == "hang" and one.settings == newest.settings
    ]
    if reached and (newest.failure.step or 0) <= max(reached):
        return Stop("it hung twice with the same options and came no further the second time")
    return None


def _changed(before: Settings, now: Settings) -> dict[str, tuple[Any, Any]]:
    old, new = before.options(), now.options()
    names = [*old, *(name for name in new if name not in old)]
    return {
        name: (old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)
    }


def words(change: Change) -> str:
    """The change as it would be typed: ``--batch-size 32 --accumulate 2``."""
    parts = []
    for name, (_, now) in change.changed.items():
        flag = "--" + name.replace("_", "-")
        if name in ALLOCATOR_VARIABLES:
            parts.append(f"{name}={now}")
        elif isinstance(now, bool):
            parts.append(flag if now else f"--no-{flag[2:]}")
        elif now is not None:
            parts.append(f"{flag} {now}")
    return " ".join(parts) or "the same options again"
