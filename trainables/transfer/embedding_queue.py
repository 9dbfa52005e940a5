"""Embedding transfer with a queue, as LightlyTrain's first distillation has it: a view is described by its likenesses.

    L = KL(p_T || p_S),    p_T = softmax(Q t / T),    p_S = softmax(Q s / T),    s = r(z_S) / || r(z_S) ||

with t the teacher's embedding of unit length, r a learned linear projection of the student's embedding z_S to as many
numbers, and Q the t of the batch and of earlier batches (`trainables.transfer.queued`), which stand in for the weights
of a classifier: neither labels nor sizes need be shared. Gradients reach the student and r.

The original keeps its queue over epochs, at a quarter to a half of the images, where it begins as zeros and may hold
other views of the same image; it is empty here when an epoch begins. It trains without labels, on mixed views (the
option --mixup-alpha mixes them here), with LARS.

Shapes: B images, N rows of the queue, K_S and K_T activations of student and teacher.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor, nn
from torch.nn import functional

from trainables.knob import Range
from trainables.transfer.queued import Queued


class EmbeddingQueue(Queued):
    """The projection is trained and saved with the student, and thrown away in the end."""

    name = "embedding-queue"
    title = "Embedding transfer with a queue"
    reference = "LightlyTrain (Lightly AG 2025), distillation v1, after Beyer et al., CVPR 2022"
    formula = "L = KL(softmax(Q t / T) || softmax(Q s / T)), t = z_T and s = r(z_S) of unit length, Q: many images' t"
    teacher_roles: ClassVar[tuple[str, ...]] = ("embedding",)
    student_roles: ClassVar[tuple[str, ...]] = ("embedding",)
    knobs: ClassVar[Mapping[str, Range]] = {"temperature": Range(low=0.02, high=1.0, first=0.07, log=True)}  # theirs
    beta = Range(low=0.01, high=100.0, first=1.0, log=True)  # ours: theirs has no other loss beside it

    def __init__(self, task: str, planes: Mapping[str, tuple[int, int]], **knobs: float) -> None:
        super().__init__(task, planes, **knobs)
        num_student, num_teacher = planes["embedding"]
        self.projection = nn.Linear(num_student, num_teacher)

    def knowledge(self, teacher: Mapping[str, Tensor]) -> Tensor:
        """The teacher's embeddings [B, K_T], each of unit length; one of zeros stays so."""
        return functional.normalize(teacher["embedding"].detach(), dim=1)

    def loss(self, student: Mapping[str, Tensor], knowledge: Tensor) -> Tensor:
        """The divergence, averaged over the batch: a scalar; 0 for a single image without earlier ones."""
        own_BK = functional.normalize(self.projection(student["embedding"]), dim=1)
        keys_MK = self.with_earlier(knowledge)  # M = B + N
        own_BM, target_BM = (
            functional.log_softmax(each_BK @ keys_MK.T / self.knob["temperature"], dim=1)
            for each_BK in (own_BK, knowledge)
        )
        return functional.kl_div(own_BM, target_BM, reduction="batchmean", log_target=True)
