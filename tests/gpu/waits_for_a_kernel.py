"""Waits for a kernel that spins for hours, while it holds a GiB: by ``synchronize``, by ``item``,
or by ``copy``. With ``stubborn`` it also ignores SIGTERM."""

import signal
import sys

import torch

from probes import pulse

if "stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
held = torch.zeros(1 << 28, device="cuda")
torch.cuda.synchronize()
pulse.attach()
with pulse.phase("forward"):
    torch.cuda._sleep(1 << 46)
    if sys.argv[1] == "synchronize":
        torch.cuda.synchronize()
    elif sys.argv[1] == "item":
        held[0].item()
    else:
        held.to("cpu")
