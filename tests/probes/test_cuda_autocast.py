"""CUDA's casts on a machine without CUDA: that every operator is on a list, and what is cast."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("torch")

from probes import _torch_private as private
from probes import cuda_autocast

# It changes torch for good: each test in a process of its own.
HEAD = """
import torch
from torch import nn
from torch.nn import functional as F
from probes import cuda_autocast
cuda_autocast.install()
half = torch.autocast("cpu", torch.float16)
"""


def run(source: str) -> str:
    done = subprocess.run([sys.executable, "-c", HEAD + source], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_operator_of_this_torch_is_on_a_list_and_no_list_has_another() -> None:
    registered = private.operators_cast_on("AutocastCUDA")
    assert {one for one in registered if cuda_autocast.kind_of(one) is None} == set()
    names = {one.removeprefix("aten::").partition(".")[0] for one in registered}
    listed = (
        cuda_autocast.FLOAT32
        | cuda_autocast.FLOAT32_RESULT
        | cuda_autocast.WIDEST
        | cuda_autocast.HALF
        | cuda_autocast.REFUSED
    )
    assert listed - names <= cuda_autocast.SOMETIMES


def test_types_are_those_of_cudas_autocast() -> None:
    said = run("""
x = torch.randn(2, 4, 8, 8)
low = x.half()
conv, norm, linear = nn.Conv2d(4, 4, 3), nn.GroupNorm(2, 4), nn.Linear(8, 8)
with half:
    results = dict(
        conv=conv(x), linear=linear(x), matmul=x @ x, norm=norm(low), softmax=F.softmax(low, 1),
        log_softmax=F.log_softmax(low, 1), sum=low.sum(), exp=low.exp(), gelu=F.gelu(low),
        relu=F.relu(low), cat=torch.cat([low, low]), mixed=torch.cat([low, x]),
        loss=F.l1_loss(low, low),
        layer_norm=F.layer_norm(low, (8,)), add=low + low, asked=low.sum(dtype=torch.float64),
        up=F.interpolate(low, scale_factor=2), double=x.double() @ x.double(),
        attention=F.scaled_dot_product_attention(x, x, x), stack=torch.stack([low, low]),
        fft=torch.fft.rfft(x).real, power=low ** 2, pad=F.pad(low, (1, 1, 1, 1), mode="reflect"),
    )
for name, result in results.items():
    print(name, str(result.dtype).removeprefix("torch."))
""")
    assert dict(line.split() for line in said.splitlines()) == {
        "conv": "float16",
        "linear": "float16",
        "matmul": "float16",
        "norm": "float32",
        "softmax": "float32",
        "log_softmax": "float32",
        "sum": "float32",
        "exp": "float32",
        "gelu": "float16",
        "relu": "float16",
        "cat": "float16",
        "mixed": "float32",
        "loss": "float32",
        "layer_norm": "float32",
        "add": "float16",
        "asked": "float64",
        "up": "float32",
        "double": "float64",
        "attention": "float16",
        "stack": "float16",
        "fft": "float32",
        "power": "float32",
        "pad": "float16",
    }


def test_cast_of_a_weight_is_made_once_a_region_and_gradients_are_float32() -> None:
    said = run("""
linear = nn.Linear(8, 8)
x = torch.randn(2, 8)
with half:
    linear(linear(x)).sum().backward()
    print(len(cuda_autocast._casts))
    with torch.autocast("cpu", enabled=False):
        print(linear(x).dtype)
    print(len(cuda_autocast._casts))
print(len(cuda_autocast._casts), linear.weight.grad.dtype, linear(x).dtype)
""")
    assert said.splitlines() == ["2", "torch.float32", "2", "0 torch.float32 torch.float32"]


def test_numbers_are_those_of_plain_half_precision() -> None:
    run("""
torch.manual_seed(0)
net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.GroupNorm(2, 8), nn.GELU(), nn.Conv2d(8, 1, 1))
x = torch.randn(2, 3, 16, 16)
with half:
    found = net(x)
expected = F.conv2d(x.half(), net[0].weight.half(), net[0].bias.half())
expected = F.gelu(F.group_norm(expected.float(), 2, net[1].weight, net[1].bias))
expected = F.conv2d(expected.half(), net[3].weight.half(), net[3].bias.half())
assert torch.equal(found, expected)
""")


def test_what_overflows_on_cuda_is_refused_as_there() -> None:
    said = run("""
with half:
    try:
        F.binary_cross_entropy(torch.rand(3), torch.rand(3))
    except RuntimeError as error:
        print(error)
""")
    assert "binary_cross_entropy_with_logits" in said
