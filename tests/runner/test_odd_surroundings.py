"""A run where the machine gives it little: a line instead of a traceback, and nothing left over."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.runner.conftest import environment

EXEC = '"$0" -m runner exec --json --'
MOUNTS = pytest.mark.skipif(
    not shutil.which("unshare")
    or subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode != 0,
    reason="no mount namespace can be made here",
)


def _run(
    script: str, runs: Path | str, folder: Path, *before: str
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*before, "bash", "-c", script, sys.executable, str(runs)],
        cwd=folder,
        env=environment(Path(runs)) | {"TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=240,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def _result(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_job_whose_working_folder_was_removed_runs(runs: Path, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    done = _run(f'rmdir "$PWD"; {EXEC} echo hi', runs, gone)
    assert (done.returncode, _result(done)["outcome"]) == (0, "ok")
    told = json.loads((runs / _result(done)["run"] / "run.json").read_text())
    assert told["folder"] == f"{gone} (deleted)"


def test_runs_folder_below_a_removed_working_folder_is_refused(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    done = _run(f'rmdir "$PWD"; {EXEC} echo hi', "runs", gone)
    assert (done.returncode, done.stdout) == (2, "")
    words = "--runs-dir runs: the working folder has been removed; name an absolute path"
    assert words in done.stderr


def test_limit_on_the_size_of_files_below_the_recorders_is_named(
    runs: Path, tmp_path: Path
) -> None:
    done = _run(f"ulimit -f 16; {EXEC} echo hi", runs, tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "a file may have 16384 bytes (ulimit -f)" in done.stderr
    assert not list(tmp_path.glob("fwi-run-*"))


def test_job_that_gets_no_descriptors_is_error_fd(runs: Path, tmp_path: Path) -> None:
    done = _run(f"ulimit -n 16; {EXEC} sleep 30", runs, tmp_path)
    result = _result(done)
    assert (done.returncode, result["outcome"]) == (3, "error.fd")
    assert result["evidence"][0] == {"source": "start", "text": "sleep: Too many open files"}


def test_supervisor_that_gets_no_descriptors_says_so(runs: Path, tmp_path: Path) -> None:
    done = _run(f"ulimit -n 10; {EXEC} true", runs, tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    last = done.stderr.splitlines()[-1]
    assert last.endswith("Too many open files; raise the limit (ulimit -n)")


@MOUNTS
@pytest.mark.parametrize("files", [9, 10, 11])
def test_disk_without_room_for_another_file_leaves_nothing_elsewhere(
    runs: Path, tmp_path: Path, files: int
) -> None:
    runs.mkdir()
    mount = f'mount -t tmpfs -o nr_inodes={files} none "$1" && mkdir "$1/runs" &&'
    script = f'{mount} FWI_RUNS_DIR="$1/runs" {EXEC} echo hi'
    done = _run(script, runs, tmp_path, "unshare", "-m")
    if files > 9:
        assert (done.returncode, _result(done)["outcome"]) == (0, "ok"), done.stderr
        assert any("own-stacks.txt: No space left" in one for one in _result(done)["troubles"])
    else:
        assert (done.returncode, done.stdout) == (2, "")
        assert "No space left on device; choose a folder to write to" in done.stderr
    assert not list(tmp_path.glob("fwi-run-*"))


@MOUNTS
def test_ledger_that_a_small_disk_has_no_room_for_is_said_to_have_none(
    runs: Path, tmp_path: Path
) -> None:
    runs.mkdir()
    script = f'mount -t tmpfs -o size=64k none "$1" && {EXEC} true'
    done = _run(script, runs, tmp_path, "unshare", "-m")
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stderr.splitlines() if "is not in the ledger" in line]
    assert said
    assert all("ledger.db: no space left on its disk" in line for line in said)
