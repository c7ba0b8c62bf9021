"""``python -m tests.bench.step_rate MODEL ENCODER DEVICE BATCH``: what a sample costs a network,
measured alone: no loader, no validation, records of zeros and noise. One line of JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass

_STEPS = 3


@dataclass(frozen=True)
class StepRate:
    """Of a whole step: forward, loss, backward, optimizer and average."""

    processor_s: float
    """A sample; user and system, of all threads."""
    wall_s: float
    """A sample."""
    parameters: int
    kept: int
    """Bytes that one sample keeps for backward in float32."""
    batch: int


def measured(
    model: str, encoder: str | None, device: str, batch: int, threads: int | None
) -> StepRate:
    """In a process of its own, whose memory goes with it."""
    environment = dict(os.environ)
    if threads:
        environment["OMP_NUM_THREADS"] = str(threads)
    said = subprocess.check_output(
        [sys.executable, "-m", "tests.bench.step_rate", model, encoder or "-", device, str(batch)],
        env=environment,
    )
    return StepRate(**json.loads(said.splitlines()[-1]))


def _measure(model: str, encoder: str | None, device: str, batch: int) -> StepRate:
    import torch
    from torch._subclasses.fake_tensor import FakeTensorMode

    from fwi import config
    from fwi.layout import CUBE_SHAPE, MAP_SHAPE
    from fwi.models import build
    from fwi.precision import resolve_device, resolve_precision
    from fwi.stepping import Learner
    from probes.tensors import saved_activation_bytes

    job = config.Train(model=model, encoder=encoder, device=device)  # type: ignore[arg-type]
    with FakeTensorMode():
        network = build(model, **({"encoder": encoder} if encoder else {})).train()
        kept = saved_activation_bytes(network, torch.empty(1, *CUBE_SHAPE))
    where = resolve_device(device)
    learner = Learner(job, where, resolve_precision(job, where))
    cube = torch.randn(batch, *CUBE_SHAPE, device=where).half()
    velocity = torch.full((batch, 1, *MAP_SHAPE), 3000.0, device=where)

    def step() -> None:
        learner.add(learner.predict(cube), velocity, share=1.0)
        learner.move(1e-5)
        if where.type == "cuda":
            torch.cuda.synchronize(where)

    step()
    used, began = time.process_time(), time.perf_counter()
    for _ in range(_STEPS):
        step()
    samples = _STEPS * batch
    return StepRate(
        processor_s=(time.process_time() - used) / samples,
        wall_s=(time.perf_counter() - began) / samples,
        parameters=sum(p.numel() for p in learner.network.parameters()),
        kept=kept,
        batch=batch,
    )


if __name__ == "__main__":
    name, timm_name, where_to, size = sys.argv[1:]
    found = _measure(name, None if timm_name == "-" else timm_name, where_to, int(size))
    print(json.dumps(asdict(found)))
