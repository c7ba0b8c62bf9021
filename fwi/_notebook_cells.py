"""The text of the notebook's cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fwi._notebook_archive import VENDOR, Archive


@dataclass(frozen=True)
class Cell:
    id: str
    kind: Literal["markdown", "code"]
    text: str
    tags: tuple[str, ...] = ()
    is_folded: bool = False


def cells(archive: Archive) -> list[Cell]:
    """All cells, top to bottom."""
    return [
        Cell("title", "markdown", _TITLE),
        Cell("settings", "code", _SETTINGS, tags=("parameters",)),
        Cell("about-sources", "markdown", _ABOUT_SOURCES),
        Cell("sources", "code", _sources(archive), is_folded=True),
        Cell("libraries", "code", _LIBRARIES),
        Cell("about-doctor", "markdown", _ABOUT_DOCTOR),
        Cell("doctor", "code", _DOCTOR),
        Cell("about-data", "markdown", _ABOUT_DATA),
        Cell("data", "code", _DATA),
        Cell("about-train", "markdown", _ABOUT_TRAIN),
        Cell("train", "code", _TRAIN),
        Cell("report", "code", _REPORT),
        Cell("about-infer", "markdown", _ABOUT_INFER),
        Cell("infer", "code", _INFER),
        Cell("about-submit", "markdown", _ABOUT_SUBMIT),
        Cell("submit", "code", _SUBMIT),
    ]


def _sources(archive: Archive) -> str:
    return _UNPACK.format(
        packed=archive.as_lines(), sha256=archive.sha256, files=archive.files, vendor=VENDOR
    )


_TITLE = """\
# Seismic full-waveform inversion, supervised

Trains a network on OpenFWI or the competition's data, predicts the test records and writes
`submission.csv`. Every job runs in a fresh process under a small supervisor: when it stalls, runs
out of memory or dies, the cell says so and why, nothing is left behind, and the cell can be run
again.

The notebook is complete by itself: the packages `fwi`, `probes` and `runner` are in it, no network
is needed. Run all cells; without data it trains on a small simulated set.
"""

_SETTINGS = """\
DATA = None  # folder to train on; None: the first that is found, else a small simulated set
TEST = None  # folder with <oid>.npy; None: the competition's, where it is found
MODEL = "specproj"  # specproj, hgnet (for 72×72 packs too), convnext, caformer, inversionnet
EPOCHS = 20
BATCH_SIZE = 16
TRAIN = []  # more options of `python -m runner train`, as ["--lr", "0.002", "--workers", "4"]
INFER = []  # and of `python -m runner infer`
"""

_ABOUT_SOURCES = """\
## The packages

The next cell holds the sources, compressed, and unpacks them into `fwi_runner/`, where they can be
read and changed.
"""

_UNPACK = '''\
import base64
import hashlib
import io
import sys
import tarfile
from pathlib import Path

SOURCES = Path("fwi_runner").absolute()  # {files} files
VENDOR = SOURCES / "{vendor}"
PACKED = """
{packed}
"""

content = base64.b64decode(PACKED)
if hashlib.sha256(content).hexdigest() != "{sha256}":
    raise SystemExit("the cell of the sources was changed or cut: export the notebook again")
with tarfile.open(fileobj=io.BytesIO(content), mode="r:xz") as archive:
    archive.extractall(SOURCES, filter="data")
if str(SOURCES) not in sys.path:
    sys.path.insert(0, str(SOURCES))
print(f"{files} files in {{SOURCES}}")
'''

_LIBRARIES = '''\
import importlib.util
import json
import os
import signal
import subprocess


def is_missing(name):
    return importlib.util.find_spec(name) is None


NEEDED = {"torch": "torch", "numpy": "numpy", "numba": "numba", "timm": "timm",
          "psutil": "psutil", "rich": "rich"}
USEFUL = {"plotly": ("plotly", "the report has no page with charts"),
          "pynvml": ("nvidia-ml-py", "the device's memory is not sampled"),
          "py_spy": ("py-spy", "stacks of a stalled job come from faulthandler alone")}

lacking = [library for name, library in NEEDED.items() if is_missing(name)]
if lacking:
    raise SystemExit(f"not installed: {', '.join(lacking)}; pip install {' '.join(lacking)}")
paths = [str(SOURCES)]
if is_missing("tyro"):
    paths.append(str(VENDOR))
    sys.path.append(str(VENDOR))
for name, (library, loss) in USEFUL.items():
    if is_missing(name):
        print(f"{library} is not installed: {loss}; with network: pip install {library}")


def runner(*arguments, may_fail=False):
    """`python -m runner …`; what it says comes below the cell as it is said. The last line."""
    from runner.process_tree import die_with_parent

    here = os.getpid()
    before = [path for path in [os.environ.get("PYTHONPATH")] if path]
    command = [sys.executable, "-m", "runner", *map(str, arguments)]
    print("$ python -m runner", *arguments, flush=True)
    child = subprocess.Popen(
        command,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths + before)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        # An interrupt of the cell is sent on once below; the kernel's end ends the job.
        start_new_session=True,
        preexec_fn=lambda: die_with_parent(here),
    )
    line = ""
    while True:
        try:
            for line in child.stdout:
                if not line.startswith('{"schema"'):
                    print(line, end="", flush=True)
            break
        except KeyboardInterrupt:
            child.send_signal(signal.SIGINT)
    if child.wait() and not may_fail:
        raise SystemExit(f"python -m runner {arguments[0]} ended with status {child.returncode}")
    return line.strip()
'''

_ABOUT_DOCTOR = """\
## Doctor

