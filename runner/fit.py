"""``python -m runner fit``: what would fit on which device, before anything runs there.

The footprints are found by :mod:`runner.footprints`; what they mean is decided by
:mod:`runner.prediction`. Nothing here imports torch.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runner import fit_history, prediction
from runner.cards import CARDS, Card
from runner.fit_history import Measured
from runner.footprints import Footprint, Footprints
from runner.prediction import Line, Prediction, Span

_LINE_SIZES = (2, 4)
_CHECK_SIZE = 8
_SHRINK = 0.99
"""The candidate is a little below what the lines allow: segments grow in steps."""
_CLOSE = 1.1
"""A batch that fits is the answer when one this much larger does not."""
_SURE = 1.02
_FARTHEST = 64
"""Times the largest batch so far: beyond, a straight line through two small ones tells nothing."""
TURNS = 6

Key = tuple[str, str, str]
"""Model, dtype, mode."""
TABLE = "table"
HOW = {"tensors": "fake tensors", "allocator": "replayed", "workspaces": "by factors"}
"""How each part is predicted; the context is from the table, or from earlier runs."""


@dataclass(frozen=True)
class Asked:
    models: tuple[str, ...]
    batch_sizes: tuple[int, ...]
    dtypes: tuple[str, ...]
    modes: tuple[str, ...]
    cards: tuple[Card, ...]
    activation_checkpointing: bool = False
    ema: bool = True
    overheads: Mapping[fit_history.Key, Measured] = field(default_factory=dict)
    """What earlier runs took beside torch's memory."""

    def overhead(self, key: Key, card: Card) -> Span | None:
        """That of runs of the same model, dtype and mode on such a card; None: there were none."""
        seen = self.overheads.get((*key, card.name))
        return None if seen is None else seen.span


@dataclass(frozen=True)
class Fitted:
    """One model, dtype and mode."""

    model: str
    dtype: str
    mode: str
    footprints: Mapping[int, Footprint]
    """By batch size."""
    miss: float
    """Of the lines from the third footprint, as a part of it."""
    largest: Mapping[str, int]
    """By card: the largest batch whose own prediction fits with all its margins; 0 for none."""
    predictions: Mapping[str, Mapping[int, Prediction]]
    """By card and batch size."""
    context: Mapping[str, str]
    """By card: where the size of the context is from."""


def fit(asked: Asked, say: Callable[[str], None]) -> list[Fitted]:
    """Predict everything. Raises FootprintError."""
    wanted = first(asked)
    keys = list(dict.fromkeys(key for key, _ in wanted))
    found: dict[Key, dict[int, Footprint]] = {key: {} for key in keys}
    with Footprints(len(wanted), say) as footprints:
        for turn in range(TURNS + 1):
            lines = footprints.find(question(asked, *one) for one in wanted)
            for (key, size), line in zip(wanted, lines, strict=True):
                found[key][size] = line
            candidates = {
                (key, candidate(found[key], card, asked.overhead(key, card), turn))
                for key in keys
                for card in asked.cards
            }
            wanted = sorted((key, size) for key, size in candidates if size not in {0, *found[key]})
            if not wanted:
                break
    return [_fitted(key, found[key], asked) for key in keys]


def first(asked: Asked) -> list[tuple[Key, int]]:
    """What is found before any card's largest batch is looked for: each model, dtype and mode, with
    each batch size."""
    keys = itertools.product(asked.models, asked.dtypes, asked.modes)
    sizes = sorted({*asked.batch_sizes, *_LINE_SIZES, _CHECK_SIZE})
    return [(key, size) for key in keys for size in sizes]


def question(asked: Asked, key: Key, size: int) -> dict[str, Any]:
    """As the child that finds footprints is asked."""
    model, dtype, mode = key
    return {
        "model": model,
        "dtype": dtype,
        "mode": mode,
        "batch_size": size,
        "activation_checkpointing": asked.activation_checkpointing,
        "ema": asked.ema,
    }


