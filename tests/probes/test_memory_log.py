"""What held the peak, from a log of allocations."""

from __future__ import annotations

from probes import memory_log
from probes.memory_log import Allocation, Event, Kind, MemoryLog


def log_of(*changes: tuple[str, str, int]) -> MemoryLog:
    """A log from (phase, name or "enter", bytes): a name's second change frees it."""
    log = MemoryLog()
    numbers: dict[str, int] = {}
    for phase, name, size in changes:
        if name == "enter":
            log.events.append(Event(None, 0, phase, 0))
        elif name in numbers:
            number = numbers[name]
            log.events.append(Event(number, -log.allocations[number].size, phase, 0))
        else:
            numbers[name] = len(log.allocations)
            log.allocations.append(Allocation(size, f"net.{name}", phase, 0))
            log.events.append(Event(numbers[name], size, phase, 0))
    return log


STEP = log_of(
    ("startup", "weights", 100),
    ("forward", "enter", 0),
    ("forward", "kept", 50),
    ("forward", "scratch", 30),
    ("forward", "scratch", 0),
    ("loss", "difference", 5),
    ("backward", "enter", 0),
    ("backward", "gradient", 100),
    ("backward", "kept", 0),
    ("optimizer", "enter", 0),
    ("optimizer", "moments", 200),
)


def test_peak_is_the_first_largest_moment_and_says_what_held_it() -> None:
    memory_log.classify(STEP)
    found = memory_log.peak(STEP)
    assert (found.bytes, found.phase) == (405, "optimizer")
    assert found.by_module == {
        "net.weights": 100,
        "net.difference": 5,
        "net.gradient": 100,
        "net.moments": 200,
    }
    assert sum(found.by_kind.values()) == found.bytes


def test_activations_are_what_forward_left_for_backward() -> None:
    memory_log.classify(STEP)
    kinds = {one.module: one.kind for one in STEP.allocations}
    assert kinds["net.kept"] is Kind.ACTIVATIONS
    assert kinds["net.difference"] is Kind.ACTIVATIONS
    assert kinds["net.scratch"] is None
    assert kinds["net.gradient"] is None
    backward = memory_log.peak(STEP, phase="backward")
    assert backward.bytes == 255
    assert backward.by_kind == {"temporaries": 200, "activations": 55}


def test_phase_holds_what_was_there_before_it() -> None:
    assert memory_log.phase_peaks(STEP) == {
        "startup": 100,
        "forward": 180,
        "loss": 155,
        "backward": 255,
        "optimizer": 405,
    }


def test_steps_are_told_apart() -> None:
    log = MemoryLog(
        [Allocation(10, "", "forward", 0), Allocation(7, "", "forward", 1)],
        [
            Event(0, 10, "forward", 0),
            Event(0, -10, "forward", 0),
            Event(1, 7, "forward", 1),
        ],
    )
    assert memory_log.peak(log, steps=[0]).bytes == 10
    assert memory_log.peak(log, steps=[1]).bytes == 7
    assert memory_log.peak(log, steps=[2]).bytes == 0


def test_tree_sums_what_is_inside() -> None:
    tree = memory_log.tree({"a.b.c": 1, "a.b": 2, "a": 4, "": 8, "d": 16})
    assert tree == {"": 31, "a": 7, "a.b": 3, "a.b.c": 1, "d": 16}
