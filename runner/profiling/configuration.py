"""One configuration of a profile, and the matrix of them. Data."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast, get_args

from fwi import config

_DIGITS = 9
MOST = 10**_DIGITS - 1
"""Of a batch's samples, and of loader workers: more cannot be written as a key."""
_KEY = re.compile(
    rf"(?P<model>[a-z0-9-]+)/(?P<dtype>[a-z0-9]+)/(?P<mode>[a-z]+)/b(?P<batch>[0-9]{{1,{_DIGITS}}})"
    rf"(?:/w(?P<workers>[0-9]{{1,{_DIGITS}}}))?(?P<again>/recompute)?"
)


@dataclass(frozen=True)
class Configuration:
    """Its ``key`` is how it is written: ``specproj/fp32/train/b4/w0``."""

    model: config.Model
    dtype: config.Precision
    mode: config.Mode
    batch_size: int
    workers: int = 0
    activation_checkpointing: bool = False

    @property
    def key(self) -> str:
        return (
            f"{self.step_key[: self.step_key.rindex('/b')]}/b{self.batch_size}/w{self.workers}"
            + ("/recompute" if self.activation_checkpointing else "")
        )

    @property
    def step_key(self) -> str:
        """Without the loader: what a prediction of tensors depends on."""
        again = "/recompute" if self.activation_checkpointing else ""
        return f"{self.model}/{self.dtype}/{self.mode}/b{self.batch_size}{again}"

    @property
    def file_name(self) -> str:
        return self.key.replace("/", "-") + ".json"

    @property
    def words(self) -> str:
        again = ", activations recomputed" if self.activation_checkpointing else ""
        workers = f"{self.workers} worker{'' if self.workers == 1 else 's'}"
        return f"{self.model} {self.dtype} {self.mode}, batch {self.batch_size}, {workers}{again}"

    def footprint(self) -> dict[str, Any]:
        """As the footprint job is asked."""
        return {name: value for name, value in asdict(self).items() if name != "workers"}


def parse(key: str) -> Configuration:
    """A key, with or without its workers. Raises ValueError, saying what fits."""
    found = _KEY.fullmatch(key)
    if (
        found is None
        or found["model"] not in get_args(config.Model)
        or found["dtype"] not in get_args(config.Precision)
        or found["mode"] not in get_args(config.Mode)
        or int(found["batch"]) < 1
    ):
        raise ValueError(f"{key!r}: expected a configuration like specproj/fp32/train/b4/w0")
    return Configuration(
        model=cast(config.Model, found["model"]),
        dtype=cast(config.Precision, found["dtype"]),
        mode=cast(config.Mode, found["mode"]),
        batch_size=int(found["batch"]),
        workers=int(found["workers"] or 0),
        activation_checkpointing=found["again"] is not None,
    )


@dataclass(frozen=True)
class Matrix:
    """Every combination is a configuration."""

    models: Sequence[config.Model]
    batch_sizes: Sequence[int]
    dtypes: Sequence[config.Precision]
    modes: Sequence[config.Mode]
    workers: Sequence[int] = (0,)
    activation_checkpointing: bool = False

    def configurations(self) -> list[Configuration]:
        """In the order of work: precision by precision, a network's small batches first."""
        combined = itertools.product(
            dict.fromkeys(self.dtypes),
            dict.fromkeys(self.models),
            dict.fromkeys(self.modes),
            sorted(set(self.batch_sizes)),
            sorted(set(self.workers)),
        )
        return [
            Configuration(model, dtype, mode, batch, workers, self.activation_checkpointing)
            for dtype, model, mode, batch, workers in combined
        ]

    def as_dict(self) -> dict[str, Any]:
        return {
            name: list(value) if not isinstance(value, bool) else value
            for name, value in asdict(self).items()
        }

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Matrix:
        """From ``as_dict``. Raises KeyError, TypeError or ValueError for anything else."""
        again = bool(found["activation_checkpointing"])
        names = ("models", "batch_sizes", "dtypes", "modes", "workers")
        values: dict[str, Any] = {name: tuple(found[name]) for name in names}
        matrix = cls(**values, activation_checkpointing=again)
        for one in matrix.configurations():
            parse(one.key)
        return matrix
