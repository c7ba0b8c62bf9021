"""What five shots tell of the mirrored record, and what asking a network twice is worth."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from fwi import augmentation, geology, mirroring, models, wave
from fwi.layout import FAMILIES
from tests.bench.figure import Figure

LEARNED, TRIED = 24, 8
"""Maps a family."""
STEPS, BATCH, RATE = 600, 8, 2e-3
_SHOTS = (*wave.SOURCE_X[:3], mirroring.WANTED_X, *wave.SOURCE_X[3:])
_RECORDED = [0, 1, 2, 4, 5]
_MIRRORED = [5, 4, 3, 1, 0]


def measure() -> list[Figure]:
    maps = _maps(seed=99, each=TRIED)
    shots = torch.from_numpy(wave.simulate(maps, sources=_SHOTS))
    truth = shots[:, _MIRRORED].flip(3)
    record = shots[:, _RECORDED]
    ways = {
        "mended": mirroring.mirrored(record),
        "reversed": record.flip(1, 3),
        "true": truth,
    }
    middle = mirroring.MIDDLE
    found = [
        Figure(
            f"middle gather of the {way} record, off the true mirror image's",
            100 * _off(ways[way][:, middle], truth[:, middle]),
            "%",
            target,
            met,
            f"of its norm, over {TRIED} maps of each of the ten families; by family "
            + ", ".join(
                f"{name} {100 * _off(ways[way][n, middle], truth[n, middle]):.2f}"
                for name, n in _by_family()
            ),
        )
        for way, target, met in (
            ("mended", "< 10", _off(ways["mended"][:, middle], truth[:, middle]) < 0.1),
            ("reversed", "-", None),
        )
    ]
    return [*found, *_errors(record, torch.from_numpy(maps).float()[:, None], ways)]


def _errors(record: Tensor, velocity: Tensor, ways: dict[str, Tensor]) -> list[Figure]:
    """Errors of a narrow network, alone and averaged with what it says of each mirror image."""
    network = _trained()
    alone = _predicted(network, record)
    own = (alone - velocity).abs().mean((1, 2, 3))
    detail = (
        f"m/s over {len(velocity)} maps; SpecProj of width 16 after {STEPS} steps of {BATCH} on "
        f"{LEARNED * len(FAMILIES)} maps, half of the samples reversed as the train job does"
    )
    found = [Figure("MAE of the record alone", float(own.mean()), "m/s", "-", None, detail)]
    for way, cube in ways.items():
        both = (alone + _predicted(network, cube).flip(3)) / 2
        gain = (both - velocity).abs().mean((1, 2, 3)) - own
        found.append(
            Figure(
                f"MAE averaged with the {way} record",
                float(own.mean() + gain.mean()),
                "m/s",
                "-",
                None,
                f"{float(gain.mean()):+.2f} ± {float(gain.std()) / math.sqrt(len(gain)):.2f} "
                "against the record alone, map by map",
            )
        )
    return found


def _trained() -> nn.Module:
    maps = _maps(seed=5, each=LEARNED)
    cubes = torch.from_numpy(wave.simulate(maps)).half()
    velocity = torch.from_numpy(maps).float()[:, None]
    torch.manual_seed(0)
    draws = torch.Generator().manual_seed(1)
    network = models.build("specproj", width=16, attention=1)
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=1e-2)
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1, step / 40) * (1 + math.cos(math.pi * step / STEPS)) / 2
        picked = torch.randint(len(cubes), (BATCH,), generator=draws)
        which = torch.rand(BATCH, generator=draws) < 0.5
        cube, target = augmentation.mirror(cubes[picked], velocity[picked], which)
        loss = (network(cube) - target).abs().mean() / 1500
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 3)
        optimizer.step()
    return network.eval()


@torch.inference_mode()
def _predicted(network: nn.Module, cubes: Tensor) -> Tensor:
    return torch.cat([network(part) for part in cubes.split(BATCH)])


def _maps(seed: int, each: int) -> np.ndarray:
    made = [geology.velocity_maps(family, each, seed=seed, first=0) for family in FAMILIES]
    return np.concatenate(made).reshape(-1, 70, 70)


def _by_family() -> list[tuple[str, slice]]:
    return [(name, slice(n * TRIED, (n + 1) * TRIED)) for n, name in enumerate(FAMILIES)]


def _off(found: Tensor, truth: Tensor) -> float:
    return float((found - truth).norm() / truth.norm())
