"""InversionNet (Wu and Lin 2019, arXiv:1811.07875), as OpenFWI's paper compares it.

An encoder that reduces the record to one vector of 512, and a decoder that unfolds it to the map.
Names of weights are those of OpenFWI's published files.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fwi.errors import UsageError
from fwi.layout import MAP_SHAPE, SOURCES
from fwi.models.head import to_velocity
from fwi.models.normalise import as_record
from fwi.models.recomputing import kept_with_state

_SLOPE = 0.2
_ENLARGED = 80
"""Cells of the decoder's last image, cropped to the map's 70."""


class InversionNet(nn.Module):
    """Fourteen convolutions down to a vector, eleven up to the map; batch norms, leaky ReLUs.

    The first seven reduce time alone, so that rows become as many as columns. Input is brought to
    log(1 + |p|)·sign(p), scaled to −1…1 by the range of the gathers, as OpenFWI trains.

    Args:
        low, high: range of the gathers that is scaled to −1…1; by default that of all ten
            families. Weights published for one family want that family's own range.
        recompute: keep the input of each layer alone for the backward pass and compute the rest
            again: the same numbers.

    Input (B, 5, 1000, 70) of any floating type; output (B, 1, 70, 70) float32 in m/s, within
    1500–4500.

    Raises:
        UsageError: low is not below high.
    """

    def __init__(self, low: float = -29.04, high: float = 57.03, recompute: bool = False) -> None:
        super().__init__()
        if not low < high:
            raise UsageError(f"option low {low} of inversionnet: expected below high, {high}")
        self.recompute = recompute
        self.low, self.high = _log(low), _log(high)
        self.convblock1 = _Convolution(SOURCES, 32, (7, 1), (2, 1))
        self.convblock2_1 = _Convolution(32, 64, (3, 1), (2, 1))
        self.convblock2_2 = _Convolution(64, 64, (3, 1))
        self.convblock3_1 = _Convolution(64, 64, (3, 1), (2, 1))
        self.convblock3_2 = _Convolution(64, 64, (3, 1))
        self.convblock4_1 = _Convolution(64, 128, (3, 1), (2, 1))
        self.convblock4_2 = _Convolution(128, 128, (3, 1))
        self.convblock5_1 = _Convolution(128, 128, (3, 3), (2, 2))
        self.convblock5_2 = _Convolution(128, 128, (3, 3))
        self.convblock6_1 = _Convolution(128, 256, (3, 3), (2, 2))
        self.convblock6_2 = _Convolution(256, 256, (3, 3))
        self.convblock7_1 = _Convolution(256, 256, (3, 3), (2, 2))
        self.convblock7_2 = _Convolution(256, 256, (3, 3))
        # Of the (8, 9) cells that are left.
        self.convblock8 = _Convolution(256, 512, (8, 9), padding=(0, 0))
        self.deconv1_1 = _Deconvolution(512, 512, 5)
        self.deconv1_2 = _Convolution(512, 512, (3, 3))
        self.deconv2_1 = _Deconvolution(512, 256, 4, stride=2, padding=1)
        self.deconv2_2 = _Convolution(256, 256, (3, 3))
        self.deconv3_1 = _Deconvolution(256, 128, 4, stride=2, padding=1)
        self.deconv3_2 = _Convolution(128, 128, (3, 3))
        self.deconv4_1 = _Deconvolution(128, 64, 4, stride=2, padding=1)
        self.deconv4_2 = _Convolution(64, 64, (3, 3))
        self.deconv5_1 = _Deconvolution(64, 32, 4, stride=2, padding=1)
        self.deconv5_2 = _Convolution(32, 32, (3, 3))
        self.deconv6 = _Last(32)

    def forward(self, cube: Tensor) -> Tensor:
        with torch.autocast(cube.device.type, enabled=False):
            x = as_record(cube)
            x = torch.log1p(x.abs()) * x.sign()
            x = (x - self.low) * (2 / (self.high - self.low)) - 1
        *layers, last = self.children()
        for layer in layers:
            x = kept_with_state(layer, x, recompute=self.recompute)
        edge = (_ENLARGED - MAP_SHAPE[0]) // 2
        image: Tensor = last(x[..., edge:-edge, edge:-edge])
        return to_velocity(image)


def _log(amplitude: float) -> float:
    return math.copysign(math.log1p(abs(amplitude)), amplitude)


class _Layers(nn.Module):
    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.layers(x)
        return result


class _BatchNorm(nn.BatchNorm2d):
    """A batch of one has one value a channel at the vector, and no statistics: the last batch of an
    epoch may be one. It takes the running ones."""

    def forward(self, input: Tensor) -> Tensor:
        if not self.training or input.numel() > input.shape[1]:
            return super().forward(input)
        return F.batch_norm(
            input, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
        )


class _Convolution(_Layers):
    def __init__(
        self,
        channels_in: int,
        channels: int,
        kernel: tuple[int, int],
        stride: tuple[int, int] = (1, 1),
        padding: tuple[int, int] | None = None,
    ) -> None:
        same = (kernel[0] // 2, kernel[1] // 2)
        super().__init__(
            nn.Conv2d(channels_in, channels, kernel, stride, same if padding is None else padding),
            _BatchNorm(channels),
            nn.LeakyReLU(_SLOPE, inplace=True),
        )


class _Deconvolution(_Layers):
    def __init__(
        self, channels_in: int, channels: int, kernel: int, stride: int = 2, padding: int = 0
    ) -> None:
        super().__init__(
            nn.ConvTranspose2d(channels_in, channels, kernel, stride, padding),
            _BatchNorm(channels),
            nn.LeakyReLU(_SLOPE, inplace=True),
        )


class _Last(_Layers):
    def __init__(self, channels_in: int) -> None:
        super().__init__(nn.Conv2d(channels_in, 1, 3, padding=1), nn.BatchNorm2d(1), nn.Tanh())

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x.float())
