"""The SpecProj-UNet as first written, kept so that its memory can be measured beside the lean one.

It sends every source and direction through a U-Net at the full 1000×70, and that is what fills the
memory; the notes of its time blamed the repeat to five channels. Do not train with it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fwi.layout import MAP_SHAPE
from fwi.models.head import to_velocity
from fwi.models.normalise import as_record
from fwi.models.projector import SpectralProjector

CHANNELS = 5


class OriginalSpecProj(nn.Module):
    """Projector, then one U-Net a direction over every source's gather, then the sources' mean.

    Changed, because it could not run or its output was no velocity map:

    1. The masks stand on the record's own (ω, k) grid with a signed ω
       (:class:`~fwi.models.projector.SpectralProjector`); the grid had another shape than the
       spectrum, and ω no sign.
    2. The U-Nets' up path: halved sizes are rounded up, so that the up-sampled map can be cropped
       to its skip's size; the block after the concatenation takes the channels of both.
    3. The fused image, 1000×70, is averaged over time to 70×70.
    4. Input of any floating type is cast to float32, and the output, in units of 1500 m/s around
       3000 m/s, becomes m/s in float32.

    Args:
        dirac: make the five channels of each gather by a 1→5 convolution, 3×3, that starts as a
            copy, instead of repeating the gather as first written.
        width: channels of the U-Nets at full size; they double at each of ``depth`` halvings.

    Input (B, 5, 1000, 70) of any floating type; output (B, 1, 70, 70) float32 in m/s.
    """

    def __init__(self, dirac: bool = False, width: int = 32, depth: int = 4) -> None:
        super().__init__()
        self.projector = SpectralProjector()
        self.repeat_up = _DiracRepeat() if dirac else _Repeat()
        self.repeat_down = _DiracRepeat() if dirac else _Repeat()
        self.unet_up = _UNet(width, depth)
        self.unet_down = _UNet(width, depth)
        self.fuse = nn.Conv2d(2, 1, 1)

    def forward(self, cube: Tensor) -> Tensor:
        record = as_record(cube)
        batch, sources = record.shape[:2]
        up, down = (half.flatten(0, 1)[:, None] for half in self.projector(record))
        images = torch.cat(
            [self.unet_up(self.repeat_up(up)), self.unet_down(self.repeat_down(down))], 1
        )
        fused = self.fuse(images).unflatten(0, (batch, sources)).mean(1)
        return to_velocity(F.adaptive_avg_pool2d(fused, MAP_SHAPE))


class _Repeat(nn.Module):
    def forward(self, gather: Tensor) -> Tensor:
        return gather.repeat(1, CHANNELS, 1, 1)


class _DiracRepeat(nn.Conv2d):
    def __init__(self) -> None:
        super().__init__(1, CHANNELS, 3, padding=1, bias=False)
        with torch.no_grad():
            self.weight.zero_()
            self.weight[:, :, 1, 1] = 1.0


class _Block(nn.Module):
    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, padding=1)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm2 = nn.BatchNorm2d(channels)
        same = channels_in == channels
        self.skip = nn.Identity() if same else nn.Conv2d(channels_in, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(y)) + self.skip(x))


class _UNet(nn.Module):
    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(depth + 1)]
        self.first = _Block(CHANNELS, width)
        self.down = nn.ModuleList(_Block(a, 2 * a) for a in widths[:-1])
        self.enlarge = nn.ModuleList(
            nn.ConvTranspose2d(2 * a, a, 2, stride=2) for a in reversed(widths[:-1])
        )
        self.up = nn.ModuleList(_Block(2 * a, a) for a in reversed(widths[:-1]))
        self.last = nn.Conv2d(width, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        skips = []
        for block in self.down:
            skips.append(x)
            x = block(F.max_pool2d(x, 2, ceil_mode=True))
        for enlarge, block in zip(self.enlarge, self.up, strict=True):
            skip = skips.pop()
            rows, columns = skip.shape[-2:]
            x = block(torch.cat([enlarge(x)[..., :rows, :columns], skip], 1))
        image: Tensor = self.last(x)
        return image
