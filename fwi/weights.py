"""Weights from elsewhere into a network: published files, this project's checkpoints.

Files are loaded as tensors and plain containers only: a file from elsewhere cannot run code.
"""

from __future__ import annotations

import argparse
import pathlib
import re
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fwi.errors import DataError

_WRAPPERS = ("ema", "model_ema", "ema_state_dict", "state_dict_ema", "model", "state_dict",
             "model_state_dict", "module")  # fmt: skip
"""Under which weights lie among other things; the average of the weights first, as it is better."""
_PREFIX = re.compile(r"^(?:_orig_mod|module|model|ema|ema_model|online_model|models\.\d+)\.")
_COMPILED = "._orig_mod."
_COUNTERS = ("n_averaged", "initted", "step")
"""What averages of weights count of their own: torch's AveragedModel, the package ema-pytorch."""
_COUNTED = "num_batches_tracked"

_REFUSED = re.compile(r"Unsupported (?:global|class|operand)[^\n]*?\b(?:GLOBAL )?(\w+(?:\.\w+)+)")
"""In what torch says of a file that would have code run."""
_PLAIN: list[Any] = [
    argparse.Namespace,
    pathlib.PosixPath,
    np.dtype,
    *{type(np.dtype(kind)) for kind in ("f2", "f4", "f8", "i4", "i8", "u1", "?")},
    # By the names of NumPy 2 and of those before.
    *(
        (np.float64(0).__reduce__()[0], f"numpy.{core}.multiarray.scalar")
        for core in ("_core", "core")
    ),
]
"""What training scripts put beside weights and is data: their options, the best score, a path."""


@dataclass(frozen=True)
class Misfit:
    """How weights differ from what a network takes, by name; empty where they fit."""

    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    reshaped: tuple[str, ...]
    """Names with both shapes."""

    def __bool__(self) -> bool:
        return bool(self.missing or self.unexpected or self.reshaped)

    def __str__(self) -> str:
        lines = [f"  missing: {key}" for key in self.missing]
        lines += [f"  unexpected: {shown(key)}" for key in self.unexpected]
        lines += [f"  of another shape: {line}" for line in self.reshaped]
        return "\n".join(lines)


def load_into(network: nn.Module, path: Path) -> None:
    """Take the weights of a file: a published one, or a checkpoint of this project (the average of
    its weights, where it holds one). Of several networks in a file, the first. A folder stands
    for its ``best.pt``, else ``last.pt``.

    Raises DataError that names every key that is missing, unexpected or of another shape.
    """
    path = file_of(path, "--weights")
    put(network, members(read_tensors(path, "--weights"))[0], f"--weights {path}")


def put(network: nn.Module, weights: Mapping[str, Tensor], source: str) -> None:
    """Take the weights of one network by their bare names.

    Raises DataError that names ``source`` and every key that is missing, unexpected or of another
    shape.
    """
    found = misfit(network.state_dict(), weights)
    if found:
        counts = (len(found.missing), len(found.unexpected), len(found.reshaped))
        raise DataError(
            f"{source}: {counts[0]} missing, {counts[1]} unexpected and {counts[2]} "
            "differently shaped keys; is it of another --model or --encoder?\n" + str(found)
        )
    # Not strict, for the counters of batches alone: published files may be without them.
    network.load_state_dict(weights, strict=False)


