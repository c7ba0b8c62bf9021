"""The network as first written, made to run: its contract and the memory it is kept for."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from fwi.models import build
from fwi.models.original import OriginalSpecProj
from probes.tensors import saved_activation_bytes

NAMES = ("specproj-original", "specproj-dirac")


def cubes(batch: int = 1) -> Tensor:
    return torch.randn(batch, 5, 1000, 70, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", NAMES)
def test_network_runs_forward_and_backward_in_metres_a_second(name: str) -> None:
    network = build(name, width=4)
    assert isinstance(network, OriginalSpecProj)
    velocity = network(cubes().half())
    assert velocity.shape == (1, 1, 70, 70)
    assert velocity.dtype == torch.float32
    velocity.mean().backward()
    assert all(p.grad is not None for p in network.parameters())
    with torch.no_grad():
        for parameter in network.fuse.parameters():
            parameter.zero_()
        torch.testing.assert_close(network(cubes()), torch.full((1, 1, 70, 70), 3000.0))


def test_dirac_convolution_starts_as_the_repeat_that_it_replaces() -> None:
    torch.manual_seed(0)
    repeated, dirac = build(NAMES[0], width=4).eval(), build(NAMES[1], width=4).eval()
    missing, unexpected = dirac.load_state_dict(repeated.state_dict(), strict=False)
    assert sorted(missing) == ["repeat_down.weight", "repeat_up.weight"]
    assert unexpected == []
    with torch.no_grad():
        torch.testing.assert_close(dirac(cubes()), repeated(cubes()))


def saved_bytes(dirac: bool) -> int:
    """Measured under fake tensors, which have sizes and no memory: it takes 2 GB otherwise."""
    with FakeTensorMode():
        return saved_activation_bytes(OriginalSpecProj(dirac), torch.ones(1, 5, 1000, 70))


def test_saved_activations_are_the_published_ones_and_the_repeat_is_not_to_blame() -> None:
    repeated, dirac = saved_bytes(dirac=False), saved_bytes(dirac=True)
    assert repeated == pytest.approx(1_889e6, rel=0.03)
    assert dirac == pytest.approx(repeated, rel=0.01)


def test_fake_tensors_save_as_many_bytes_as_real_ones() -> None:
    cube = torch.ones(1, 5, 1000, 70)
    real = saved_activation_bytes(OriginalSpecProj(width=4), cube)
    with FakeTensorMode():
        fake = saved_activation_bytes(OriginalSpecProj(width=4), torch.ones(1, 5, 1000, 70))
    assert fake == pytest.approx(real, rel=1e-3)
