"""Bytes that tensors hold: what backward keeps alive, and what a set of tensors occupies.

Counted by storage, not by tensor: views, slices and a tensor saved twice share one allocation.
Works on any device and under fake tensors, where a storage has a size but no memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch.multiprocessing.reductions import StorageWeakRef


def tensor_bytes(tensors: Iterable[torch.Tensor]) -> int:
    """Bytes of the distinct storages behind ``tensors``: parameters, gradients, optimizer state.

    A view counts as the whole storage that it keeps alive.
    """
    return sum(size for _, size in _storages(tensors).values())


def saved_activation_bytes(
    call: Callable[..., Any], *inputs: Any, exclude: Iterable[torch.Tensor] = ()
) -> int:
    """Bytes that one forward pass ``call(*inputs)`` keeps for its backward pass.

    Runs ``call`` once, with gradients, as it stands: put a module into training mode and inside
    autocast first where that is what is to be measured. Each distinct storage that autograd saved
    and that still lives when ``call`` has returned counts once. Not counted: the parameters and
    buffers of ``call`` where it is a module, and whatever ``exclude`` holds. Counted: an input
    that backward needs, and the half-precision copies of weights that autocast makes. Not seen:
    what a custom autograd function keeps outside ``save_for_backward``.
    """
    import torch
    from torch.multiprocessing.reductions import StorageWeakRef

    excluded = list(exclude)
    if isinstance(call, torch.nn.Module):
        excluded += [*call.parameters(), *call.buffers()]
    not_activations = _storages(excluded)
    saved: dict[int, tuple[StorageWeakRef, int]] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        # The weak reference also keeps the storage's identity from being given out again.
        reference = StorageWeakRef(storage)  # type: ignore[no-untyped-call]
        saved.setdefault(reference.cdata, (reference, storage.nbytes()))
        return tensor

    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(note, lambda kept: kept):
        outputs = call(*inputs)
    alive = 0
    for key, (reference, size) in saved.items():
        if key not in not_activations and not reference.expired():  # type: ignore[no-untyped-call]
            alive += size
    del outputs  # held until here: without it the graph, and all that it saved, would be gone
    return alive


def _storages(tensors: Iterable[torch.Tensor]) -> dict[int, tuple[StorageWeakRef, int]]:
    """Storage identity → (what keeps that identity taken, bytes)."""
    from torch.multiprocessing.reductions import StorageWeakRef

    found: dict[int, tuple[StorageWeakRef, int]] = {}
    for tensor in tensors:
        storage = tensor.untyped_storage()
        reference = StorageWeakRef(storage)  # type: ignore[no-untyped-call]
        found.setdefault(reference.cdata, (reference, storage.nbytes()))
    return found
