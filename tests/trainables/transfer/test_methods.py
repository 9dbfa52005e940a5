"""What holds for every method: its limits, its gradient, and that a new one is one class and nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from tests.short_densenet import NAME as SHORT
from trainables.models.architectures import ARCHITECTURES, build, known
from trainables.models.taps import Taps
from trainables.teachers import shelf
from trainables.teachers.guide import Guide
from trainables.teachers.shelf import Teacher
from trainables.transfer import METHODS
from trainables.transfer.method import Method

SHAPES = {"shallow": (3, 8, 8), "middle": (4, 4, 4), "attention": (4, 2, 2), "final": (6, 2, 2), "embedding": (6,)}
PLANES = {role: (shape[0], shape[0]) for role, shape in SHAPES.items()}
OWN = sorted(METHODS)  # before any test defines another
ZERO_AT_EQUAL = [n for n in OWN if n != "attention-permuted" and not [*METHODS[n]("multilabel", PLANES).parameters()]]
LOUD = [name for name in OWN if name != "attention-silent"]


def tensors(seed: int, num_images: int = 3) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    planes = {
        role: torch.randn((num_images, *shape), generator=generator, dtype=torch.float64)
        for role, shape in SHAPES.items()
    }
    return {**planes, "logits": 2 * torch.randn((num_images, 7), generator=generator, dtype=torch.float64)}


def make(name: str, task: str = "multilabel") -> Method:
    torch.manual_seed(0)
    return METHODS[name](task, PLANES).double()


def only(values: Mapping[str, Tensor], roles: tuple[str, ...]) -> dict[str, Tensor]:
    return {role: values[role] for role in roles}


@pytest.mark.parametrize("name", ZERO_AT_EQUAL)
@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
def test_a_student_that_is_the_teacher_has_no_loss(name: str, task: str) -> None:
    method, same = make(name, task), tensors(1)
    assert float(method.loss(same, method.knowledge(same))) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("name", LOUD)
def test_the_loss_is_positive_and_its_gradient_is_the_numerical_one(name: str) -> None:
    method, student, knowledge = make(name), tensors(1), make(name).knowledge(tensors(2))
    assert method.loss(student, knowledge).item() > 0
    roles = method.student_roles
    inputs = [student[role].requires_grad_() for role in roles]

    def loss(*values: Tensor) -> Tensor:
        return method.loss(dict(zip(roles, values, strict=True)), knowledge)

    assert torch.autograd.gradcheck(loss, inputs)


@pytest.mark.parametrize("name", OWN)
def test_knowledge_is_a_row_a_view_without_gradient(name: str) -> None:
    method, teacher = make(name), {role: value.requires_grad_() for role, value in tensors(2).items()}
    knowledge = method.knowledge(only(teacher, method.teacher_roles))
    assert len(knowledge) == 3 and not knowledge.requires_grad
    alone = method.knowledge({role: value[1:2] for role, value in only(teacher, method.teacher_roles).items()})
    torch.testing.assert_close(alone[0], knowledge[1])  # what is kept of a view does not depend on the others


@pytest.mark.parametrize("name", OWN)
def test_each_says_what_it_is_and_has_a_range(name: str) -> None:
    method = METHODS[name]
    assert method.reference and method.formula.startswith("L")
    for knob in (method.beta, *method.knobs.values()):
        assert knob.low <= knob.first <= knob.high


@pytest.mark.parametrize("name", OWN)
def test_all_but_one_weigh_labels_and_knowledge_alike_throughout(name: str) -> None:
    method = make(name)
    expected = [(0.0, 1.0), (1.0, 0.0), (1.0, 0.0)] if name == "hints-in-stages" else [(1.0, 1.0)] * 3
    assert [method.weights(share) for share in (0.249, 0.25, 0.99)] == expected


def test_a_knob_outside_its_range_is_named() -> None:
    with pytest.raises(ValueError, match=r"1 <= temperature <= 20 must hold, but got temperature=0.5"):
        METHODS["distillation"]("multilabel", {}, temperature=0.5)
    with pytest.raises(ValueError, match="attention has the knobs none, but got 'temperature'"):
        METHODS["attention"]("multilabel", {}, temperature=4.0)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory, short: str) -> Teacher:
    torch.manual_seed(1)
    facts: dict[str, Any] = {"task": "multilabel", "label_names": ("Mass", "Edema", "Nodule"), "source": "drawn"}
    weights = build(short, 3).state_dict()
    folder = tmp_path_factory.mktemp("teachers")
    return shelf.save(folder, weights, name="t", architecture=short, is_phantom=True, **facts)


class Answers(NamedTuple):
    """What a student in training makes of four views, with all that leads back to its weights."""

    student: str
    views: Tensor
    network: nn.Module
    logits: Tensor
    taps: dict[str, Tensor]  # by place


def answers(student: str) -> Answers:
    torch.manual_seed(2)
    network, views = build(student, 2), torch.randn(4, 3, 64, 64)
    with Taps(network, {tap.place for tap in known(student).taps.values()}) as taps:
        logits = network(views)
        return Answers(student, views, network, logits, dict(taps))


@pytest.fixture(scope="module", params=[SHORT, "densenet40"])
def light(request: pytest.FixtureRequest, short: str) -> Answers:
    """Of a student that is soon trained."""
    return answers(request.param)


@pytest.fixture(scope="module", params=[*sorted(ARCHITECTURES), "resnet18", "vit_tiny_patch16_224"])
def answer(request: pytest.FixtureRequest) -> Answers:
    """Of a student of the project's."""
    return answers(request.param)


def guide_of(name: str, student: str, teacher: Teacher) -> Guide:
    return Guide(name, student, teacher, torch.device("cpu"), label_names=("Nodule", "Mass"), batch_size=4)


