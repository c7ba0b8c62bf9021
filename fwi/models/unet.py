"""Parts of the U-Nets: normalisation that stays in half precision, blocks, changes of size."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint


def kept(part: Callable[..., Tensor], *inputs: Tensor, recompute: bool) -> Tensor:
    """``part(*inputs)``; with ``recompute`` backward keeps the inputs alone and computes the rest
    again. The numbers are the same; the part must draw none and change no buffer."""
    if not (recompute and torch.is_grad_enabled()):
        return part(*inputs)
    result: Tensor = checkpoint(part, *inputs, use_reentrant=False, preserve_rng_state=False)
    return result


class GroupNorm(nn.GroupNorm):
    """Group normalisation that returns its input's type; statistics accumulate in float32.

    Autocast would run it, and keep its result for backward, in float32: twice the memory. The
    kernels themselves accumulate half-precision input in float32. Unlike batch statistics, groups
    do not change with the batch size, which a run may have to halve to fit its device.
    """

    def forward(self, input: Tensor) -> Tensor:
        weight, bias = self.weight.to(input.dtype), self.bias.to(input.dtype)
        with torch.autocast(input.device.type, enabled=False):
            return F.group_norm(input, self.num_groups, weight, bias, self.eps)


def norm(channels: int) -> GroupNorm:
    """Groups of eight channels."""
    return GroupNorm(channels // 8, channels)


def zeroed(layer: nn.Module) -> None:
    """Weights of zero: what ends in this layer starts as nothing."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)


class Block(nn.Module):
    """Residual block, (B, C, H, W) → the same: normalise, then twice ReLU and 3×3 convolution.

    Both ReLUs work in place and only one normalisation keeps its input, so that backward keeps
    three tensors of the block's size. The second convolution starts at zero: the block as the
    identity.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = norm(channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        zeroed(self.conv2)

    def forward(self, x: Tensor) -> Tensor:
        change: Tensor = self.conv2(F.relu_(self.conv1(F.relu_(self.norm(x)))))
        return x + change


class Attention(nn.Module):
    """Transformer block over all cells of a small image, (B, C, H, W) → the same.

    Every cell of the map depends on all sources and times: at a bottleneck of some 9×9 cells this
    costs next to nothing.
    """

    def __init__(self, channels: int, head: int = 32, widening: int = 2) -> None:
        super().__init__()
        self.heads = channels // head
        self.norm1 = norm(channels)
        self.qkv = nn.Linear(channels, 3 * channels, bias=False)
        self.out = nn.Linear(channels, channels, bias=False)
        self.norm2 = norm(channels)
        self.widen = nn.Conv2d(channels, widening * channels, 1)
        self.narrow = nn.Conv2d(widening * channels, channels, 1)
        zeroed(self.out)
        zeroed(self.narrow)

    def forward(self, x: Tensor) -> Tensor:
        cells = self.norm1(x).flatten(2).transpose(1, 2)  # (B, H·W, C)
        q, k, v = self.qkv(cells).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        x = x + self.out(mixed).transpose(1, 2).unflatten(-1, x.shape[-2:])
        change: Tensor = self.narrow(F.relu_(self.widen(self.norm2(x))))
        return x + change


class Enlarge(nn.Module):
    """To twice the size and other channels, cropped to ``size``: (B, C, h, w) → (B, C', H, W)."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(channels_in, channels, 2, stride=2)

    def forward(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        enlarged: Tensor = self.conv(x)
        return enlarged[..., : size[0], : size[1]]


class RowMixer(nn.Module):
    """Each row of the result is a learned mixture of all rows, (B, C, H, W) → the same.

    The rows of a gather are times, those of a map are depths, and which time tells of which depth
    is much the same everywhere; a 3×3 convolution cannot move a row that far. Each group of
    channels has its own mixture, which starts near the identity.
    """

    def __init__(self, rows: int, groups: int = 8) -> None:
        super().__init__()
        self.groups = groups
        start = torch.eye(rows) + 0.02 * torch.randn(groups, rows, rows)
        self.weight = nn.Parameter(start)

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, rows, columns = x.shape
        grouped = x.reshape(batch, self.groups, channels // self.groups, rows, columns)
        return torch.einsum("gdt,bgctx->bgcdx", self.weight, grouped).flatten(1, 2)
