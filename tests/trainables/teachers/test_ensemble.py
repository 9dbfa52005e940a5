"""Several teachers as one: the mean of what they know, of the labels that all have."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from trainables.cell import members
from trainables.config import TrialConfig
from trainables.models.architectures import build
from trainables.teachers import shelf
from trainables.teachers.compatible import check_fit
from trainables.teachers.guide import Guide
from trainables.teachers.shelf import Teacher
from trainables.transfer import METHODS

CPU = torch.device("cpu")
LABELS = {"a": ("Mass", "Edema", "Nodule"), "b": ("Nodule", "Hernia", "Mass"), "c": ("Fibrosis", "Hernia")}


@pytest.fixture(scope="module")
def teachers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Teacher]:
    torch.set_num_threads(1)
    folder, teachers = tmp_path_factory.mktemp("teachers"), {}
    for seed, (name, label_names) in enumerate(LABELS.items()):
        torch.manual_seed(seed)
        architecture = "densenet40" if name == "b" else "densenet121"
        facts: dict[str, Any] = {"task": "multilabel", "label_names": label_names, "source": "drawn"}
        weights = build(architecture, len(label_names)).state_dict()
        teachers[name] = shelf.save(folder, weights, name=name, architecture=architecture, is_phantom=True, **facts)
    return teachers


def outputs(teacher: Teacher, views: torch.Tensor) -> torch.Tensor:
    network = build(teacher.architecture, len(teacher.label_names)).eval()
    network.load_state_dict(teacher.state_dict())
    with torch.no_grad():
        return network(views)


def test_the_target_is_the_mean_of_the_logits_label_by_label_by_name(teachers: dict[str, Teacher]) -> None:
    both = [teachers["a"], teachers["b"]]
    guide = Guide("compression", "densenet40", both, CPU, label_names=("Hernia", "Nodule", "Mass"))
    views = torch.randn(2, 3, 64, 64)
    a, b = (outputs(teacher, views) for teacher in both)
    expected = torch.stack([(a[:, 2] + b[:, 0]) / 2, (a[:, 0] + b[:, 2]) / 2], dim=1)  # Nodule, Mass
    torch.testing.assert_close(guide.knowledge(views), expected, rtol=1e-4, atol=1e-5)
    assert not guide.knowledge(views).requires_grad


def test_a_teacher_twice_knows_what_it_knows_once(teachers: dict[str, Teacher]) -> None:
    views = torch.randn(2, 3, 64, 64)
    once, twice = (
        Guide("distillation", "densenet40", who, CPU, label_names=LABELS["a"]).knowledge(views)
        for who in (teachers["a"], [teachers["a"], teachers["a"]])
    )
    assert torch.equal(once, twice)


def test_labels_must_be_shared_by_all(teachers: dict[str, Teacher]) -> None:
    assert check_fit("compression", "multilabel", ("Hernia",), [teachers["b"], teachers["c"]], "densenet40") == (
        [0],
        [[1], [1]],
    )
    with pytest.raises(ValueError, match="must have labels in common, but the teacher a has Mass, Edema, Nodule"):
        check_fit("compression", "multilabel", ("Hernia", "Mass"), [teachers["a"], teachers["c"]], "densenet40")


@pytest.mark.parametrize("method", sorted(name for name, kind in METHODS.items() if not kind.averages))
def test_what_has_no_mean_takes_one_teacher(method: str, teachers: dict[str, Teacher]) -> None:
    message = (
        rf"{method.replace('+', chr(92) + '+')} takes one teacher, but got a\+b; those .* are compression, decoupled"
    )
    with pytest.raises(ValueError, match=message):
        Guide(method, "densenet40", [teachers["a"], teachers["b"]], CPU, label_names=LABELS["a"])


def test_an_ensemble_has_one_name() -> None:
    assert (members("none"), members("a"), members("a+b")) == ((), ("a",), ("a", "b"))
    for name in ("b+a", "a+a"):
        with pytest.raises(ValueError, match=f"alphabetical order, each once, but got '{name[0]}.{name[2]}'"):
            TrialConfig(dataset="retina", method="compression", teacher=name, beta=1.0)
