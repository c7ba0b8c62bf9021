"""What autograd keeps and what tensors occupy, counted against sums done by hand."""

from __future__ import annotations

import subprocess
import sys

import torch
from torch import nn

from probes.tensors import saved_activation_bytes, tensor_bytes

FLOAT = 4


def test_two_views_of_one_storage_count_once() -> None:
    base = torch.zeros(10, 10)
    assert tensor_bytes([base, base[:5], base.T]) == 100 * FLOAT


def test_a_slice_counts_as_the_storage_it_keeps_alive() -> None:
    assert tensor_bytes([torch.zeros(1000)[:1]]) == 1000 * FLOAT


def test_no_tensors_are_zero_bytes() -> None:
    assert tensor_bytes([]) == 0


def test_tied_parameters_count_once() -> None:
    first, second = nn.Linear(8, 8, bias=False), nn.Linear(8, 8, bias=False)
    second.weight = first.weight
    assert tensor_bytes([first.weight, second.weight]) == 64 * FLOAT


def test_square_saves_only_its_input() -> None:
    x = torch.ones(100, requires_grad=True)
    assert saved_activation_bytes(torch.square, x) == 100 * FLOAT


def test_linear_saves_its_input_and_its_weight_is_not_counted() -> None:
    x = torch.ones(16, 8)
    assert saved_activation_bytes(nn.Linear(8, 4), x) == 16 * 8 * FLOAT


def test_linear_and_relu_save_input_and_result() -> None:
    network = nn.Sequential(nn.Linear(8, 4), nn.ReLU())
    assert saved_activation_bytes(network, torch.ones(16, 8)) == 16 * (8 + 4) * FLOAT


def test_tensor_saved_by_two_operations_counts_once() -> None:
    x = torch.ones(50, requires_grad=True)
    assert saved_activation_bytes(lambda t: t.square() + t.sin(), x) == 50 * FLOAT


def test_excluded_tensor_is_not_counted() -> None:
    x = torch.ones(50, requires_grad=True)
    assert saved_activation_bytes(torch.square, x, exclude=[x]) == 0


def test_forward_without_gradients_saves_nothing() -> None:
    assert saved_activation_bytes(torch.square, torch.ones(50)) == 0


def test_branch_dropped_before_the_end_is_not_counted() -> None:
    x = torch.ones(50, requires_grad=True)

    def call(t: torch.Tensor) -> torch.Tensor:
        (t * 2).square()
        return t.sin()

    assert saved_activation_bytes(call, x, exclude=[x]) == 0


def test_gradients_are_unchanged_by_measuring() -> None:
    x = torch.tensor([3.0], requires_grad=True)
    kept: list[torch.Tensor] = []

    def call(t: torch.Tensor) -> torch.Tensor:
        kept.append(t.square())
        return kept[0]

    saved_activation_bytes(call, x)
    kept[0].backward()
    assert x.grad is not None
    assert x.grad.item() == 6.0


def test_fake_tensors_are_measured_without_memory() -> None:
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        network = nn.Linear(1 << 20, 4)
        assert saved_activation_bytes(network, torch.ones(1 << 16, 1 << 20)) == FLOAT << 36


def test_module_is_imported_without_torch() -> None:
    source = "import sys, probes.tensors; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", source], timeout=240).returncode == 0
