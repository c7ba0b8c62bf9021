"""The flight recorder, written and read across real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from probes import _pulse_layout as layout
from probes import pulse


@pytest.fixture
def recorder(tmp_path: Path) -> Path:
    path = tmp_path / "pulse"
    pulse.create(path)
    return path


def job(recorder: Path | None, source: str, **popen: object) -> subprocess.CompletedProcess[str]:
    """Run ``source`` in a fresh process that may record to ``recorder``."""
    environment = {k: v for k, v in os.environ.items() if k != pulse.ENVIRONMENT}
    if recorder is not None:
        environment[pulse.ENVIRONMENT] = str(recorder)
    return subprocess.run(
        [sys.executable, "-c", "from probes import pulse\n" + textwrap.dedent(source)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )


def test_record_of_a_job_that_never_attached_is_empty(recorder: Path) -> None:
    record = pulse.read(recorder)
    assert record.pid is None
    assert record.pulse.number == 0
    assert record.phases == ()
    assert record.torch_allocated is None
    assert record.failure is None
    assert record.finished_s is None


def test_everything_written_is_read_after_a_sigkill(recorder: Path) -> None:
    result = job(
        recorder,
        """
        import os, signal, time
        assert pulse.attach(rank=3)
        with pulse.phase("forward"):
            time.sleep(0.05)
            with pulse.phase("loss"):
                time.sleep(0.02)
        pulse.beat(step=12, total=400)
        pulse.gauge("mae", 512.5)
        pulse.gauge("mae", 498.25)
        pulse.memory(1, 2, 3, 4)
        pulse.event("epoch 1 done")
        pulse.fail("error.nan", "loss is nan at step 12")
        pulse.finished()
        pulse.phase("backward").__enter__()
        os.kill(os.getpid(), signal.SIGKILL)
        """,
    )
    assert result.returncode == -signal.SIGKILL
    record = pulse.read(recorder)
    assert record.rank == 3
    assert (record.pulse.phase, record.pulse.step, record.pulse.total) == ("backward", 12, 400)
    assert record.gauges == {"mae": 498.25}
    assert [event.text for event in record.events] == ["epoch 1 done"]
    assert (record.torch_allocated, record.torch_peak_reserved) == (1, 4)
    assert record.failure == ("error.nan", "loss is nan at step 12")
    assert record.finished_s is not None
    seconds = {phase.name: phase.seconds for phase in record.phases}
    assert {p.name: p.count for p in record.phases} == {
        "startup": 1,
        "forward": 1,
        "loss": 1,
        "backward": 1,
    }
    # Time is charged to the innermost phase only.
    assert seconds["loss"] >= 0.02
    assert seconds["forward"] >= 0.05


def test_unset_variable_makes_every_call_do_nothing() -> None:
    result = job(
        None,
        """
        assert pulse.attach() is False
        with pulse.phase("forward"):
            pulse.beat(1, 2)
        pulse.gauge("a", 1); pulse.memory(1, 2, 3, 4); pulse.event("x")
        pulse.fail("error.nan", "x"); pulse.finished()
        """,
    )
    assert (result.returncode, result.stderr) == (0, "")


def test_forked_child_does_not_beat_for_its_parent(recorder: Path) -> None:
    result = job(
        recorder,
        """
        import os
        pulse.attach()
        pulse.beat(step=1, total=2)
        child = os.fork()
        if child == 0:
            pulse.beat(step=99, total=99)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        """,
    )
    assert result.returncode == 0, result.stderr
    assert pulse.read(recorder).pulse.step == 1


def test_started_child_does_not_take_the_recorder_of_its_parent(recorder: Path) -> None:
    result = job(
        recorder,
        """
        import subprocess, sys
        pulse.attach()
        pulse.beat(step=1, total=2)
        child = "from probes import pulse; print(pulse.attach()); pulse.beat(5, 5)"
        print(subprocess.check_output([sys.executable, "-c", child], text=True).strip())
        """,
    )
    assert result.stdout.strip() == "False"
    assert pulse.read(recorder).pulse.step == 1


def test_file_that_is_no_recorder_is_left_alone_and_said(tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("keep me")
    result = job(other, "print(pulse.attach()); pulse.beat(1, 2)")
    assert result.returncode == 0
    assert result.stdout.strip() == "False"
    assert "not a flight recorder" in result.stderr
    assert other.read_text() == "keep me"


def test_link_is_not_followed(tmp_path: Path, recorder: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(recorder)
    result = job(link, "print(pulse.attach())")
    assert result.stdout.strip() == "False"
    assert pulse.read(recorder).pid is None


def test_pulse_torn_by_death_leaves_the_one_before_it_whole(recorder: Path) -> None:
    result = job(recorder, "pulse.attach(); pulse.beat(7, 9)")
    assert result.returncode == 0
    raw = bytearray(recorder.read_bytes())
    (number,) = layout.QWORD.unpack_from(raw, layout.COUNTER_AT)
    # A writer that died after the slot and before the counter: the other slot is still the newest.
    layout.PULSE.pack_into(raw, layout.SLOTS_AT[(number + 1) & 1], 1, 1, 8, 9)
    recorder.write_bytes(raw)
    assert pulse.read(recorder).pulse.step == 7


def test_more_phases_and_gauges_than_rows_are_gathered_not_lost_in_error(recorder: Path) -> None:
    result = job(
        recorder,
        """
        pulse.attach()
        for n in range(200):
            with pulse.phase(f"phase {n}"):
                pass
            pulse.gauge(f"gauge {n}", n)
            pulse.event(f"event {n}")
        """,
    )
    assert result.returncode == 0, result.stderr
    record = pulse.read(recorder)
    assert len(record.phases) == layout.PHASES
    assert record.phases[-1].name == "other"
    assert sum(phase.count for phase in record.phases) == 201
    assert len(record.gauges) == layout.GAUGES
    assert [event.text for event in record.events] == [f"event {n}" for n in range(136, 200)]


def test_long_names_are_cut_between_characters(recorder: Path) -> None:
    result = job(recorder, "pulse.attach()\nwith pulse.phase('é' * 40): pass")
    assert result.returncode == 0, result.stderr
    assert pulse.read(recorder).phases[-1].name == "é" * 24


def test_reader_outlives_a_file_that_the_job_cut(recorder: Path) -> None:
    reader = pulse.Reader(recorder)
    os.truncate(recorder, 10)
    assert reader.newest().number == 0
    assert reader.record().pulse.number == 0
    reader.close()


def test_second_recorder_of_the_same_name_is_refused(recorder: Path) -> None:
    with pytest.raises(FileExistsError):
        pulse.create(recorder)


def test_pulses_of_another_thread_do_not_count_until_it_attaches(recorder: Path) -> None:
    result = job(
        recorder,
        """
        import os, pathlib, threading

        def beside(attaches):
            if attaches:
                pulse.attach()
            with pulse.phase("beside"):
                pulse.beat(step=99 if attaches else 98)

        pulse.attach()
        pulse.beat(step=1)
        for attaches in (False, False, True):
            thread = threading.Thread(target=beside, args=[attaches])
            thread.start()
            thread.join()
            print(pulse.read(pathlib.Path(os.environ["FWI_PULSE"])).pulse.step)
        """,
    )
    assert result.stdout.split() == ["1", "1", "99"], result.stderr
    assert result.stderr.count("does not count") == 1
    phases = {phase.name: phase.count for phase in pulse.read(recorder).phases}
    assert phases["beside"] == 1
