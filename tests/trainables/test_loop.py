"""The training loop against a plain one written straight, and against itself: repeated, interrupted, blown up."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.short_densenet import NAME as SHORT
from tests.tiny_network import NAME
from tests.trainables.small_training import CPU, make, numbers, prepared, small_student
from trainables.batches import batches
from trainables.data.store import Store
from trainables.judging import NonFiniteLossError, evaluate
from trainables.loop import train
from trainables.models.architectures import build
from trainables.teachers import shelf
from trainables.teachers.guide import Guide
from trainables.teachers.shelf import Teacher
from trainables.training import Training, resume, state_of


def drawn_teacher(folder: Path, architecture: str) -> Teacher:
    torch.manual_seed(99)
    facts: dict[str, Any] = {"task": "multiclass", "label_names": ("a", "b", "c"), "source": "drawn"}
    weights = build(architecture, 3).state_dict()
    return shelf.save(folder, weights, name="imagenet", architecture=architecture, is_phantom=True, **facts)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory, tiny: str) -> Teacher:
    return drawn_teacher(tmp_path_factory.mktemp("teachers"), tiny)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def test_the_learning_rate_is_halved_as_often_as_the_configuration_says(store: Store) -> None:
    training = make(store, learning_rate=0.008, lr_halving_epochs=2, max_epochs=5, batch_size=16)
    used = []
    for result in train(training):
        used.append((result.metrics["learning_rate"], training.optimizer.param_groups[0]["lr"]))
    assert used == [(rate, rate) for rate in (0.008, 0.008, 0.004, 0.004, 0.002)]


def test_an_epochs_metrics_are_those_of_the_paper_and_of_the_loss(store: Store) -> None:
    training = make(store, max_epochs=1)
    result = next(train(training))
    assert {"train_loss", "train_ce", "train_transfer", "val_loss", "val_f1_weighted", "val_accuracy"} < set(
        result.metrics
    )
    assert not [name for name in result.metrics if name.startswith("test_")]
    assert result.metrics["train_transfer"] == 0.0
    assert result.metrics["train_loss"] == result.metrics["train_ce"]
    assert result.metrics["score"] == result.metrics["val_f1_weighted"] == result.best_score
    metrics, probabilities = evaluate(training, "validation")
    assert metrics["loss"] == result.metrics["val_loss"]
    assert probabilities.shape == (6, 5)
    assert not training.student.training


def test_the_same_seed_twice_gives_the_same_numbers_and_another_seed_others(store: Store) -> None:
    first, again = (list(train(make(store))) for _ in range(2))
    torch.rand(3)  # what else is drawn from the global generator changes nothing
    third = list(train(make(store)))
    other = list(train(make(store, seed=1)))
    assert numbers(first) == numbers(again) == numbers(third)
    assert other[0].metrics["train_loss"] != first[0].metrics["train_loss"]


def test_a_trial_begun_before_an_update_draws_the_same_dropout_after_it(store: Store) -> None:
    seeds = [torch.initial_seed() for _ in train(make(store, max_epochs=2))]
    assert seeds == [8206391887579712274, 745470182815633045]  # of seed 0, epochs 1 and 2


def test_a_fraction_of_the_training_set_is_all_that_is_seen(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[np.ndarray] = []
    gather = Store.gather

    def noted(self: Store, rows: np.ndarray) -> np.ndarray:
        seen.append(rows)
        return gather(self, rows)

    monkeypatch.setattr(Store, "gather", noted)
    next(train(make(store, data_fraction=0.5, max_epochs=1)))
    expected = [*store.rows("train", 0.5), *store.rows("validation")]
    assert sorted(np.concatenate(seen).tolist()) == sorted(map(int, expected))
    assert len(store.rows("train", 0.5)) == 8


def students(name: str) -> nn.Module:
    torch.manual_seed(3)
    return small_student() if name == "small" else build(name, 5)


@pytest.mark.parametrize("name", ["small", NAME])
def test_a_resumed_training_is_the_undisturbed_one_bit_for_bit(store: Store, teacher: Teacher, name: str) -> None:
    guided = name != "small"
    changes: dict[str, Any] = {"lr_halving_epochs": 2, "weight_decay": 1e-3, "batch_size": 8}
    changes |= {"method": "attention", "teacher": "imagenet", "beta": 2.0} if guided else {}

    def fresh() -> Training:
        guide = Guide("attention", name, teacher, CPU) if guided else None
        return make(store, students(name), guide, **changes)

    whole = fresh()
    undisturbed = list(train(whole))

    stopped = fresh()
    next(train(stopped))
    buffer = io.BytesIO()
    torch.save(state_of(stopped), buffer)
    best = {key: tensor.clone() for key, tensor in stopped.best_weights.items()}
    buffer.seek(0)
    resumed = fresh()
    resume(resumed, torch.load(buffer, weights_only=True), best)
    results = list(train(resumed))

    assert numbers(results) == numbers(undisturbed)
    assert results[0].metrics == stopped.history[0].metrics  # repeated, the speed included
    assert [vars(r) | {"metrics": 0} for r in results] == [vars(r) | {"metrics": 0} for r in undisturbed]
    for resumed_weights, whole_weights in [
        (resumed.student.state_dict(), whole.student.state_dict()),
        (resumed.best_weights, whole.best_weights),
    ]:
        assert resumed_weights.keys() == whole_weights.keys()
        assert [key for key in resumed_weights if not torch.equal(resumed_weights[key], whole_weights[key])] == []


@pytest.mark.parametrize(
    ("batch_size", "where"),
    [(6, "training loss of epoch 1"), (16, "validation loss")],
    ids=["within an epoch", "in an epoch's last step"],
)
def test_a_loss_that_is_not_finite_ends_the_training_with_its_knobs(store: Store, batch_size: int, where: str) -> None:
    training = make(store, learning_rate=1e38, batch_size=batch_size)
    knobs = r"transfer/none/densenet121/all \(learning_rate=1e\+38, beta=None\)"
    with pytest.raises(NonFiniteLossError, match=f"the {where} must be finite, but is (nan|inf) in {knobs}"):
        list(train(training))
    assert training.history == []


def views_by_hand(store: Store, rows: np.ndarray) -> Tensor:
    pixels = torch.from_numpy(store.gather(rows)).permute(0, 3, 1, 2).double() / 255
    mean, std = (torch.tensor(v).double().view(3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    return ((pixels - mean) / std).float()


def reference_losses(store: Store, teacher: Teacher, beta: float, rate: float, num_epochs: int) -> list[list[float]]:
    """Eq. 1 and 2 in the plainest form: mean (total, CE, L_AT) of each epoch."""
    student, network = students(SHORT).train(), build(SHORT, 3).eval()
    network.load_state_dict(teacher.state_dict())
    planes: dict[str, Tensor] = {}
    for whose, net in (("student", student), ("teacher", network)):
        tap = net.get_submodule("features.denseblock4.denselayer1")  # the last layer but one
        tap.register_forward_hook(lambda module, inputs, output, whose=whose: planes.__setitem__(whose, output))
    adam = torch.optim.Adam(student.parameters(), lr=rate, fused=False, foreach=False)
    losses = []
    for epoch in range(1, num_epochs + 1):
        sums = np.zeros(3)
        for rows in batches(store.rows("train"), 10, 0, epoch):
            x = views_by_hand(store, rows)
            ce = -student(x).log_softmax(1)[torch.arange(len(rows)), torch.from_numpy(store.labels[rows, 0]).long()]
            with torch.no_grad():
                network(x)
            q_s, q_t = (planes[whose].flatten(2) for whose in ("student", "teacher"))
            at = (q_s / q_s.norm(dim=2, keepdim=True) - q_t / q_t.norm(dim=2, keepdim=True)).norm(dim=2).mean()
            total = ce.mean() + at / beta
            adam.zero_grad()
            total.backward()
            adam.step()
            sums += len(rows) * np.array([total.item(), ce.mean().item(), at.item()])
        losses.append((sums / 16).tolist())
    return losses


@pytest.mark.slow
@pytest.mark.usefixtures("short")
def test_the_losses_are_those_of_a_loop_written_straight(root: Path, tmp_path: Path) -> None:
    store = prepared(root, 64)  # planes of 2 x 2: of a single number Eq. 1 would see the sign alone
    beta, rate, teacher = 1.5, 1e-5, drawn_teacher(tmp_path, SHORT)
    guide = Guide("attention", SHORT, teacher, CPU)
    knobs: dict[str, Any] = {"method": "attention", "teacher": "imagenet", "beta": beta, "learning_rate": rate}
    training = make(
        store,
        students(SHORT),
        guide,
        **knobs,
        batch_size=10,
        image_size_px=64,
        rotation_deg=0.0,
        flip=False,
        max_epochs=3,
    )
    losses_by_epoch = [[r.metrics[f"train_{name}"] for name in ("loss", "ce", "transfer")] for r in train(training)]
    expected = reference_losses(store, teacher, beta, rate, 3)
    assert losses_by_epoch == [pytest.approx(losses, rel=2e-4) for losses in expected]
    assert expected[2][0] < expected[0][0] * 0.99  # it learns: the steps are part of what was compared


def test_in_bfloat16_only_the_students_layers_round(root: Path, teacher: Teacher) -> None:
    store = prepared(root, 64)
    first = {}
    for precision in ("float32", "bfloat16"):
        guide = Guide("attention", NAME, teacher, CPU)
        knobs: dict[str, Any] = {"method": "attention", "teacher": "imagenet", "beta": 1.5, "precision": precision}
        training = make(store, students(NAME), guide, **knobs, image_size_px=64, max_epochs=1)
        (first[precision],) = numbers(list(train(training)))
        assert {parameter.dtype for parameter in training.student.parameters()} == {torch.float32}
        _, probabilities_NL = evaluate(training, "test")
        np.testing.assert_allclose(probabilities_NL.sum(axis=1), 1, rtol=1e-6)  # of logits in float32
    assert first["float32"] != first["bfloat16"]
    for name in ("train_loss", "train_ce", "train_transfer"):
        assert first["bfloat16"][name] == pytest.approx(first["float32"][name], rel=0.03)
