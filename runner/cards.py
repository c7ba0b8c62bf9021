"""Devices by name, and what a process needs on them beside its tensors. Data.

Memory is what the driver leaves to processes, from the makers' sizes less what ECC and the driver
take. Of the H100 it is measured, and so is its context (:mod:`runner.calibration`); the ranges of
the others are wide on purpose. A run's own history on a device takes the place of either.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from runner import calibration
from runner.calibration import Context

_MIB = 1 << 20


@dataclass(frozen=True)
class Card:
    name: str
    words: str
    memory: int
    """Bytes that processes may have."""
    native_bf16: bool
    context: tuple[int, int, int]
    """Bytes of the CUDA context with torch's kernels: least, likely, most."""
    handle: int
    """Bytes that torch allocates for each handle of cuBLAS (``CUBLAS_WORKSPACE_CONFIG`` unset)."""
    measured: Context | None = None
    """In place of ``context`` where there is one."""


_CONTEXT = (150 * _MIB, 330 * _MIB, 600 * _MIB)
_NEWER_CONTEXT = (250 * _MIB, 480 * _MIB, 800 * _MIB)
"""Hopper and later: more kernels in a library."""
_HANDLE, _NEWER_HANDLE = 8_519_680, 32 * _MIB
"""torch's aten/src/ATen/cuda/CublasHandlePool.cpp: before Hopper, and from it on."""


def _card(
    name: str,
    words: str,
    mib: int,
    bf16: bool,
    *,
    newer: bool = False,
    measured: Context | None = None,
) -> Card:
    context, handle = (_NEWER_CONTEXT, _NEWER_HANDLE) if newer else (_CONTEXT, _HANDLE)
    return Card(name, words, mib * _MIB, bf16, context, handle, measured)


CARDS = {
    card.name: card
    for card in (
        _card("t4", "Tesla T4", 15_095, False),
        _card("p100", "Tesla P100 16 GB", 16_276, False),
        _card("v100", "Tesla V100 16 GB", 16_144, False),
        _card("v100-32", "Tesla V100 32 GB", 32_494, False),
        _card("rtx3090", "GeForce RTX 3090", 24_124, True),
        _card("rtx4090", "GeForce RTX 4090", 24_080, True),
        _card("l4", "L4", 22_478, True),
        _card("a10g", "A10G", 22_592, True),
        _card("a100-40", "A100 40 GB", 40_326, True),
        _card("a100-80", "A100 80 GB", 81_050, True),
        _card("h100", "H100 80 GB", 81_000, True, newer=True, measured=calibration.H100),
        _card("h200", "H200", 143_000, True, newer=True),
    )
}

_SAME = 0.15
"""How far a driver's total may be from the table's."""


def card_of(name: str, total: int) -> Card | None:
    """The card that a driver calls so (``NVIDIA A100-SXM4-40GB``) and says to have ``total`` bytes;
    None where the table has none."""
    words = re.findall(r"[a-z0-9]+", name.lower())
    known = {*words, *(a + b for a, b in pairwise(words))}
    fitting = [
        card
        for card in CARDS.values()
        if card.name.partition("-")[0] in known and abs(total - card.memory) <= _SAME * card.memory
    ]
    return min(fitting, key=lambda card: abs(total - card.memory), default=None)
