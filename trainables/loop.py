"""The training loop: yields one `EpochResult` an epoch, and knows no Ray and no MLflow.

The order of the images and every view are functions of (seed, epoch, image), and what a student's dropout draws is one
of (seed, epoch), so a training that was interrupted goes on as if it had not been: bit for bit on a CPU with the same
number of threads.

Shapes: B images of a batch, N images of a split, L labels or classes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from trainables.batches import batches, micro_batches
from trainables.config import TrialConfig
from trainables.data.augment import normalise, training_views
from trainables.data.averaging import Averaging, averaged_labels
from trainables.data.resident import Images
from trainables.data.store import Store
from trainables.metrics import multiclass_metrics, multilabel_metrics
from trainables.models.taps import Tapped
from trainables.teachers.guide import Guide
from trainables.transfer.objective import cross_entropy, total_loss

EVALUATION_BATCH_SIZE = 128


class NonFiniteLossError(RuntimeError):
    """A loss became infinite or NaN: the trial ends, with its knobs in the message."""


class UndefinedScoreError(RuntimeError):
    """The selection metric is not defined on the validation set: the trial ends, since no number can stand for it."""


@dataclass(frozen=True, kw_only=True)
class EpochResult:
    """What one epoch gave. `metrics` holds fractions (AUC, F1, ...), losses, images a second and the learning rate."""

    epoch: int  # from 1
    metrics: dict[str, float]
    best_score: float  # the best validation score up to this epoch
    best_epoch: int
    last: bool  # whether this is the trial's last epoch


@dataclass(kw_only=True)
class Training:
    """A training between two epochs: what is fixed, and what an epoch changes."""

    config: TrialConfig
    store: Store
    student: nn.Module
    guide: Guide | None  # the teacher's side of the method; None for plain transfer learning
    device: torch.device
    micro_batch_size: int | None = None  # how many images go through the student at once; None: the whole batch
    averaging: Averaging = field(init=False)
    images: Images = field(init=False)
    tapped: Callable[[Tensor], tuple[Tensor, dict[str, Tensor]]] = field(init=False)  # the student, with its taps
    compiled: Callable[[Tensor], tuple[Tensor, dict[str, Tensor]]] = field(init=False)  # the same, for whole batches
    optimizer: torch.optim.Optimizer = field(init=False)
    history: list[EpochResult] = field(default_factory=list)
    best_weights: dict[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.averaging = averaged_labels(self.store, self.config.average_labels)
        self.images = Images(self.store, self.device)
        self.student.to(self.device).to(memory_format=torch.channels_last)
        self.tapped = self.compiled = Tapped(self.student, self.guide.student_taps if self.guide else ())
        if self.config.compiled:
            mode = "reduce-overhead" if self.device.type == "cuda" else "default"  # the first is CUDA graphs
            self.compiled = torch.compile(self.tapped, dynamic=False, mode=mode)
        self.optimizer = torch.optim.Adam(
            [
                *(parameter for parameter in self.student.parameters() if parameter.requires_grad),
                *(self.guide.parameters() if self.guide else []),
            ],
            lr=self.config.learning_rate,
            weight_decay=self.config.weight_decay,
            fused=True,
        )


def train(training: Training) -> Iterator[EpochResult]:
    """Trains to the last epoch; a resumed training first repeats the results that it had reported.

    Raises:
        NonFiniteLossError: the loss of an epoch is not finite, in training or in validation.
        UndefinedScoreError: the selection metric is not defined on the validation set.
    """
    config = training.config
    yield from list(training.history)
    for epoch in range(len(training.history) + 1, config.max_epochs + 1):
        started_s = time.perf_counter()
        learning_rate = _set_learning_rate(training, epoch)
        losses, num_images = _train_one_epoch(training, epoch)
        seconds = time.perf_counter() - started_s

        metrics = {f"train_{name}": value for name, value in losses.items()}
        metrics |= {"images_per_s": num_images / seconds, "learning_rate": learning_rate}

        result = _judge(training, epoch, metrics | _validate(training))
        training.history.append(result)
        yield result


def untrained(training: Training) -> EpochResult:
    """The one result of a network that is scored as it is; it raises what `train` does."""
    return replace(_judge(training, 1, _validate(training)), last=True)


def evaluate(training: Training, split: str) -> tuple[dict[str, float], NDArray[np.float32]]:
    """Metrics and probabilities [N, L] of the student as it stands, on the whole of a split, in evaluation mode.

    Raises:
        NonFiniteLossError: the loss is not finite.
    """
    store = training.store
    rows_N = store.rows(split)
    logits = _predict(training, rows_N)
    targets, mask = _targets(training, rows_N)
    metrics = {"loss": float(cross_entropy(store.task, logits, targets, mask))}
    _check_finite(training.config, f"{split} loss", metrics["loss"])  # an epoch's last step alone can spoil the weights
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


def state_of(training: Training) -> dict[str, Any]:
    """All that an epoch changes, but for the best student, which is kept as a file of its own.

    After the last epoch nothing is trained any more, and the results alone are left.
    """
    history = [vars(result) for result in training.history]
    if history and history[-1]["last"]:
        return {"micro_batch_size": training.micro_batch_size, "history": history}
    return {
        "student": training.student.state_dict(),
        "optimizer": training.optimizer.state_dict(),
        "method": training.guide.method.state_dict() if training.guide else {},
        "micro_batch_size": training.micro_batch_size,
        "history": history,
    }


def resume(training: Training, state: dict[str, Any], best_weights: dict[str, Tensor]) -> None:
    """Puts a training back to where `state_of` saw it."""
    if "student" in state:
        training.student.load_state_dict(state["student"])
        training.optimizer.load_state_dict(state["optimizer"])
        if training.guide:
            training.guide.method.load_state_dict(state["method"])
    training.micro_batch_size = state["micro_batch_size"]
    training.history = [EpochResult(**result) for result in state["history"]]
    training.best_weights = best_weights


def _set_learning_rate(training: Training, epoch: int) -> float:
    config = training.config
    learning_rate = config.learning_rate * 0.5 ** ((epoch - 1) // config.lr_halving_epochs)
    for group in training.optimizer.param_groups:
        group["lr"] = learning_rate
    return learning_rate


def _train_one_epoch(training: Training, epoch: int) -> tuple[dict[str, float], int]:
    config = training.config
    training.student.train()
    # EfficientNet and ConvNeXt drop activations and layers, drawn from torch's generator: by epoch, so that an
    # interrupted training goes on as the undisturbed one. The paper's networks draw nothing.
    torch.manual_seed(int(np.random.default_rng((config.seed, epoch)).integers(2**63)))
    rows = training.store.rows("train", config.data_fraction)
    sums = torch.zeros(3, device=training.device)  # summed on the device: no waiting for it within an epoch
    for rows_B in batches(rows, config.batch_size, config.seed, epoch):
        training.optimizer.zero_grad(set_to_none=True)
        for part_b in micro_batches(rows_B, training.micro_batch_size):
            losses = _losses(training, part_b, epoch)
            (losses[0] * (len(part_b) / len(rows_B))).backward()
            sums += torch.stack(losses).detach() * len(part_b)
        training.optimizer.step()

    loss_mean, ce_mean, transfer_mean = (sums / len(rows)).tolist()
    _check_finite(config, f"training loss of epoch {epoch}", loss_mean)
    return {"loss": loss_mean, "ce": ce_mean, "transfer": transfer_mean}, len(rows)


def _losses(training: Training, rows_B: NDArray[np.int64], epoch: int) -> tuple[Tensor, Tensor, Tensor]:
    """Of this epoch's views of those images: the total loss (Eq. 2), the cross-entropy and the method's loss."""
    config, store, guide = training.config, training.store, training.guide
    views = training_views(
        training.images.of(rows_B),
        rows_B,
        seed=config.seed,
        epoch=epoch,
        rotation_deg=config.rotation_deg,
        flip=config.flip,
        interpolation=config.interpolation,
    )
    # A last, smaller batch would be compiled for its own sake, and so would each part of a batch.
    student = training.compiled if len(rows_B) == config.batch_size else training.tapped
    with _autocast(training):
        logits, taps = student(views)
    logits = logits.float()
    ce = cross_entropy(store.task, logits, *_targets(training, rows_B))
    if guide is None or config.beta is None:
        return ce, ce, torch.zeros_like(ce)
    transfer = guide.loss(taps, logits, guide.knowledge_of(views, rows_B, epoch))
    of_ce, of_transfer = guide.method.weights((epoch - 1) / config.max_epochs)
    return total_loss(of_ce * ce, of_transfer * transfer, config.beta, config.method), ce, transfer


def _check_finite(config: TrialConfig, what: str, loss: float) -> None:
    if not math.isfinite(loss):
        raise NonFiniteLossError(
            f"the {what} must be finite, but is {loss} in {config.cell} "
            f"(learning_rate={config.learning_rate:g}, beta={config.beta}): try a lower learning rate"
        )


def _validate(training: Training) -> dict[str, float]:
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


def _judge(training: Training, epoch: int, metrics: dict[str, float]) -> EpochResult:
    """Compares the epoch with the best one before; the earlier of two equals stays the best."""
    best = training.history[-1] if training.history else None
    improved = best is None or metrics["score"] > best.best_score
    if improved:
        training.best_weights = {
            name: tensor.detach().to("cpu", copy=True) for name, tensor in training.student.state_dict().items()
        }
    return EpochResult(
        epoch=epoch,
        metrics=metrics,
        best_score=metrics["score"] if best is None or improved else best.best_score,
        best_epoch=epoch if best is None or improved else best.best_epoch,
        last=epoch == training.config.max_epochs,
    )


@torch.inference_mode()
def _predict(training: Training, rows_N: NDArray[np.int64]) -> Tensor:
    training.student.eval()
    size = min(EVALUATION_BATCH_SIZE, 4 * (training.micro_batch_size or EVALUATION_BATCH_SIZE))
    chunks = np.split(rows_N, range(size, len(rows_N), size))
    with _autocast(training):
        logits = [training.student(normalise(training.images.of(rows))) for rows in chunks]
    return torch.cat(logits).float()


def _autocast(training: Training) -> torch.autocast:
    """What the student's layers compute in; its outputs are widened to float32 behind it."""
    in_part = training.config.precision == "bfloat16"
    return torch.autocast(training.device.type, dtype=torch.bfloat16, enabled=in_part)


def _targets(training: Training, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor | None]:
    """Classes [B], or targets [B, L] with the mask of the labels that count."""
    targets, mask = training.store.targets(rows, training.config.uncertainty)
    device = training.device
    return torch.from_numpy(targets).to(device), None if mask is None else torch.from_numpy(mask).to(device)
