"""What an epoch puts through the student, and what it makes of the answers: views, dropout, weights, masks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn

from platform.phantoms.chest_writers import write_mimic_cxr
from trainables.batches import batches
from trainables.config import TrialConfig
from trainables.data.augment import training_views
from trainables.data.listing import UNCERTAIN
from trainables.data.normalising import normalise
from trainables.data.readers import mimic_cxr
from trainables.data.store import Store
from trainables.data.store_making import prepare
from trainables.judging import evaluate
from trainables.loop import train
from trainables.models.architectures import build
from trainables.recipe_views import ViewRecipe
from trainables.teachers import shelf
from trainables.teachers.guide import Guide
from trainables.teachers.shelf import Teacher
from trainables.training import Training
from trainables.transfer import METHODS
from trainables.transfer.method import Method

CPU = torch.device("cpu")
SIZE_PX = 32


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Phantom X-rays with uncertain labels."""
    folder = tmp_path_factory.mktemp("step")
    root = write_mimic_cxr(folder / "mimic-cxr", num_images=60, image_size_px=SIZE_PX, seed=0, progress=False)
    return prepare(mimic_cxr.read(root), folder / "s.arrow", image_size_px=SIZE_PX, salt=b"salt", progress=False)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory, tiny: str) -> Teacher:
    torch.manual_seed(99)
    facts: dict[str, Any] = {"task": "multiclass", "label_names": ("a", "b"), "source": "drawn"}
    weights, folder = build(tiny, 2).state_dict(), tmp_path_factory.mktemp("teachers")
    return shelf.save(folder, weights, name="imagenet", architecture=tiny, is_phantom=True, **facts)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


