"""An assertion in a kernel: an index that is too large."""

import torch

torch.zeros(2, device="cuda")[torch.tensor([7], device="cuda")]
torch.cuda.synchronize()