@pytest.mark.slow
@pytest.mark.parametrize("name", OWN)
def test_a_step_brings_a_student_as_near_as_the_gradient_says(name: str, light: Answers, teacher: Teacher) -> None:
    answer, guide = light, guide_of(name, light.student, teacher)
    knowledge = guide.knowledge(answer.views)
    students, own = dict(answer.network.named_parameters()), guide.parameters()
    loss = guide.loss(answer.taps, answer.logits, knowledge)
    gradients = torch.autograd.grad(loss, [*students.values(), *own], retain_graph=True, materialize_grads=True)
    assert all(parameter.grad is None for parameter in guide.members[0].network.parameters())
    if name == "attention-silent":
        assert loss == 0 and not any(gradient.any() for gradient in gradients)
        return

    lower_by = 0.01 * loss.item()
    length = lower_by / float(sum(gradient.square().sum() for gradient in gradients))
    with torch.no_grad(), Taps(answer.network, guide.student_taps) as taps:
        moved = {n: w - length * gradient for (n, w), gradient in zip(students.items(), gradients, strict=False)}
        for weight, gradient in zip(own, gradients[len(students) :], strict=True):
            weight.sub_(length * gradient)
        nearer = guide.loss(taps, functional_call(answer.network, moved, answer.views), knowledge)
    assert loss.item() - nearer.item() == pytest.approx(lower_by, rel=0.3)


@pytest.mark.slow
@pytest.mark.parametrize("name", OWN)
def test_every_method_reaches_every_student_or_says_which_would(name: str, answer: Answers, teacher: Teacher) -> None:
    own, others = known(answer.student).taps, known(teacher.architecture).taps
    if any(own[role].num_planes != others[role].num_planes for role in METHODS[name].same_planes):
        with pytest.raises(ValueError, match=f"{re.escape(name)} compares plane by plane.*methods without this rule: "):
            guide_of(name, answer.student, teacher)
        return
    taught = guide_of(name, answer.student, teacher)
    taps = {module: tap.detach().requires_grad_() for module, tap in answer.taps.items()}
    logits = answer.logits.detach().requires_grad_()
    loss = taught.loss(taps, logits, taught.knowledge(answer.views))
    compared = [taps[module] for module in taught.student_taps]
    compared += [logits] * ("logits" in METHODS[name].student_roles)
    assert loss.isfinite() and compared
    for gradient in torch.autograd.grad(loss, compared):
        assert gradient.isfinite().all()
        assert gradient.any() == (name in LOUD)


@pytest.mark.slow
@pytest.mark.parametrize("role", ["shallow", "middle", "attention", "final", "embedding", "logits"])
def test_what_a_method_compares_leads_back_to_the_first_layer(role: str, answer: Answers) -> None:
    compared = answer.logits if role == "logits" else answer.taps[known(answer.student).taps[role].place]
    along = torch.randn(compared.shape, generator=torch.Generator().manual_seed(3))
    (gradient,) = torch.autograd.grad(compared, next(answer.network.parameters()), along, retain_graph=True)
    assert gradient.isfinite().all() and gradient.any()


def test_outputs_are_compared_label_by_label_by_name(teacher: Teacher) -> None:
    guide = Guide("compression", "densenet40", teacher, torch.device("cpu"), label_names=("Nodule", "Hernia", "Mass"))
    views = torch.randn(2, 3, 64, 64)
    network = build(teacher.architecture, 3).eval()
    network.load_state_dict(teacher.state_dict())
    with torch.no_grad():
        outputs = network(views)
    torch.testing.assert_close(guide.knowledge(views), outputs[:, [2, 0]], rtol=1e-4, atol=1e-5)
    own = torch.tensor([[1.0, 9.0, 2.0], [3.0, 9.0, 4.0]])
    expected = (own[:, [0, 2]] - outputs[:, [2, 0]]).square().mean()
    loss = guide.loss(Taps(nn.Module(), ()), own, guide.knowledge(views))
    torch.testing.assert_close(loss, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("task", "labels"),
    [("multilabel", ("Hernia",)), ("multiclass", ("Mass", "Edema", "Nodule"))],
    ids=["names", "task"],
)
def test_without_labels_in_common_outputs_are_not_compared(
    teacher: Teacher, task: str, labels: tuple[str, ...]
) -> None:
    with pytest.raises(ValueError, match=r"distillation compares outputs, .* the teacher t has Mass, Edema, Nodule"):
        Guide("distillation", "densenet40", teacher, torch.device("cpu"), task=task, label_names=labels)


def test_a_new_method_is_one_class(teacher: Teacher) -> None:
    class Mean(Method):
        name = "toy"
        reference = "nobody"
        formula = "L = (mean z_S - mean z_T)^2"
        teacher_roles = student_roles = ("embedding",)

        def knowledge(self, teacher: Mapping[str, Tensor]) -> Tensor:
            return teacher["embedding"].mean(dim=1)[:, None]

        def loss(self, student: Mapping[str, Tensor], knowledge: Tensor) -> Tensor:
            return (student["embedding"].mean(dim=1)[:, None] - knowledge).square().mean()

    guide = Guide("toy", "densenet40", teacher, torch.device("cpu"))
    assert guide.knowledge(torch.randn(2, 3, 64, 64)).shape == (2, 1)
    del METHODS["toy"]


def test_files_of_the_folder_are_found_by_themselves() -> None:
    folder = Path(__file__).parents[3] / "trainables" / "transfer"
    assert {"attention", "distillation", "hints", "flow", "similarity", "compression"} <= set(OWN)
    assert len(list(folder.glob("*.py"))) >= len(OWN)
