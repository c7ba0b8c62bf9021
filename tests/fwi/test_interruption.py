"""Asked to end by real signals: where a job may be, and what it then does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from fwi.interruption import Interrupted, Interruption


def ask(number: int = signal.SIGTERM) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_at_work_it_goes_on_to_the_next_check(number: signal.Signals) -> None:
    with Interruption() as interruption:
        interruption.check()
        ask(number)
        with pytest.raises(Interrupted) as raised:
            interruption.check()
    assert raised.value.exit_code == 128 + number
    assert str(raised.value) == f"asked to end by {number.name}"


def test_asked_while_waiting_for_a_loader_that_is_stuck_it_leaves() -> None:
    source = """
import os, signal, time
from fwi.interruption import Interrupted, Interruption
with Interruption() as interruption:
    try:
        with interruption.waiting():
            print("waiting", flush=True)
            time.sleep(60)
    except Interrupted:
        print("left", flush=True)
"""
    child = subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "waiting\n"
    child.terminate()
    assert child.communicate(timeout=30)[0] == "left\n"
    assert child.returncode == 0


def test_asked_while_waiting_it_leaves_when_the_batch_has_come() -> None:
    came = []

    def batch() -> None:
        ask()
        time.sleep(0.05)
        came.append(True)

    with Interruption() as interruption, pytest.raises(Interrupted), interruption.waiting():
        batch()
    assert came
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_asked_before_a_wait_it_does_not_wait() -> None:
    with Interruption() as interruption:
        ask()
        with pytest.raises(Interrupted), interruption.waiting():
            pytest.fail("waited")


def test_loader_whose_workers_died_a_moment_before_the_signal_came_is_an_interruption() -> None:
    late = threading.Timer(0.1, ask)
    with Interruption() as interruption, pytest.raises(Interrupted), interruption.waiting():
        raise _started(late, "DataLoader worker (pid 1) is killed by signal: Terminated.")
    late.join()


def _started(timer: threading.Timer, words: str) -> RuntimeError:
    timer.start()
    return RuntimeError(words)


def test_loader_that_fails_by_itself_keeps_its_error() -> None:
    with (
        Interruption() as interruption,
        pytest.raises(RuntimeError, match="killed by signal: Killed"),
        interruption.waiting(),
    ):
        raise RuntimeError("DataLoader worker (pid 1) is killed by signal: Killed.")


def test_dead_child_is_not_answered_before_the_next_wait() -> None:
    answered: list[bool] = []
    at_work = True
    before = signal.signal(signal.SIGCHLD, lambda *_: answered.append(at_work))
    try:
        with Interruption() as interruption:
            interruption.hold_back_dead_workers()
            subprocess.run([sys.executable, "-c", ""], check=True)
            time.sleep(0.01)
            assert answered == []
            at_work = False
            with interruption.waiting():
                assert answered == [False]
        subprocess.run([sys.executable, "-c", ""], check=True)
        time.sleep(0.01)
        assert answered == [False, False], "the handler of before was not put back"
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_second_signal_kills() -> None:
    source = """
import os, signal, time
from fwi.interruption import Interruption
with Interruption():
    os.kill(os.getpid(), signal.SIGTERM)
    print("goes on", flush=True)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(60)
"""
    done = subprocess.run(
        [sys.executable, "-c", source], stdout=subprocess.PIPE, text=True, timeout=30
    )
    assert done.stdout == "goes on\n"
    assert done.returncode == -signal.SIGTERM


def test_handlers_of_before_are_put_back() -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with Interruption():
        assert signal.getsignal(signal.SIGTERM) != before[0]
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_signal_that_a_launcher_passes_on_is_no_second_one() -> None:
    with Interruption(echo_s=60) as interruption:
        ask(signal.SIGINT)
        ask(signal.SIGTERM)
        with pytest.raises(Interrupted, match="SIGINT"):
            interruption.check()


def test_process_that_was_not_asked_ends_where_another_was() -> None:
    brought = []

    def agree(asked: int) -> int:
        brought.append(asked)
        return signal.SIGTERM

    with Interruption(agree) as interruption:
        with interruption.waiting():
            pass
        assert brought == [], "a wait is each process's own"
        with pytest.raises(Interrupted, match="SIGTERM"):
            interruption.check()
    assert brought == [0]
