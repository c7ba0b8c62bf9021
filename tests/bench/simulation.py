"""How many velocity maps an hour the CPU solver simulates, on a mix of all ten families."""

from __future__ import annotations

import statistics
import time

import numpy as np

from fwi import geology, wave
from fwi.layout import FAMILIES
from tests.bench.figure import Figure

_MAPS_A_FAMILY = 8
_REPEATS = 5


def measure() -> list[Figure]:
    maps = np.concatenate([geology.velocity_maps(f, _MAPS_A_FAMILY, seed=0) for f in FAMILIES])
    began = time.perf_counter()
    wave.prepare()
    ready_s = time.perf_counter() - began
    rates = []
    for _ in range(_REPEATS):
        began = time.perf_counter()
        wave.simulate(maps)
        rates.append(len(maps) / (time.perf_counter() - began) * 3600)
    value = statistics.median(rates)
    return [
        Figure(
            "seismic cubes simulated on the CPU",
            value,
            "maps/h",
            ">= 15,000 on 2 cores",
            value >= 15_000,
            f"median of {_REPEATS}, {min(rates):,.0f} to {max(rates):,.0f}, of {len(maps)} maps, "
            f"{_MAPS_A_FAMILY} of each family, on {wave.processors()} processors; without "
            f"the {ready_s:.1f} s to compile the solver or load it from the cache",
        )
    ]
