"""Everything of torch that is used here and is not public; a test says when it changes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

__all__ = [
    "TorchDispatchMode",
    "allocator_snapshot",
    "backward_sequence_number",
    "next_sequence_number",
    "operators_cast_on",
    "record_allocations",
    "without_cpu_autocast",
]


def next_sequence_number() -> int:
    """The number that the next node of the graph on this thread gets; they grow."""
    return int(torch.autograd._get_sequence_nr())  # type: ignore[attr-defined]


def backward_sequence_number() -> int | None:
    """The number of the node whose backward runs on this thread; None where none does."""
    node = torch._C._current_autograd_node()
    return None if node is None else int(node._sequence_nr())


def operators_cast_on(key: str) -> set[str]:
    """torch's own operators that have a kernel of this autocast key, as ``aten::conv2d``: libraries
    register more."""
    found = torch._C._dispatch_get_registrations_for_dispatch_key(key)
    return {name for name in found if name.startswith("aten::")}


def without_cpu_autocast() -> Any:
    """A context in which operators go past the CPU's autocast key."""
    keys = torch._C.DispatchKeySet(torch._C.DispatchKey.AutocastCPU)
    return torch._C._ExcludeDispatchKeyGuard(keys)


def is_plain_leaf(tensor: Tensor) -> bool:
    """Whether autocast keeps this tensor's cast for later uses: a weight, not a view of one."""
    return tensor.is_leaf and tensor.requires_grad and not tensor._is_view()


def record_allocations(entries: int, *, stacks: bool = True) -> None:
    """From now on the device's allocator keeps the Python stack of each live block (``stacks``) and
    the newest ``entries`` of what it did; 0 ends it. Raises RuntimeError where CUDA cannot run."""
    if not entries:
        torch.cuda.memory._record_memory_history(enabled=None)
        return
    torch.cuda.memory._record_memory_history(
        enabled="all",
        context="alloc" if stacks else None,
        stacks="python",
        max_entries=entries,
    )


def allocator_snapshot() -> dict[str, Any]:
    """Segments and blocks of the device's allocator, as the public viewer takes them."""
    return dict(torch.cuda.memory._snapshot())
