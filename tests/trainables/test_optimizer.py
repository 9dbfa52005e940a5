"""The optimizer's steps against Adam written out in float64: Kingma and Ba, ICLR 2015, Algorithm 1, with an L2 term.

And against AdamW: Loshchilov and Hutter, ICLR 2019, Algorithm 2, whose decay does not go through Adam's moments.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from platform.phantoms.writers import write_retina
from trainables.config import TrialConfig
from trainables.data.readers import retina
from trainables.data.store import Store
from trainables.data.store_making import prepare
from trainables.loop import train
from trainables.training import Training

RATE, NUM_EPOCHS = 1e-2, 4
MEAN, STD = (np.array(values)[:, None, None] for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """16 photographs of 32 px to train on."""
    folder = tmp_path_factory.mktemp("optimizer")
    root = write_retina(folder / "retina", num_patients=14, image_size_px=64, seed=1, progress=False)
    return prepare(retina.read(root), folder / "s.arrow", image_size_px=32, salt=b"salt", progress=False)


def network() -> nn.Module:
    """Without batch norm, whose biases before it have no gradient but rounding."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 5, stride=4), nn.Tanh(), nn.Flatten(), nn.Linear(4 * 7 * 7, 5))


def by_hand(student: nn.Module, store: Store, weight_decay: float, optimizer: str = "adam") -> dict[str, Tensor]:
    """The weights after `NUM_EPOCHS` steps on all training images; the rate is halved after every second one."""
    student = copy.deepcopy(student).double()
    rows = store.rows("train")
    pixels = (store.gather(rows).transpose(0, 3, 1, 2) / 255 - MEAN) / STD
    classes = torch.from_numpy(store.labels[rows, 0]).long()
    mean = {name: np.zeros(tuple(weight.shape)) for name, weight in student.named_parameters()}
    square = {name: np.zeros(tuple(weight.shape)) for name, weight in student.named_parameters()}
    for step in range(1, NUM_EPOCHS + 1):
        student.zero_grad()
        nn.functional.cross_entropy(student(torch.from_numpy(pixels)), classes).backward()
        for name, weight in student.named_parameters():
            assert weight.grad is not None
            l2_term, decoupled = (weight_decay, 0.0) if optimizer == "adam" else (0.0, weight_decay)
            gradient = weight.grad.numpy() + l2_term * weight.detach().numpy()
            mean[name] = 0.9 * mean[name] + 0.1 * gradient
            square[name] = 0.999 * square[name] + 0.001 * gradient**2
            ahead = mean[name] / (1 - 0.9**step)
            scale = np.sqrt(square[name] / (1 - 0.999**step)) + 1e-8
            rate = RATE if step <= 2 else RATE / 2
            weight.data -= rate * decoupled * weight.data
            weight.data -= torch.from_numpy(rate * ahead / scale)
    return {name: weight.detach() for name, weight in student.named_parameters()}


def trained(
    student: nn.Module,
    store: Store,
    weight_decay: float,
    micro_batch_size: int | None = None,
    optimizer: str = "adam",
) -> dict[str, Tensor]:
    """The weights after as many epochs of the loop, of one batch each."""
    config = TrialConfig(
        dataset="retina", method="transfer", learning_rate=RATE, weight_decay=weight_decay, max_epochs=NUM_EPOCHS,
        lr_halving_epochs=2, batch_size=16, image_size_px=32, rotation_deg=0.0, flip=False,
        selection_metric="accuracy", optimizer=optimizer,
    )  # fmt: skip
    training = Training(config=config, store=store, student=student, guide=None, device=torch.device("cpu"))
    training.micro_batch_size = micro_batch_size
    assert len(list(train(training))) == NUM_EPOCHS
    return {name: weight.detach().double() for name, weight in training.student.named_parameters()}


def farthest(weights: Mapping[str, Tensor], others: Mapping[str, Tensor]) -> float:
    """The largest difference of any two weights."""
    assert weights.keys() == others.keys()
    return max(float((weights[name] - others[name]).abs().max()) for name in weights)


@pytest.mark.parametrize("micro_batch_size", [None, 7], ids=["whole", "in parts of 6, 5 and 5"])
@pytest.mark.parametrize("weight_decay", [0.0, 0.03])
def test_the_loop_takes_the_steps_of_adam_with_an_l2_term(
    store: Store, weight_decay: float, micro_batch_size: int | None
) -> None:
    torch.set_num_threads(1)
    expected = by_hand(network(), store, weight_decay)
    assert farthest(trained(network(), store, weight_decay, micro_batch_size), expected) < RATE / 1000
    # What the weights are compared with is not the same with another decay: the term is part of what was compared.
    assert farthest(by_hand(network(), store, 0.03 - weight_decay), expected) > RATE / 2


def test_the_loop_takes_the_steps_of_adamw_in_norms_and_biases_too(store: Store) -> None:
    torch.set_num_threads(1)
    expected, decay = by_hand(network(), store, 0.5, "adamw"), 0.5
    weights = trained(network(), store, decay, optimizer="adamw")
    assert farthest(weights, expected) < RATE / 1000
    assert farthest(expected, by_hand(network(), store, decay)) > RATE / 10  # an L2 term is another thing
    without = by_hand(network(), store, 0.0, "adamw")
    bias = {name: (expected[name] - without[name]).abs().max() for name in expected if name.endswith("bias")}
    assert len(bias) == 2 and min(bias.values()) > RATE / 100