def candidate(
    by_size: Mapping[int, Footprint], card: Card, overhead: Span | None, turn: int
) -> int:
    """A batch that may be the largest for a card; 0 where there is nothing more to look for.

    At first from the lines. Then from what was predicted at two sizes: as the peak is convex in the
    batch, it grows beyond the larger at least as it grew between them, and between a size that fits
    and one that does not, the straight line is above it.
    """
    if turn == 0:
        part = prediction.predict(by_size[_CHECK_SIZE], card, overhead)
        room = prediction.room_for_tensors(card, part)
        return int(_SHRINK * prediction.largest_batch(_lines(by_size), room))
    most = {
        size: prediction.predict(one, card, overhead).total.most
        for size, one in sorted(by_size.items())
    }
    fitting = [size for size in most if most[size] <= card.memory]
    fails = min((size for size in most if most[size] > card.memory), default=0)
    if not fitting:
        return fails // 2
    fits = fitting[-1]
    if not fails:
        before = max(size for size in most if size < fits)
        guess = _between(before, fits, most, card.memory)
        return 0 if guess <= fits * _CLOSE else min(guess, _FARTHEST * fits)
    if fails <= fits * _CLOSE or fails - fits <= 1:
        return 0
    guess = _between(fits, fails, most, card.memory)
    if guess <= fits * _SURE:
        # What is left to see is that a tenth more does not fit.
        guess = int(fits * _CLOSE)
    return min(max(guess, fits + 1), fails - 1)


def _between(low: int, high: int, most: Mapping[int, int], memory: int) -> int:
    """Where the straight line through two sizes comes to ``memory``."""
    rise = max(1, most[high] - most[low])
    return low + (memory - most[low]) * (high - low) // rise


def _lines(by_size: Mapping[int, Footprint]) -> dict[str, Line]:
    return prediction.lines(by_size[_LINE_SIZES[0]], by_size[_LINE_SIZES[1]])


def _fitted(key: Key, by_size: Mapping[int, Footprint], asked: Asked) -> Fitted:
    predictions = {
        card.name: {
            size: prediction.predict(footprint, card, asked.overhead(key, card))
            for size, footprint in sorted(by_size.items())
        }
        for card in asked.cards
    }
    return Fitted(
        *key,
        footprints=by_size,
        miss=prediction.miss(_lines(by_size), by_size[_CHECK_SIZE]),
        largest={
            card.name: prediction.confirmed(list(predictions[card.name].items()), card)
            for card in asked.cards
        },
        predictions=predictions,
        context={
            card.name: seen.words if (seen := asked.overheads.get((*key, card.name))) else TABLE
            for card in asked.cards
        },
    )


def cards(names: Sequence[str]) -> tuple[Card, ...]:
    """Raises KeyError for a name that is not in the table."""
    return tuple(CARDS[name.lower()] for name in names)


def as_dict(one: Fitted, asked: Asked) -> dict[str, Any]:
    """For ``--json``."""
    return {
        "model": one.model,
        "dtype": one.dtype,
        "mode": one.mode,
        "parameters": next(iter(one.footprints.values()))["parameters"],
        "affine_miss": one.miss,
        "largest_batch": dict(one.largest),
        "cards": {
            card: {
                str(size): _parts(found) | {"how": HOW | {"context": one.context[card]}}
                for size, found in by_size.items()
                if size in asked.batch_sizes or size == one.largest[card]
            }
            for card, by_size in one.predictions.items()
        },
        "steady": {
            str(size): footprint["steady"]
            for size, footprint in sorted(one.footprints.items())
            if size in asked.batch_sizes
        },
    }


def _parts(found: Prediction) -> dict[str, Any]:
    def span(of: Span) -> list[int]:
        return [of.least, of.likely, of.most]

    return {
        "tensors": found.tensors,
        "allocator": span(found.allocator),
        "workspaces": span(found.workspaces),
        "context": span(found.context),
        "total": span(found.total),
    }
