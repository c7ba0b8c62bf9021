"""Runs a fault as a user would, under the supervisor or under another tool, and says what is wrong
with what came of it."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from runner.outcomes import Outcome, exit_status
from tests.faults.fault import Fault
from tests.faults.needs import missing

ROOT = Path(__file__).resolve().parents[2]
FAULTS = ROOT / "tests" / "faults"
BOUND_S = 200.0
TIMEOUT_S = 20
"""The fixed time-out of the comparison."""

# Copied once: trials start in threads, and pytest changes the variables of its process at every
# test: execve in a child started with them as they are may find them half moved (EFAULT).
_INHERITED = {k: v for k, v in os.environ.items() if not k.startswith(("FWI_", "PYTEST_"))}

Tool = Literal["runner", "torchrun", "timeout"]


@dataclass(frozen=True)
class Left:
    """What was still there when the tool had ended."""

    processes: tuple[str, ...] = ()
    shm: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    cgroups: tuple[str, ...] = ()

    def __str__(self) -> str:
        found = [
            f"{len(things)} {what}{'s' if len(things) > 1 else ''}"
            for things, what in (
                (self.processes, "process"),
                (self.shm, "shm segment"),
                (self.files, "temporary file"),
                (self.cgroups, "cgroup"),
            )
            if things
        ]
        return ", ".join(found).replace("processs", "processes") or "nothing"


@dataclass(frozen=True)
class Trial:
    """What came of a fault under a tool."""

    refused: str | None = None
    """Why it could not be tried here; everything else is empty then."""
    status: int | None = None
    """Exit status of the tool; None: it had not ended within its bound, and was ended."""
    seconds: float = 0.0
    stdout: str = ""
    stderr: str = ""
    left: Left = Left()
    result: dict[str, Any] | None = None
    outcome: str | None = None

    @property
    def detected_s(self) -> float | None:
        """When the supervisor knew: of the stall or deadline, else of the end of the job."""
        if self.result is None:
            return None
        timing = self.result["timing"]
        seen = timing["detected_s"]
        return float(timing["ended_s"] if seen is None else seen)

    @property
    def last_line(self) -> str:
        """The last line of words that the user saw, of either output."""
        for text in (self.stderr, self.stdout):
            for line in reversed(text.replace("\r", "\n").splitlines()):
                if any(c.isalnum() for c in line):
                    return line.strip()
        return ""


def unmet(fault: Fault) -> str | None:
    """Why the fault cannot be tried here, as far as that is known beforehand."""
    return next((why for need in fault.needs if (why := missing(need))), None)


def job(fault: Fault) -> list[str]:
    """The command that goes wrong."""
    first, *rest = fault.command
    if first == "$":
        rest = [sys.executable if word == "python" else word for word in rest]
        return [word.replace("{faults}", str(FAULTS)).replace("{root}", str(ROOT)) for word in rest]
    return [sys.executable, str(FAULTS / f"{first}.py"), *rest]


def command(fault: Fault, tool: Tool) -> list[str]:
    if tool == "runner":
        words = ["runner", "exec", *fault.options, "--", *job(fault)]
        return [sys.executable, "-m", *words]
    if tool == "timeout":
        return ["timeout", str(TIMEOUT_S), *job(fault)]
    own = ["--standalone", "--nproc-per-node", "1"]
    if fault.command[0] == "$":
        own.append("--no-python")
    return [
        sys.executable, "-m", "torch.distributed.run", *own, *job(fault)[fault.command[0] != "$" :]
    ]  # fmt: skip


def run(fault: Fault, tool: Tool = "runner", bound_s: float = BOUND_S) -> Trial:
    """One trial in a room of its own. Bounded: a tool that never ends is ended."""
    why = unmet(fault)
    if why is not None:
        return Trial(refused=why)
    asked = {
        "command": command(fault, tool),
        "bound_s": bound_s,
        "environment": _environment(fault),
        "room": dataclasses.asdict(fault.room),
        "meanwhile": fault.meanwhile,
        "afterwards": _afterwards(fault, tool),
    }
    # A session of its own: what kills the group of the tests must not kill the one that sweeps.
    with subprocess.Popen(
        [sys.executable, "-m", "tests.faults.warden"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env=_INHERITED,
        start_new_session=True,
    ) as warden:
        assert warden.stdin is not None
        assert warden.stdout is not None
        warden.stdin.write(json.dumps(asked).encode() + b"\n")
        warden.stdin.flush()
        answer = warden.stdout.read()
        warden.stdin.close()
    if warden.returncode:
        raise RuntimeError(f"the warden of {fault.name} failed with status {warden.returncode}")
    return _trial(json.loads(answer))


def _environment(fault: Fault) -> dict[str, str]:
    return _INHERITED | {
        "FWI_RUNS_DIR": "{scratch}/runs",
        "PYTHONPATH": str(ROOT),
        **{name: text.format(faults=FAULTS, root=ROOT) for name, text in fault.environment},
    }


def _afterwards(fault: Fault, tool: Tool) -> list[list[str]]:
    """A killed supervisor's run is found by the next start."""
    if tool != "runner" or fault.outcome != "lost":
        return []
    own = [sys.executable, "-m", "runner"]
    return [[*own, "exec", "--", "true"], [*own, "runs", "--json"]]


