"""What makes the difference between two configurations: by class, by module, by phase. Pure.

Classes and modules each add up to the whole difference, to the byte.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runner.profiling.row import Row

OUTSIDE = "outside of every module"
_PARTS = 15
_FINE = 0.02
"""A module is opened while it holds more than this part of the difference."""


@dataclass(frozen=True)
class Change:
    """Bytes of one part, before and after."""

    name: str
    before: int
    after: int

    @property
    def bytes(self) -> int:
        return self.after - self.before


@dataclass(frozen=True)
class Difference:
    """Of two measured rows; every list has the largest change first, and no part that did not
    change."""

    before: str
    """Keys."""
    after: str
    tensors: Change
    """Peak of the steady step."""
    host: Change | None
    device: Change | None
    by_kind: tuple[Change, ...]
    by_module: tuple[Change, ...]
    by_phase: tuple[Change, ...]
    """The peaks of the phases; they do not add up."""
    samples_per_s: tuple[float, float] | None


def between(before: Row, after: Row) -> Difference:
    """Both are measured."""
    one, other = before.steady, after.steady
    speeds = before.samples_per_s, after.samples_per_s
    return Difference(
        before.configuration.key,
        after.configuration.key,
        Change("tensors", int(one["bytes"]), int(other["bytes"])),
        _change("host", before.host, after.host),
        _change("device", before.device, after.device),
        _changes(one["by_kind"], other["by_kind"]),
        by_module(one["by_module"], other["by_module"]),
        _changes(one["by_phase"], other["by_phase"]),
        (speeds[0], speeds[1]) if speeds[0] is not None and speeds[1] is not None else None,
    )


def _change(name: str, before: int | None, after: int | None) -> Change | None:
    return Change(name, before, after) if before is not None and after is not None else None


def _changes(before: Mapping[str, int], after: Mapping[str, int]) -> tuple[Change, ...]:
    names = dict.fromkeys([*before, *after])
    return _sorted(Change(name, before.get(name, 0), after.get(name, 0)) for name in names)


def _sorted(found: Any) -> tuple[Change, ...]:
    changed = [one for one in found if one.bytes]
    return tuple(sorted(changed, key=lambda one: (-abs(one.bytes), one.name)))


def by_module(before: Mapping[str, int], after: Mapping[str, int]) -> tuple[Change, ...]:
    """Modules that share the difference out: of bytes by qualified name, each with all that is
    inside it (``""`` is everything). The part that changed most is opened into those inside it,
    until there are enough of them."""
    names = {*before, *after}
    inside: dict[str, list[str]] = {}
    for name in sorted(names - {""}):
        parent = name.rpartition(".")[0]
        while parent not in names and parent:  # the smallest modules may have been left out
            parent = parent.rpartition(".")[0]
        inside.setdefault(parent, []).append(name)

    def whole(name: str) -> Change:
        return Change(name, before.get(name, 0), after.get(name, 0))

    closed, done = {"": whole("")}, list[Change]()
    # What only goes up in one child and down in another is large too.
    stir = {name: sum(abs(whole(one).bytes) for one in inside.get(name, ())) for name in names}
    fine = _FINE * max(abs(whole("").bytes), stir.get("", 0), 1)
    while closed and len(closed) + len(done) < _PARTS:
        name = max(closed, key=lambda one: max(abs(closed[one].bytes), stir.get(one, 0)))
        part = closed.pop(name)
        if name not in inside or max(abs(part.bytes), stir[name]) < fine:
            done.append(part)
            continue
        children = [whole(one) for one in inside[name]]
        closed |= {one.name: one for one in children if one.before or one.after}
        done.append(
            Change(
                f"{name}, itself" if name else OUTSIDE,
                part.before - sum(one.before for one in children),
                part.after - sum(one.after for one in children),
            )
        )
    return _sorted([*done, *closed.values()])


def as_dict(found: Difference) -> dict[str, Any]:
    def change(one: Change | None) -> dict[str, Any] | None:
        if one is None:
            return None
        return {"name": one.name, "before": one.before, "after": one.after, "bytes": one.bytes}

    return {
        "before": found.before,
        "after": found.after,
        "tensors": change(found.tensors),
        "host": change(found.host),
        "device": change(found.device),
        "by_kind": [change(one) for one in found.by_kind],
        "by_module": [change(one) for one in found.by_module],
        "by_phase": [change(one) for one in found.by_phase],
        "samples_per_s": list(found.samples_per_s) if found.samples_per_s else None,
    }