class Recorder(nn.Module):
    """Keeps the views that it is trained on, and what its dropout made of ones."""

    def __init__(self, num_labels: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.dropout, self.flatten = nn.Dropout(0.5), nn.Flatten()
        self.classifier = nn.Linear(3 * SIZE_PX**2, num_labels)
        self.views: list[Tensor] = []
        self.kept: list[Tensor] = []

    def forward(self, views_BCHW: Tensor) -> Tensor:
        if self.training:
            self.views.append(views_BCHW.clone())
            self.kept.append(self.dropout(torch.ones(8, 8)))
        return self.classifier(self.flatten(views_BCHW))


def training_of(store: Store, student: nn.Module, guide: Guide | None = None, **changes: Any) -> Training:
    fixed: dict[str, Any] = {"dataset": "mimic-cxr", "method": "transfer", "image_size_px": SIZE_PX, "batch_size": 32}
    fixed |= {"selection_metric": "accuracy"}
    config = TrialConfig(**{**fixed, **changes})
    return Training(config=config, store=store, student=student, guide=guide, device=CPU)


@pytest.mark.parametrize(
    "recipe",
    [
        {"rotation_deg": 15.0, "flip": True, "interpolation": "nearest"},
        {"rotation_deg": 40.0, "flip": False, "interpolation": "bilinear"},
    ],
)
def test_the_student_sees_the_views_of_its_seed_epoch_and_recipe(store: Store, recipe: dict[str, Any]) -> None:
    student = Recorder(len(store.label_names))
    list(train(training_of(store, student, seed=7, max_epochs=2, **recipe)))
    seen = iter(student.views)
    for epoch in (1, 2):
        for rows in batches(store.rows("train"), 32, 7, epoch):
            images = torch.from_numpy(store.gather(rows))
            assert torch.equal(next(seen), training_views(images, rows, ViewRecipe(**recipe), seed=7, epoch=epoch))
    assert next(seen, None) is None


def test_what_dropout_drops_depends_on_seed_and_epoch_alone(store: Store) -> None:
    def first_of_each_epoch(seed: int) -> list[Tensor]:
        student = Recorder(len(store.label_names))
        list(train(training_of(store, student, seed=seed, max_epochs=2)))
        return student.kept[:: len(student.kept) // 2]

    (one, two), again, (other, _) = first_of_each_epoch(0), first_of_each_epoch(0), first_of_each_epoch(1)
    assert torch.equal(one, again[0]) and torch.equal(two, again[1])
    assert not torch.equal(one, two) and not torch.equal(one, other)


@pytest.mark.parametrize("policy", ["zeros", "ones", "ignore"])
def test_labels_are_scored_under_the_uncertainty_policy(store: Store, policy: str) -> None:
    student = Recorder(len(store.label_names)).eval()
    metrics, probabilities_NL = evaluate(training_of(store, student, uncertainty=policy), "train")
    rows = store.rows("train")
    with torch.no_grad():
        logits_NL = student(normalise(torch.from_numpy(store.gather(rows)))).double()
    np.testing.assert_allclose(probabilities_NL, (1 / (1 + (-logits_NL).exp())).numpy(), atol=1e-6)
    codes_NL = store.labels[rows]
    assert ((codes_NL == UNCERTAIN).sum(axis=0) > 0).any()
    truth_NL = (codes_NL == 1) | ((codes_NL == UNCERTAIN) & (policy == "ones"))
    counts_NL = (codes_NL != UNCERTAIN) | (policy != "ignore")
    num_scored = 0
    for column, name in enumerate(store.label_names):
        truth_M, scores_M = (values[counts_NL[:, column], column] for values in (truth_NL, probabilities_NL))
        if 0 < truth_M.sum() < len(truth_M):
            num_scored += 1
            assert metrics[f"auc_{name.replace(' ', '_')}"] == pytest.approx(roc_auc_score(truth_M, scores_M))
    assert num_scored >= 5
    losses_NL = nn.functional.binary_cross_entropy_with_logits(
        logits_NL, torch.from_numpy(truth_NL).double(), reduction="none"
    )
    assert metrics["loss"] == pytest.approx(losses_NL.numpy()[counts_NL].mean(), rel=1e-5)


def weighted_method(shares: list[float]) -> type[Method]:
    """A method with weights and a layer of its own, which notes how much of the training it is told is over."""

    class Weighted(Method):
        name = "weighted"
        reference = "nobody"
        formula = "L = mean (w v_S)^2"
        teacher_roles = student_roles = ("middle",)

        def __init__(self, task: str, planes: Mapping[str, tuple[int, int]], **knobs: float) -> None:
            super().__init__(task, planes, **knobs)
            self.scale = nn.Parameter(torch.ones(()))

        def knowledge(self, teacher: Mapping[str, Tensor]) -> Tensor:
            return teacher["middle"].mean(dim=(1, 2, 3))[:, None]

        def weights(self, share: float) -> tuple[float, float]:
            shares.append(share)
            return 0.25, 3.0

        def loss(self, student: Mapping[str, Tensor], knowledge: Tensor) -> Tensor:
            return (self.scale * student["middle"]).square().mean()

    return Weighted


def test_a_methods_weights_and_layers_are_part_of_the_step(store: Store, teacher: Teacher, tiny: str) -> None:
    torch.manual_seed(1)
    shares: list[float] = []
    method = weighted_method(shares)
    try:
        guide = Guide(method.name, tiny, teacher, CPU)
        student, beta = build(tiny, len(store.label_names)), 5.0
        changes: dict[str, Any] = {"method": method.name, "teacher": "imagenet", "beta": beta, "learning_rate": 1e-3}
        training = training_of(store, student, guide, max_epochs=2, data_fraction=0.5, **changes)
        results = [result.metrics for result in train(training)]
    finally:
        del METHODS[method.name]
    assert sorted(set(shares)) == [0.0, 0.5]  # what is over when each of the two epochs begins
    for metrics in results:
        parts = 0.25 * metrics["train_ce"] + 3.0 * metrics["train_transfer"] / beta
        assert metrics["train_loss"] == pytest.approx(parts, rel=1e-5)
    (scale,) = guide.parameters()
    assert scale.item() < 1 - 1e-3  # it was trained: smaller is better here
