"""The lean network's contract: shapes, types, precision, memory, and that it learns."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from fwi.errors import UsageError
from fwi.models import build, names
from fwi.models.normalise import compress, taper
from fwi.models.unet import GroupNorm
from probes.tensors import saved_activation_bytes

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
HALF = [torch.float16, torch.bfloat16]


def cubes(batch: int = 2, seed: int = 0) -> Tensor:
    """Band-limited noise that decays as a record does, in its units."""
    noise = torch.randn(batch, 5, 1000, 70, generator=torch.Generator().manual_seed(seed))
    smooth = torch.nn.functional.avg_pool2d(noise, (31, 3), 1, (15, 1)) * 10
    return 20 * smooth * torch.logspace(0, -2, 1000)[:, None]


@pytest.fixture(scope="module")
def trained() -> nn.Module:
    """A small network whose zero-initialised layers have moved, in evaluation mode."""
    torch.manual_seed(0)
    network = build("specproj", width=16, attention=1)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    return network.eval()


@pytest.fixture(scope="module")
def reference(trained: nn.Module) -> Tensor:
    with torch.no_grad():
        velocity = trained(cubes())
    assert isinstance(velocity, Tensor)
    return velocity


@pytest.mark.parametrize("stored", [torch.float32, *HALF])
@pytest.mark.parametrize("autocast", [None, *HALF])
def test_output_is_a_float32_map_in_metres_a_second(
    trained: nn.Module, reference: Tensor, stored: torch.dtype, autocast: torch.dtype | None
) -> None:
    with torch.no_grad(), torch.autocast("cpu", autocast, enabled=autocast is not None):
        velocity = trained(cubes().to(stored))
    assert velocity.shape == (2, 1, 70, 70)
    assert velocity.dtype == torch.float32
    assert (velocity - reference).abs().mean() < 0.05 * reference.std()


@pytest.mark.parametrize("autocast", HALF)
def test_head_is_not_rounded_to_half_precision(trained: nn.Module, autocast: torch.dtype) -> None:
    with torch.no_grad(), torch.autocast("cpu", autocast):
        velocity = trained(cubes())
    assert not torch.equal(velocity, velocity.to(autocast).float())


def test_untrained_network_says_3000_metres_a_second_everywhere() -> None:
    torch.testing.assert_close(build("specproj")(cubes()), torch.full((2, 1, 70, 70), 3000.0))


def test_samples_of_a_batch_do_not_see_each_other(trained: nn.Module) -> None:
    with torch.no_grad():
        together, alone = trained(cubes(3)), trained(cubes(3)[1:2])
    torch.testing.assert_close(together[1:2], alone, atol=0.05, rtol=0)


def test_training_and_evaluation_mode_agree(trained: nn.Module, reference: Tensor) -> None:
    with torch.no_grad():
        training = trained.train()(cubes())
    trained.eval()
    torch.testing.assert_close(training, reference)


def test_row_999_makes_no_difference(trained: nn.Module, reference: Tensor) -> None:
    changed = cubes()
    changed[:, :, 999] = 50.0
    with torch.no_grad():
        torch.testing.assert_close(trained(changed), reference)


def test_every_parameter_receives_a_finite_gradient() -> None:
    torch.manual_seed(0)
    network = build("specproj", width=16, attention=1)
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3)
    for _ in range(4):  # zero-initialised layers let gradients through one after another
        optimizer.zero_grad()
        (network(cubes()) / 1500 - torch.randn(2, 1, 70, 70)).square().mean().backward()
        optimizer.step()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.any(), name


def test_few_steps_on_one_batch_reduce_its_error() -> None:
    torch.manual_seed(0)
    network = build("specproj", width=16, attention=1)
    target = 3000 + 500 * torch.randn(2, 1, 70, 1).sign().expand(-1, -1, -1, 70)
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    losses = []
    for _ in range(12):
        loss = (network(cubes()) - target).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


def test_saved_activations_are_at_most_25_megabytes_a_sample() -> None:
    network = build("specproj").train()
    assert saved_activation_bytes(network, cubes(1)) <= 25e6


def test_half_precision_keeps_little_more_than_half_the_activations() -> None:
    with FakeTensorMode():
        network = build("specproj").train()
        copies_of_weights = 2 * sum(p.numel() for p in network.parameters())
        cube = torch.ones(8, 5, 1000, 70)
        single = saved_activation_bytes(network, cube)
        with torch.autocast("cpu", torch.bfloat16):
            half = saved_activation_bytes(network, cube) - copies_of_weights
    assert half < 0.58 * single


@pytest.mark.parametrize("dtype", HALF)
def test_group_norm_returns_its_input_type_and_accumulates_in_float32(dtype: torch.dtype) -> None:
    layer = GroupNorm(2, 16)
    # Squares of these overflow fp16, and their sum loses every digit in bf16.
    x = (1000 + torch.randn(2, 16, 70, 70) * 300).to(dtype)
    with torch.autocast("cpu", dtype):
        y = layer(x)
    assert y.dtype == dtype
    exact = layer(x.float())
    assert (y.float() - exact).abs().max() < 0.03


def test_taper_leaves_the_record_alone_until_its_last_24_samples() -> None:
    record = torch.ones(2, 5, 1000, 70)
    tapered = taper(record)
    assert torch.equal(tapered[:, :, :977], record[:, :, :977])
    assert tapered[:, :, 999].abs().max() < 1e-12
    assert (tapered[:, :, 976:].diff(dim=2) < 0).all()


def test_compression_is_odd_steep_at_zero_and_flat_for_the_first_arrival() -> None:
    p = torch.tensor([-50.0, -0.01, 0.0, 0.01, 50.0])
    squeezed = compress(p)
    torch.testing.assert_close(squeezed, -squeezed.flip(0))
    assert squeezed[-1] < 3
    assert squeezed[-2] > 0.05


@pytest.mark.parametrize(
    "shape", [(5, 1000, 70), (2, 5, 999, 70), (2, 1, 1000, 70), (2, 5, 70, 1000), (2, 5, 72, 72)]
)
@pytest.mark.parametrize("name", ["specproj", "specproj-original"])
def test_input_of_another_shape_is_refused_with_the_expected_one(
    name: str, shape: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match=r"expected \(batch, 5, 1000, 70\)"):
        build(name, width=16)(torch.zeros(shape))


def test_input_of_whole_numbers_is_refused(trained: nn.Module) -> None:
    with pytest.raises(ValueError, match=r"torch\.int16: expected float16"):
        trained(torch.zeros(1, 5, 1000, 70, dtype=torch.int16))


def test_unknown_network_is_a_usage_error_that_names_the_known() -> None:
    with pytest.raises(UsageError, match=r"'specproject'.*specproj, specproj-original"):
        build("specproject")


def test_unknown_option_is_a_usage_error_that_names_the_known() -> None:
    with pytest.raises(UsageError, match=r"option encoder .*specproj: expected one of width"):
        build("specproj", encoder="hgnetv2_b2")


def test_option_that_the_name_fixes_is_refused() -> None:
    with pytest.raises(UsageError, match="option dirac"):
        build("specproj-original", dirac=True)


@pytest.mark.parametrize("options", [{"width": 40}, {"width": 0}, {"attention": -1}])
def test_option_out_of_range_is_a_usage_error(options: dict[str, int]) -> None:
    with pytest.raises(UsageError, match=r"of specproj: expected"):
        build("specproj", **options)


def test_building_specproj_imports_neither_timm_nor_torchvision() -> None:
    source = """
        import sys
        from fwi.models import build
        build("specproj", width=16)
        sys.exit(bool({"timm", "torchvision", "fwi.models.original"} & set(sys.modules)))
    """
    command = [sys.executable, "-c", textwrap.dedent(source)]
    assert subprocess.run(command, cwd=ROOT, timeout=240).returncode == 0


def test_every_name_builds_and_is_an_option_of_train() -> None:
    from typing import Any, get_args

    from torch._subclasses.fake_tensor import FakeTensorMode

    from fwi.config import Model

    small: dict[str, dict[str, Any]] = {
        "hgnet": {"encoder": "hgnetv2_b0"},
        "convnext": {"encoder": "convnext_atto"},
        "caformer": {"encoder": "caformer_s18"},
        "inversionnet": {},
    }
    assert set(names) == set(get_args(Model))
    with FakeTensorMode():
        for name in names:
            assert isinstance(build(name, **small.get(name, {"width": 16})), nn.Module)


def test_weights_survive_a_save_and_load(
    trained: nn.Module, reference: Tensor, tmp_path: Path
) -> None:
    torch.save(trained.state_dict(), tmp_path / "weights.pt")
    again = build("specproj", width=16, attention=1).eval()
    again.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    with torch.no_grad():
        torch.testing.assert_close(again(cubes()), reference)


def test_record_stays_well_within_fp16_all_the_way(trained: nn.Module) -> None:
    largest: list[float] = []

    def note(module: nn.Module, inputs: object, output: object) -> None:
        if isinstance(output, Tensor):
            largest.append(output.detach().abs().max().item())

    hooks = [m.register_forward_hook(note) for m in trained.modules() if m is not trained]
    with torch.no_grad():
        trained(cubes() * 10)
    for hook in hooks:
        hook.remove()
    assert np.isfinite(largest).all()
    assert max(largest) < 1000


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_recomputed_activations_give_the_same_numbers_from_a_fifth_of_the_memory(
    dtype: torch.dtype,
) -> None:
    cube, kept, results = cubes(), [], []
    for recompute in (False, True):
        torch.manual_seed(0)
        network = build("specproj", width=16, attention=1, recompute=recompute)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(torch.randn_like(parameter), alpha=0.01)
        with torch.autocast("cpu", dtype=dtype, enabled=dtype is not torch.float32):
            kept.append(saved_activation_bytes(network, cube, exclude=[cube]))
            predicted = network(cube)
        predicted.sum().backward()
        results.append([predicted, *(parameter.grad for parameter in network.parameters())])
    assert all(torch.equal(one, other) for one, other in zip(*results, strict=True))
    assert kept[1] < kept[0] / 4


def test_recomputing_network_validates_without_a_graph() -> None:
    network = build("specproj", width=16, attention=1, recompute=True).eval()
    with torch.no_grad():
        assert not network(cubes()).requires_grad
