"""Networks by name. A network's module is imported only when that network is built."""

from __future__ import annotations

import importlib
import inspect
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from fwi.errors import UsageError


@dataclass(frozen=True)
class _Entry:
    module: str
    kind: str
    fixed: dict[str, Any] = field(default_factory=dict)
    """Options that make the network what its name says, and are not the caller's."""


_NETWORKS = {
    "specproj": _Entry("fwi.models.specproj", "SpecProj"),
    "specproj-original": _Entry("fwi.models.original", "OriginalSpecProj", {"dirac": False}),
    "specproj-dirac": _Entry("fwi.models.original", "OriginalSpecProj", {"dirac": True}),
    "hgnet": _Entry("fwi.models.baselines", "HGNet"),
    "convnext": _Entry("fwi.models.baselines", "ConvNeXt"),
    "caformer": _Entry("fwi.models.baselines", "CAFormer"),
    "inversionnet": _Entry("fwi.models.inversionnet", "InversionNet"),
}

names: tuple[str, ...] = tuple(_NETWORKS)
"""Every network that :func:`build` knows."""


def build(name: str, **options: Any) -> nn.Module:
    """A fresh network, on the CPU, in float32 and training mode.

    Its forward takes a batch of seismic cubes, (B, 5, 1000, 70) fp16, bf16 or float32, on the
    network's own device, and returns velocity maps, (B, 1, 70, 70) float32 in m/s, the same inside
    autocast as outside; another shape is a ValueError. ``hgnet`` takes cubes reduced in time too.

    Args:
        name: one of :data:`names`.
        options: the network's own, as its class documents them.
    Raises:
        UsageError: no such network, or no such option of it.
        DataError: pretrained weights that were asked for cannot be had.
    """
    entry = _NETWORKS.get(name)
    if entry is None:
        raise UsageError(f"model {name!r}: expected one of {', '.join(names)}")
    kind = getattr(importlib.import_module(entry.module), entry.kind)
    known = [option for option in inspect.signature(kind).parameters if option not in entry.fixed]
    for option in options:
        if option not in known:
            raise UsageError(f"option {option} of model {name}: expected one of {', '.join(known)}")
    network = kind(**entry.fixed, **options)
    assert isinstance(network, nn.Module)
    return network
