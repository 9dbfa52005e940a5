"""What a method must say of itself; a wrong one is named where it is made."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from trainables import transfer
from trainables.config import TrialConfig
from trainables.models.architectures import build
from trainables.models.taps import Taps
from trainables.teachers import shelf
from trainables.teachers.guide import Guide
from trainables.teachers.shelf import Teacher
from trainables.transfer import METHODS, code_fingerprint
from trainables.transfer.attention import AttentionTransfer
from trainables.transfer.method import Method, needs_shared_labels

CPU = torch.device("cpu")


def test_knowledge_of_older_code_has_another_fingerprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = code_fingerprint()
    copy = shutil.copytree(Path(transfer.__file__).parent, tmp_path / "transfer")
    monkeypatch.setattr(transfer, "__file__", str(copy / "__init__.py"))
    assert code_fingerprint() == own
    with (copy / "flow.py").open("a") as file:
        file.write("# changed\n")
    assert code_fingerprint() != own


def test_a_name_is_never_taken_twice() -> None:
    with pytest.raises(ValueError, match=r"has 'attention', as trainables\.transfer\.attention"):
        type("Copy", (AttentionTransfer,), {"name": "attention"})
    assert METHODS["attention"] is AttentionTransfer


def test_a_method_that_does_not_say_all_is_named() -> None:
    with pytest.raises(TypeError, match=r"must say its formula, student_roles, but Half \(half\) does not"):
        type("Half", (Method,), {"name": "half", "reference": "nobody", "teacher_roles": ("middle",)})
    assert "half" not in METHODS


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Teacher:
    torch.manual_seed(1)
    facts: dict[str, Any] = {"task": "multilabel", "label_names": ("Mass", "Edema"), "source": "drawn"}
    weights = build("densenet121", 2).state_dict()
    folder = tmp_path_factory.mktemp("teachers")
    return shelf.save(folder, weights, name="t", architecture="densenet121", is_phantom=True, **facts)


def toy_method(name: str, teacher_role: str, student_role: str, monkeypatch: pytest.MonkeyPatch) -> type[Method]:
    """A method of those roles that is forgotten after the test; its loss is what it is given."""
    monkeypatch.setattr("trainables.transfer.method.METHODS", METHODS)
    says = {"name": name, "reference": "nobody", "formula": "L"}
    roles = {"teacher_roles": (teacher_role,), "student_roles": (student_role,)}
    acts = {
        "knowledge": lambda self, given: given[teacher_role],
        "loss": lambda self, given, knowledge: given[student_role].mean() + knowledge.mean(),
    }
    kind = type("Made", (Method,), {**says, **roles, **acts, "__module__": f"{__name__}.{name}"})
    monkeypatch.setitem(METHODS, name, METHODS.pop(name))
    return kind


def test_a_role_that_a_network_does_not_have_is_named(teacher: Teacher, monkeypatch: pytest.MonkeyPatch) -> None:
    toy_method("lost", "ear", "middle", monkeypatch)
    with pytest.raises(
        ValueError, match="lost wants the ear tap of the teacher densenet121, which has shallow, middle, attention, fi"
    ):
        Guide("lost", "densenet40", teacher, CPU)


@pytest.mark.parametrize(("of_teacher", "of_student"), [("logits", "embedding"), ("embedding", "logits")])
def test_outputs_of_one_side_alone_are_whole_and_need_no_shared_labels(
    teacher: Teacher, monkeypatch: pytest.MonkeyPatch, of_teacher: str, of_student: str
) -> None:
    kind = toy_method("one-sided", of_teacher, of_student, monkeypatch)
    assert not needs_shared_labels(kind)
    guide = Guide("one-sided", "densenet40", teacher, CPU, label_names=("Hernia", "Nodule", "Fibrosis"))
    student, views = build("densenet40", 3), torch.randn(2, 3, 64, 64)
    knowledge = guide.knowledge(views)
    assert knowledge.shape == ((2, 2) if of_teacher == "logits" else (2, 1024))
    with Taps(student, guide.student_taps) as taps:
        logits = student(views)
    own = logits if of_student == "logits" else taps["classifier:input"]
    torch.testing.assert_close(guide.loss(taps, logits, knowledge), own.mean() + knowledge.mean())


def test_a_methods_own_layers_are_drawn_anew_in_each_repeat(teacher: Teacher) -> None:
    first, again, other = (
        Guide("hints", "densenet40", teacher, CPU, seed=seed).method.state_dict()["regressor.weight"]
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_knobs_have_one_order_so_that_a_trial_has_one_name() -> None:
    for names in (("b", "a"), ("a", "a")):
        knobs = tuple((name, 1.0) for name in names)
        with pytest.raises(ValueError, match=f"alphabetical order, each once, but got knobs=.'{names[0]}', 'a'"):
            TrialConfig(dataset="retina", teacher="imagenet", beta=60.0, knobs=knobs)
