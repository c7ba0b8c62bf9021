"""timm's way in, whether torchvision fits the installed torch or not.

timm imports torchvision, and torchvision registers shape functions for operators of its compiled
library as it is imported. Built for another torch (the CPU one, most often), that library does not
load, and the import ends with "operator torchvision::nms does not exist". timm's encoders use no
such operator. So :func:`import_timm` tries the import as it is, and only where it fails in just
this way declares the missing operators, by schema alone, and imports again. torchvision's own
functions then still say that its operators could not be loaded; a torchvision that fits is never
touched.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
import threading
from pathlib import Path
from types import ModuleType

from fwi.errors import DependencyError

_MISSING = re.compile(r"operator torchvision::(\w+) does not exist")
_REGISTERED = re.compile(r"""register_fake\(\s*["']torchvision::(\w+)["']""")
# nms and qnms in truth; for any other it only has to exist, since torchvision refuses to call it.
_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"

_lock = threading.Lock()


def import_timm() -> ModuleType:
    """timm, imported; safe to call again and from several threads.

    Raises:
        DependencyError: timm or torchvision is not installed, or torchvision fits so badly that
            declaring its operators does not help.
        Exception: whatever else timm or torchvision raises while imported, unchanged.
    """
    with _lock:
        _import("torchvision")
        return _import("timm")


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise DependencyError(
            f"{name} is not installed, and timm's encoders need it: "
            f"pip install {name}, in the version that goes with the installed torch"
        ) from error
    except RuntimeError as error:
        missing = _MISSING.search(str(error))
        if name != "torchvision" or missing is None:
            raise
        return _import_with_declared_operators(missing[1], error)


def _import_with_declared_operators(first: str, error: RuntimeError) -> ModuleType:
    import torch

    # All at once: shape functions that a failed import has registered cannot be registered twice.
    for operator in sorted({first, *_registered_operators()}):
        if not _exists(operator):
            torch.library.define(f"torchvision::{operator}", _SCHEMA)
    # Half-imported modules stay behind a failed import and would be taken for whole ones.
    for name in ("torchvision", "timm"):
        _forget(name)
    try:
        return importlib.import_module("torchvision")
    except RuntimeError as again:
        if _MISSING.search(str(again)) is None:
            raise
        raise DependencyError(
            f"torchvision does not fit torch {torch.__version__} ({error}; then {again}): "
            "install the torchvision that was built for this torch"
        ) from again


def _registered_operators() -> set[str]:
    """Operators that torchvision's own source registers a shape function for on import."""
    spec = importlib.util.find_spec("torchvision")
    folders = spec.submodule_search_locations if spec is not None else None
    return {
        operator
        for folder in folders or ()
        for source in Path(folder).glob("_*registrations.py")
        for operator in _REGISTERED.findall(source.read_text(encoding="utf-8"))
    }


def _exists(operator: str) -> bool:
    import torch

    return hasattr(torch.ops.torchvision, operator)


def _forget(package: str) -> None:
    for name in [n for n in sys.modules if n == package or n.startswith(package + ".")]:
        del sys.modules[name]
