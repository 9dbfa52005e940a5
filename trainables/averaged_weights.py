"""The exponential moving average of a student's weights, which is scored and kept in the student's place.

After step n = 1, 2, ... each weight's average a follows the weight w:

    a  <-  d a + (1 - d) w,   d = min(decay, (1 + n) / (10 + n))

(Polyak and Juditsky 1992; the teacher of Tarvainen and Valpola 2017.) The bound is TensorFlow's: without it the average
of a short training would consist mostly of the weights before the first step, whose head is random. The running
statistics of batch norms are averaged in the same way, so that they fit the averaged weights.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn


class AveragedWeights:
    """A copy of the student, in evaluation mode, whose weights are averages; see the module.

    Args:
        student: as it is before its first step, and before it gets taps.
        decay: between 0 and 1.
    """

    def __init__(self, student: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(student).requires_grad_(False).eval()
        self._decay, self._num_steps = decay, 0

    @torch.no_grad()
    def follow(self, student: nn.Module) -> None:
        """To be called after each step of the student's optimizer; whole numbers, such as counters, are copied."""
        self._num_steps += 1
        share = 1 - min(self._decay, (1 + self._num_steps) / (10 + self._num_steps))
        weights = student.state_dict()
        averages, followed = [], []
        for name, average in self.network.state_dict().items():
            if average.is_floating_point():
                averages.append(average)
                followed.append(weights[name])
            else:
                average.copy_(weights[name])
        torch._foreach_lerp_(averages, followed, share)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"weights": self.network.state_dict(), "num_steps": self._num_steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The inverse of `state_dict`."""
        self.network.load_state_dict(state["weights"])
        self._num_steps = state["num_steps"]
