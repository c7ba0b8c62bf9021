"""CUDA's autocast without CUDA: the CPU's autocast is made to follow CUDA's list of casts.

The two lists differ: on CUDA norms run in float32, and a transform of half precision is not cast at
all; so under the CPU's list a network may keep a third less for its backward pass than on a device.
The lists are of https://docs.pytorch.org/docs/stable/amp.html#autocast-op-reference; which
operators are on CUDA's is asked of torch itself (a build without CUDA has the same kernels).

This changes torch for the whole process and for good: only for a process that does nothing else.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.library import Library, fallthrough_kernel
from torch.utils import _pytree as pytree

from probes import _torch_private as private

_Kernel = Callable[..., Any]


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


FLOAT32 = _names(
    """_upsample_bicubic2d_aa _upsample_bilinear2d_aa _upsample_nearest_exact1d
    _upsample_nearest_exact2d _upsample_nearest_exact3d acos asin binary_cross_entropy_with_logits
    cdist cosh cosine_embedding_loss cosine_similarity dist erfinv exp expm1 frobenius_norm
    group_norm hinge_embedding_loss huber_loss kl_div l1_loss layer_norm log log10 log1p log2
    logsumexp margin_ranking_loss mse_loss multi_margin_loss multilabel_margin_loss
    native_layer_norm nll_loss nll_loss2d nuclear_norm pdist poisson_nll_loss pow reciprocal renorm
    rms_norm rsqrt sinh smooth_l1_loss soft_margin_loss softplus tan triplet_margin_loss
    upsample_bicubic2d upsample_bilinear2d upsample_linear1d upsample_nearest1d upsample_nearest2d
    upsample_nearest3d upsample_trilinear3d"""
)
"""Run in float32."""
FLOAT32_RESULT = _names(
    "cumprod cumsum linalg_matrix_norm linalg_vector_norm log_softmax norm prod softmax sum"
)
"""Take their input as it is and return float32, unless another type is asked for."""
WIDEST = _names(
    """addcdiv addcmul atan2 bilinear cross dot grid_sampler index_put scatter_add tensordot
    vdot"""
)
"""Run in the widest type among their inputs."""
HALF = _names(
    """_convolution _cudnn_rnn _scaled_dot_product_flash_attention _thnn_fused_gru_cell
    _thnn_fused_lstm_cell addbmm addmm addmv addr baddbmm bmm chain_matmul conv1d conv2d conv3d
    conv_tbc conv_transpose1d conv_transpose2d conv_transpose3d convolution cudnn_convolution
    cudnn_convolution_transpose einsum gru_cell linalg_multi_dot linalg_vecdot linear lstm_cell
    matmul mm mv prelu rnn_relu_cell rnn_tanh_cell scaled_dot_product_attention"""
)
"""Run in half precision."""
REFUSED = frozenset(("binary_cross_entropy",))
"""Not to be had inside autocast: it overflows."""

SOMETIMES = _names("_cudnn_rnn rms_norm")
"""Of these the ones that only builds with CUDA, or only some versions of torch, cast."""

_LOW = (torch.float16, torch.bfloat16)
_library: Library | None = None
_casts: dict[int, tuple[Tensor, Tensor]] = {}
"""Weights and their half-precision copies, kept to the end of the autocast region."""


def kind_of(operator: str) -> frozenset[str] | None:
    """The list that an operator (``aten::conv2d.padding``) is on; None for none of CUDA's."""
    name = operator.removeprefix("aten::").partition(".")[0]
    lists = (FLOAT32, FLOAT32_RESULT, WIDEST, HALF, REFUSED)
    return next((one for one in lists if name in one), None)


def install() -> None:
    """From now on ``torch.autocast("cpu", …)`` casts in this process as CUDA's does."""
    global _library
    if _library is not None:
        return
    _library = Library("aten", "IMPL", "AutocastCPU")  # type: ignore[no-untyped-call]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that the kernels are replaced
        on_cuda = private.operators_cast_on("AutocastCUDA")
        for operator in sorted(private.operators_cast_on("AutocastCPU") - on_cuda):
            _library.impl(operator, fallthrough_kernel)  # type: ignore[no-untyped-call]
        for operator in sorted(on_cuda):
            _library.impl(operator, _kernel(operator))  # type: ignore[no-untyped-call]
    forget = torch.clear_autocast_cache

    def forget_casts() -> None:
        _casts.clear()
        forget()

    torch.clear_autocast_cache = forget_casts


def _kernel(operator: str) -> _Kernel:
    call = _overload(operator)
    kind = kind_of(operator)
    if kind is HALF:
        return _casting(call, lambda tensors: torch.get_autocast_dtype("cpu"))
    if kind is FLOAT32:
        return _casting(call, lambda tensors: torch.float32)
    if kind is WIDEST:
        return _casting(call, _widest)
    if kind is FLOAT32_RESULT:
        return _asking_for_float32(call)
    if kind is REFUSED:
        return _refusing(operator)
    return _as_it_is(call)


def _overload(operator: str) -> Any:
    name, _, overload = operator.removeprefix("aten::").partition(".")
    return getattr(getattr(torch.ops.aten, name), overload or "default")


def _casting(call: Any, to: Callable[[list[Tensor]], torch.dtype]) -> _Kernel:
    def kernel(*arguments: Any, **named: Any) -> Any:
        with private.without_cpu_autocast():
            tensors = [t for t in pytree.tree_leaves((arguments, named)) if _is_eligible(t)]
            dtype = to(tensors)
            arguments, named = pytree.tree_map_only(
                Tensor, lambda tensor: _cast(tensor, dtype), (arguments, named)
            )
            return call(*arguments, **named)

    return kernel


def _asking_for_float32(call: Any) -> _Kernel:
    names = [argument.name for argument in call._schema.arguments]

    def kernel(*arguments: Any, **named: Any) -> Any:
        with private.without_cpu_autocast():
            if "dtype" not in names:
                arguments = tuple(_cast(one, torch.float32) for one in arguments)
                return call(*arguments, **named)
            place = names.index("dtype")
            given = arguments[place] if len(arguments) > place else named.get("dtype")
            if given is None and _is_eligible(arguments[0]) and arguments[0].dtype in _LOW:
                arguments = arguments[:place]
                named["dtype"] = torch.float32
            return call(*arguments, **named)

    return kernel


def _refusing(operator: str) -> _Kernel:
    def kernel(*arguments: Any, **named: Any) -> Any:
        raise RuntimeError(
            f"{operator} and the layers made of it are not safe inside autocast on CUDA: use "
            "binary_cross_entropy_with_logits"
        )

    return kernel


def _as_it_is(call: Any) -> _Kernel:
    def kernel(*arguments: Any, **named: Any) -> Any:
        with private.without_cpu_autocast():
            return call(*arguments, **named)

    return kernel


def _is_eligible(value: Any) -> bool:
    return isinstance(value, Tensor) and value.is_floating_point() and value.dtype != torch.float64


def _widest(tensors: list[Tensor]) -> torch.dtype:
    if any(tensor.dtype == torch.float32 for tensor in tensors):
        return torch.float32
    return tensors[0].dtype if tensors else torch.float32


def _cast(value: Any, dtype: torch.dtype) -> Any:
    if not _is_eligible(value) or value.dtype == dtype:
        return value
    is_weight = dtype in _LOW and value.dtype == torch.float32 and private.is_plain_leaf(value)
    if not (is_weight and torch.is_autocast_cache_enabled()):
        return value.to(dtype)
    kept = _casts.get(id(value))
    if kept is None:
        kept = _casts[id(value)] = (value, value.to(dtype))
    return kept[1]
