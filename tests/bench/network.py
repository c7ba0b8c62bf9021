"""What the networks keep for backward, how large they are, and how much one pass computes."""

from __future__ import annotations

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from fwi import config
from fwi.layout import CUBE_SHAPE
from fwi.models import build, names
from probes.tensors import saved_activation_bytes, tensor_bytes
from tests.bench.figure import Figure

TARGETS = {"specproj": 25.0}  # MB a sample
SAMPLES = 8


def measure() -> list[Figure]:
    """Under fake tensors, which save what real ones save without the memory: seconds, not GB."""
    figures = []
    with FakeTensorMode():
        for name in names:
            network = build(name).train()
            one = saved_activation_bytes(network, torch.empty(1, *CUBE_SHAPE)) / 1e6
            target = TARGETS.get(name)
            figures.append(
                Figure(
                    name=f"saved activations, {name}",
                    value=one,
                    unit="MB",
                    target=f"<= {target:g}" if target else "-",
                    met=one <= target if target else None,
                    detail="one sample, fp32, training; MB = 10^6 bytes",
                )
            )
            if name in config.RECOMPUTABLE:
                figures += _size(name, network)
            if name == "specproj":
                figures.append(_half(network))
    return figures


def _half(network: torch.nn.Module) -> Figure:
    cubes = torch.empty(SAMPLES, *CUBE_SHAPE)
    with torch.autocast("cpu", torch.bfloat16):
        kept = saved_activation_bytes(network, cubes)
    return Figure(
        name="saved activations, specproj, half precision",
        value=kept / SAMPLES / 1e6,
        unit="MB",
        target="-",
        met=None,
        detail=f"bf16 autocast, a sample of {SAMPLES}, its part of the weights' copies included",
    )


def _size(name: str, network: torch.nn.Module) -> list[Figure]:
    with FlopCounterMode(display=False) as counter:
        network(torch.empty(1, *CUBE_SHAPE))
    return [
        Figure(
            name=f"parameters, {name}",
            value=tensor_bytes(network.parameters()) / 4 / 1e6,
            unit="million",
            target="-",
            met=None,
        ),
        Figure(
            name=f"one forward pass, {name}",
            value=counter.get_total_flops() / 2e9,
            unit="GMAC",
            target="-",
            met=None,
            detail="one sample; matrix products and convolutions, without the transform",
        ),
    ]
