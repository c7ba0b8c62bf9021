"""InversionNet beside its paper's table."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from fwi import ranks
from fwi.errors import UsageError
from fwi.models import build
from tests.fwi import reference

pytestmark = pytest.mark.usefixtures("one_thread")


def test_it_has_the_papers_parameters_and_published_names() -> None:
    network = build("inversionnet")
    assert sum(p.numel() for p in network.parameters()) == 24_409_123  # the paper: 24.4 M
    shapes = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    assert shapes["convblock1.layers.0.weight"] == (32, 5, 7, 1)
    assert shapes["convblock8.layers.0.weight"] == (512, 256, 8, 9)
    assert shapes["deconv1_1.layers.0.weight"] == (512, 512, 5, 5)
    assert shapes["deconv6.layers.1.running_mean"] == (1,)


def test_maps_stay_within_the_range_of_velocities() -> None:
    network = build("inversionnet").eval()
    with torch.no_grad():
        output = network(reference.cubes(5, 1000, 70).half() * 10)
    assert output.shape == (2, 1, 70, 70)
    assert output.dtype is torch.float32
    assert 1500 <= output.min() <= output.max() <= 4500


def test_recomputed_activations_give_the_same_numbers() -> None:
    results = []
    for recompute in (False, True):
        torch.manual_seed(0)
        network = build("inversionnet", recompute=recompute)
        predicted = network(reference.cubes(5, 1000, 70))
        predicted.square().mean().backward()
        results.append([predicted, *(p.grad for p in network.parameters()), *network.buffers()])
    assert all(torch.equal(one, other) for one, other in zip(*results, strict=True))


def test_statistics_taken_in_common_are_counted_once_too() -> None:
    """Of several ranks on devices these layers are others."""
    network = ranks.with_common_statistics(build("inversionnet", recompute=True))
    network(reference.cubes(5, 1000, 70)).square().mean().backward()
    counted = [v for name, v in network.named_buffers() if name.endswith("num_batches_tracked")]
    assert any(isinstance(m, nn.SyncBatchNorm) for m in network.modules())
    assert {int(count) for count in counted} == {1}


def test_last_batch_of_one_sample_is_learned_from() -> None:
    network = build("inversionnet")
    network(reference.cubes(5, 1000, 70)[:1]).mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_empty_range_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="low 3 of inversionnet"):
        build("inversionnet", low=3, high=3)
