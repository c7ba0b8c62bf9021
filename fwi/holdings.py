"""What holds a job's memory, in bytes by holder, left once in the flight recorder."""

from __future__ import annotations

from torch import Tensor

from fwi.stepping import Learner
from probes import pulse
from probes.tensors import saved_activation_bytes, tensor_bytes


class Holdings:
    """Measures the first window that a process learns from; afterwards it only passes on.

    Gauges: ``bytes.parameters`` (with buffers), ``bytes.inputs`` (one batch), ``bytes.activations``
    (what one forward pass keeps for its backward pass), ``bytes.gradients``, ``bytes.optimizer``,
    ``bytes.ema``.
    """

    def __init__(self, learner: Learner) -> None:
        self._learner = learner
        # A compiled network decides at its first call what to keep; hooks would change that.
        self._forward_known = learner.is_compiled
        self._gradients_known = False
        self._states_known = False

    def predict(self, cube: Tensor) -> Tensor:
        """The learner's prediction."""
        if self._forward_known:
            return self._learner.predict(cube)
        self._forward_known = True
        kept: list[Tensor] = []
        weights = [*self._learner.network.parameters(), *self._learner.network.buffers()]
        held = saved_activation_bytes(
            lambda: kept.append(self._learner.predict(cube)), exclude=[*weights, cube]
        )
        pulse.gauge("bytes.activations", held)
        return kept.pop()

    def before_move(self, cube: Tensor, velocity: Tensor) -> None:
        if self._gradients_known:
            return
        self._gradients_known = True
        network = self._learner.network
        gradients = [p.grad for p in network.parameters() if p.grad is not None]
        pulse.gauge("bytes.parameters", tensor_bytes([*network.parameters(), *network.buffers()]))
        pulse.gauge("bytes.gradients", tensor_bytes(gradients))
        pulse.gauge("bytes.inputs", tensor_bytes([cube, velocity]))

    def after_move(self) -> None:
        if self._states_known:
            return
        self._states_known = True
        states = self._learner.optimizer.state.values()
        moments = [v for state in states for v in state.values() if isinstance(v, Tensor)]
        pulse.gauge("bytes.optimizer", tensor_bytes(moments))
        if (average := self._learner.average) is not None:
            pulse.gauge("bytes.ema", tensor_bytes([*average.parameters(), *average.buffers()]))
