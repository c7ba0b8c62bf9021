"""The decisions of profiles, as tables of situations: nothing runs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fwi import config
from runner.options import Supervision
from runner.outcomes import Outcome
from runner.prediction import Span
from runner.profiling import difference, eta, gate, predicting, running, store
from runner.profiling.configuration import MOST, Configuration, Matrix, parse
from runner.profiling.gate import Baseline, Held
from runner.profiling.host_prediction import predict_host
from runner.profiling.row import SKIPPED, Predicted, Row, row_of
from runner.profiling.store import NoProfile
from runner.where import Room, Where
from tests.runner import profiled

ONE = parse("specproj/fp32/train/b4/w2")
DESCRIPTION = {"device": "cpu", "steps": 3, "warmup": 1}
MATRIX = Matrix(("specproj", "hgnet"), (4, 1, 4), ("bf16", "fp32"), ("train",), (2, 0))


@pytest.mark.parametrize(
    "key",
    [
        "specproj/fp32/train/b4/w2",
        "specproj-original/bf16/infer/b16/w0/recompute",
        f"specproj/fp32/train/b{MOST}/w{MOST}",
    ],
)
def test_configuration_is_read_as_it_is_written(key: str) -> None:
    assert parse(key).key == key
    assert parse(parse(key).step_key).workers == 0


@pytest.mark.parametrize(
    "key", ["", "specproj", "specproj/fp32/train", "other/fp32/train/b1", "specproj/fp64/train/b1",
            "specproj/fp32/train/b0", "specproj/fp32/train/b1/w0/../../x",
            f"specproj/fp32/train/b{MOST + 1}"],
)  # fmt: skip
def test_what_is_no_configuration_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="expected a configuration like"):
        parse(key)


def test_matrix_is_every_combination_once_small_batches_first() -> None:
    found = MATRIX.configurations()
    assert len(found) == len(set(found)) == 2 * 2 * 2 * 2
    assert [one.key for one in found[:4]] == [
        "specproj/bf16/train/b1/w0", "specproj/bf16/train/b1/w2",
        "specproj/bf16/train/b4/w0", "specproj/bf16/train/b4/w2",
    ]  # fmt: skip
    assert Matrix.of(json.loads(json.dumps(MATRIX.as_dict()))).configurations() == found


@pytest.mark.parametrize(
    "row",
    [
        profiled.row("specproj/fp32/train/b1/w0"),
        Row(ONE, SKIPPED, "fp16 on a CPU", predicted=Predicted(1, (1, 2, 3))),
        Row(ONE, "oom.host.limit", "it held 3 GiB", run="r", seconds=3.5),
    ],
    ids=["measured", "skipped", "failed"],
)
def test_row_survives_being_written(row: Row) -> None:
    assert row_of(json.loads(json.dumps(row.as_dict()))) == row


def test_profile_goes_on_with_the_rows_that_are_missing_broken_or_interrupted(
    tmp_path: Path,
) -> None:
    profile = store.begin(tmp_path, MATRIX, DESCRIPTION)
    first, second, third, *_ = MATRIX.configurations()
    for one, outcome in ((first, "ok"), (second, Outcome.INTERRUPTED.value), (third, "timeout")):
        profile.keep(profiled.row(one.key) if outcome == "ok" else Row(one, outcome, "because"))
    (profile.folder / "rows" / third.file_name).write_text('{"schema": 1, "configur')
    again = store.find(tmp_path, "last")
    assert again.id == profile.id
    assert [row.configuration for row in again.rows() if row.is_done] == [first]
    assert store.is_profile(tmp_path, profile.id)


@pytest.mark.parametrize(
    "name", ["last", "20260101-000000-profile-0000", "../..", "nothing", "a" * 300, "a\0"]
)
def test_profile_that_is_not_there_is_said(tmp_path: Path, name: str) -> None:
    with pytest.raises(NoProfile, match="no profile"):
        store.find(tmp_path / "runs", name)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("steps", None, "steps None: expected a whole number from 1"),
        ("steps", 0, "steps 0: expected"),
        ("steps", "3", "steps '3': expected"),
        ("warmup", True, "warmup True: expected a whole number from 0"),
        ("warmup", -1, "warmup -1: expected"),
        ("matrix", None, "NoneType"),
        ("machine", "x", "its machine is damaged at the whole of it"),
        ("machine", {"packages": [1]}, "its machine is damaged at packages"),
    ],
)
def test_description_that_cannot_be_gone_on_with_is_said(
    name: str, value: Any, words: str, tmp_path: Path
) -> None:
    profile = store.begin(tmp_path, MATRIX, DESCRIPTION)
    file = profile.folder / "profile.json"
    found = json.loads(file.read_text()) | {name: value}
    file.write_text(json.dumps({k: v for k, v in found.items() if v is not None or k == "matrix"}))
    with pytest.raises(NoProfile, match="is not what profile writes there") as error:
        store.find(tmp_path, "last")
    assert words in str(error.value)
    assert str(file) in str(error.value)


@pytest.mark.parametrize(
    ("place", "where"),
    [
        (("why",), "why"),
        (("predicted", "total"), "predicted.total"),
        (("measured", "samples_per_s"), "measured.samples_per_s"),
        (("measured", "tensors"), "measured.tensors"),
        *((("measured", "tensors", "steady", f"by_{name}"), f"measured.tensors.steady.by_{name}")
          for name in ("kind", "module", "phase")),
    ],
)  # fmt: skip
@pytest.mark.parametrize("odd", ["x", [5], {"a": "b"}, ...])
def test_row_that_lacks_a_part_or_has_it_in_another_form_is_none(
    place: tuple[str, ...], where: str, odd: Any, tmp_path: Path
) -> None:
    profile = store.begin(tmp_path, MATRIX, DESCRIPTION)
    one = MATRIX.configurations()[0]
    found = json.loads(json.dumps(profiled.row(one.key).as_dict()))
    inside = found
    for name in place[:-1]:
        inside = inside[name]
    if odd is ...:
        del inside[place[-1]]
    elif place == ("why",):
        inside["why"] = 5
    else:
        inside[place[-1]] = odd
    with pytest.raises(ValueError, match=f"it is no row: damaged at {where}"):
        row_of(found)
    (profile.folder / "rows" / one.file_name).write_text(json.dumps(found))
    assert profile.rows() == []


def test_rate_that_is_not_known_leaves_the_row_measured() -> None:
    found = profiled.row(ONE.key).as_dict()
    row = row_of({**found, "measured": {**found["measured"], "samples_per_s": None}})
    assert row.is_measured
    assert row.samples_per_s is None
    assert difference.between(row, row).samples_per_s is None


def test_files_that_are_nested_without_end_are_said(tmp_path: Path) -> None:
    profile = store.begin(tmp_path, MATRIX, DESCRIPTION)
    (profile.folder / "rows" / MATRIX.configurations()[0].file_name).write_text("[" * 100_000)
    assert profile.rows() == []
    (profile.folder / "profile.json").write_text("[" * 100_000)
    with pytest.raises(NoProfile, match="is not what profile writes there"):
        store.find(tmp_path, "last")


BEFORE_IT = running.How(Where("cpu"), Room(150, "--max-host-memory 150"), Supervision(), 3, 1)
LARGER = replace(BEFORE_IT, room=Room(300, "--max-host-memory 300"))


@pytest.mark.parametrize(
    ("dtype", "likely", "now", "is_left"),
    [
        ("fp32", 200, BEFORE_IT, False),
        ("fp32", 200, LARGER, True),
        ("fp32", 200, replace(BEFORE_IT, run_too_large=True), True),
        # Its row is to tell the room that there is now.
        ("fp32", 400, LARGER, True),
        ("fp16", 200, BEFORE_IT, False),
        ("fp16", 200, replace(LARGER, run_too_large=True), False),
    ],
)
def test_row_that_was_not_run_is_judged_again_where_its_reason_holds_no_longer(
    dtype: config.Precision, likely: int, now: running.How, is_left: bool, tmp_path: Path
) -> None:
    profile = store.begin(
        tmp_path, Matrix(("specproj",), (1, 2, 4), (dtype,), ("train",)), DESCRIPTION
    )
    skipped, measured, missing = profile.matrix.configurations()
    predicted = Predicted(1, (1, likely, 999))
    why = BEFORE_IT.why_not(skipped, predicted)
    assert why
    profile.keep(Row(skipped, SKIPPED, why, predicted=predicted))
    profile.keep(profiled.row(measured.key))
    assert running.left(profile, now) == [*([skipped] if is_left else []), missing]


def test_time_left_is_told_by_the_likest_row_and_grows_with_the_batch() -> None:
    small, large = parse("hgnet/fp32/train/b1"), parse("hgnet/fp32/train/b4")
    other = parse("specproj/fp32/train/b4")
    assert eta.seconds_left({}, [large]) is None
    assert eta.seconds_left({small: 10.0, other: 99.0}, [large, large]) == 80.0
    assert eta.seconds_left({large: 10.0}, [small]) == 10.0


@pytest.mark.parametrize(
    ("key", "likely", "where", "words"),
    [
        ("specproj/fp32/train/b1", 900, Where("cpu"), ""),
        ("specproj/fp32/train/b1", 1001, Where("cpu"), "predicted not to fit"),
        ("specproj/fp16/train/b1", 9, Where("cpu"), "fp16 on a CPU is emulated"),
        ("specproj/fp16/train/b1", 9, Where("cuda:0"), ""),
    ],
)
def test_what_is_not_worth_a_run_says_why(key: str, likely: int, where: Where, words: str) -> None:
    predicted = Predicted(1, (1, likely, 2000))
    said = predicting.why_not(parse(key), predicted, where, Room(1000, "--max-host-memory 1000"))
    assert said.startswith(words)
    assert bool(said) is bool(words)


def test_host_prediction_adds_libraries_tensors_and_workers() -> None:
    def footprint(tensors: int) -> dict[str, Any]:
        step = {"bytes": tensors, "by_kind": {"inputs": 10 << 20}}
        return {"first": step, "steady": step, "base": 200 << 20}

    alone, more = predict_host(footprint(1 << 30), 0), predict_host(footprint(1 << 30), 2)
    assert alone.least < (200 << 20) + (1 << 30) < alone.likely < alone.most
    assert more.likely - alone.likely >= 2 * 2 * (10 << 20)
    assert predict_host(footprint(2 << 30), 0).likely - alone.likely >= 1 << 30


BEFORE = {"": 100, "a": 60, "a.x": 50, "a.y": 10, "b": 30}
AFTER = {"": 130, "a": 20, "a.x": 10, "a.y": 10, "b": 30, "c": 75, "c.z.deep": 70}


def test_modules_add_up_to_the_difference_the_largest_first() -> None:
    found = difference.by_module(BEFORE, AFTER)
    assert sum(one.bytes for one in found) == 30
    assert [(one.name, one.bytes) for one in found] == [
        ("c.z.deep", 70), ("a.x", -40), ("c, itself", 5), (difference.OUTSIDE, -5),
    ]  # fmt: skip


def test_modules_of_equal_size_that_moved_are_found() -> None:
    found = difference.by_module({"": 50, "a": 50}, {"": 50, "b": 50})
    assert {one.name: one.bytes for one in found} == {"a": -50, "b": 50}


def test_difference_of_two_rows_adds_up_by_class_too() -> None:
    one = profiled.row("specproj-original/fp32/train/b1/w0", scale=3)
    other = profiled.row("specproj/fp32/train/b1/w0")
    found = difference.between(one, other)
    assert sum(change.bytes for change in found.by_kind) == found.tensors.bytes < 0
    assert found.by_kind[0].name == "activations"
    assert difference.between(one, one).by_kind == ()


@pytest.mark.parametrize(
    ("now", "tolerance", "grown", "shrunk"),
    [
        (1020, None, False, False),
        (1021, None, True, False),
        (1021, 0.05, False, False),
        (979, None, False, True),
        (1001, 0.0, True, False),
    ],
)
def test_gate_lets_bytes_grow_by_the_tolerance(
    now: int, tolerance: float | None, grown: bool, shrunk: bool
) -> None:
    step = parse("specproj/fp32/train/b4")
    baseline = Baseline({step: Held(predicted=1000)})
    [verdict] = gate.compare(baseline, {step: Held(now, 5000)}, tolerance)
    assert (verdict.has_grown, verdict.has_shrunk) == (grown, shrunk)


def test_gate_holds_measured_bytes_where_it_has_them() -> None:
    step = parse("specproj/fp32/train/b4")
    baseline = gate.read(gate.write(Baseline({step: Held(1000, 1000)}, 0.1)))
    found = gate.compare(baseline, {step: Held(1000, 1200)})
    assert [(one.what, one.has_grown) for one in found] == [
        ("predicted", False),
        ("measured", True),
    ]


@pytest.mark.parametrize(
    ("of", "failed"),
    [
        (Held(1000), []),
        (Held(1000, unmeasured="not measured: oom.host.killed"), ["not measured: oom.host.killed"]),
        (Held(1000, unmeasured="not in the profile"), ["not in the profile"]),
        (Held(1000, 1000), []),
    ],
)
def test_measured_baseline_that_a_profile_does_not_answer_closes_the_gate(
    of: Held, failed: list[str]
) -> None:
    step = parse("specproj/fp32/train/b4")
    found = gate.compare(Baseline({step: Held(1000, 1000)}), {step: of})
    assert [one.why_not for one in found if one.has_failed] == failed
    assert not any(one.has_grown or one.has_shrunk for one in found)
    assert gate.compare(Baseline({step: Held(1000)}), {step: of})[0].what == "predicted"


@pytest.mark.parametrize(
    ("now", "tolerance", "expected"),
    [
        (Held(1100), None, Baseline({ONE: Held(1100, 900)}, 0.1)),
        (Held(1100, 950), None, Baseline({ONE: Held(1100, 950)}, 0.1)),
        (Held(1100, unmeasured="not in the profile"), 0.5, Baseline({ONE: Held(1100, 900)}, 0.5)),
    ],
)
def test_baseline_that_is_renewed_keeps_what_is_not_known_anew(
    now: Held, tolerance: float | None, expected: Baseline
) -> None:
    assert gate.renewed(Baseline({ONE: Held(1000, 900)}, 0.1), {ONE: now}, tolerance) == expected
    assert gate.renewed(None, {ONE: Held(7)}, None) == Baseline({ONE: Held(7)}, gate.TOLERANCE)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "Expecting"),
        ("[]", "no baseline"),
        ('{"schema": 2}', "schema 2"),
        ('{"schema": 1, "tolerance": 7, "configurations": {}}', "tolerance 7.0"),
        ('{"schema": 1, "tolerance": 0.02, "configurations": {}}', "no configuration"),
        ('{"schema": 1, "tolerance": 0.02, "configurations": {"x": {}}}', "'x': expected"),
        (
            '{"schema": 1, "tolerance": 0.02, "configurations": '
            '{"specproj/fp32/train/b1": {"predicted": 0}}}',
            "specproj/fp32/train/b1: predicted 0: expected bytes",
        ),
        (
            '{"schema": 1, "tolerance": 0.02, "configurations": '
            '{"specproj/fp32/train/b1": {"predicted_bytes": 5}}}',
            "specproj/fp32/train/b1: unknown key 'predicted_bytes': expected some of predicted",
        ),
        (
            '{"schema": 1, "tolerance": 0.02, "configurations": {"specproj/fp32/train/b1": {}}}',
            "specproj/fp32/train/b1: {}: expected predicted or measured bytes, or both",
        ),
        (
            '{"schema": 1, "tolerance": 0.02, "configurations": {"specproj/fp32/train/b1": 5}}',
            "specproj/fp32/train/b1: 5: expected predicted or measured bytes",
        ),
        (
            '{"schema": 1, "tolerance": 0.02, "configurations": {"specproj/fp32/train/b1/w0": '
            '{"predicted": 5}, "specproj/fp32/train/b1/w2": {"predicted": 6}}}',
            "a configuration twice",
        ),
        ("[" * 100_000, "nested too deeply"),
        (
            '{"schema": 1, "tolerance": 0.02, "configurations": '
            '{"specproj-original/fp32/train/b1/recompute": {"predicted": 5}}}',
            "specproj-original/fp32/train/b1/recompute: expected recompute with a model of",
        ),
        (f'{{"schema": 1, "tolerance": {10**400}, "configurations": {{}}}}', "OverflowError"),
        (
            '{"schema": 1, "tolerance": 0.02, "configurations": '
            f'{{"specproj/fp32/train/b1": {{"predicted": {10**400}}}}}}}',
            "expected bytes, a whole number from 1",
        ),
        (
            '{"schema": 1, "tolerance": 0.02, "allowed": 1, "configurations": {}}',
            "unknown key 'allowed'",
        ),
    ],
)
def test_file_that_is_no_baseline_says_what_is_wrong(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        gate.read(text)


def test_spans_of_a_row_are_those_of_the_prediction() -> None:
    where = Where("cpu")
    step = {"bytes": 1 << 20, "by_kind": {"inputs": 1}}
    found = predicting.predict(
        Configuration("specproj", "fp32", "infer", 1),
        {"first": step, "steady": step, "base": 1 << 20},
        where,
    )
    assert Span(*found.total) == predict_host({"first": step, "steady": step, "base": 1 << 20}, 0)
