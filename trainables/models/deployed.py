"""A student as it runs on a device: uint8 images in, probabilities out, with the normalisation inside.

Shapes: B images of H x W pixels, C planes as stored (1 grey or 3 colours), L labels or classes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from trainables.data.normalising import IMAGENET_MEAN, IMAGENET_STD, normalise
from trainables.models.architectures import restored

TASKS = ("multiclass", "multilabel")
CPU = torch.device("cpu")


class Deployed(nn.Module):
    """Scales, widens grey to three planes, normalises by ImageNet's mean and standard deviation, asks the student, and
    makes probabilities of its answer: a softmax over classes, or a sigmoid a label.

    Images arrive at the working size, cut and resized as `trainables.data.decode` does it; in an ONNX file,
    `trainables.models.onnx_square` stands in front of this.

    Raises:
        ValueError: there is no such task.
    """

    scale_C11: Tensor
    offset_C11: Tensor

    def __init__(self, student: nn.Module, task: str) -> None:
        super().__init__()
        _check_task(task)
        self.student = student
        self.task = task
        std_C11 = torch.tensor(IMAGENET_STD)[:, None, None]
        self.register_buffer("scale_C11", 1 / (255 * std_C11))
        self.register_buffer("offset_C11", -torch.tensor(IMAGENET_MEAN)[:, None, None] / std_C11)
        self.eval()

    def forward(self, images_BHWC: Tensor) -> Tensor:
        """uint8 [B, H, W, C] to probabilities, float32 [B, L]."""
        planes_BCHW = images_BHWC.permute(0, 3, 1, 2).to(torch.float32).expand(-1, 3, -1, -1)
        logits_BL = self.student(planes_BCHW * self.scale_C11 + self.offset_C11)
        return logits_BL.softmax(dim=1) if self.task == "multiclass" else logits_BL.sigmoid()


def load_student(path: Path, architecture: str, num_labels: int) -> nn.Module:
    """A student with the weights of a safetensors file, in evaluation mode.

    Raises:
        ValueError: the file is damaged, or does not hold exactly this network's weights.
    """
    try:
        student = restored(architecture, num_labels, load_file(path))
    except (SafetensorError, RuntimeError) as error:
        raise ValueError(
            f"{path.name} must hold the weights of {architecture} with {num_labels} outputs, but: "
            f"{str(error).splitlines()[-1].strip()}"
        ) from error
    return student.eval()


@torch.inference_mode()
def probabilities(
    student: nn.Module,
    task: str,
    images_BHWC: NDArray[np.uint8],
    batch_size: int = 16,
    *,
    device: torch.device = CPU,
    precision: str = "float32",
) -> NDArray[np.float32]:
    """What the platform itself gives for these images, float32 [B, L]: by the code that training is judged with, and
    none of `Deployed`'s, so that the two can be compared.

    Args:
        device: where the student is.
        precision: "float32", or "bfloat16" for a student that was trained and judged in it.

    Raises:
        ValueError: there is no such task.
    """
    _check_task(task)
    student.eval()
    chunks = [torch.from_numpy(images_BHWC[at : at + batch_size]) for at in range(0, len(images_BHWC), batch_size)]
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bfloat16"):
        logits_BL = torch.cat([student(normalise(chunk.to(device))) for chunk in chunks]).float()
    answers_BL = logits_BL.softmax(dim=1) if task == "multiclass" else logits_BL.sigmoid()
    answers: NDArray[np.float32] = answers_BL.cpu().numpy()
    return answers


def _check_task(task: str) -> None:
    if task not in TASKS:
        raise ValueError(f"the task must be one of {', '.join(TASKS)}, but got {task!r}")