def misfit(wanted: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> Misfit:
    """What stands between ``given`` and a network's own ``wanted``."""
    return Misfit(
        missing=tuple(
            key for key in wanted if key not in given and not key.endswith("." + _COUNTED)
        ),
        unexpected=tuple(key for key in given if key not in wanted),
        reshaped=tuple(
            f"{key}: {tuple(given[key].shape)} in the file, {tuple(wanted[key].shape)} wanted"
            for key in wanted
            if key in given and given[key].shape != wanted[key].shape
        ),
    )


def members(tensors: Mapping[str, Tensor]) -> list[dict[str, Tensor]]:
    """The networks in a file's tensors, by their bare names, those of an ensemble in their order.
    Where there are averages of weights, the weights that they were made of are left out.

    Prefixes that training leaves (``module.``, ``_orig_mod.``, ``models.0.``, …) are taken off.
    Names that occur once belong to each of the networks.
    """
    groups: dict[str, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        prefix, bare = _split(key)
        if bare not in _COUNTERS:
            groups.setdefault(prefix, {})[bare] = value
    largest = max((len(group) for group in groups.values()), default=0)
    whole = [prefix for prefix in groups if 2 * len(groups[prefix]) > largest]
    common: dict[str, Tensor] = {}
    for prefix in groups.keys() - set(whole):
        common |= groups[prefix]
    averages = [prefix for prefix in whole if prefix.startswith("ema")]
    whole = sorted(averages or whole, key=_numbers)
    return [common | groups[prefix] for prefix in whole] or [{}]


def _numbers(prefix: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", prefix)))


def _split(key: str) -> tuple[str, str]:
    prefix, bare = "", key
    while match := _PREFIX.match(bare):
        prefix, bare = prefix + match[0], bare[match.end() :]
    return prefix, bare.replace(_COMPILED, ".")


def file_of(path: Path, option: str) -> Path:
    """The file itself, or the best checkpoint of a folder. Raises DataError for one without any."""
    if not path.is_dir():
        return path
    for name in ("best.pt", "last.pt"):
        if (path / name).is_file():
            return path / name
    raise DataError(f"{option} {path}: a folder without best.pt or last.pt")


def read_tensors(path: Path, option: str) -> dict[str, Tensor]:
    """The tensors of a file by name, out of what wraps them. Raises DataError."""
    return tensors_of(read_file(path, option), path, option)


def tensors_of(content: Mapping[Any, Any], path: Path, option: str) -> dict[str, Tensor]:
    """The tensors of a file's content by name, out of what wraps them. Raises DataError."""
    for _ in range(len(_WRAPPERS)):
        inner = next((content[w] for w in _WRAPPERS if _holds_tensors(content.get(w))), None)
        if inner is None:
            break
        content = inner
    tensors = {str(key): value for key, value in content.items() if isinstance(value, Tensor)}
    if not tensors:
        keys = ", ".join(shown(str(key)) for key in list(content)[:8]) or "nothing"
        raise DataError(f"{option} {path}: no weights are in it, but {keys}")
    return tensors


def _holds_tensors(part: Any) -> bool:
    if not isinstance(part, dict):
        return False
    return any(isinstance(v, Tensor) or _holds_tensors(v) for v in part.values())


def read_file(path: Path, option: str) -> dict[Any, Any]:
    """What a file of weights holds, as plain containers and tensors. Raises DataError."""
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return dict(load_file(path, device="cpu"))
        if zipfile.is_zipfile(path):
            # torch does not compare checksums; a flipped bit would come back as a weight.
            with zipfile.ZipFile(path) as archive:
                if damaged := archive.testzip():
                    raise zipfile.BadZipFile(f"the checksum of {damaged} does not fit")
        with torch.serialization.safe_globals(_PLAIN):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except FileNotFoundError as error:
        raise DataError(f"{option} {path}: no such file") from error
    except Exception as error:  # what a hostile file may raise has no list
        refused = _REFUSED.search(str(error))
        why = f"it holds a {refused[1]}" if refused else f"{type(error).__name__}: "
        why += "" if refused else shown(first_line(error))
        raise DataError(
            f"{option} {path}: not a file of weights alone ({why}); nothing in it was run. "
            "Expected what torch.save writes of a state_dict, or .safetensors"
        ) from error
    if not isinstance(content, dict):
        raise DataError(f"{option} {path}: holds a {type(content).__name__}, expected a state_dict")
    return content


def first_line(error: BaseException) -> str:
    """Of what it says; its class where it says nothing."""
    lines: Iterable[str] = str(error).splitlines()
    return next((line[:200] for line in lines if line.strip()), type(error).__name__)


def shown(text: str) -> str:
    """A name from a file, without what a terminal would obey."""
    return "".join(c if c.isprintable() else "�" for c in text[:200])
