"""The spectral projector: a shot gather split into its two directions along the receiver line."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from fwi.layout import RECEIVERS, TIMES

VELOCITY_RANGE = (1500.0, 5500.0)  # m/s


class SpectralProjector(nn.Module):
    """Splits gathers by direction with Π± = ½(1 ± ω/√(ω² + c²k²)), c and temperature learnable.

    What goes where. A wave is written e^{i(kx − ωt)}. A real record holds (ω, k) and (−ω, −k) with
    conjugate amplitudes, one wave; it is represented by its member with k > 0, so that the sign of
    ω is its direction: ω > 0 travels up the line, to larger receiver numbers, as cos(kx − ωt) does;
    ω < 0 travels down the line, as cos(kx + ωt) does. Π+ gives ``up``, Π− gives ``down``. (On
    another grid the formula separates nothing: with ω ≥ 0 only, as rfft leaves it, Π+ is never
    below ½; with both signs of both, a real record falls into two conjugate halves that are equal.)

    How sharply. For an event of apparent velocity v the ratio is 1/√(1 + c²/v²): waves that sweep
    the line fast against c go whole into their half, slow ones are shared. The temperature divides
    the log-odds of the two masks, which by that formula are 2·asinh(ω/(c|k|)): at 1 the formula
    stands as it is; towards 0 it becomes the sign of ω, where each mask is 0 or 1 and the projector
    is idempotent. What has no direction, k = 0, ω = 0 and the two Nyquist lines, which are their
    own mirror images, goes up whole at every temperature, so that this holds for any record.

    up + down is the record (its band, where ``frequencies`` is given), at any c and temperature.
    Both axes are taken as periodic. Everything is float32, inside autocast as well.

    Args:
        times, receivers: shape of a gather; ``dt`` in seconds and ``dx`` in metres its steps.
        frequencies: keep this many, from 0 Hz in steps of 1/(times·dt); the halves then have
            2·frequencies samples over the same time. Default: all, and the record's own samples.
        velocity: c at the start, in m/s, strictly within 1500–5500, where it stays.
        temperature: at the start, above 0.
    """

    def __init__(
        self,
        times: int = TIMES,
        receivers: int = RECEIVERS,
        *,
        dt: float = 1e-3,
        dx: float = 10.0,
        frequencies: int | None = None,
        velocity: float = 3000.0,
        temperature: float = 1.0,
    ) -> None:
        super().__init__()
        low, high = VELOCITY_RANGE
        if not low < velocity < high:
            raise ValueError(f"velocity {velocity} m/s: expected between {low} and {high}")
        if not temperature > 0:
            raise ValueError(f"temperature {temperature}: expected above 0")
        bins = times // 2 + 1
        if frequencies is not None and not 2 <= 2 * frequencies <= times:
            raise ValueError(f"frequencies {frequencies}: expected from 1 to {times // 2}")
        self.times, self.receivers = times, receivers
        self.frequencies = frequencies
        fraction = (velocity - low) / (high - low)
        self.raw_velocity = nn.Parameter(torch.tensor(math.log(fraction / (1 - fraction))))
        self.log_temperature = nn.Parameter(torch.tensor(math.log(temperature)))

        omega = 2 * math.pi * torch.arange(frequencies or bins) / (times * dt)
        # The transform's kernel is e^{−i(ωt + k'x)}: its line k' is the wave number k = −k'.
        wave_number = -2 * math.pi * torch.fft.fftfreq(receivers, dx)
        own_mirror = (omega[:, None] == 0) | (wave_number == 0)
        if receivers % 2 == 0:
            own_mirror[:, receivers // 2] = True
        if frequencies is None and times % 2 == 0:
            own_mirror[-1] = True
        # ω of the member with k > 0, over |k|, in m/s; 1 stands where no direction is defined.
        apparent = omega[:, None] * wave_number.sign() / wave_number.abs()
        self.register_buffer("own_mirror", own_mirror, persistent=False)
        self.register_buffer("apparent", apparent.where(~own_mirror, 1.0), persistent=False)

    own_mirror: Tensor
    apparent: Tensor

    @property
    def samples(self) -> int:
        """Times of each half."""
        return self.times if self.frequencies is None else 2 * self.frequencies

    @property
    def velocity(self) -> Tensor:
        """c in m/s, within 1500–5500, a scalar with gradient."""
        low, high = VELOCITY_RANGE
        return low + (high - low) * torch.sigmoid(self.raw_velocity.float())

    @property
    def temperature(self) -> Tensor:
        """Above 0, a scalar with gradient; 1 is the formula itself, towards 0 is sharp."""
        return torch.exp(self.log_temperature.float())

    def mask(self) -> Tensor:
        """Π+ on the grid of ω ≥ 0 (rows) and the transform's order of k (columns); Π− is 1 − Π+."""
        log_odds = 2 * torch.asinh(self.apparent / self.velocity)
        return torch.sigmoid(log_odds / self.temperature).masked_fill(self.own_mirror, 1.0)

    def forward(self, record: Tensor) -> tuple[Tensor, Tensor]:
        """The waves of ``record`` that travel up the line, and those that travel down it.

        Args:
            record: (…, times, receivers), any floating type.
        Returns:
            up and down, each (…, samples, receivers) float32; their sum is the record's band.
        Raises:
            ValueError: the last two axes are not (times, receivers).
        """
        if tuple(record.shape[-2:]) != (self.times, self.receivers):
            raise ValueError(
                f"record of shape {tuple(record.shape)}: "
                f"expected (…, {self.times}, {self.receivers}), that is (…, time, receiver)"
            )
        with torch.autocast(record.device.type, enabled=False):
            record = record.float()
            spectrum = torch.fft.rfft(record, dim=-2)
            if self.frequencies is not None:
                # A shorter transform back samples the same times more coarsely; its scale is 1/n.
                spectrum = spectrum[..., : self.frequencies, :] * (self.samples / self.times)
                record = torch.fft.irfft(spectrum, n=self.samples, dim=-2)
            lines = torch.fft.fft(spectrum, dim=-1)
            up = torch.fft.irfft(
                torch.fft.ifft(lines * self.mask(), dim=-1), n=self.samples, dim=-2
            )
            return up, record - up
