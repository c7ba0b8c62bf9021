"""Trained networks out of files, ready to predict: checkpoints of this project, published ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from torch import nn

from fwi import config, weights
from fwi.errors import UsageError
from fwi.models import build, names


@dataclass(frozen=True)
class Trained:
    """A network in evaluation mode, on the CPU, and where it came from."""

    network: nn.Module
    model: config.Model
    encoder: str | None
    source: str
    """The file, and which of several in it."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Those of its training, where the file says them: JSON types, from a file of anybody's."""


def load(
    path: Path, *, model: config.Model | None = None, encoder: str | None = None
) -> list[Trained]:
    """Every network in a file, the average of the weights where training kept one.

    A checkpoint of this project says itself what network it is of, and ``model`` and ``encoder``
    must agree where they are given; for published weights they must be given. A folder stands for
    its ``best.pt``, else ``last.pt``.

    Raises UsageError where the network is not known or contradicts the file, DataError where the
    file does not hold its weights, naming every key that is missing, unexpected or reshaped.
    """
    path = weights.file_of(path, "--checkpoint")
    content = weights.read_file(path, "--checkpoint")
    model, encoder = _which(path, content, model, encoder)
    options: dict[str, Any] = {} if encoder is None else {"encoder": encoder}
    found = []
    members = weights.members(weights.tensors_of(content, path, "--checkpoint"))
    for number, tensors in enumerate(members):
        network = build(model, **options)
        source = str(path) if len(members) == 1 else f"{path}[{number}]"
        weights.put(network, tensors, f"--checkpoint {source}")
        found.append(Trained(network.eval(), model, encoder, source, _said(content)))
    return found


def _which(
    path: Path, content: Mapping[Any, Any], model: config.Model | None, encoder: str | None
) -> tuple[config.Model, str | None]:
    """The network that the weights are of: what a checkpoint's options say, else what was asked."""
    said = _said(content)
    if said.get("model") in names:
        its_model = cast("config.Model", said["model"])
        its_encoder = said.get("encoder")
        its_encoder = its_encoder if isinstance(its_encoder, str) else None
        if model not in (None, its_model):
            raise UsageError(f"--model {model}: {path} holds {its_model}; leave --model out")
        if encoder not in (None, its_encoder):
            raise UsageError(f"--encoder {encoder}: {path} holds {its_encoder}; leave it out")
        return its_model, its_encoder
    if model is None:
        raise UsageError(
            f"--checkpoint {path}: does not say what network it is of; name it with --model "
            f"({', '.join(names)}), and --encoder where it is not the usual one"
        )
    return model, encoder or config.ENCODERS.get(model)


def _said(content: Mapping[Any, Any]) -> Mapping[str, Any]:
    said = content.get("config")
    return said if isinstance(said, Mapping) else {}
