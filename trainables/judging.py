"""What a student is worth after an epoch: its metrics on a split, its validation score, and the best epoch so far.

Shapes: N images of a split, L labels or classes.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainables.config import TrialConfig
from trainables.data.normalising import normalise
from trainables.metrics import multiclass_metrics, multilabel_metrics
from trainables.stuck_steps import watched
from trainables.training import EpochResult, Training
from trainables.transfer.objective import cross_entropy

EVALUATION_BATCH_SIZE = 128
# On a CPU so many pixels at once, but at least so many images: its cache holds the features of few large ones. At
# 128 px batches of 128 take 1.5 to 1.9 times as long as those of 16 (BENCHMARKS.md, what was tried).
CPU_PIXELS, CPU_LEAST = 2**18, 16


class NonFiniteLossError(RuntimeError):
    """A loss became infinite or NaN: the trial ends, with its knobs in the message."""


class UndefinedScoreError(RuntimeError):
    """The selection metric is not defined on the validation set: the trial ends, since no number can stand for it."""


def judge(training: Training, epoch: int, metrics: dict[str, float]) -> EpochResult:
    """Compares the epoch with the best so far, of which it keeps the weights; of two equal scores the earlier stays.

    An epoch without labels is best only until the next one: no label has reached the head that its score is of.
    """
    best = training.history[-1] if training.history else None
    is_first = epoch <= training.config.num_unlabelled + 1
    improved = best is None or is_first or metrics["score"] > best.best_score
    if improved:
        training.best_weights = {
            name: tensor.detach().to("cpu", copy=True) for name, tensor in training.scored.state_dict().items()
        }
    return EpochResult(
        epoch=epoch,
        metrics=metrics,
        best_score=metrics["score"] if best is None or improved else best.best_score,
        best_epoch=epoch if best is None or improved else best.best_epoch,
        last=epoch == training.config.max_epochs,
    )


def validate(training: Training) -> dict[str, float]:
    """The metrics on the validation set, with the one that selects epochs as ``score``.

    Raises:
        NonFiniteLossError: the loss is not finite.
        UndefinedScoreError: the selection metric is not defined.
    """
    metrics = {f"val_{name}": value for name, value in evaluate(training, "validation")[0].items()}
    if training.micro_batch_size is not None:
        metrics["micro_batch_size"] = training.micro_batch_size
    selected_by = training.config.selection_metric
    if f"val_{selected_by}" not in metrics:
        raise UndefinedScoreError(
            f"the selection metric must be defined on the validation set, but {selected_by} is not in "
            f"{training.config.cell} ({len(training.store.rows('validation'))} images, "
            f"average_labels={training.config.average_labels!r}): take another --selection-metric, or more images"
        )
    return metrics | {"score": metrics[f"val_{selected_by}"]}


def evaluate(training: Training, split: str) -> tuple[dict[str, float], NDArray[np.float32]]:
    """Metrics and probabilities [N, L] of the student as it stands, on the whole of a split, in evaluation mode.

    The loss is cross-entropy, whatever the recipe trains with, so that it can be compared between recipes.

    Raises:
        NonFiniteLossError: the loss is not finite.
    """
    store = training.store
    rows_N = store.rows(split)
    logits = _predict(training, rows_N)
    targets, mask = training.targets(rows_N)
    metrics = {"loss": float(cross_entropy(store.task, logits, targets, mask))}
    check_finite(training.config, f"{split} loss", metrics["loss"])  # an epoch's last step alone can spoil the weights
    averaging = training.averaging
    names, averaged = store.label_names, None if averaging.rule == "defined" else averaging.names
    probabilities_NL: NDArray[np.float32]
    if store.task == "multiclass":
        probabilities_NL = logits.softmax(dim=1).cpu().numpy()
        return metrics | multiclass_metrics(probabilities_NL, targets.cpu().numpy(), names, averaged), probabilities_NL
    probabilities_NL = logits.sigmoid().cpu().numpy()
    mask_NL = np.ones(probabilities_NL.shape, bool) if mask is None else mask.cpu().numpy() > 0
    metrics |= multilabel_metrics(probabilities_NL, targets.cpu().numpy(), mask_NL, names, averaged)
    return metrics, probabilities_NL


def check_finite(config: TrialConfig, what: str, loss: float) -> None:
    """Refuses a loss that is infinite or NaN.

    Raises:
        NonFiniteLossError: it is; the message names the trial's cell and knobs.
    """
    if not math.isfinite(loss):
        raise NonFiniteLossError(
            f"the {what} must be finite, but is {loss} in {config.cell} "
            f"(learning_rate={config.learning_rate:g}, beta={config.beta}): try a lower learning rate"
        )


def evaluation_batch_size(training: Training) -> int:
    """Images that are scored at once: the results do not depend on it, memory and time do."""
    size = min(EVALUATION_BATCH_SIZE, 4 * (training.micro_batch_size or EVALUATION_BATCH_SIZE))
    if training.device.type == "cpu":
        size = min(size, max(CPU_LEAST, CPU_PIXELS // training.store.image_size_px**2))
    return size


@torch.inference_mode()
def _predict(training: Training, rows_N: NDArray[np.int64]) -> Tensor:
    training.scored.eval()
    size = evaluation_batch_size(training)
    chunks = np.split(rows_N, range(size, len(rows_N), size))
    with training.autocast():
        logits = [training.scored(normalise(training.images.of(rows))) for rows in watched(chunks)]
    return torch.cat(logits).float()
