"""A guide's teacher knows and never learns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from trainables.models.architectures import build, known
from trainables.models.eyes import Eyes
from trainables.models.taps import Taps
from trainables.teachers import shelf
from trainables.teachers.compatible import check_fit
from trainables.teachers.guide import Guide
from trainables.teachers.shelf import Teacher
from trainables.transfer.attention import unit_planes

CPU = torch.device("cpu")


@pytest.fixture(scope="module", params=["densenet121", "densenet40"])
def teacher(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Teacher:
    torch.set_num_threads(1)
    torch.manual_seed(5)
    facts: dict[str, Any] = {"task": "multiclass", "label_names": ("a", "b", "c"), "source": "drawn"}
    network = build(request.param, 3)
    with torch.no_grad():  # running statistics as a training leaves them
        for _ in range(2):
            network.train()(torch.randn(4, 3, 64, 64))
    folder = tmp_path_factory.mktemp("teachers")
    return shelf.save(folder, network.state_dict(), name="t", architecture=request.param, is_phantom=True, **facts)


def test_knowledge_is_the_teachers_unit_planes_in_evaluation_mode(teacher: Teacher) -> None:
    views = torch.randn(2, 3, 64, 64)
    network = build(teacher.architecture, 3).eval()
    network.load_state_dict(teacher.state_dict())
    with torch.no_grad(), Taps(network, [known(teacher.architecture).taps["attention"].place]) as taps:
        network(views)
    expected = unit_planes(taps[known(teacher.architecture).taps["attention"].place])
    guide = Guide("attention", "densenet40", teacher, CPU)
    knowledge = guide.knowledge(views)
    assert knowledge.shape == (2, 32, 2, 2)
    torch.testing.assert_close(knowledge, expected, rtol=1e-4, atol=1e-5)
    assert torch.equal(guide.knowledge(views), knowledge)  # nothing of it moves
    torch.testing.assert_close(guide.knowledge(views[1:]), knowledge[1:], rtol=1e-4, atol=1e-5)  # each view for itself


def test_the_gradient_reaches_the_student_alone(teacher: Teacher) -> None:
    guide = Guide("attention", "densenet121", teacher, CPU)
    student = build("densenet121", 4).train()
    before = {name: tensor.clone() for name, tensor in guide.members[0].network.state_dict().items()}
    views = torch.randn(2, 3, 64, 64, requires_grad=True)
    knowledge = guide.knowledge(views)
    assert not knowledge.requires_grad
    with Taps(student, guide.student_taps) as taps:
        logits = student(views.detach())
    loss = guide.loss(taps, logits, knowledge)
    assert loss.shape == () and 0 < loss.item() < 2
    loss.backward()
    gradient = student.get_parameter("features.conv0.weight").grad
    assert gradient is not None and gradient.any()
    assert student.get_parameter("classifier.weight").grad is None  # behind the tap
    assert views.grad is None
    assert [
        name for name, p in guide.members[0].network.named_parameters() if p.grad is not None or p.requires_grad
    ] == []
    assert not any(module.training for module in guide.members[0].network.network.modules())
    assert all(torch.equal(tensor, before[name]) for name, tensor in guide.members[0].network.state_dict().items())


def test_a_student_like_its_teacher_has_nothing_to_learn(teacher: Teacher) -> None:
    guide = Guide("attention", teacher.architecture, teacher, CPU)
    assert guide.student_taps == (known(teacher.architecture).taps["attention"].place,)
    student = build(teacher.architecture, 3).eval()
    student.load_state_dict(teacher.state_dict())
    views = torch.randn(2, 3, 64, 64)
    with torch.no_grad(), Taps(student, guide.student_taps) as taps:
        logits = student(views)
    assert float(guide.loss(taps, logits, guide.knowledge(views))) < 1e-4


@pytest.mark.parametrize("method", ["transfer", "hint", ""])
def test_an_unknown_method_is_named(teacher: Teacher, method: str) -> None:
    with pytest.raises(ValueError, match=f"the method must be one of transfer, attention, .* but got '{method}'"):
        Guide(method, "densenet121", teacher, CPU)


def test_a_tap_that_a_network_does_not_have_is_named(tmp_path: Path) -> None:
    facts: dict[str, Any] = {"task": "multiclass", "label_names": ("a",), "source": "drawn", "is_phantom": True}
    teacher = shelf.save(tmp_path, {"w": torch.zeros(1)}, name="t", architecture="efficientvit_m0", **facts)
    message = "hints wants the middle tap of the teacher efficientvit_m0, which has attention, final, embedding"
    with pytest.raises(ValueError, match=message):
        check_fit("hints", "multiclass", ("a",), [teacher], "densenet121")


def test_maps_of_another_size_are_refused_where_positions_are_compared(tmp_path: Path) -> None:
    facts: dict[str, Any] = {"task": "multiclass", "label_names": ("a",), "source": "drawn", "is_phantom": True}
    weights = {"w": torch.zeros(1)}
    teacher = shelf.save(tmp_path, weights, name="t", architecture="densenet121", eyes=Eyes(image_size_px=224), **facts)
    message = (
        r"attention compares position by position, .* are 7 x 7 and those of densenet40 2 x 2, for images of 64 px"
    )
    with pytest.raises(ValueError, match=message):
        check_fit("attention", "multiclass", ("a",), [teacher], "densenet40", image_size_px=64)
    check_fit("attention", "multiclass", ("a",), [teacher], "densenet40", image_size_px=224)
    check_fit("hints", "multiclass", ("a",), [teacher], "densenet40", image_size_px=64)


@pytest.mark.parametrize(
    ("method", "role", "others", "own"),
    [("attention", "attention", 2048, 32), ("attention-permuted", "attention", 2048, 32), ("flow", "shallow", 256, 64)],
)
def test_where_planes_are_not_as_many_it_is_said_what_can_be_used(
    method: str, role: str, others: int, own: int, tmp_path: Path
) -> None:
    facts: dict[str, Any] = {"task": "multiclass", "label_names": ("a",), "source": "drawn", "is_phantom": True}
    teacher = shelf.save(tmp_path, {"w": torch.zeros(1)}, name="t", architecture="resnet50", **facts)
    message = (
        rf"{role} tap, but the teacher t \(resnet50\) has {others} and densenet40 {own}; .*attention-squares.*hints"
    )
    with pytest.raises(ValueError, match=message):
        check_fit(method, "multiclass", ("a",), [teacher], "densenet40")
    for able in ("attention-squares", "hints", "similarity", "relational"):
        assert check_fit(able, "multiclass", ("a",), [teacher], "densenet40") is None
    with pytest.raises(ValueError, match=r"the student must be one of densenet121, .*, but got 'vgg'"):
        check_fit(method, "multiclass", ("a",), [teacher], "vgg")
