"""The loss stops being a number, and the job checks it."""

import math

loss = 1.0
for step in range(10):
    loss *= math.inf if step < 5 else 0.0
    if math.isnan(loss):
        raise FloatingPointError(f"loss became non-finite at step {step}: {loss}")
