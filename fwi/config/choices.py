"""What options may be chosen from, and what is known of each choice. No torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from fwi.layout import Family

if TYPE_CHECKING:
    import torch

Model = Literal[
    "specproj",
    "specproj-original",
    "specproj-dirac",
    "hgnet",
    "convnext",
    "caformer",
    "inversionnet",
]
Dtype = Literal["auto", "fp16", "bf16", "fp32"]
Precision = Literal["fp16", "bf16", "fp32"]
Mode = Literal["train", "infer"]
Split = Literal["auto", "official", "folds", "random"]
Sharing = Literal["auto", "file_descriptor", "file_system"]

RECOMPUTABLE: tuple[Model, ...] = ("specproj", "hgnet", "convnext", "caformer", "inversionnet")
"""Networks whose activations can be computed again; those of the others would count their batch
statistics twice."""
REDUCED: tuple[Model, ...] = ("hgnet",)
"""Networks that take records reduced in time, as a re-pack holds them; full ones they reduce."""
OVERFLOWING: tuple[Model, ...] = ("convnext",)
"""Networks whose activations leave the range of fp16."""
ENCODERS: dict[Model, str] = {
    "hgnet": "hgnetv2_b2",
    "convnext": "convnext_small",
    "caformer": "caformer_b36",
}
"""Networks with an encoder of timm, and which it is by default."""

SMALL_SET_FAMILIES: tuple[Family, ...] = ("FlatVel_A", "CurveVel_A", "FlatFault_A", "Style_A")


def torch_dtype(name: Precision) -> torch.dtype:
    """torch's own dtype of a precision's short name."""
    import torch

    return {"fp16": torch.float16, "bf16": torch.bfloat16, "fp32": torch.float32}[name]
