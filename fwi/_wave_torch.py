"""The torch solver, for GPUs: the compiled one's scheme, batched over maps and sources; a step is
one kernel where Triton can build it, else operator by operator."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from fwi import wave
from fwi.errors import DeviceError
from fwi.layout import MAP_SHAPE, RECEIVERS, TIMES

_MAPS_AT_ONCE = 64
_PART_OF_FREE_MEMORY = 0.5
_fused = True
"""Whether the one kernel is still worth a try in this process."""


def simulate(
    maps: NDArray[np.float64],
    sources: tuple[int, ...],
    sponge: int,
    device: str,
    progress: Callable[[int], None] | None,
) -> NDArray[np.float32]:
    """See :func:`fwi.wave.simulate`; ``maps`` are checked. Any torch device will do."""
    place = _device(device)
    out = np.empty((len(maps), len(sources), TIMES, RECEIVERS), np.float32)
    step = _maps_at_once(place, len(sources), sponge)
    with torch.inference_mode():
        for start in range(0, len(maps), step):
            part = maps[start : start + step]
            record = _record(part, sources, sponge, place)
            out[start : start + len(part)] = record.cpu().numpy()
            if progress is not None:
                progress(start + len(part))
    return out


def _device(name: str) -> torch.device:
    try:
        place = torch.device(name)
    except RuntimeError as error:
        raise DeviceError(f"device {name}: expected cpu, cuda or cuda:N") from error
    if place.type == "cuda" and (place.index or 0) >= torch.cuda.device_count():
        raise DeviceError(
            f"device {name}: torch sees {torch.cuda.device_count()} CUDA devices; "
            "--device cpu solves the wave equation on the processor"
        )
    return place


def _record(
    maps: NDArray[np.float64], sources: tuple[int, ...], sponge: int, place: torch.device
) -> torch.Tensor:
    """(map, source, time, receiver) float32, on the device."""
    global _fused
    if _fused and _takes_a_kernel(place):
        try:
            return _fused_record(maps, sources, sponge, place)
        except torch.OutOfMemoryError:
            raise
        except Exception as error:
            # No Triton, no C compiler for it, a device that is too old for it: it says so in many
            # ways, and the other steps do without.
            _fused = False
            why = (str(error).splitlines() or [type(error).__name__])[0][:200]
            print(f"simulating operator by operator: {why}", file=sys.stderr, flush=True)
    return _Shots(maps, sources, sponge, place).run()


def _takes_a_kernel(place: torch.device) -> bool:
    return place.type == "cuda"


def _fused_record(
    maps: NDArray[np.float64], sources: tuple[int, ...], sponge: int, place: torch.device
) -> torch.Tensor:
    from fwi import _wave_triton

    a12, undamped, strength = _coefficients(maps, sources, sponge)
    n, row = a12.shape[-1], sponge + wave.DEPTH
    wavelet = np.zeros(TIMES)
    wavelet[: wave.WAVELET_SAMPLES] = wave.wavelet()
    record = torch.empty((len(maps), len(sources), TIMES, RECEIVERS), device=place)
    cells = torch.tensor([row * n + sponge + x for x in sources], dtype=torch.int32, device=place)
    # Triton launches on the current device.
    with torch.cuda.device(place) if place.type == "cuda" else contextlib.nullcontext():
        _wave_triton.run(
            _sent(a12, place),
            _sent(undamped, place),
            _sent(strength, place),
            _sent(wavelet, place),
            source=cells,
            record=record,
            row=row,
            left=sponge,
        )
    return record


def _coefficients(
    maps: NDArray[np.float64], sources: tuple[int, ...], sponge: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """(v·dt/dx)²/12 and k − 1, (map, z, x), and the strength of the shots, (map, source)."""
    padded = np.pad(maps, ((0, 0), (sponge, sponge), (sponge, sponge)), mode="edge")
    a12 = (padded * wave.DT / wave.DX) ** 2 / 12
    strength = (maps[:, wave.DEPTH, np.asarray(sources, dtype=np.int64)] * wave.DT) ** 2
    return a12, _damping(maps, sponge) - 1, strength


def _damping(maps: NDArray[np.float64], sponge: int) -> NDArray[np.float64]:
    n = MAP_SHAPE[0] + 2 * sponge
    outward = wave.damping(1.0, sponge)
    k = np.zeros((n, n))
    k[:sponge] = outward[::-1, None]
    k[-sponge:] = outward[:, None]
    k[:, :sponge] = outward[::-1]
    k[:, -sponge:] = outward
    scaled: NDArray[np.float64] = k * maps.min(axis=(1, 2))[:, None, None]
    return scaled


def _sent(values: NDArray[np.float64], place: torch.device) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, np.float32)).to(place)


def _maps_at_once(place: torch.device, sources: int, sponge: int) -> int:
    if place.type != "cuda":
        return 4
    free, _ = torch.cuda.mem_get_info(place)
    cells = (MAP_SHAPE[0] + 2 * sponge + 4) ** 2
    # Two fields and one of sums a shot, two coefficients a map, and the record.
    a_map = 4 * (3 * sources * cells + 2 * cells + sources * TIMES * RECEIVERS)
    return max(1, min(_MAPS_AT_ONCE, int(free * _PART_OF_FREE_MEMORY) // a_map))


class _Shots:
    """The shots of a few maps. Fields: (map, source, z, x) with two halo cells on each side, which
    repeat the opposite side: the grid is periodic, as in the original."""

    def __init__(
        self,
        maps: NDArray[np.float64],
        sources: tuple[int, ...],
        sponge: int,
        place: torch.device,
    ) -> None:
        a12, undamped, strength = _coefficients(maps, sources, sponge)
        count, n = len(maps), a12.shape[-1]
        self.undamped = _sent(undamped[:, None], place)
        self.a12 = _sent(a12[:, None], place)
        self.strength = _sent(strength, place)
        self.wavelet = [float(value) for value in wave.wavelet().astype(np.float32)]
        self.row = sponge + wave.DEPTH + 2
        self.left = sponge + 2
        self.source_x = torch.tensor(sources, dtype=torch.int64, device=place) + self.left
        self.shot = torch.arange(len(sources), device=place)
        shape = (count, len(sources), n + 4, n + 4)
        self.p = torch.zeros(shape, device=place)
        self.new = torch.zeros(shape, device=place)
        self.taps = torch.empty((count, len(sources), n, n), device=place)
        self.record = torch.empty((count, len(sources), TIMES, RECEIVERS), device=place)

    def run(self) -> torch.Tensor:
        """The record, (map, source, time, receiver) float32, on the device."""
        for t in range(TIMES):
            self._step()
            if t < len(self.wavelet):
                self.new[:, self.shot, self.row, self.source_x] += self.strength * self.wavelet[t]
            self.record[:, :, t] = self.new[:, :, self.row, self.left : self.left + RECEIVERS]
            self._wrap(self.new)
            self.p, self.new = self.new, self.p
        return self.record

    def _step(self) -> None:
        """``new`` holds the field before ``p``'s, and is overwritten by the one after it."""
        p, taps = self.p, self.taps
        torch.add(p[..., 1:-3, 2:-2], p[..., 3:-1, 2:-2], out=taps)
        taps += p[..., 2:-2, 1:-3]
        taps += p[..., 2:-2, 3:-1]
        taps *= 16
        taps -= p[..., :-4, 2:-2]
        taps -= p[..., 4:, 2:-2]
        taps -= p[..., 2:-2, :-4]
        taps -= p[..., 2:-2, 4:]
        here = p[..., 2:-2, 2:-2]
        taps.sub_(here, alpha=60)
        # p + (1 − k)(p − p_old) + a12·taps: the small differences keep their digits.
        inner = self.new[..., 2:-2, 2:-2]
        inner -= here
        torch.addcmul(here, inner, self.undamped, out=inner)
        inner.addcmul_(self.a12, taps)

    @staticmethod
    def _wrap(field: torch.Tensor) -> None:
        field[..., :2, :] = field[..., -4:-2, :]
        field[..., -2:, :] = field[..., 2:4, :]
        field[..., :, :2] = field[..., :, -4:-2]
        field[..., :, -2:] = field[..., :, 2:4]
