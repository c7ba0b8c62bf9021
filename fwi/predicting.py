"""Records through the networks, in batches, and what comes out to disk."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fwi import config, ensemble
from fwi.dataset import Samples, loader
from fwi.ensemble import Member
from fwi.errors import DataError, NonFiniteError
from fwi.interruption import Interruption
from fwi.predictions import Predictions
from fwi.reporting import say
from fwi.sample_index import Index
from probes import pulse
from probes.allocator import Meter


@dataclass
class _Batch:
    """A batch whose predictions are on their way to the host."""

    maps: Tensor
    """(B, 70, 70) float32, m/s."""
    sound: Tensor
    """(networks, B) bool: whether a network's map is finite."""
    arrived: Callable[[], None]


class Predicting:
    """Predicts the missing chunks."""

    def __init__(
        self,
        job: config.Infer,
        index: Index,
        oids: Sequence[str],
        members: Sequence[Member],
        device: torch.device,
        interruption: Interruption,
    ) -> None:
        self.job = job
        self.index = index
        self.oids = oids
        self.members = members
        self.device = device
        self.interruption = interruption
        self._meter = Meter(device.index)
        # On a device the next batch is under way while the last one's maps are read.
        self._lag = 1 if device.type == "cuda" else 0

    def predict(self, kept: Predictions, missing: Sequence[int]) -> None:
        """Make the missing chunks, in their order."""
        if not missing:
            return
        positions = np.concatenate([np.array(kept.positions(chunk)) for chunk in missing])
        done, total = kept.records - len(positions), kept.records
        began, made = time.monotonic(), 0
        chunks = iter(missing)
        held: list[NDArray[np.float32]] = []
        chunk = next(chunks)
        for batch in self._batches(positions):
            maps = self._checked(batch, positions[made : made + len(batch.maps)])
            made += len(maps)
            while len(maps):
                room = kept.size(chunk) - sum(map(len, held))
                held.append(maps[:room])
                maps = maps[room:]
                if sum(map(len, held)) == kept.size(chunk):
                    with pulse.phase("write"):
                        kept.write(chunk, np.concatenate(held))
                    held, chunk = [], next(chunks, -1)
            pulse.beat(step=done + made, total=total)
            pulse.gauge("samples_per_s", made / (time.monotonic() - began))
            self._meter.read()
            self.interruption.check()
        seconds = time.monotonic() - began
        say(f"predicted {made:,} records in {seconds:.1f} s ({made / seconds:,.1f} records/s)")

    def _batches(self, positions: NDArray[np.int64]) -> Iterator[_Batch]:
        """What the networks make of the records at ``positions``, in batches."""
        under_way: deque[_Batch] = deque()
        batches = iter(self._loader(positions))
        self.interruption.hold_back_dead_workers()
        left = len(positions)
        while left:
            with pulse.phase("data"), self.interruption.waiting():
                cube = next(batches)
            left -= len(cube)
            with pulse.phase("transfer"):
                cube = cube.to(self.device, non_blocking=True)
            with pulse.phase("infer"):
                under_way.append(self._predicted(cube))
            if len(under_way) > self._lag:
                yield self._arrived(under_way.popleft())
        while under_way:
            yield self._arrived(under_way.popleft())

    def _loader(self, positions: NDArray[np.int64]) -> Any:
        job = self.job
        return loader(
            Samples(self.index),
            batch_size=job.batch_size,
            workers=job.workers,
            device=self.device,
            sampler=[int(position) for position in positions],
            prefetch=job.prefetch,
            pin_memory=job.pin_memory,
            sharing=job.sharing,
        )

    def _predicted(self, cube: Tensor) -> _Batch:
        each = ensemble.predict(self.members, cube)
        with torch.inference_mode():
            sound = torch.isfinite(each).flatten(2).all(2)
            maps = ensemble.combine(each, self.job.combine)
            # To page-locked memory, without waiting.
            maps = maps.to("cpu", non_blocking=True)
            sound = sound.to("cpu", non_blocking=True)
        if self.device.type != "cuda":
            return _Batch(maps, sound, lambda: None)
        event = torch.cuda.Event()  # type: ignore[no-untyped-call]
        event.record()
        return _Batch(maps, sound, event.synchronize)

    def _arrived(self, batch: _Batch) -> _Batch:
        with pulse.phase("transfer"):
            batch.arrived()
        return batch

    def _checked(self, batch: _Batch, positions: NDArray[np.int64]) -> NDArray[np.float32]:
        """The maps of a batch, (B, 70, 70). Raises NonFiniteError, or DataError where it is the
        record that is not finite."""
        if not bool(batch.sound.all()):
            network, row = (int(i) for i in (~batch.sound).nonzero()[0])
            position = int(positions[row])
            path = self.index.path(position)  # a test record is a file
            record = Samples(self.index)[position]
            assert isinstance(record, Tensor)
            if not bool(torch.isfinite(record).all()):
                raise DataError(
                    f"{path}: the record holds values that are not finite, or beyond float16's "
                    "65,504; expected a seismic record, all of it numbers"
                )
            member = self.members[network]
            other = "" if member.precision == "fp32" else "; take --dtype bf16 or fp32"
            raise NonFiniteError(
                f"the prediction for {self.oids[position]} ({path}) is not finite in "
                f"{member.precision}, by {member.model} of {member.source}. Nothing of its chunk "
                f"was kept{other or '; are the weights sound?'}"
            )
        maps: NDArray[np.float32] = batch.maps.numpy()
        return maps
