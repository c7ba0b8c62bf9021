"""timm's weights of an encoder: from its hub, or from a copy of the hub's file."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import torch
from torch import nn

from fwi.errors import DataError, UsageError
from fwi.torchvision_fit import import_timm
from fwi.weights import first_line, read_tensors, shown

_FILES = ("model.safetensors", "pytorch_model.bin")
_REACHABLE_WITHIN = 10.0  # s


def from_hub(name: str, options: dict[str, Any]) -> nn.ModuleDict:
    """The encoder with its weights from the hub's cache on this machine, else from the hub.

    Raises UsageError where timm knows of no weights, DataError where they cannot be had.
    """
    timm = import_timm()
    known = timm.get_pretrained_cfg(name)
    if known is None or not known.hf_hub_id:
        raise UsageError(
            f"--pretrained: timm {timm.__version__} has no weights of {name} on its hub; leave "
            "--pretrained out, or take another --encoder"
        )
    return from_file(name, _fetched(name, known.hf_hub_id), options)


def from_file(name: str, path: Path, options: dict[str, Any]) -> nn.ModuleDict:
    """The encoder with the weights of a local file, ``model.safetensors`` or ``.bin``.

    Raises DataError where it is no such file, or weights of the encoder are not in it.
    """
    timm = import_timm()
    state = read_tensors(path, "--encoder-weights")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        fresh: nn.ModuleDict = timm.create_model(name, pretrained=False, **options)
        torch.manual_seed(0)
        try:
            encoder: nn.ModuleDict = timm.create_model(
                name, pretrained=True, pretrained_cfg_overlay={"state_dict": state}, **options
            )
        except RuntimeError as error:
            raise DataError(
                f"{path}: these are no weights of {name} ({shown(first_line(error))}); expected "
                f"a file from huggingface.co/timm, or another --encoder"
            ) from error
    # timm passes over what a file does not hold; what was drawn twice the same was not in it.
    drawn = dict(fresh.named_parameters())
    absent = [
        key
        for key, value in encoder.named_parameters()
        if value.ndim > 1 and torch.equal(value, drawn[key])
    ]
    if absent:
        raise DataError(
            f"{path}: {len(absent)} weights of {name} are not in this file:\n"
            + "\n".join(f"  missing: {key}" for key in absent)
        )
    return encoder


def _fetched(name: str, repository: str) -> Path:
    import huggingface_hub

    for file in _FILES:
        cached = huggingface_hub.try_to_load_from_cache(repository, file)
        if isinstance(cached, str):
            return Path(cached)
    # The hub's own client would try again for three quarters of a minute before it gives up.
    try:
        _require_reachable(huggingface_hub.constants.ENDPOINT)
        return Path(huggingface_hub.hf_hub_download(repository, _FILES[0]))
    except Exception as error:  # what a network may do to a client has no list
        raise DataError(
            f"--pretrained: the weights of {name} cannot be fetched from "
            f"{huggingface_hub.constants.ENDPOINT}/{repository} ({first_line(error)}); where there "
            f"is no network, copy {_FILES[0]} from that page and give --encoder-weights FILE"
        ) from error


def _require_reachable(endpoint: str) -> None:
    request = urllib.request.Request(endpoint, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=_REACHABLE_WITHIN):
            pass
    except urllib.error.HTTPError as error:
        error.close()  # an answer all the same