def _trial(answer: dict[str, Any]) -> Trial:
    if "refused" in answer:
        return Trial(refused=answer["refused"])
    left = answer["left"]
    result = answer["result"] or _printed_result(answer["stdout"])
    outcome = result["outcome"] if result else None
    stderr = answer["stderr"]
    if answer["afterwards"]:
        listed = json.loads(answer["afterwards"][-1]["out"])
        outcome = min(listed, key=lambda row: row["id"])["outcome"]
        result = None
        stderr += answer["afterwards"][0]["err"]
    return Trial(
        status=answer["status"],
        seconds=answer["seconds"],
        stdout=answer["stdout"],
        stderr=stderr,
        left=Left(
            processes=tuple(each["command"] for each in left["processes"]),
            shm=tuple(left["shm"]),
            files=tuple(left["files"]),
            cgroups=(*left.get("cgroups", ()), *left["groups"]),
        ),
        result=result,
        outcome=outcome,
    )


def _printed_result(stdout: str) -> dict[str, Any] | None:
    """The last line, where ``--json`` was asked for."""
    lines = stdout.splitlines()
    return dict(json.loads(lines[-1])) if lines and lines[-1].startswith('{"schema"') else None


def problems(fault: Fault, trial: Trial) -> list[str]:
    """What is not as it should be; empty: classified, explained, nothing left behind."""
    found = []
    if trial.outcome != fault.outcome:
        found.append(f"outcome {trial.outcome}, expected {fault.outcome}")
    status = fault.status
    if status is None:
        # A supervisor that was killed has the status of its death.
        status = -9 if fault.outcome == "lost" else exit_status(Outcome(fault.outcome))
    if trial.status != status:
        found.append(f"exit status {trial.status}, expected {status}")
    found += [f"left behind: {what}" for what in _left_over(fault, trial.left)]
    said = trial.stdout + trial.stderr
    found += [f"the user was not told {text!r}" for text in fault.told if text not in said]
    if trial.result is not None:
        found += _problems_of_result(fault, trial.stdout, trial.result)
    return found


def _left_over(fault: Fault, left: Left) -> list[str]:
    files = [name for name in left.files if not name.startswith(fault.own_files or ("\0",))]
    return [*left.processes, *left.shm, *left.cgroups, *files]


def _problems_of_result(fault: Fault, printed: str, result: dict[str, Any]) -> list[str]:
    found = []
    seen = "\n".join(fact["text"] for fact in result["evidence"])
    culprits = [
        word
        for line in printed.splitlines()
        if line.startswith("culprit")
        for word in line.split()[1:]
    ]
    for wanted in fault.evidence:
        text = wanted.format(*culprits) if culprits else wanted
        if text not in seen:
            found.append(f"{text!r} is not in the evidence: {seen}")
    leaks = result["leaks"]
    reported = tuple(kind for kind in ("processes", "shm") if leaks[kind])
    if reported != fault.leaks:
        found.append(f"leaks of {reported} were reported, expected {fault.leaks}: {leaks}")
    found += [f"{left} could not be ended" for left in leaks["processes"] if not left["gone"]]
    return found


def describe(fault: Fault, trial: Trial) -> str:
    """Everything one needs to see when a trial went wrong."""
    return "\n".join(
        [
            f"{fault.name}: {fault.what}",
            *problems(fault, trial),
            "--- standard output", trial.stdout[-3000:],
            "--- standard error", trial.stderr[-6000:],
            "--- result", json.dumps(trial.result, indent=1)[:6000],
        ]
    )  # fmt: skip
