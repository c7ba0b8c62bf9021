"""Networks of a library that cannot be built under fake tensors, built there all the same.

Here stands what this package knows of torch's own modes; torch documents none of it.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch._guards import detect_fake_mode
from torch._subclasses.fake_tensor import unset_fake_temporarily


def built(create: Callable[[], nn.ModuleDict]) -> nn.ModuleDict:
    """``create()``; under fake tensors, with fake weights of the same shapes.

    timm reads the rates of its dropped paths back from a tensor, and a fake one has no numbers.
    """
    if detect_fake_mode() is None:
        return create()
    with unset_fake_temporarily(), torch.device("meta"):
        network = create()
    for part in network.modules():
        for name, weight in part.named_parameters(recurse=False):
            setattr(part, name, nn.Parameter(torch.empty(weight.shape, dtype=weight.dtype)))
        for name, buffer in part.named_buffers(recurse=False):
            setattr(part, name, torch.empty(buffer.shape, dtype=buffer.dtype))
    return network
