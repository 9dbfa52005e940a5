"""Every network at every depth: what is trained, what stays as it was, where the graph begins; counts by hand."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from itertools import pairwise

import pytest
import torch
from torch import nn

from tests import tiny_network
from trainables.models import stages as declared
from trainables.models.architectures import ARCHITECTURES, build, known, undrawn
from trainables.models.freezing import drawn_and_frozen, frozen_taps, num_trainable, rank, unfreeze
from trainables.models.taps import Tapped, Taps

OURS = [name for name in ARCHITECTURES if name != tiny_network.NAME]
OF_TIMM = ["resnet18", "mobilenetv3_small_100", "vit_tiny_patch16_224"]
NAMES = [*OURS, *OF_TIMM]
DEPTHS = [(name, depth) for name in OURS for depth in ARCHITECTURES[name].depths]
STEPS = [*DEPTHS, *((name, depth) for name in OF_TIMM for depth in list(known(name).depths)[::3])]
ROLES = ("shallow", "middle", "attention", "final", "embedding", "logits")
SIZE_PX, NUM_IMAGES, NUM_LABELS = 64, 4, 3


def dense_block(num_layers: int, num_planes: int) -> int:
    """Huang et al. 2017: per layer norm, 1 x 1 to 128 planes, norm, 3 x 3 to 32 planes; each sees 32 planes more."""
    layers = [2 * c + 128 * c + 2 * 128 + 9 * 128 * 32 for c in (num_planes + 32 * i for i in range(num_layers))]
    return sum(layers)


def transition(num_planes: int) -> int:
    """Norm, and 1 x 1 to half the planes."""
    return 2 * num_planes + num_planes * num_planes // 2


def residual_stage(num_planes: int, *, num_before: int) -> int:
    """He et al. 2016, ResNet-18: two blocks of two 3 x 3, each with norm; a 1 x 1 with norm where the size changes."""
    convolutions = 9 * num_planes * (num_before + 3 * num_planes) + 4 * 2 * num_planes
    return convolutions + (num_before * num_planes + 2 * num_planes if num_before != num_planes else 0)


STEM = 3 * 64 * 7 * 7 + 2 * 64  # the same in all three: 7 x 7 to 64 planes, and norm
BY_HAND = {  # at 14 outputs: what each depth adds to the one before it
    "densenet121": {
        "head": 1024 * 14 + 14,
        "last34": 2 * 1024 + dense_block(16, 512) + transition(1024),
        "from-block3": dense_block(24, 256) + transition(512),
        "from-block2": dense_block(12, 128) + transition(256),
        "from-block1": dense_block(6, 64),
        "all": STEM,
    },
    "densenet40": {
        "head": 1024 * 14 + 14,
        "from-bottleneck": (512 * 32 + 32) + (32 * 1024 + 1024) + 2 * 1024,
        "from-block2": dense_block(12, 128) + transition(256),
        "from-block1": dense_block(6, 64),
        "all": STEM,
    },
    "resnet18": {
        "head": 512 * 14 + 14,
        "from-layer4": residual_stage(512, num_before=256),
        "from-layer3": residual_stage(256, num_before=128),
        "from-layer2": residual_stage(128, num_before=64),
        "from-layer1": residual_stage(64, num_before=64),
        "all": STEM,
    },
}


def images() -> torch.Tensor:
    return torch.randn(NUM_IMAGES, 3, SIZE_PX, SIZE_PX, generator=torch.Generator().manual_seed(0))


def unfrozen(name: str, depth: str) -> nn.Module:
    torch.manual_seed(1)
    student = build(name, NUM_LABELS)
    unfreeze(student, name, depth)
    return student


def keys_of(student: nn.Module, names: list[str]) -> set[str]:
    """The entries of the state dict that belong to these stages."""
    return {key for key in student.state_dict() if any(key.startswith(f"{name}.") for name in names)}


@pytest.mark.parametrize("name", BY_HAND)
def test_trainable_parameters_are_those_counted_by_hand(name: str) -> None:
    assert list(BY_HAND[name]) == list(known(name).depths)
    total = 0
    for depth, more in BY_HAND[name].items():
        student = undrawn(name, 14)
        unfreeze(student, name, depth)
        total += more
        assert num_trainable(student) == total, depth
    assert total == sum(parameter.numel() for parameter in undrawn(name, 14).parameters())


@pytest.mark.parametrize("name", NAMES)
def test_each_depth_holds_the_one_before_it_from_the_classifier_to_all(name: str) -> None:
    depths = list(known(name).depths)
    assert (depths[0], depths[-1]) == (declared.HEAD, declared.ALL)
    student, trained = undrawn(name, NUM_LABELS), []
    for depth in depths:
        unfreeze(student, name, depth)
        trained.append({key for key, weight in student.named_parameters() if weight.requires_grad})
    assert all(fewer < more for fewer, more in pairwise(trained))
    output = known(name).output.split(".")[0]
    assert all(key.startswith(f"{output}.") for key in trained[0])
    assert trained[-1] == {key for key, _ in student.named_parameters()}


@pytest.mark.parametrize("name", ["convnext_tiny", "swin_tiny_patch4_window7_224"])
def test_a_probe_trains_the_last_linear_layer_alone(name: str) -> None:
    student = undrawn(name, NUM_LABELS)
    unfreeze(student, name, "head")
    trained = [key for key, weight in student.named_parameters() if weight.requires_grad]
    assert trained == ["head.fc.weight", "head.fc.bias"]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "depth"), STEPS)
def test_a_step_changes_what_is_unfrozen_and_nothing_else(name: str, depth: str) -> None:
    student, facts = unfrozen(name, depth), known(name)
    names = declared.stage_names(student)
    first = names.index(facts.depths[depth])
    frozen, trained = keys_of(student, names[:first]), keys_of(student, names[first:])
    (trained if depth == "all" else frozen).update(name for name, _ in student.named_parameters(recurse=False))
    for module in student.modules():
        if isinstance(module, nn.BatchNorm2d):  # timm begins the last norm of a residual block at 0: no gradient passes
            nn.init.ones_(module.weight)
    before = {key: tensor.clone() for key, tensor in student.state_dict().items()}
    assert frozen | trained == set(before)

    optimizer = torch.optim.Adam([each for each in student.parameters() if each.requires_grad], lr=0.01)
    student.train()
    modes = {stage: {module.training for module in student.get_submodule(stage).modules()} for stage in names}
    assert all(modes[stage] == {number >= first} for number, stage in enumerate(names))
    with Taps(student, [*names, *(tap.place for tap in facts.taps.values())]) as taps:
        logits = student(images())
    # Each class by itself: a sum over all of a norm's outputs has no gradient but rounding.
    nn.functional.cross_entropy(logits, torch.arange(NUM_IMAGES) % NUM_LABELS).backward()
    optimizer.step()

    graph = {stage: taps[stage].grad_fn is not None for stage in names}
    assert graph == {stage: number >= first for number, stage in enumerate(names)}
    frozen_roles = [role for role, tap in facts.taps.items() if not taps[tap.place].requires_grad]
    assert frozen_taps(name, depth, ROLES) == frozen_roles
    gradients = {key for key, weight in student.named_parameters() if weight.grad is not None}
    assert gradients == {key for key, _ in student.named_parameters()} & trained
    changed = {key for key, tensor in student.state_dict().items() if not torch.equal(tensor, before[key])}
    assert changed == trained


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_freezing_changes_no_answer_and_no_key(name: str) -> None:
    torch.manual_seed(1)
    student = build(name, NUM_LABELS).eval()
    keys = list(student.state_dict())
    with torch.no_grad():
        expected = student(images())
        for depth in known(name).depths:
            unfreeze(student, name, depth)
            assert torch.equal(student(images()), expected) and list(student.state_dict()) == keys


@pytest.fixture(params=["copied", "pickled"])
def copied(request: pytest.FixtureRequest) -> Iterator[nn.Module]:
    student = unfrozen("densenet40", "from-block2")
    yield copy.deepcopy(student) if request.param == "copied" else pickle.loads(pickle.dumps(student))


def test_a_copy_is_as_frozen_and_does_not_hang_on_the_original(copied: nn.Module) -> None:
    copied.train()
    assert not copied.get_submodule("features.denseblock1").training
    assert not copied.get_submodule("features.denseblock1.denselayer1.norm1").training
    assert copied.get_submodule("features.denseblock2.denselayer1.norm1").training
    unfreeze(copied, "densenet40", "all")
    assert all(module.training for module in copied.train().modules())


def test_evaluation_and_training_follow_each_other_at_any_depth() -> None:
    student = unfrozen("efficientnet_b0", "from-block7")
    for _ in range(2):
        assert not any(module.training for module in student.eval().modules())
        student.train()
        assert student.get_submodule("blocks.6").training and not student.get_submodule("blocks.5").training
        norms = [module for module in student.modules() if "Norm" in type(module).__name__]
        assert {module.training for module in norms} == {True, False}
    unfreeze(student, "efficientnet_b0", "head")
    assert not student.get_submodule("blocks.6").training and student.get_submodule("classifier").training


def test_taps_that_stay_work_on_a_frozen_student() -> None:
    student = unfrozen("densenet40", "from-bottleneck")
    _, taps = Tapped(student, ["features.transition1", "attention"]).train()(images())
    assert taps["features.transition1"].grad_fn is None and taps["attention"].grad_fn is not None
    assert not student.get_submodule("features.denseblock2").training


@pytest.mark.parametrize(("name", "depth"), [("densenet121", "half"), ("densenet40", "last34"), ("resnet18", "last34")])
def test_a_depth_that_the_network_does_not_have_is_refused_with_those_that_it_has(name: str, depth: str) -> None:
    listed = ", ".join(known(name).depths)
    with pytest.raises(ValueError, match=f"unfreeze must be one of {listed} for {name}, but got '{depth}'"):
        unfreeze(undrawn(name, 2), name, depth)


def test_densenet40s_own_layers_are_what_nothing_would_ever_train() -> None:
    expected = {("densenet40", "head"): ("attention", "expansion", "norm")}
    assert {(name, depth): drawn for name, depth in DEPTHS if (drawn := drawn_and_frozen(name, depth))} == expected


def test_depths_are_ranked_from_few_layers_to_all() -> None:
    depths = ["all", "from-block3", "head", "last34"]
    assert sorted(depths, key=lambda depth: rank("densenet121", depth)) == ["head", "last34", "from-block3", "all"]
    assert sorted(["all", "odd"], key=lambda depth: rank("unknown", depth)) == ["odd", "all"]


@pytest.mark.parametrize(
    ("depth", "title"),
    [
        ("head", "classifier alone trained"),
        ("last34", "last 34 layers trained"),
        ("from-block3", "trained from block 3 on"),
        ("from-stage9", "trained from stage 9 on"),
        ("from-layer4", "trained from layer4 on"),
        ("from-bottleneck", "trained from the bottleneck on"),
        ("all", "all layers trained"),
        ("none", "none"),
    ],
)
def test_a_depth_has_words(depth: str, title: str) -> None:
    assert declared.title(depth) == title
    assert all(declared.title(each) != each for _, each in DEPTHS)
