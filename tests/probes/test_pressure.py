"""Pressure as the kernel writes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from probes import pressure
from probes.pressure import Pressure

MEMORY = """\
some avg10=12.34 avg60=4.00 avg300=1.00 total=2500000
full avg10=9.50 avg60=3.00 avg300=0.50 total=1250000
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (MEMORY, Pressure(2.5, 1.25, 9.5)),
        # The processor had no second line before Linux 5.13.
        ("some avg10=0.00 avg60=0.00 avg300=0.00 total=7000000\n", Pressure(7.0, 0.0, 0.0)),
        ("", None),
        ("some avg10=0.00\n", None),
        ("full avg10=0.00 avg60=0.00 avg300=0.00 total=7\n", None),
        ("some total=x\nfull total=1 avg10=0.0\n", None),
    ],
)
def test_file_is_read_or_refused(text: str, expected: Pressure | None) -> None:
    assert pressure.parse(text) == expected


def test_kernel_without_pressure_tells_none(tmp_path: Path) -> None:
    assert pressure.read(tmp_path) == {}


def test_kernel_tells_what_it_has() -> None:
    found = pressure.read()
    if not found:
        pytest.skip("this kernel does not tell pressure")
    assert set(found) <= set(pressure.RESOURCES)
    assert found["io"].some_s >= found["io"].full_s >= 0
