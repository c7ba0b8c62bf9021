"""timm's encoders, changed as the public baselines change them. Names of weights are timm's."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from fwi.errors import UsageError
from fwi.layout import SOURCES
from fwi.models import pretrained as weights_of_timm
from fwi.models.fake_building import built
from fwi.models.recomputing import Recomputed
from fwi.torchvision_fit import import_timm

STAGES = 4


def hgnet(name: str, pretrained: bool, weights: Path | None) -> nn.ModuleDict:
    """An HGNet-V2 for (B, 5, 72, 72): maps of 36, 18, 9 and 9 cells."""
    encoder: Any = _encoder(name, "hgnetv2_", pretrained, weights, drop_path=0.4)
    encoder.stem.stem1.conv.stride = (1, 1)
    encoder.stages_3.downsample.conv.stride = (1, 1)
    return _as_modules(encoder)


def convnext(name: str, pretrained: bool, weights: Path | None) -> nn.ModuleDict:
    """A ConvNeXt for (B, 5, 1000, 70): maps of 72, 36, 18 and 9 cells.

    Its normalisations become those of each channel and sample.
    """
    encoder: Any = _encoder(name, "convnext", pretrained, weights, drop_path=0.0)
    first = encoder["stem_0"]
    if not isinstance(first, nn.Conv2d) or first.kernel_size != (4, 4):
        raise UsageError(
            f"--encoder {name}: its stem is no 4×4 convolution, which the ConvNeXt baseline "
            "changes for records of 1000×70; take one without _ols"
        )
    first.stride, first.padding = (4, 1), (0, 2)
    width = first.out_channels
    second = nn.Conv2d(width, width, 4, stride=(4, 1), padding=(0, 1))
    with torch.no_grad():
        # The second reduction in time starts from what the first has learned on images.
        copies = math.ceil(width / SOURCES)
        second.weight.copy_(first.weight.repeat(1, copies, 1, 1)[:, :width])
        if second.bias is not None and first.bias is not None:
            second.bias.copy_(first.bias)
    encoder["stem_0"] = nn.Sequential(nn.ReflectionPad2d((1, 1, 80, 80)), first, second)
    for module in list(encoder.modules()):
        for child_name, child in module.named_children():
            if _is_norm(child):
                channels_last = child_name == "norm" and not getattr(module, "use_conv_mlp", True)
                kind = _ChannelsLastInstanceNorm if channels_last else nn.InstanceNorm2d
                setattr(module, child_name, kind(child.weight.numel(), affine=True))
            elif child_name == "act":
                setattr(module, child_name, nn.GELU())
    return _as_modules(encoder)


def caformer(name: str, pretrained: bool, weights: Path | None) -> nn.ModuleDict:
    """A CAFormer for (B, 5, 1000, 70): maps of 72, 36, 18 and 9 cells."""
    encoder: Any = _encoder(name, "caformer_", pretrained, weights, drop_path=0.0)
    stem = encoder["stem"]
    stem.conv.stride, stem.conv.padding = (4, 1), (0, 4)
    encoder["stem"] = nn.Sequential(nn.ReflectionPad2d((0, 0, 78, 78)), stem)
    encoder["stages_0"].downsample = nn.AvgPool2d((4, 1))
    return _as_modules(encoder)


def channels(encoder: nn.ModuleDict) -> list[int]:
    """Of the encoder's maps, shallowest first."""
    maps: Any = encoder.feature_info
    return [one["num_chs"] for one in maps]


def recompute_blocks(encoder: nn.ModuleDict) -> None:
    """Let backward keep the input of each block of the stages alone."""
    for number in range(STAGES):
        stage: Any = encoder[f"stages_{number}"]
        stage.blocks = Recomputed(*stage.blocks)


def _encoder(
    name: str, prefix: str, pretrained: bool, weights: Path | None, drop_path: float
) -> nn.ModuleDict:
    """A timm encoder of four maps; UsageError where timm has none of this name."""
    timm = import_timm()
    if not name.startswith(prefix) or not _is_known(timm, name):
        there = ", ".join(timm.list_models(prefix + "*"))
        raise UsageError(
            f"--encoder {name}: expected one of timm {timm.__version__}: {there}; each also with "
            f"the tag of its weights, as timm.list_pretrained('{prefix}*') lists them"
        )
    options: dict[str, Any] = {
        "in_chans": SOURCES,
        "features_only": True,
        "out_indices": tuple(range(STAGES)),
        "drop_path_rate": drop_path,
    }
    encoder: nn.ModuleDict
    if weights is not None:
        encoder = weights_of_timm.from_file(name, weights, options)
    elif pretrained:
        encoder = weights_of_timm.from_hub(name, options)
    else:
        encoder = built(lambda: timm.create_model(name, pretrained=False, **options))
    return encoder


def _is_known(timm: Any, name: str) -> bool:
    base, _, tag = name.partition(".")
    return bool(timm.is_model(base)) and (not tag or name in timm.list_pretrained(base + ".*"))


def _is_norm(module: nn.Module) -> bool:
    if isinstance(module, (nn.LayerNorm, nn.GroupNorm, nn.BatchNorm2d)):
        return True
    # timm's others have no class in common. GlobalResponseNorm is a part of the block, and stays.
    return type(module).__name__.startswith(("RmsNorm", "SimpleNorm"))


def _as_modules(encoder: Any) -> nn.ModuleDict:
    assert isinstance(encoder, nn.ModuleDict)
    return encoder


class _ChannelsLastInstanceNorm(nn.InstanceNorm2d):
    """Between the two permutations of a block whose channels are last, (B, H, W, C) → the same."""

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
