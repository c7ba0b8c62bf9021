"""Two ranks of gloo in one tree, of which one goes wrong: the name of the case. The first process
is the launcher; it waits for its ranks as torchrun does, and ends as the first that failed."""

import datetime
import os
import signal
import socket
import subprocess
import sys
import time

CASE = sys.argv[1]


def launch() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("TORCHELASTIC")}
    common = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    children = [
        subprocess.Popen(
            [sys.executable, *sys.argv, "ranked"],
            env={**inherited, **common, "RANK": rank, "LOCAL_RANK": rank},
        )
        for rank in ("0", "1")[: 1 if CASE == "absent" else 2]
    ]
    print("culprit", *(child.pid for child in children), flush=True)
    while not any(statuses := [child.poll() for child in children]) and None in statuses:
        time.sleep(0.05)
    for child in children:
        child.terminate()
        child.wait()
    return next((abs(status) for status in statuses if status), 0)


def work(rank: int) -> None:
    import torch
    import torch.distributed as dist

    from probes import pulse

    if rank == 0:
        pulse.attach(rank=0)
    patience = datetime.timedelta(seconds=2 if CASE == "times-out" else 1800)
    value = torch.ones(8)
    if CASE == "absent":
        with pulse.phase("rendezvous"):
            dist.init_process_group("gloo", timeout=patience)
    dist.init_process_group("gloo", timeout=patience)
    # Both are there, so from here on a wait is no wait for the other's start.
    dist.all_reduce(value)
    if rank == 1:
        if CASE in ("elsewhere", "times-out"):
            load_the_next_batch()
        elif CASE == "dead":
            os.kill(os.getpid(), signal.SIGKILL)
        elif CASE == "gone":
            os._exit(0)
        elif CASE == "raises":
            {}["label"]
    with pulse.phase("backward"):
        if CASE == "mismatched" and rank == 1:
            dist.recv(value, src=0)
        elif CASE == "other-size" and rank == 1:
            dist.all_reduce(torch.ones(1 << 20))
        else:
            dist.all_reduce(value)


def load_the_next_batch() -> None:
    time.sleep(3600)


if __name__ == "__main__":
    # torchrun gives ranks too; with one of its processes we are the launcher.
    if "ranked" in sys.argv or int(os.environ.get("WORLD_SIZE", "1")) > 1:
        work(int(os.environ["RANK"]))
    else:
        sys.exit(launch())
