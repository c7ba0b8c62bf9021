"""Names, shapes and numbering of the OpenFWI and Kaggle files. Pure data: no torch, no NumPy."""

from __future__ import annotations

import re
from typing import Literal, get_args

Family = Literal[
    "FlatVel_A",
    "FlatVel_B",
    "CurveVel_A",
    "CurveVel_B",
    "FlatFault_A",
    "FlatFault_B",
    "CurveFault_A",
    "CurveFault_B",
    "Style_A",
    "Style_B",
]
FAMILIES: tuple[Family, ...] = get_args(Family)

SOURCES, TIMES, RECEIVERS = 5, 1000, 70
CUBE_SHAPE = (SOURCES, TIMES, RECEIVERS)
REDUCED_SHAPES = ((SOURCES, 72, 72), (SOURCES, 70, 70))
"""Of a cube in the re-packs that are reduced in time."""
MAP_SHAPE = (70, 70)
SAMPLES_PER_FILE = 500

VELOCITY_MIN, VELOCITY_MAX = 1500.0, 4500.0  # m/s

_FAULT_FILES_A_GROUP = 36
_FAULT_GROUPS = {"A": (2, 3, 4), "B": (6, 7, 8)}


def is_fault(family: str) -> bool:
    return "Fault" in family


def pair_names(family: str, n: int) -> tuple[str, str]:
    """Paths of the n-th (seismic, velocity) file pair, n from 0, relative to the data folder.

    Vel and Style: ``FlatVel_A/data/data1.npy`` with ``FlatVel_A/model/model1.npy``.
    Fault: ``FlatFault_A/seis2_1_0.npy`` with ``FlatFault_A/vel2_1_0.npy``, 36 files a group,
    groups 2, 3, 4 in A and 6, 7, 8 in B; beyond the published 108 files the last group goes on.
    """
    if not is_fault(family):
        return f"{family}/data/data{n + 1}.npy", f"{family}/model/model{n + 1}.npy"
    groups = _FAULT_GROUPS[family[-1]]
    index = min(n // _FAULT_FILES_A_GROUP, len(groups) - 1)
    k, j = groups[index], n - index * _FAULT_FILES_A_GROUP
    return f"{family}/seis{k}_1_{j}.npy", f"{family}/vel{k}_1_{j}.npy"


_SEISMIC_NAME = re.compile(r"^(?:seis(?P<k>\d+)_1_(?P<j>\d+)|data(?P<i>\d+))\.npy$")


def seismic_number(file_name: str) -> tuple[int, int] | None:
    """``seis3_1_7.npy`` → (3, 7), ``data12.npy`` → (0, 12), anything else → None."""
    match = _SEISMIC_NAME.match(file_name)
    if match is None:
        return None
    if match["i"] is not None:
        return 0, int(match["i"])
    return int(match["k"]), int(match["j"])


def is_official_validation(family: str, file_name: str) -> bool:
    """Whether OpenFWI's own split puts the file in validation.

    Vel files 49-60, Style files 121-134, Fault files with j = 32-35.
    """
    number = seismic_number(file_name)
    if number is None:
        return False
    _, n = number
    if is_fault(family):
        return 32 <= n <= 35
    if family.startswith("Style"):
        return 121 <= n <= 134
    return 49 <= n <= 60
