"""AdamW as torch has it, without the compiler that torch's own methods import for their decorators.

``torch.optim.Optimizer`` marks its methods as not to be compiled, and so imports ``torch._dynamo``
when the first of them is called, also where nothing is ever compiled: seconds of processor time and
some 70 MiB in each training process. Python's own ``__wrapped__`` leads to the methods beneath the
marks (``functools.wraps``); where a torch has none there, its methods are taken as they are.
"""

from __future__ import annotations

import inspect
from typing import Any

import torch

_TORCHS = torch.optim.AdamW


class AdamW(_TORCHS):
    """``torch.optim.AdamW`` (Loshchilov and Hutter, 2019), number for number. Not to be compiled
    itself; the network may be. ``differentiable`` is not offered."""

    add_param_group = inspect.unwrap(_TORCHS.add_param_group)
    zero_grad = inspect.unwrap(_TORCHS.zero_grad)
    state_dict = inspect.unwrap(_TORCHS.state_dict)
    load_state_dict = inspect.unwrap(_TORCHS.load_state_dict)
    step: Any = torch.no_grad()(inspect.unwrap(_TORCHS.step))
