"""The torch solver's time step as one kernel, where Triton is there: the same sums in the same
order, with the source and the record in the same pass. A field is read and written once a step; the
eager steps do that some fifteen times."""

from __future__ import annotations

import torch
import triton
import triton.language as tl

_BLOCK, _WARPS = 512, 8


@triton.jit
def _step(
    p_ptr, new_ptr, a12_ptr, undamped_ptr, strength_ptr, wavelet_ptr, source_ptr, record_ptr,
    t, n, row, left, times, sources, RECEIVERS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    shot = tl.program_id(1)
    map_ = shot // sources
    cells = n * n
    here = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = here < cells
    z, x = here // n, here % n
    # The grid is periodic.
    above, below = tl.where(z > 0, z - 1, n - 1), tl.where(z < n - 1, z + 1, 0)
    above2, below2 = (z + n - 2) % n, (z + 2) % n
    before, after = tl.where(x > 0, x - 1, n - 1), tl.where(x < n - 1, x + 1, 0)
    before2, after2 = (x + n - 2) % n, (x + 2) % n
    p = p_ptr + shot * cells
    centre = tl.load(p + here, inside)
    taps = tl.load(p + above * n + x, inside) + tl.load(p + below * n + x, inside)
    taps += tl.load(p + z * n + before, inside)
    taps += tl.load(p + z * n + after, inside)
    taps *= 16
    taps -= tl.load(p + above2 * n + x, inside)
    taps -= tl.load(p + below2 * n + x, inside)
    taps -= tl.load(p + z * n + before2, inside)
    taps -= tl.load(p + z * n + after2, inside)
    taps -= 60 * centre
    new = new_ptr + shot * cells + here
    change = tl.load(new, inside) - centre
    value = centre + change * tl.load(undamped_ptr + map_ * cells + here, inside)
    value += tl.load(a12_ptr + map_ * cells + here, inside) * taps
    push = tl.load(strength_ptr + shot) * tl.load(wavelet_ptr + t)
    value += tl.where(here == tl.load(source_ptr + shot % sources), push, 0.0)
    tl.store(new, value, inside)
    heard = inside & (z == row) & (x >= left) & (x < left + RECEIVERS)
    tl.store(record_ptr + (shot * times + t) * RECEIVERS + x - left, value, heard)


def run(
    a12: torch.Tensor,
    undamped: torch.Tensor,
    strength: torch.Tensor,
    wavelet: torch.Tensor,
    source: torch.Tensor,
    record: torch.Tensor,
    row: int,
    left: int,
) -> None:
    """Fill ``record``, (map, source, time, receiver). ``a12``, ``undamped``: (map, z, x);
    ``strength``: (map, source); ``wavelet``: (time,), zeros after its end; ``source``: (source,)
    int32, cell indices of the shots; ``row``, ``left``: the first receiver's cell. float32, on one
    device, contiguous. Raises whatever Triton does where it cannot build the kernel."""
    count, n = len(a12), a12.shape[-1]
    shots, times, receivers = count * record.shape[1], record.shape[2], record.shape[3]
    p = torch.zeros((shots, n, n), device=a12.device)
    new = torch.zeros_like(p)
    grid = (triton.cdiv(n * n, _BLOCK), shots)
    for t in range(times):
        _step[grid](
            p, new, a12, undamped, strength, wavelet, source, record,
            t, n, row, left, times, record.shape[1],
            RECEIVERS=receivers, BLOCK=_BLOCK, num_warps=_WARPS,
        )  # fmt: skip
        p, new = new, p
