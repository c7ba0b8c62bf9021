"""What a report says, as rows of text: made once from the result's data, shown in any form.

Built from the dictionary of ``result.json``, so that a run can be reported long after it ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.report import told
from runner.report.blocks import Row
from runner.units import duration, size

LEDGER = (
    ("bytes.parameters", "parameters"),
    ("bytes.gradients", "gradients"),
    ("bytes.optimizer", "optimizer state"),
    ("bytes.ema", "moving average of the weights"),
    ("bytes.activations", "activations kept for the backward pass"),
    ("bytes.inputs", "one batch of inputs"),
)


def peak_rows(result: Mapping[str, Any]) -> list[Row]:
    """(what, bytes as text) of everything that was measured."""
    peaks = result["peaks"]
    measured = (
        ("host, whole process tree (PSS)", peaks["host_pss"]),
        ("host, private pages (USS)", peaks["host_uss"]),
        ("host, resident (RSS, shared pages counted again)", peaks["host_rss"]),
        ("shared memory (/dev/shm)", peaks["shm"]),
    )
    rows: list[Row] = [(what, size(held)) for what, held in measured if held is not None]
    if not rows:
        rows.append(("host", "no sample: the job ended before the first"))
    rows += [
        (f"device {index}, everybody (NVML)", size(used))
        for index, used in sorted(peaks["device_used"].items())
    ]
    if peaks["device_allocated"] is not None:
        rows.append(("device, allocated by torch", size(peaks["device_allocated"])))
    if peaks["device_reserved"] is not None:
        rows.append(("device, reserved by torch", size(peaks["device_reserved"])))
    pinned = told.size(result.get("gauges", {}).get("bytes.pinned"))
    if pinned is not None:
        rows.append(("host, page-locked by torch", size(pinned)))
    limit = result.get("limit")
    if limit:
        rows.append((f"limit of host memory met first: {limit['source']}", size(limit["size"])))
    return rows


def ledger_table(bars: Mapping[str, Mapping[str, int]]) -> tuple[Row, list[Row]]:
    """A ledger as (head, rows): a column each bar, a row each part, and their sums."""
    parts = dict.fromkeys(part for bar in bars.values() for part in bar)
    rows: list[Row] = [
        (part, *(size(bar[part]) if part in bar else "-" for bar in bars.values()))
        for part in parts
    ]
    if rows:
        rows.append(("all", *(size(sum(bar.values())) for bar in bars.values())))
    return ("what", *bars), rows


def growth_words(result: Mapping[str, Any]) -> str:
    """How the workers have grown; empty where it was not seen."""
    found = result.get("growth")
    if not found:
        return ""
    per = found["bytes_per_unit"] / (1 << 20)
    return (
        f"The {found['workers']} worker(s) grew by {per:.3g} MiB per {found['per']} "
        f"({size(found['rise'])} in {duration(found['seconds'])})."
    )


def attempt_rows(result: Mapping[str, Any]) -> list[Row]:
    """(attempt, outcome, time, step, host peak, device peak, what followed) of a run that was tried
    more than once, or might have been; none for any other."""
    attempts, stopped = result["attempts"], result.get("recovery", {}).get("stopped")
    if len(attempts) < 2 and not stopped:
        return []
    return [
        (
            str(one["n"]),
            one["outcome"],
            duration(one["seconds"]),
            "-" if one["step"] is None else str(one["step"]),
            "no sample" if one["peaks"]["host_pss"] is None else size(one["peaks"]["host_pss"]),
            size(max(one["peaks"]["device_used"].values(), default=None))
            if one["peaks"]["device_used"]
            else "-",
            f"{one['next']} ({one['reason']})" if one["next"] else f"the end: {stopped or 'done'}",
        )
        for one in attempts
    ]


ATTEMPT_HEAD: Row = ("attempt", "ended as", "time", "step", "host peak", "device peak", "then")


def holder_rows(result: Mapping[str, Any]) -> list[Row]:
    """(process, bytes) at the moment of the host peak."""
    return [
        (f"{holder['name']} ({holder['pid']})", size(holder["bytes"]))
        for holder in result["peaks"].get("host_holders", [])
    ]


def tensor_rows(result: Mapping[str, Any]) -> list[Row]:
    """(kind, bytes) of the tensors that the job counted itself."""
    gauges = result.get("gauges", {})
    return [
        (words, size(held))
        for name, words in LEDGER
        if (held := told.size(gauges.get(name))) is not None
    ]


def phase_rows(result: Mapping[str, Any]) -> list[Row]:
    """(phase, times entered, seconds, share, host peak, device peak), longest first."""
    entered = sorted(result["phases"], key=lambda phase: -phase["seconds"])
    whole = sum(phase["seconds"] for phase in entered) or 1.0
    return [
        (
            phase["name"],
            str(phase["count"]),
            duration(phase["seconds"]),
            f"{phase['seconds'] / whole:.0%}",
            size(phase["host_peak"]) if phase["host_peak"] is not None else "no sample",
            size(phase["device_peak"]) if phase["device_peak"] is not None else "-",
        )
        for phase in entered
    ]


RANK_HEAD: Row = ("rank", "pid", "last phase", "step", "data", "compute", "ranks", "device peak")
_COMPUTE = ("transfer", "forward", "loss", "backward", "optimizer", "ema", "evaluate")


def rank_rows(result: Mapping[str, Any]) -> list[Row]:
    """(rank, pid, last phase, step, time in data, in computing, in waiting for the other ranks,
    device peak) of each rank; none for a job of one process."""
    rows: list[Row] = []
    for one in result.get("ranks") or ():
        spent = one["seconds"]
        rows.append(
            (
                str(one["rank"]),
                str(one["pid"]),
                one["phase"],
                str(one["step"]),
                duration(spent.get("data", 0.0)),
                duration(sum(spent.get(phase, 0.0) for phase in _COMPUTE)),
                duration(spent.get("ranks", 0.0)),
                "-" if one["device_allocated"] is None else size(one["device_allocated"]),
            )
        )
    return rows


def training_rows(result: Mapping[str, Any]) -> list[Row]:
    """(what, value) of the numbers that the job left, the memory aside."""
    return [
        (name, number_words(value, ".6g"))
        for name, value in sorted(result.get("gauges", {}).items())
        if not name.startswith("bytes.")
    ]


def number_words(value: float | None, form: str, unit: str = "") -> str:
    """A number that the job left; JSON has null for one that is not finite."""
    return "not finite" if value is None else f"{value:{form}}{unit}"


def leak_rows(result: Mapping[str, Any]) -> list[Row]:
    leaks = result["leaks"]
    rows: list[Row] = [
        (
            f"process {left['pid']} {left['command']}",
            "ended by the supervisor" if left["gone"] else "could not be ended",
        )
        for left in leaks.get("processes", ())
    ]
    removed = leaks.get("removed", ())
    named = [(name, f"/dev/shm/{name}") for name in leaks.get("shm", ())]
    named += [(name, name) for kind in ("ipc", "folders") for name in leaks.get(kind, ())]
    rows += [
        (text, "removed by the supervisor" if name in removed else "is still there")
        for name, text in named
    ]
    if leaks.get("device_bytes"):
        rows.append(("device memory", size(leaks["device_bytes"])))
    if leaks.get("cgroup"):
        rows.append((f"cgroup {leaks['cgroup']}", "could not be removed: something lives in it"))
    rows += [
        (name, "appeared meanwhile, perhaps another program's: it stays")
        for name in leaks.get("unsure", ())
    ]
    return rows


def timing_rows(result: Mapping[str, Any]) -> list[Row]:
    """(what, when) of what it came to."""
    timing = result["timing"]
    rows: list[Row] = [("started", str(timing["started"]))]
    if timing.get("spawn_s") is not None:
        rows.append(("process started after", f"{timing['spawn_s']:.3f} s"))
    for name, words in (
        ("first_pulse_s", "first pulse after"),
        ("ended_s", "ended after"),
        ("detected_s", "found to be stalled or late after"),
        ("reaped_s", "nothing left after"),
    ):
        if timing.get(name) is not None:
            rows.append((words, duration(timing[name])))
    return rows


def system_rows(result: Mapping[str, Any]) -> list[Row]:
    """(what, how much) of what the machine went through."""
    system = result.get("system") or {}
    rows: list[Row] = []
    for name, words in (
        ("least_available", "least memory of the machine that was available"),
        ("least_swap_free", "least swap that was free"),
    ):
        if system.get(name) is not None:
            rows.append((words, size(system[name])))
    group = system.get("group") or {}
    if group.get("most_used") is not None:
        limit = f" of its limit of {size(group['limit'])}" if group.get("limit") else ""
        rows.append(("most used by the memory cgroup", f"{size(group['most_used'])}{limit}"))
    rows += [
        (f"cgroup event {name}", f"{count:,}")
        for name, count in (group.get("events") or {}).items()
        if count
    ]
    rows += [
        (f"machine's counter {name}", f"{count:,}")
        for name, count in (system.get("counters") or {}).items()
        if count
    ]
    for name, held in (system.get("pressure") or {}).items():
        if held.get("some_s") is not None:
            text = f"some {duration(held['some_s'])}, all {duration(held.get('full_s'))}"
            rows.append((f"tasks stood still for {name}", text))
    rows += [
        (f"{disk['point']} at the fullest", f"{size(disk['free'])} of {size(disk['total'])} free")
        for disk in system.get("disks") or ()
    ]
    files = system.get("open_files")
    if files:
        text = f"{files['name']} ({files['pid']}): {files['open']:,} of {files['limit']:,}"
        rows.append(("most open files", text))
    rows += [
        (
            f"on device {other['device']}, {other['name'] or 'a process not seen from here'}",
            f"pid {other['pid']}, {size(other['held'])}",
        )
        for other in system.get("foreigners") or ()
    ]
    return rows


def machine_rows(description: Mapping[str, Any]) -> list[Row]:
    """(what, value) of the machine that a run was recorded with."""
    rows: list[Row] = []
    for name, value in (description.get("machine") or {}).items():
        if name == "packages":
            rows += [(package, version or "not installed") for package, version in value.items()]
        elif name in ("memory", "memory_limit", "shm"):
            rows.append((name.replace("_", " "), size(value)))
        else:
            rows.append((name.replace("_", " "), "none" if value is None else str(value)))
    return rows
