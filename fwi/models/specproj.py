"""The lean SpecProj-UNet: projector, record's band, one U-Net of 70×70 a sample."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fwi.errors import UsageError
from fwi.layout import MAP_SHAPE, SOURCES
from fwi.models.head import to_velocity
from fwi.models.normalise import as_record, compress, taper
from fwi.models.projector import SpectralProjector
from fwi.models.unet import Attention, Block, Enlarge, RowMixer, kept, norm, zeroed

FREQUENCIES = 70  # Hz: a 15 Hz Ricker has 5e-4 of its peak at 50 Hz, 5e-6 at 60 Hz
DIRECTIONS = 2
PHASES = 2 * FREQUENCIES // MAP_SHAPE[0]  # samples of a half for each row of the image

_SIZES = (70, 35, 18, 9)  # rows and columns of the U-Net's levels


class SpecProj(nn.Module):
    """Seismic cubes to velocity maps, lean enough for half precision on a small device.

    1. Input stage, float32: the record's end is tapered, the projector splits every gather into
       its two directions and keeps 70 frequencies, so that 140 samples hold what 1000 did; the
       halves are compressed so that late arrivals weigh in beside early ones.
    2. Sources, directions and the two samples of each row are channels of one 70×70 image, beside
       its two coordinates.
    3. A residual U-Net over 70, 35, 18 and 9 cells. At 9×9 every cell attends to every other. The
       rows of the encoder are times and those of the decoder depths: what enters a level of the
       decoder, from below and by the skip, has its rows mixed.
    4. A last convolution and the head, in float32.

    Args:
        width: channels at 70×70, a multiple of 16; they double at each halving.
        attention: transformer blocks at 9×9.
        recompute: keep the input of each part alone for the backward pass and compute the rest
            again: a fifth of the activations, a third more work, the same numbers.

    Input (B, 5, 1000, 70) of any floating type; output (B, 1, 70, 70) float32 in m/s.

    Raises:
        UsageError: an option out of its range.
    """

    def __init__(self, width: int = 48, attention: int = 3, recompute: bool = False) -> None:
        super().__init__()
        self.recompute = recompute
        if width < 16 or width % 16:
            raise UsageError(f"option width {width} of specproj: expected a multiple of 16")
        if attention < 0:
            raise UsageError(f"option attention {attention} of specproj: expected 0 or more")
        widths = [width * 2**level for level in range(len(_SIZES))]
        pairs = list(itertools.pairwise(widths))
        self.projector = SpectralProjector(frequencies=FREQUENCIES)
        self.stem = nn.Conv2d(SOURCES * DIRECTIONS * PHASES + 2, width, 3, padding=1)
        self.encoder = nn.ModuleList(
            nn.Sequential(*(Block(a) for _ in range(level))) for level, a in enumerate(widths[:-1])
        )
        self.reduce = nn.ModuleList(
            nn.Sequential(norm(a), nn.Conv2d(a, b, 3, stride=2, padding=1)) for a, b in pairs
        )
        self.place = nn.Parameter(0.02 * torch.randn(widths[-1], _SIZES[-1], _SIZES[-1]))
        self.bottleneck = nn.Sequential(*(Attention(widths[-1]) for _ in range(attention)))
        self.enlarge = nn.ModuleList(Enlarge(b, a) for a, b in pairs)
        self.mix_below = nn.ModuleList(RowMixer(rows) for rows in _SIZES[:-1])
        self.mix_skip = nn.ModuleList(RowMixer(rows) for rows in _SIZES[:-1])
        self.decoder = nn.ModuleList(
            nn.Sequential(*(Block(a) for _ in range(max(level, 1))))
            for level, a in enumerate(widths[:-1])
        )
        self.norm = norm(width)
        self.head = nn.Conv2d(width, 1, 3, padding=1)
        zeroed(self.head)

    def image(self, cube: Tensor) -> Tensor:
        """(B, 5, 1000, 70) → (B, 22, 70, 70) float32, (source · direction · sample, time, x).

        The last two channels are the coordinates, from −1 to 1.
        """
        rows, columns = MAP_SHAPE
        with torch.autocast(cube.device.type, enabled=False):
            halves = compress(torch.stack(self.projector(taper(as_record(cube))), 2))
            samples = halves.reshape(len(cube), SOURCES * DIRECTIONS, rows, PHASES, columns)
            axes = (torch.linspace(-1, 1, n, device=cube.device) for n in MAP_SHAPE)
            place = torch.stack(torch.meshgrid(*axes, indexing="ij")).expand(len(cube), -1, -1, -1)
            return torch.cat([samples.transpose(2, 3).flatten(1, 2), place], 1)

    def forward(self, cube: Tensor) -> Tensor:
        x = self._kept(self._enter, cube)
        skips = []
        for blocks, reduce in zip(self.encoder, self.reduce, strict=True):
            x = self._kept(blocks, x)
            skips.append(x)
            x = self._kept(reduce, x)
        x = self._kept(self._cross, x)
        for level in reversed(range(len(skips))):
            x = self._kept(functools.partial(self._decode, level), x, skips[level])
        return self._kept(self._leave, x)

    def _kept(self, part: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
        return kept(part, *inputs, recompute=self.recompute)

    def _enter(self, cube: Tensor) -> Tensor:
        image: Tensor = self.stem(self.image(cube))
        return image

    def _cross(self, x: Tensor) -> Tensor:
        crossed: Tensor = self.bottleneck(x + self.place.to(x.dtype))
        return crossed

    def _decode(self, level: int, x: Tensor, skip: Tensor) -> Tensor:
        below = self.enlarge[level](x, skip.shape[-2:])
        decoded: Tensor = self.decoder[level](
            self.mix_below[level](below) + self.mix_skip[level](skip)
        )
        return decoded

    def _leave(self, x: Tensor) -> Tensor:
        x = F.relu_(self.norm(x))
        with torch.autocast(x.device.type, enabled=False):
            return to_velocity(self.head(x.float()))
