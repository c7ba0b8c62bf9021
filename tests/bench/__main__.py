"""``python -m tests.bench [--gpu] [NAME …]``: measure every figure, print it beside its target, and
write the page under docs/results/. ``python -m tests.bench faults`` does that for the injected
faults, which take most of an hour; with names, and ``--page``, for those alone.
``python -m tests.bench baselines [--gpu]`` trains the networks side by side, which takes longer and
goes on where it was ended."""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import json
import os
import platform
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from fwi import config
from probes import files
from runner import machine
from tests.bench.figure import Figure

_TOLD = "told.json"
"""Beside a comparison: the command and the machine that it is of."""
RESULTS = Path(__file__).resolve().parents[2] / "docs" / "results"
MODULES = (
    "pulse",
    "supervision",
    "output",
    "many_runs",
    "overhead",
    "failures",
    "simulation",
    "dataset",
    "network",
    "doctor",
    "memory",
    "report",
    "misfit",
    "submission",
    "mirror",
    "packing",
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", help="figures to measure")
    parser.add_argument("--page", help="write the named figures to docs/results/PAGE.md")
    parser.add_argument("--gpu", action="store_true", help="measure on a CUDA device instead")
    parser.add_argument("--rounds", type=int, default=20, help="of the injected faults")
    parser.add_argument("--seed", type=int, default=1, help="of the faults' random order")
    parser.add_argument("--minutes", type=float, help="of training for each of the baselines")
    parser.add_argument("--maps", type=int, help="a family that the baselines train on")
    parser.add_argument("--networks", nargs="+", help="of the baselines, by words of their names")
    parser.add_argument(
        "--same-time", action="store_true", help="of the baselines, not the same samples as well"
    )
    parser.add_argument("--of", type=Path, help="write the page of this folder of the baselines")
    parser.add_argument("--threads", type=int, help="of torch, for the baselines on a CPU")
    asked = parser.parse_args()
    RESULTS.mkdir(parents=True, exist_ok=True)
    if asked.names == ["baselines"]:
        return _measure_baselines(asked)
    if asked.gpu:
        return _measure_gpu()
    if asked.names[:1] == ["faults"]:
        return _measure_faults(asked.names[1:], asked.rounds, asked.seed, asked.page)
    figures = _measure(asked.names or MODULES)
    if asked.page and asked.names:
        page = RESULTS / f"{asked.page}.md"
        command = f"python -m tests.bench {' '.join(asked.names)} --page {asked.page}"
        files.write_text(page, _page(asked.page.capitalize(), command, figures))
    if not asked.names:
        page = RESULTS / "performance.md"
        files.write_text(page, _page("Performance", "make bench", figures))
        print(f"written to {page.relative_to(RESULTS.parents[1])}")
    return 0 if all(figure.met is not False for figure in figures) else 1


def _measure_faults(names: Sequence[str], rounds: int, seed: int, page: str | None) -> int:
    from tests.bench import faults
    from tests.faults.catalogue import CATALOGUE

    chosen = [fault for fault in CATALOGUE if not names or any(n in fault.name for n in names)]
    if not chosen or (names and not page):
        print(
            "no such fault" if not chosen else "some faults alone go to a page of their own: --page"
        )
        return 2
    figure, rows = faults.measure(rounds, seed, chosen, say=lambda text: print(text, flush=True))
    command = f"python -m tests.bench faults --rounds {rounds} --seed {seed}"
    if names:
        command += f" --page {page} " + " ".join(f'"{name}"' for name in names)
    place = RESULTS / f"{page or 'faults'}.md"
    files.write_text(place, faults.page(rows, figure, _machine(), command))
    print(" | ".join(_row(figure)))
    return 0 if figure.met else 1


def _measure_baselines(asked: argparse.Namespace) -> int:
    from tests.bench import baselines
    from tests.bench.baselines_entries import ENTRIES, MEASURED_ALONE, Settings

    if asked.of is not None:
        return _write_baselines(asked.of)
    if asked.gpu and not _cuda_is_there():
        return 2
    # Ended, it ends the run that goes on.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    start = Settings.of_gpu() if asked.gpu else Settings()
    chosen = {k: v for k in ("minutes", "maps", "threads") if (v := getattr(asked, k)) is not None}
    settings = dataclasses.replace(start, **chosen)
    entries = [
        one for one in ENTRIES
        if not asked.networks or any(word in one.name for word in asked.networks)
    ]  # fmt: skip
    options = [f"--{name} {value:g}" for name, value in chosen.items()]
    options += ["--same-time"] if asked.same_time else []
    options += ["--networks", *asked.networks] if asked.networks else []
    words = ["python -m tests.bench baselines", *(["--gpu"] if asked.gpu else []), *options]
    machine_words = _machine()
    if asked.gpu:
        import torch

        name, version = torch.cuda.get_device_name(), torch.version.cuda
        machine_words += f" The device: {name}, torch built for CUDA {version}."
    work = config.cache_dir() / settings.name
    work.mkdir(parents=True, exist_ok=True)
    told = {"command": " ".join(words), "machine": machine_words}
    files.write_text(work / _TOLD, json.dumps(told) + "\n")
    baselines.measure(
        settings,
        lambda text: print(text, flush=True),
        entries,
        alone=() if asked.networks else MEASURED_ALONE,
        kinds=("time",) if asked.same_time else ("time", "samples"),
    )
    return _write_baselines(work)


def _write_baselines(work: Path) -> int:
    from tests.bench import baselines, baselines_page

    found, told = baselines.read(work), json.loads((work / _TOLD).read_text())
    on_gpu = found.settings.device == "cuda"
    place = RESULTS / ("baselines-gpu.md" if on_gpu else "baselines.md")
    files.write_text(place, baselines_page.page(found, told["machine"], told["command"]))
    figures = baselines_page.figures(found)
    for figure in figures:
        print(" | ".join(_row(figure)))
    return 0 if all(figure.met for figure in figures) else 1


def _measure_gpu() -> int:
    import torch

    if not _cuda_is_there():
        return 2
    figures = _measure(("gpu",))
    title = f"GPU: {torch.cuda.get_device_name()}"
    files.write_text(RESULTS / "gpu.md", _page(title, "make bench-gpu", figures))
    return 0


def _cuda_is_there() -> bool:
    import torch

    if not torch.cuda.is_available():
        print("torch sees no CUDA device here: nothing is measured")
    return torch.cuda.is_available()


def _measure(names: Sequence[str]) -> list[Figure]:
    console = Console(width=160)
    found: list[Figure] = []
    for name in names:
        console.print(f"measuring: {name} …")
        new = importlib.import_module(f"tests.bench.{name}").measure()
        table = Table(box=None, pad_edge=False, show_header=False)
        for figure in new:
            table.add_row(*_row(figure))
        console.print(table)
        found += new
    return found


def _row(figure: Figure) -> tuple[str, str, str, str, str]:
    verdict = {True: "met", False: "missed", None: "-"}[figure.met]
    value = f"{figure.value:,.4g}" if abs(figure.value) < 1000 else f"{figure.value:,.0f}"
    return figure.name, f"{value} {figure.unit}".strip(), figure.target, verdict, figure.detail


def _page(title: str, command: str, figures: Sequence[Figure]) -> str:
    lines = [
        f"# {title}",
        "",
        f"Printed by `{command}` on {time.strftime('%Y-%m-%d', time.gmtime())}.",
        "",
        _machine(),
        "",
        "| figure | measured | target | | how |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += ["| " + " | ".join(_row(figure)) + " |" for figure in figures]
    return "\n".join(lines) + "\n"


def _machine() -> str:
    facts = machine.facts()
    packages = ", ".join(f"{k} {v}" for k, v in facts["packages"].items() if v)
    return (
        f"Machine: {_processor()}, {len(os.sched_getaffinity(0))} cores, "
        f"{(facts['memory'] or 0) / 2**30:.0f} GiB, {platform.system()} {platform.release()}; "
        f"Python {facts['python']}, {packages}. A shared virtual machine: absolute times vary from "
        f"run to run, ratios less. A plain loop of a million additions took {_loop_s():.3f} s here."
    )


def _loop_s() -> float:
    """Processor seconds of what every machine can be compared by: the fastest of five."""
    taken = []
    for _ in range(5):
        began, total = time.process_time(), 0
        for number in range(1_000_000):
            total += number
        taken.append(time.process_time() - began)
    return min(taken)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


if __name__ == "__main__":
    raise SystemExit(main())