What would make the next run fail or hang on this machine, before it does.
"""

_DOCTOR = """\
runner("doctor", may_fail=True)
"""

_ABOUT_DATA = """\
## Data

Kaggle's `/kaggle/input`, Colab's `/content` with a mounted drive, or here: `$FWI_DATA`, `data/` and
this folder. A pack made by `python -m runner pack` is data, too.
"""

_DATA = """\
from fwi.surroundings import look_around

around = look_around()
data = DATA if DATA is not None else next(iter(around.data), None)
test = TEST if TEST is not None else around.test
SUBMISSION = around.work / "submission.csv"
print(f"host: {around.host}; results in {around.work}")
print("folders with families:", *(around.data or ["none"]))
print("training on:", data or "a small simulated set")
print("test records:", test or "none found")
"""

_ABOUT_TRAIN = """\
## Train

Interrupt the cell once and the job writes a checkpoint; with `TRAIN = ["--resume", "last"]` it goes
on from there. `--auto` tries again with a setting that fits after an out-of-memory, from the
checkpoint.
"""

_TRAIN = """\
trained = json.loads(
    runner(
        "train",
        *(["--data", data] if data is not None else []),
        *("--model", MODEL, "--epochs", EPOCHS, "--batch-size", BATCH_SIZE),
        *("--watchdog", 600, "--auto", "--json"),
        *TRAIN,
    )
)
run = Path(os.environ.get("FWI_RUNS_DIR") or "runs") / trained["run"]
"""

_REPORT = """\
report = (run / "report.md").read_text()
try:
    from IPython.display import FileLink, Markdown, display
except ImportError:
    print(report)
else:
    display(Markdown(report))
    if (run / "report.html").exists():
        display(FileLink(run / "report.html", result_html_prefix="The page with charts: "))
"""

_ABOUT_INFER = """\
## Infer

Predicts every test record with the best checkpoint. Name more checkpoints, of other runs, to
combine several networks.
"""

_INFER = """\
if test is None:
    print("no test records found: nothing to infer; name their folder in TEST")
else:
    sample = around.sample_submission if TEST is None else None
    runner(
        "infer",
        *("--checkpoint", run / "checkpoints" / "best.pt"),
        *("--data", test, "--out", SUBMISSION),
        *(["--sample-submission", sample] if sample is not None else []),
        *INFER,
    )
"""

_ABOUT_SUBMIT = """\
## Submit

On Kaggle, save a version of the notebook and submit its output `submission.csv`. From elsewhere,
with Kaggle's own command: `kaggle competitions submit -c waveform-inversion -f submission.csv`.
"""

_SUBMIT = """\
if SUBMISSION.exists():
    with open(SUBMISSION) as file:
        header, first = next(file), next(file, "")
        rows = sum(1 for _ in file) + bool(first)
    columns = header.strip().split(",")
    expected = ["oid_ypos", *(f"x_{x}" for x in range(1, 70, 2))]
    if columns != expected or rows == 0 or rows % 70:
        raise SystemExit(
            f"{SUBMISSION}: {rows:,} rows of {len(columns)} columns; expected 70 rows a record, of "
            f"{len(expected)} columns: run the cell above again"
        )
    print(f"{SUBMISSION}: {rows:,} rows, {rows // 70:,} records")
    print(header + first, end="")
else:
    print(f"no {SUBMISSION} yet: it is written by the cell above")
"""
