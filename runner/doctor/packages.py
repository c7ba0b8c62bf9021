"""Whether the installed libraries fit one another, by their metadata: nothing is imported."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

from runner.doctor.finding import Finding, note, ok, warning

# https://github.com/pytorch/vision#installation: torchvision's minor is torch's plus 15.
_VISION_OFFSET = 15
_KNOWN_MAJOR = 2


@dataclass(frozen=True)
class Facts:
    """Versions as the metadata tell them; None: not installed."""

    torch: str | None
    vision: str | None
    torch_cuda: str | None
    """CUDA version that torch was built for; None: a build without."""
    old_nvml: str | None
    """Version of the distribution ``pynvml``."""
    nvml: str | None
    """Version of ``nvidia-ml-py``."""


def gather() -> Facts:
    return Facts(
        torch=_version("torch"),
        vision=_version("torchvision"),
        torch_cuda=_torch_cuda(),
        old_nvml=_version("pynvml"),
        nvml=_version("nvidia-ml-py"),
    )


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _torch_cuda() -> str | None:
    spec = util.find_spec("torch")
    if spec is None or spec.origin is None:
        return None
    try:
        return cuda_of((Path(spec.origin).parent / "version.py").read_text(errors="replace"))
    except OSError:
        return None


def cuda_of(source: str) -> str | None:
    """The CUDA version in the text of ``torch/version.py``.

    >>> cuda_of("cuda: Optional[str] = '12.4'")
    '12.4'
    """
    match = re.search(r"^cuda\b[^=\n]*=\s*['\"]([0-9.]+)['\"]", source, re.MULTILINE)
    return match[1] if match else None


def vision_for(torch: str) -> str | None:
    """``2.6.0+cu124`` → ``0.21``: the torchvision made for a torch; None where not known."""
    match = re.match(r"(\d+)\.(\d+)", torch)
    if not match or int(match[1]) != _KNOWN_MAJOR:
        return None
    return f"0.{int(match[2]) + _VISION_OFFSET}"


def misfit(torch: str, vision: str) -> str | None:
    """Why the two do not fit; None where they do or nothing is known."""
    wanted = vision_for(torch)
    if wanted is not None and not re.match(rf"{re.escape(wanted)}(\D|$)", vision):
        return f"torch {torch} wants torchvision {wanted}, {vision} is installed"
    builds = [version.partition("+")[2] for version in (torch, vision)]
    if all(builds) and builds[0] != builds[1]:
        return f"torch is built for {builds[0]}, torchvision for {builds[1]}"
    return None


def judge(facts: Facts) -> list[Finding]:
    found = []
    if facts.torch is None:
        found.append(
            note(
                "packages.torch",
                "torch is not installed for this Python",
                "train and the other jobs need it; exec does not",
                "python -m pip install torch",
            )
        )
    elif facts.vision is not None and (why := misfit(facts.torch, facts.vision)):
        build = facts.torch.partition("+")[2]
        index = f" --index-url https://download.pytorch.org/whl/{build}" if build else ""
        wanted = vision_for(facts.torch)
        what = f"torchvision=={wanted}.*" if wanted else "torchvision"
        found.append(
            warning(
                "packages.vision",
                why,
                "importing torchvision, and timm with it, fails (operator torchvision::nms ...)",
                f'python -m pip install --no-deps --force-reinstall "{what}"{index}',
            )
        )
    else:
        vision = f" and torchvision {facts.vision}" if facts.vision else ""
        found.append(ok("packages.torch", f"torch {facts.torch}{vision}"))
    if facts.old_nvml and facts.nvml:
        found.append(
            warning(
                "packages.pynvml",
                f"pynvml {facts.old_nvml} is installed beside nvidia-ml-py {facts.nvml}",
                "both bring a module of the same name; which one is imported is chance",
                "python -m pip uninstall -y pynvml && "
                "python -m pip install --force-reinstall nvidia-ml-py",
            )
        )
    return found
