"""The three public baselines of the 2025 competition: a timm encoder and a U-Net's decoder.

What they are is in docs/network.md; names of weights are those of the published files.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from torch import Tensor, nn

from fwi.models import backbones
from fwi.models.decoder import Decoder, Design, Head
from fwi.models.head import to_velocity
from fwi.models.normalise import as_record, as_reduced


class _Baseline(nn.Module):
    """An encoder of timm, the common decoder, and the head.

    Args:
        encoder: a timm name, with or without the tag of its weights.
        pretrained: start from the weights that timm's hub has for images.
        encoder_weights: the same, from a local copy of the hub's file.
        recompute: keep the input of each block alone for the backward pass and compute the rest
            again: the same numbers.
        flip_average: in evaluation, average with the mirrored prediction for the mirrored cube
            (sources and receivers reversed), as published.

    Output (B, 1, 70, 70) float32 in m/s.

    Raises:
        UsageError: timm has no such encoder, or it has no pretrained weights.
        DataError: pretrained weights cannot be fetched, read, or do not fit.
    """

    def __init__(
        self,
        backbone: nn.ModuleDict,
        design: Design,
        prepare: Callable[[Tensor], Tensor],
        recompute: bool,
        flip_average: bool,
    ) -> None:
        super().__init__()
        self.flip_average = flip_average
        self._prepare = prepare
        self.backbone = backbone
        self.decoder = Decoder(backbones.channels(backbone), design, recompute)
        self.seg_head = Head(design.head_scale)
        if recompute:
            backbones.recompute_blocks(backbone)

    def forward(self, cube: Tensor) -> Tensor:
        record = self._prepare(cube)
        image = self._image(record)
        if self.flip_average and not self.training:
            image = (image + self._image(record.flip(1, 3)).flip(3)) / 2
        return to_velocity(image)

    def _image(self, record: Tensor) -> Tensor:
        image: Tensor = self.seg_head(self.decoder(self.backbone(record)))
        return image


class HGNet(_Baseline):
    """The HGNet-V2 starter: the record reduced to 72×72.

    Input (B, 5, 1000, 70), which is reduced by the re-pack's recipe, or (B, 5, 72, 72) or
    (B, 5, 70, 70) of a re-pack. Published with hgnetv2_b2 and hgnetv2_b4.
    """

    def __init__(
        self,
        encoder: str = "hgnetv2_b2",
        pretrained: bool = False,
        encoder_weights: Path | None = None,
        recompute: bool = False,
        flip_average: bool = True,
    ) -> None:
        backbone = backbones.hgnet(encoder, pretrained, encoder_weights)
        design = Design(scales=(1, 2, 2), head_scale=2, skip_convs=True)
        super().__init__(backbone, design, as_reduced, recompute, flip_average)


class ConvNeXt(_Baseline):
    """The ConvNeXt baseline: the full record. Input (B, 5, 1000, 70). Published with
    convnext_small. In fp16 it overflows: bf16 or fp32 only."""

    def __init__(
        self,
        encoder: str = "convnext_small",
        pretrained: bool = False,
        encoder_weights: Path | None = None,
        recompute: bool = False,
        flip_average: bool = True,
    ) -> None:
        backbone = backbones.convnext(encoder, pretrained, encoder_weights)
        design = Design(scales=(2, 2, 2), head_scale=1, skip_convs=False)
        super().__init__(backbone, design, as_record, recompute, flip_average)


class CAFormer(_Baseline):
    """The CAFormer baseline: the full record, a decoder with gates and sub-pixel enlargement.
    Input (B, 5, 1000, 70). Published with caformer_b36."""

    def __init__(
        self,
        encoder: str = "caformer_b36",
        pretrained: bool = False,
        encoder_weights: Path | None = None,
        recompute: bool = False,
        flip_average: bool = True,
    ) -> None:
        backbone = backbones.caformer(encoder, pretrained, encoder_weights)
        design = Design(scales=(2, 2, 2), head_scale=1, skip_convs=True, subpixel=True, gated=True)
        super().__init__(backbone, design, as_record, recompute, flip_average)
