"""What the pages of memory measured have in common: tables, the worst of a set of rows, the old
question. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from runner.profiling import difference, store
from runner.profiling.configuration import Configuration, Matrix, parse
from runner.profiling.row import Row
from runner.profiling.store import NoProfile, Profile
from runner.units import size


def latest(runs: Path, matrix: Matrix) -> Profile | None:
    """The newest profile of these configurations."""
    found = []
    for folder in sorted((runs / "profiles").glob("*")):
        try:
            profile = store.find(runs, str(folder))
        except NoProfile:
            continue
        if profile.matrix.as_dict() == matrix.as_dict():
            found.append(profile)
    return found[-1] if found else None


def is_complete(profile: Profile) -> bool:
    rows = profile.rows()
    wanted = len(profile.matrix.configurations())
    return len(rows) == wanted and all(row.is_done for row in rows)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def worst_tensors(rows: Iterable[Row]) -> float:
    """How far predicted bytes of tensors are from the followed ones at the most, as a part."""
    return max(
        (abs(r.predicted.tensors / r.tensors - 1) for r in rows if r.predicted and r.tensors),
        default=0.0,
    )


def worst_sum(rows: Iterable[Row]) -> float:
    """How far the kinds are from the peak that they add up to, as a part."""
    return max((abs(sum(r.steady["by_kind"].values()) / r.tensors - 1) for r in rows if r.tensors),
               default=0.0)  # fmt: skip


def old_question(by: Mapping[Configuration, Row], dtype: str = "fp32") -> list[str]:
    names = ("specproj-original", "specproj-dirac", "specproj")
    found = [by.get(parse(f"{name}/{dtype}/train/b1")) for name in names]
    if any(row is None or not row.is_measured for row in found):
        return []
    original, dirac, ours = (row for row in found if row is not None)
    held = {row.configuration.model: _held(row) for row in (original, dirac, ours)}
    repeat, everything = held["specproj-original"]["repeat"], original.tensors or 1
    kept = original.steady["by_kind"].get("activations", 0)
    change = difference.between(original, dirac)
    rows = [
        (name, size(held[name]["tensors"]), size(held[name]["activations"]),
         size(held[name]["unets"]) if held[name]["unets"] else "-",
         size(held[name]["repeat"]) if held[name]["repeat"] else "-")
        for name in names
    ]  # fmt: skip
    return [
        "## What did the five-fold repeat cost, and what was it really?",
        "The notes of the network as first written blamed the repeat of each gather to five "
        f"channels. At the peak of a training step of one sample in {dtype}:",
        table(("network", "tensors", "activations", "of the two U-Nets", "of the repeat"), rows),
        f"The repeated channels are {size(repeat)} of {size(everything)}: "
        f"{100 * repeat / everything:.2f} %, and {100 * repeat / max(kept, 1):.2f} % of the "
        f"activations. Without the repeat as such, with a learned 1→5 convolution in its place "
        f"(`specproj-dirac`), the step holds {size(abs(change.tensors.bytes))} "
        f"{'more' if change.tensors.bytes > 0 else 'less'}. What fills the memory is the two "
        f"U-Nets at the full 1000×70, which every source goes through: "
        f"{size(held['specproj-original']['unets'])}, "
        f"{100 * held['specproj-original']['unets'] / everything:.1f} % of everything. "
        f"`specproj` takes one pass a sample at 70×70. Its step holds {size(ours.tensors)}, "
        f"1/{everything / (ours.tensors or 1):.0f} of that, and most of it is no activation: the "
        f"parameters, their average and the optimizer's state are {size(_state(ours))}. "
        f"Of the activations {size(ours.steady['by_kind'].get('activations', 0))} are left at its "
        f"peak, in the phase `{ours.steady['phase']}`; what it keeps for the "
        f"backward pass stands on [its page](../network.md#memory).",
        "Where both are in one profile, "
        f"`python -m runner profile --diff last:specproj-original/{dtype}/train/b1/w0 "
        f"last:specproj-dirac/{dtype}/train/b1/w0` shows the same by class, module and phase.",
    ]


def _state(row: Row) -> int:
    kinds = row.steady["by_kind"]
    return sum(int(kinds.get(name, 0)) for name in ("parameters", "buffers", "ema", "optimizer"))


def _held(row: Row) -> dict[str, int]:
    modules = row.steady["by_module"]
    return {
        "tensors": row.tensors or 0,
        "activations": row.steady["by_kind"].get("activations", 0),
        "unets": modules.get("unet_up", 0) + modules.get("unet_down", 0),
        "repeat": modules.get("repeat_up", 0) + modules.get("repeat_down", 0),
    }
