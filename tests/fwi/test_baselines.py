"""The public baselines beside what was published: names, shapes, outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from fwi import config, precision
from fwi.errors import UsageError
from fwi.footprint import Configuration, of
from fwi.models import build
from fwi.reduction import to_72
from tests.fwi import reference

pytestmark = pytest.mark.usefixtures("one_thread")

SMALL = {"hgnet": "hgnetv2_b0", "convnext": "convnext_atto"}
REFERENCES = pytest.mark.skipif(
    not reference.FOLDER.is_dir(), reason=f"the reference vectors are not at {reference.FOLDER}"
)


@pytest.fixture(scope="module")
def network() -> Callable[[str], nn.Module]:
    """The small networks with the weights of the reference, each built once."""
    built: dict[str, nn.Module] = {}

    def of_name(name: str) -> nn.Module:
        if name not in built:
            built[name] = build(name, encoder=SMALL[name])
            reference.fill(built[name])
        return built[name].eval()

    return of_name


@REFERENCES
@pytest.mark.parametrize("name", SMALL)
def test_names_and_shapes_are_the_published_ones(
    name: str, network: Callable[[str], nn.Module]
) -> None:
    mine = {key: list(value.shape) for key, value in network(name).state_dict().items()}
    assert list(mine.items()) == list(reference.vectors(SMALL[name])["keys"].items())


@REFERENCES
@pytest.mark.parametrize("name", SMALL)
def test_outputs_are_the_published_ones(name: str, network: Callable[[str], nn.Module]) -> None:
    expected = reference.vectors(SMALL[name])
    with torch.no_grad():
        output = network(name)(reference.cubes(*expected["input"]))
    assert output.shape == (2, 1, 70, 70)
    sampled = torch.tensor([output[r // 70 % 2, 0, r % 70, c] for r, c, _ in expected["sample"]])
    tolerance = 1e-3 * expected["std"]
    wanted = torch.tensor([value for *_, value in expected["sample"]])
    torch.testing.assert_close(sampled, wanted, atol=tolerance, rtol=0)
    assert output.mean().item() == pytest.approx(expected["mean"], abs=tolerance)
    assert output.std().item() == pytest.approx(expected["std"], abs=tolerance)


def test_full_record_gives_hgnet_what_the_re_pack_gives(
    network: Callable[[str], nn.Module],
) -> None:
    cube = reference.cubes(5, 1000, 70)
    with torch.no_grad():
        whole, packed = network("hgnet")(cube), network("hgnet")(to_72(cube))
        inner = network("hgnet")(to_72(cube)[..., 1:-1, 1:-1])
    assert torch.equal(whole, packed)
    assert torch.equal(whole, inner)


def test_prediction_for_a_mirrored_cube_is_the_mirror_image(
    network: Callable[[str], nn.Module],
) -> None:
    cube = to_72(reference.cubes(5, 1000, 70))
    with torch.no_grad():
        one, other = network("hgnet")(cube), network("hgnet")(cube.flip(1, 3))
    torch.testing.assert_close(one, other.flip(3))
    assert not torch.equal(one, one.flip(3))


@pytest.mark.parametrize("name", SMALL)
def test_other_shapes_are_refused_with_the_expected_one(
    name: str, network: Callable[[str], nn.Module]
) -> None:
    with pytest.raises(ValueError, match=r"expected \(batch, 5, 1000, 70\)"):
        network(name)(torch.zeros(1, 5, 70, 72))


def test_convnext_is_refused_a_reduced_record(network: Callable[[str], nn.Module]) -> None:
    with pytest.raises(ValueError, match="1000"):
        network("convnext")(torch.zeros(1, 5, 72, 72))


@pytest.mark.parametrize(("name", "encoder"), [*SMALL.items(), ("convnext", "convnextv2_atto")])
def test_recomputed_activations_give_the_same_numbers(name: str, encoder: str) -> None:
    results = []
    cube = reference.cubes(5, 1000, 70)
    for recompute in (False, True):
        torch.manual_seed(0)
        network = build(name, encoder=encoder, recompute=recompute)
        predicted = network(cube)
        predicted.square().mean().backward()
        gradients = [parameter.grad for parameter in network.parameters()]
        results.append([predicted, *gradients, *network.buffers(), torch.rand(3)])
    assert all(torch.equal(one, other) for one, other in zip(*results, strict=True))


@pytest.mark.parametrize(
    ("name", "encoder", "widths"),
    [
        ("hgnet", "hgnetv2_b4", (128, 512, 1024, 2048)),
        ("convnext", "convnext_nano.in12k_ft_in1k", (80, 160, 320, 640)),
        ("convnext", "convnext_small.fb_in22k_ft_in1k", (96, 192, 384, 768)),
        ("caformer", "caformer_s36", (64, 128, 320, 512)),
    ],
)
def test_larger_encoders_give_maps_of_the_same_sizes(
    name: str, encoder: str, widths: tuple[int, ...]
) -> None:
    cells = (36, 18, 9, 9) if name == "hgnet" else (72, 36, 18, 9)
    with FakeTensorMode():
        network = build(name, encoder=encoder).eval()
        cube = torch.empty(2, 5, 72, 72) if name == "hgnet" else torch.empty(2, 5, 1000, 70)
        maps: Any = network.backbone(cube)
        assert [tuple(one.shape) for one in maps] == [
            (2, width, n, n) for width, n in zip(widths, cells, strict=True)
        ]
        assert network(cube).shape == (2, 1, 70, 70)
        norms = {type(m) for m in network.backbone.modules() if "Norm" in type(m).__name__}
    if name == "convnext":
        assert all(issubclass(kind, nn.InstanceNorm2d) for kind in norms)


def test_caformer_has_the_published_names() -> None:
    network = build("caformer", encoder="caformer_s18")
    names = set(network.state_dict())
    assert names >= {
        "backbone.stem.1.conv.weight",
        "backbone.stages_3.blocks.2.token_mixer.qkv.weight",
        "decoder.blocks.0.upsample.conv_block.bias",
        "decoder.blocks.0.intermediate_conv.1.conv.weight",
        "decoder.blocks.1.attention1.attention.cSE.3.weight",
        "decoder.blocks.2.attention2.attention.sSE.0.bias",
        "seg_head.conv.bias",
    }
    with torch.no_grad():
        assert network(reference.cubes(5, 1000, 70)[:1]).shape == (1, 1, 70, 70)


@pytest.mark.parametrize(
    ("name", "encoder", "words"),
    [
        ("hgnet", "hgnetv2_b9", "hgnetv2_b0, hgnetv2_b1"),
        ("hgnet", "hgnet_tiny", "expected one of timm"),
        ("convnext", "convnext_small.no_such_tag", "tag of its weights"),
        ("convnext", "convnext_atto_ols", "without _ols"),
        ("caformer", "convnext_small", "caformer_s18"),
    ],
)
def test_unknown_encoder_is_a_usage_error_naming_those_there_are(
    name: str, encoder: str, words: str
) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        build(name, encoder=encoder)
    assert f"--encoder {encoder}" in str(caught.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"model": "hgnet", "encoder": "hgnetv2_b4"}, None),
        ({"model": "convnext", "encoder": "convnext_small.fb_in22k_ft_in1k"}, None),
        ({"model": "specproj", "encoder": "hgnetv2_b4"}, "specproj has no encoder"),
        ({"model": "inversionnet", "pretrained": True}, "inversionnet has no encoder"),
        ({"model": "hgnet", "encoder": "convnext_tiny"}, "begins with hgnetv2"),
        ({"model": "hgnet", "activation_checkpointing": True}, None),
    ],
)
def test_encoders_are_checked_before_anything_is_imported(
    options: dict[str, object], words: str | None
) -> None:
    found = config.problems(config.Train(**options))  # type: ignore[arg-type]
    assert (not found) if words is None else words in "\n".join(found)


def test_convnext_overflows_in_fp16_so_auto_takes_fp32_on_an_older_gpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (7, 5))
    chosen = {
        model: precision.resolve_precision(config.Train(model=model), torch.device("cuda"))
        for model in ("hgnet", "convnext")
    }
    assert chosen == {"hgnet": "fp16", "convnext": "fp32"}


@pytest.mark.parametrize("name", ["hgnet", "convnext", "inversionnet"])
def test_footprint_is_found_without_the_memory(name: config.Model) -> None:
    found = of(Configuration(model=name, dtype="fp32", mode="train", batch_size=1, ema=False))
    # Weights, gradients, and two moments of each.
    assert found["steady"]["bytes"] > 4 * 4 * found["parameters"]
    assert found["steady"]["by_kind"]["activations"] > 5e6


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_input_and_autocast_give_float32_velocities(
    dtype: torch.dtype, network: Callable[[str], nn.Module]
) -> None:
    cube = to_72(reference.cubes(5, 1000, 70)).to(dtype)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        output = network("hgnet")(cube)
    assert output.dtype is torch.float32
    assert output.isfinite().all()
