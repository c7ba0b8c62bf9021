"""``python -m tests.faults``: the whole catalogue, round after round in random order, several at a
time; what went wrong is printed whole."""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from tests.faults import harness
from tests.faults.catalogue import BY_NAME, CATALOGUE
from tests.faults.fault import Fault
from tests.faults.harness import Trial


def rounds(
    faults: Sequence[Fault],
    count: int,
    at_once: int,
    seed: int,
    done: Collection[tuple[int, str]] = (),
) -> Iterator[tuple[int, Fault, Trial]]:
    """Round by round, every fault once in random order; each trial as it ends. ``done``: rounds
    with names of faults that are left out."""
    order = random.Random(seed)
    for number in range(1, count + 1):
        shuffled = order.sample(list(faults), len(faults))
        with ThreadPoolExecutor(at_once) as pool:
            waiting = {
                pool.submit(harness.run, fault): fault
                for fault in shuffled
                if (number, fault.name) not in done
            }
            for ended in as_completed(waiting):
                yield number, waiting[ended], ended.result()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument(
        "words", nargs="*", help="only faults whose name or outcome has one of these"
    )
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--at-once", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--list", action="store_true", help="print the faults and their outcomes")
    asked = parser.parse_args()
    faults = [
        fault
        for fault in CATALOGUE
        if not asked.words or any(w in fault.name or w in fault.outcome for w in asked.words)
    ]
    if asked.list:
        for fault in faults:
            print(f"{fault.outcome:26} {fault.name}: {fault.what}")
        return 0
    wrong = tried = 0
    began = time.monotonic()
    for number, fault, trial in rounds(faults, asked.rounds, asked.at_once, asked.seed):
        if trial.refused is not None:
            print(f"round {number}: skipped  {fault.name}: {trial.refused}", flush=True)
            continue
        tried += 1
        problems = harness.problems(fault, trial)
        wrong += bool(problems)
        print(
            f"round {number}: {'WRONG ' if problems else 'right '} {trial.seconds:5.1f} s  "
            f"{trial.outcome}  {fault.name}",
            flush=True,
        )
        if problems:
            print(harness.describe(fault, trial), flush=True)
    gone = time.monotonic() - began
    print(f"{tried - wrong} of {tried} right, {len(BY_NAME)} in the catalogue, {gone:.0f} s")
    return 1 if wrong or not tried else 0


if __name__ == "__main__":
    raise SystemExit(main())
