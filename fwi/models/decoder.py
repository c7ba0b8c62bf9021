"""The decoder that the public baselines share, and their head.

Names of weights are those of the published files: they are a contract.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fwi.models.recomputing import kept_with_state

CHANNELS = (128, 64, 32)
"""Of the three blocks, deepest first."""


@dataclass(frozen=True)
class Design:
    """What differs between the baselines behind their encoders."""

    scales: tuple[int, int, int]
    """Enlargement of each block, deepest first."""
    head_scale: int
    skip_convs: bool
    """Two convolutions on what comes from the encoder."""
    subpixel: bool = False
    """Enlarge by a convolution and a pixel shuffle instead of a transposed convolution."""
    gated: bool = False
    """Gate channels and cells before and after the convolutions of a block."""


class Decoder(nn.Module):
    """Four maps of an encoder → (B, 32, H, W).

    Args:
        encoder_channels: of the encoder's four maps, shallowest first.
    """

    def __init__(
        self, encoder_channels: Sequence[int], design: Design, recompute: bool = False
    ) -> None:
        super().__init__()
        self.recompute = recompute
        deepest, *skips = reversed(encoder_channels)
        widths = itertools.pairwise((deepest, *CHANNELS))
        self.blocks = nn.ModuleList(
            _Block(below, skip, out, scale, design)
            for (below, out), skip, scale in zip(widths, skips, design.scales, strict=True)
        )

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        x, *skips = reversed(maps)
        for block, skip in zip(self.blocks, skips, strict=True):
            x = kept_with_state(block, x, skip, recompute=self.recompute)
        return x


class Head(nn.Module):
    """(B, 32, H, W) → (B, 1, scale·H − 2, scale·W − 2), in float32 inside autocast as well."""

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.scale = scale
        self.conv = nn.Conv2d(CHANNELS[-1], 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            image: Tensor = self.conv(x.float())
            if self.scale > 1:
                image = F.interpolate(
                    image, scale_factor=self.scale, mode="bilinear", align_corners=True
                )
            return image[..., 1:-1, 1:-1]


class _Block(nn.Module):
    def __init__(self, below: int, skip: int, out: int, scale: int, design: Design) -> None:
        super().__init__()
        self.upsample = _Subpixel(below, scale) if design.subpixel else _Deconvolution(below, scale)
        self.intermediate_conv = (
            nn.Sequential(_Convolution(skip, skip), _Convolution(skip, skip))
            if design.skip_convs
            else nn.Identity()
        )
        self.attention1 = _Gate(below + skip) if design.gated else nn.Identity()
        self.conv1 = _Convolution(below + skip, out)
        self.conv2 = _Convolution(out, out)
        self.attention2 = _Gate(out) if design.gated else nn.Identity()

    def forward(self, below: Tensor, skip: Tensor) -> Tensor:
        both = torch.cat([self.upsample(below), self.intermediate_conv(skip)], 1)
        result: Tensor = self.attention2(self.conv2(self.conv1(self.attention1(both))))
        return result


class _Convolution(nn.Module):
    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu_(self.conv(x))


class _Deconvolution(nn.Module):
    def __init__(self, channels: int, scale: int) -> None:
        super().__init__()
        self.deconv = nn.ConvTranspose2d(channels, channels, scale, stride=scale)

    def forward(self, x: Tensor) -> Tensor:
        enlarged: Tensor = self.deconv(x)
        return enlarged


class _Subpixel(nn.Module):
    """Convolution to scale² times the channels, shuffled into cells, then smoothed by a window of
    scale × scale that looks up and left: without it the shuffle leaves a chequered pattern
    (Aitken et al. 2017, arXiv:1707.02937)."""

    def __init__(self, channels: int, scale: int) -> None:
        super().__init__()
        self.scale = scale
        self.conv_block = nn.Conv2d(channels, channels * scale**2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        cells = F.pixel_shuffle(self.conv_block(x), self.scale)
        before = self.scale - 1
        return F.avg_pool2d(F.pad(cells, (before, 0, before, 0)), self.scale, stride=1)


class _Gate(nn.Module):
    """Channels and cells weighed at the same time, and both results added (Roy et al. 2018,
    arXiv:1803.02579)."""

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        self.attention = nn.ModuleDict(
            {
                "cSE": nn.Sequential(
                    nn.AdaptiveAvgPool2d(1),
                    nn.Conv2d(channels, channels // reduction, 1),
                    nn.Tanh(),
                    nn.Conv2d(channels // reduction, channels, 1),
                    nn.Sigmoid(),
                ),
                "sSE": nn.Sequential(nn.Conv2d(channels, 1, 1), nn.Sigmoid()),
            }
        )

    def forward(self, x: Tensor) -> Tensor:
        weighed: Tensor = x * self.attention["cSE"](x) + x * self.attention["sSE"](x)
        return weighed
