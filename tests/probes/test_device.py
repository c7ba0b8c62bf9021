"""The NVML child and its lines."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from probes import device


def test_line_is_read_back() -> None:
    line = [
        {"index": 0, "name": "T4", "total": 16, "used": 5, "free": 11, "processes": {"42": None}}
    ]
    [one] = device.parse(json.dumps(line).encode())
    assert (one.index, one.used, one.processes) == (0, 5, {42: None})


@pytest.mark.parametrize("line", [b'{"error": "no driver"}', b"garbage", b"[{}]"])
def test_line_that_is_no_reading_is_refused(line: bytes) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        device.parse(line)


def test_child_answers_with_devices_or_says_why_not() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "probes.device"], capture_output=True, text=True, timeout=240
    )
    content = json.loads(done.stdout)
    if device.is_present():
        assert done.returncode == 0
        assert all(one["total"] > 0 for one in content)
    else:
        assert done.returncode == 1
        assert "NVML" in content["error"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b'{"xids": ["Xid 79 on device 0", 31]}', ["Xid 79 on device 0", "31"]),
        (b'{"xids": "Xid 79"}', None),
        (b'{"error": "no driver"}', None),
        (b"[]", None),
    ],
)
def test_line_of_events_is_told_from_a_reading(line: bytes, told: list[str] | None) -> None:
    assert device.parse_xids(line) == told
