"""The faults of a device, as real ones."""

from __future__ import annotations

from tests.faults.fault import Fault

_HANG = ("--watchdog", "3", "--watchdog-startup", "120", "--grace", "2")
_NEEDS = ("torch",)


def _fault(
    name: str, what: str, program: str, outcome: str, *arguments: str, **more: tuple[str, ...]
) -> Fault:
    command = ("$", "python", f"{{root}}/tests/gpu/{program}.py", *arguments)
    return Fault(name, what, command, outcome, needs=_NEEDS, **more)


DEVICE_FAULTS = (
    _fault("capacity", "the job fills the device", "fills_the_device", "oom.device.capacity"),
    _fault(
        "fragmentation",
        "free memory lies in pieces that cannot be given back",
        "fragments_the_device",
        "oom.device.fragmentation",
    ),
    _fault(
        "library",
        "cuBLAS cannot make its handle",
        "leaves_no_room_for_a_library",
        "oom.device.library",
    ),
    _fault("pinned", "page-locked host memory is refused", "pins_too_much", "oom.pinned"),
    _fault("illegal access", "memory that was given back", "reads_what_was_freed", "fault.device"),
    _fault("assertion", "an index too large", "indexes_out_of_bounds", "fault.device"),
    _fault("no device", "the device is hidden", "sees_no_device", "fault.driver"),
    _fault(
        "kernel that spins, synchronize",
        "the job waits for the device",
        "waits_for_a_kernel",
        "hang.device",
        "synchronize",
        options=_HANG,
    ),
    _fault(
        "kernel that spins, item",
        "the same, where no frame of the library shows",
        "waits_for_a_kernel",
        "hang.device",
        "item",
        options=_HANG,
    ),
    _fault(
        "kernel that spins, copy",
        "the same in a copy to the host, for a job that ignores SIGTERM",
        "waits_for_a_kernel",
        "hang.device",
        "copy",
        "stubborn",
        options=_HANG,
    ),
)

FOREIGN = _fault(
    "foreign holder",
    "another process holds the device",
    "asks_for_a_little",
    "oom.device.foreign",
)
