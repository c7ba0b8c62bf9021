"""The batch that fits, from predictions alone. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from runner.prediction import Span

LARGEST = 512
"""Samples a move: the largest that the published baselines train with."""
MOVES_AN_EPOCH = 8
"""An epoch of fewer moves learns little."""
CONFIRMATIONS = 2
"""At the most: the size that is predicted, and a smaller one where that did not hold."""
_HEADROOM = 0.95
"""Part of the room that a confirming attempt may use."""
_SMALLER = 0.7
"""Part of the room that the second size is predicted for."""
_LINE = (2, 4)
_TURNS = 5
_TIDY = 8


@dataclass(frozen=True)
class Cap:
    """What a batch must not pass, whatever the memory."""

    size: int
    bound: str


def cap(samples: int, accumulate: int) -> Cap:
    """From the samples of the training set and the batches a move."""
    by_set = max(1, samples // (MOVES_AN_EPOCH * accumulate))
    by_move = max(1, LARGEST // accumulate)
    if by_set <= by_move:
        return Cap(by_set, f"{samples} training samples, {MOVES_AN_EPOCH} moves an epoch")
    return Cap(by_move, f"{LARGEST} samples a move, as the published baselines have at the most")


@dataclass(frozen=True)
class Choice:
    size: int
    """0: not one sample fits."""
    predicted: Span
    """Of that size; of one sample where none fits."""
    by_memory: bool
    """Whether memory bounds it, and not the cap."""


def choose(predict: Callable[[int], Span], room: int, most: int) -> Choice:
    """The largest batch up to ``most`` that was seen to fit ``room`` bytes even with the most of
    every part. ``predict`` is asked for few sizes: each costs seconds."""
    known = {size: predict(size) for size in {1, *(one for one in _LINE if one <= most)}}
    if known[1].most > room:
        return Choice(0, known[1], True)
    fails = min((size for size, span in known.items() if span.most > room), default=most + 1)
    for _ in range(_TURNS):
        fits = max(size for size in known if known[size].most <= room)
        guess = min(_guess(known, room), fails - 1, most)
        guess = tidied(guess if guess > fits else (fits + fails) // 2)
        if guess <= fits:
            break
        known[guess] = predict(guess)
        if known[guess].most > room:
            fails = guess
        elif guess >= tidied(most):
            break
    best = tidied(max(size for size in known if known[size].most <= room))
    if best not in known:
        known[best] = predict(best)
    return Choice(best, known[best], best < tidied(most))


def _guess(known: dict[int, Span], room: int) -> int:
    """From the line through the two largest sizes that are known."""
    if len(known) < 2:
        return max(known)
    low, high = sorted(known)[-2:]
    slope = (known[high].most - known[low].most) / (high - low)
    return int(low + (room - known[low].most) / slope) if slope > 0 else high


def tidied(size: int) -> int:
    """A multiple of eight, above sixteen."""
    return size - size % _TIDY if size > 2 * _TIDY else size


@dataclass(frozen=True)
class Trial:
    """A confirming attempt that is over."""

    size: int
    outcome: str
    """A code of the taxonomy."""
    peak: int | None
    """Bytes, where the room is; None where it was not seen."""
    run: str

    def holds(self, room: int) -> bool:
        return self.outcome == "ok" and (self.peak is None or self.peak <= _HEADROOM * room)


@dataclass(frozen=True)
class Search:
    """What came of it: the last choice, and the attempts in their order."""

    choice: Choice
    trials: tuple[Trial, ...]
    found: bool


def search(
    predict: Callable[[int], Span], confirm: Callable[[Choice], Trial], room: int, most: int
) -> Search:
    """Choose, confirm; where it was too large, choose a smaller one and confirm that. Never a
    third, and no second where another size would fail in the same way."""
    trials: list[Trial] = []
    within = room
    while True:
        choice = choose(predict, within, most)
        if not choice.size:
            return Search(choice, tuple(trials), False)
        trial = confirm(choice)
        trials.append(trial)
        if trial.holds(room):
            return Search(choice, tuple(trials), True)
        was_too_large = trial.outcome == "ok" or trial.outcome.startswith("oom.")
        if not was_too_large or len(trials) == CONFIRMATIONS or choice.size == 1:
            return Search(choice, tuple(trials), False)
        most, within = choice.size - 1, int(_SMALLER * within)
