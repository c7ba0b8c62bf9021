"""The evaluate job, from checkpoint and files to the folder it leaves."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fwi import families
from fwi.config import Evaluate
from fwi.dataset import Samples
from fwi.errors import DataError, JobError, NonFiniteError, UsageError
from fwi.interruption import Interruption
from fwi.judging import subject
from fwi.judging.job import evaluate
from fwi.judging.judge import Judged, judge
from fwi.judging.misfit import FLOAT16_FLOOR
from fwi.judging.predictor import Predictor
from fwi.models import build
from fwi.splits import split

pytestmark = pytest.mark.usefixtures("one_thread")

REAL = Path(__file__).resolve().parents[4] / "shared" / "data" / "000039dca2.npy"
NETWORK = {"model": "hgnet", "encoder": "hgnetv2_b0"}
PNG = b"\x89PNG\r\n"


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    torch.manual_seed(1)
    return build("hgnet", encoder="hgnetv2_b0").eval()


@pytest.fixture(scope="module")
def checkpoint(
    data: Path, network: torch.nn.Module, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """As a training on the data leaves it, with a split of its own."""
    said = {"data": str(data), "families": [], "split": "auto", "validation_fraction": 0.25,
            "seed": 3}  # fmt: skip
    path = tmp_path_factory.mktemp("run") / "best.pt"
    torch.save({"config": NETWORK | said, "model": network.state_dict()}, path)
    return path


def judged(out: Path, *checkpoints: Path, **options: Any) -> dict[str, Any]:
    job = Evaluate(checkpoint=tuple(map(str, checkpoints)), out=out, workers=0, device="cpu")
    evaluate(dataclasses.replace(job, **options))
    content: dict[str, Any] = json.loads((out / "evaluation.json").read_text())
    return content


def undrawn(*checkpoints: Path, **options: Any) -> Judged:
    """The same without page and figures."""
    job = Evaluate(checkpoint=tuple(map(str, checkpoints)), workers=0, device="cpu")
    job = dataclasses.replace(job, **options)
    predictor = Predictor(job)
    with Interruption() as interruption:
        return judge(job, subject.find(job, predictor.networks), predictor, interruption)


@pytest.fixture(scope="module")
def whole(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an evaluation with everything."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("judged") / "out"
    judged(out, checkpoint, misfit=True, batch_size=3)
    torch.set_num_threads(threads)
    return out


def test_numbers_are_those_of_the_networks_own_predictions(
    whole: Path, data: Path, network: torch.nn.Module
) -> None:
    content = json.loads((whole / "evaluation.json").read_text())
    held_out = split(families.index(data), "auto", 0.25, 3).validation
    samples = Samples(held_out)
    errors = {}
    for position in range(len(samples)):
        cube, velocity = samples[position]
        with torch.no_grad():
            predicted = network(cube[None])[0].clamp(1500, 4500)
        errors[position] = (predicted - velocity).double().numpy()
    stacked = np.stack(list(errors.values()))
    overall = content["overall"]
    assert overall["samples"] == len(samples) == 4
    assert overall["mae"] == pytest.approx(np.abs(stacked).mean(), rel=1e-5)
    assert overall["rmse"] == pytest.approx(np.sqrt((stacked**2).mean()), rel=1e-5)
    assert overall["mae_odd"] == pytest.approx(np.abs(stacked[..., 1::2]).mean(), rel=1e-5)
    assert content["split"] == "validation, split random (0.25, seed 3)"
    order = sorted(errors, key=lambda n: -np.abs(errors[n]).mean())
    names = [
        f"{held_out.path(file).relative_to(data)}[{number}]"
        for file, number in map(held_out.locate, order)
    ]
    assert [one["name"] for one in content["worst"]] == names
    of_family = held_out.families_of(np.arange(4)) == 1
    assert content["depth"]["FlatFault_A"] == pytest.approx(
        np.abs(stacked[of_family]).mean((0, 1, 3)), rel=1e-5
    )


def test_misfit_stands_beside_the_errors_and_the_floor_was_measured(whole: Path) -> None:
    content = json.loads((whole / "evaluation.json").read_text())
    assert content["misfit"]["true_maps"] == pytest.approx(FLOAT16_FLOOR, rel=0.1)
    assert content["overall"]["misfit"] > 100 * FLOAT16_FLOOR
    assert -1 <= content["misfit"]["correlation_with_mae"]["pearson"] <= 1
    assert set(content["families"]) == {"FlatVel_A", "FlatFault_A"}
    assert all("misfit_late" in row for row in content["families"].values())


def test_page_holds_every_figure_and_so_does_the_folder(whole: Path) -> None:
    names = {path.name for path in (whole / "figures").iterdir()}
    assert names == {
        "errors.png", "depth.png", "misfit.png", "typical-FlatVel_A.png",
        "typical-FlatFault_A.png", *(f"worst-0{n}.png" for n in range(1, 5)),
    }  # fmt: skip
    assert all((whole / "figures" / name).read_bytes().startswith(PNG) for name in names)
    text = (whole / "evaluation.html").read_text()
    assert text.count("data:image/png;base64,") == len(names)
    assert "http:" not in text.replace("http-equiv", "")
    shown = (whole / "evaluation.md").read_text()
    assert all(f"(figures/{name})" in shown for name in names)


def test_second_evaluation_leaves_no_figure_of_the_first(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "worst-09.png").write_text("of another")
    (tmp_path / "figures" / "mine.png").write_text("the user's")
    content = judged(tmp_path, checkpoint, part="all", samples=1, families=("FlatVel_A",))
    assert content["overall"]["samples"] == 1
    assert content["misfit"] is None
    names = {path.name for path in (tmp_path / "figures").iterdir()}
    assert names == {
        "errors.png", "depth.png", "typical-FlatVel_A.png", "worst-01.png", "mine.png"
    }  # fmt: skip
    said = capsys.readouterr().out
    assert f"{content['overall']['mae']:.1f}" in said
    assert "SSIM: 11×11" in said


def test_several_networks_are_judged_as_one(
    checkpoint: Path, network: torch.nn.Module, data: Path, tmp_path: Path
) -> None:
    shifted = {key: value * 1.5 for key, value in network.state_dict().items()}
    torch.save({"config": NETWORK | {"data": str(data)}, "model": shifted}, tmp_path / "b.pt")
    three = (checkpoint, checkpoint, tmp_path / "b.pt")
    options: dict[str, Any] = {"clip": False, "samples": 2, "part": "train", "seed": 3}
    alone = undrawn(checkpoint, **options).overall["mae"]
    assert undrawn(*three, **options).overall["mae"] == pytest.approx(alone, rel=1e-9)
    mean = undrawn(*three, combine="mean", **options).overall["mae"]
    assert mean != pytest.approx(alone, rel=1e-9), "two of three agree, and the mean hears all"


def test_result_does_not_depend_on_the_batch_nor_on_loader_processes(checkpoint: Path) -> None:
    one = undrawn(checkpoint, batch_size=1)
    other = undrawn(checkpoint, batch_size=3, workers=1)
    assert one.overall.as_dict() == pytest.approx(other.overall.as_dict(), rel=1e-5)
    assert [w.position for w in one.worst] == [w.position for w in other.worst]


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def test_names_of_anybody_stay_text_in_page_figures_and_terminal(
    checkpoint: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hostile = "<img src=x onerror=alert(1)>`[x](y) $\\frac{ \x1b[31m\n\u202e|"
    folder = tmp_path / hostile / "test"
    folder.mkdir(parents=True)
    record = np.load(next(data.glob("FlatVel_A/data/*.npy")), allow_pickle=False)[0]
    np.save(folder / f"{hostile}.npy", record)
    content = judged(tmp_path / "out", checkpoint, part="test", data=folder.parent, misfit=True)
    assert content["overall"].keys() == {
        "samples", "misfit", "misfit_early", "misfit_middle", "misfit_late"
    }  # fmt: skip
    text = (tmp_path / "out" / "evaluation.html").read_text()
    tags = Tags()
    tags.feed(text)
    images = [attributes for tag, attributes in tags.seen if tag == "img"]
    assert images
    assert all(str(one["src"]).startswith("data:image/png") for one in images)
    assert not any(name.startswith("on") for _, attributes in tags.seen for name in attributes)
    assert "script" not in {tag for tag, _ in tags.seen}
    for shown in (text, (tmp_path / "out" / "evaluation.md").read_text(), capsys.readouterr().out):
        assert "\x1b" not in shown
        assert "\u202e" not in shown
    markdown = (tmp_path / "out" / "evaluation.md").read_text()
    assert "\\<img" in markdown
    assert not re.search(r"(?<!\\)[<>`]", markdown)


@pytest.mark.skipif(not REAL.exists(), reason=f"the real record is not there: {REAL}")
def test_real_record_is_judged_by_its_misfit(checkpoint: Path, tmp_path: Path) -> None:
    shutil.copy(REAL, tmp_path)
    content = judged(tmp_path / "out", checkpoint, part="test", data=tmp_path, misfit=True)
    [worst] = content["worst"]
    assert worst["name"] == REAL.stem
    # A network that has learned nothing is wrong by about the record itself.
    assert 0.1 < worst["misfit"] < 3
    assert (tmp_path / "out" / "figures" / "worst-01.png").read_bytes().startswith(PNG)


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"model": "hgnet"}, UsageError, "do not say what they were trained on"),
        ({"encoder": None}, UsageError, "name it with --model"),
        ({"model": "hgnet", "encoder": None}, DataError, "is it of another --model"),
        ({"checkpoint": ("/no/such.pt",)}, UsageError, "--checkpoint /no/such.pt: no such file"),
        ({"out": Path("/dev/null/out")}, UsageError, "--out /dev/null/out cannot be written to"),
    ],
)
def test_what_cannot_be_judged_is_said_before_anything_is(
    network: torch.nn.Module, tmp_path: Path, options: dict[str, Any], kind: type[JobError],
    words: str,
) -> None:  # fmt: skip
    torch.save(network.state_dict(), tmp_path / "bare.pt")
    job = Evaluate(
        checkpoint=(str(tmp_path / "bare.pt"),), encoder="hgnetv2_b0", device="cpu", workers=0,
        out=tmp_path / "out",
    )  # fmt: skip
    with pytest.raises(kind, match=words):
        evaluate(dataclasses.replace(job, **options))


def test_prediction_that_is_not_finite_names_its_network(
    network: torch.nn.Module, data: Path, tmp_path: Path
) -> None:
    weights = {key: value * float("nan") for key, value in network.state_dict().items()}
    path = tmp_path / "broken.pt"
    torch.save({"config": NETWORK | {"data": str(data)}, "model": weights}, path)
    with pytest.raises(NonFiniteError, match=r"broken\.pt: a prediction is not finite in fp32"):
        undrawn(path)


def test_record_that_is_not_finite_is_named_and_not_the_network(
    checkpoint: Path, data: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "data"
    shutil.copytree(data, broken)
    path = sorted(broken.rglob("seis*.npy") or broken.rglob("data*.npy"))[0]
    cubes = np.load(path)
    cubes[0, 2, 500, 30] = np.nan
    np.save(path, cubes)
    with pytest.raises(DataError, match=rf"{path.name}\[0\]: the record holds values"):
        undrawn(checkpoint, data=broken, part="all")


def test_reduced_records_have_no_misfit(checkpoint: Path, data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "small" / "FlatVel_A"
    folder.mkdir(parents=True)
    np.save(folder / "data1.npy", np.ones((2, 5, 72, 72), np.float16))
    np.save(folder / "model1.npy", np.full((2, 1, 70, 70), 2000, np.float32))
    assert undrawn(checkpoint, data=folder.parent, part="all").overall.samples == 2
    with pytest.raises(DataError, match="--misfit compares with the record at full length"):
        undrawn(checkpoint, data=folder.parent, part="all", misfit=True)


def test_clipped_predictions_stay_in_the_range_of_the_families(checkpoint: Path) -> None:
    cubes = torch.randn(2, 5, 72, 72, generator=torch.Generator().manual_seed(1)) * 1e4
    job = Evaluate(checkpoint=(str(checkpoint),), device="cpu")
    wild = Predictor(dataclasses.replace(job, clip=False))(cubes)
    assert wild.min() < 1500 or wild.max() > 4500
    assert torch.equal(Predictor(job)(cubes), wild.clamp(1500, 4500))
