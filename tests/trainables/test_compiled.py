"""A compiled step: one program, of whole batches alone, with the numbers of the one that is not compiled."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
import torch._inductor.config
from torch import Tensor, nn
from torch._dynamo.utils import counters

from platform.phantoms.writers import write_retina
from tests.short_densenet import Short40
from trainables.config import TrialConfig
from trainables.data.readers import retina
from trainables.data.store import Store
from trainables.data.store_making import prepare
from trainables.loop import train
from trainables.models.architectures import build
from trainables.models.densenet import DenseNet, DenseNet121
from trainables.models.freezing import unfreeze
from trainables.teachers import shelf
from trainables.teachers.guide import Guide
from trainables.teachers.shelf import Teacher
from trainables.training import Training

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")
BATCH_SIZE = 6  # of 16 photographs: two whole batches and a rest


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """16 training, 6 validation and 6 test photographs of 32 px."""
    folder = tmp_path_factory.mktemp("compiled")
    root = write_retina(folder / "retina", num_patients=14, image_size_px=64, seed=1, progress=False)
    return prepare(retina.read(root), folder / "s.arrow", image_size_px=32, salt=b"salt", progress=False)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory, short: str) -> Teacher:
    torch.manual_seed(99)
    facts: dict[str, Any] = {"task": "multiclass", "label_names": ("a", "b", "c"), "source": "drawn"}
    weights = build(short, 3).state_dict()
    folder = tmp_path_factory.mktemp("teachers")
    return shelf.save(folder, weights, name="imagenet", architecture=short, is_phantom=True, **facts)


@pytest.fixture(autouse=True)
def nothing_compiled_before() -> Iterator[None]:
    torch.set_num_threads(1)
    torch._dynamo.reset()
    counters.clear()
    yield
    torch._dynamo.reset()


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Traces as `torch.compile` does and runs the same operations; the sizes of the batches that came."""
    sizes: list[int] = []
    compile_ = torch.compile

    def trace(student: nn.Module, dynamic: bool, mode: str) -> Callable[[Tensor], Any]:
        compiled = compile_(student, dynamic=dynamic, backend="aot_eager", fullgraph=True)

        def run(views: Tensor) -> Any:
            sizes.append(len(views))
            return compiled(views)

        return run

    monkeypatch.setattr(torch, "compile", trace)
    return sizes


def numbers(store: Store, student: nn.Module, guide: Guide | None = None, **changes: Any) -> list[dict[str, float]]:
    """The metrics of each epoch, but for the speed."""
    fixed: dict[str, Any] = {"dataset": "retina", "image_size_px": 32, "batch_size": BATCH_SIZE, "max_epochs": 2}
    fixed |= {"selection_metric": "f1_weighted"}
    taught: dict[str, Any] = {"teacher": "imagenet", "beta": 2.0} if guide else {"method": "transfer"}
    config = TrialConfig(**{**fixed, **taught, "learning_rate": 1e-3, **changes})
    training = Training(config=config, store=store, student=student, guide=guide, device=CPU)
    return [{k: v for k, v in result.metrics.items() if k != "images_per_s"} for result in train(training)]


def drawn() -> nn.Module:
    """Goes through the code of DenseNet-40, with fewer layers, which is quicker."""
    torch.manual_seed(5)
    return Short40(5)


def test_traced_whole_the_students_numbers_are_the_same_bit_for_bit(
    store: Store, teacher: Teacher, traced: list[int]
) -> None:
    metrics = [
        numbers(store, drawn(), Guide("attention", "densenet40", teacher, CPU), compiled=compiled)
        for compiled in (False, True, True)
    ]
    assert metrics[0] == metrics[1] == metrics[2]
    assert set(traced) == {BATCH_SIZE} and len(traced) == 2 * 2 * 2  # trainings, epochs, whole batches
    assert counters["stats"]["unique_graphs"] == 1  # the second training finds the first one's


def test_mixed_views_and_averaged_weights_in_a_compiled_step(store: Store, traced: list[int]) -> None:
    recipe: dict[str, Any] = {"mixup_alpha": 0.4, "loss": "focal", "ema_decay": 0.9, "crop_scale_min": 0.5}
    usual, compiled = (numbers(store, drawn(), compiled=compiled, **recipe) for compiled in (False, True))
    assert usual == compiled and traced


class FewLayers(DenseNet121):
    """A DenseNet-121 with a layer in its first and last block: tracing goes through the same code, which is quicker."""

    def __init__(self) -> None:
        DenseNet.__init__(self, (1, 0, 0, 1), 5)


@pytest.mark.parametrize(
    ("name", "make", "depth", "trained"),
    [
        ("densenet121", FewLayers, "last34", ("features.transition3", "features.denseblock4", "features.norm5")),
        ("densenet40", lambda: Short40(5), "head", ()),
        ("densenet40", lambda: Short40(5), "from-bottleneck", ("attention", "expansion", "norm")),
    ],
)
def test_frozen_layers_stay_frozen_in_a_compiled_step(
    store: Store,
    teacher: Teacher,
    traced: list[int],
    name: str,
    make: Callable[[], nn.Module],
    depth: str,
    trained: tuple[str, ...],
) -> None:
    def frozen() -> nn.Module:
        torch.manual_seed(5)
        student = make()
        unfreeze(student, name, depth)
        return student

    before, students = frozen().state_dict(), [frozen(), frozen()]
    metrics = [
        numbers(
            store,
            student,
            Guide("attention", name, teacher, CPU) if depth == "from-bottleneck" else None,
            unfreeze=depth,
            compiled=compiled,
            max_epochs=1,
        )
        for student, compiled in zip(students, (False, True), strict=True)
    ]
    assert metrics[0] == metrics[1] and traced
    assert counters["stats"]["unique_graphs"] == 1
    changed = {key for key, tensor in students[1].state_dict().items() if not torch.equal(tensor, before[key])}
    assert changed == {key for key in before if key.startswith((*trained, "classifier"))}


# The compiler takes 50 s over DenseNet-40 on two cores, and 85 s over DenseNet-121. This network has all that those
# have, once: a dense layer, a transition from what it was concatenated to, and the head. It is compiled in this
# process, since others would each import torch first.
@pytest.mark.skipif(not shutil.which("g++"), reason="torch.compile needs a C++ compiler on a CPU")
def test_the_compilers_own_loss_and_gradient_of_a_densenet_are_close(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch._inductor.config, "compile_threads", 1)

    def step(compiled: bool) -> tuple[float, Tensor]:
        """The loss of one whole batch and its gradient, all parameters in a row."""
        torch.manual_seed(5)
        student = DenseNet((1, 0), 5)
        (metrics,) = numbers(store, student, compiled=compiled, batch_size=16, max_epochs=1)
        gradients = [weight.grad for weight in student.parameters()]
        return metrics["train_loss"], torch.cat([grad.flatten() for grad in gradients if grad is not None])

    (loss, gradient), (own_loss, own_gradient) = step(False), step(True)
    assert own_loss == pytest.approx(loss, rel=1e-5)
    assert own_gradient.shape == gradient.shape
    # Not weight by weight: where a batch norm follows, a scale has no gradient but rounding.
    assert float((own_gradient - gradient).norm() / gradient.norm()) < 1e-3
    assert counters["stats"]["unique_graphs"] == 1
