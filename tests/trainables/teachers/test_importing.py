"""Whatever file a DenseNet comes in, the imported one computes what the saved one did; what does not fit is named.

Most are DenseNets with few layers, since a file's shape does not depend on their number; and so it is with the others.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

from tests.short_densenet import NAME as SHORT
from trainables.models.architectures import ARCHITECTURES, build, known
from trainables.teachers.importing import Imported, import_network, own_names

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("short")]

NUM_LABELS = 14
NUM_TENSORS, NUM_PLANES = 151, 120  # of the DenseNet with few layers; and of its last layer's input
State = dict[str, Tensor]
import_short = functools.partial(import_network, architecture=SHORT)


def drawn(head: nn.Module | None = None) -> torchvision.models.DenseNet:
    """torchvision's own network with running statistics as a training leaves them."""
    torch.set_num_threads(1)
    torch.manual_seed(11)
    network = torchvision.models.DenseNet(block_config=(6, 1, 1, 2), num_classes=NUM_LABELS)
    if head is not None:
        network.classifier = head
    with torch.no_grad():
        network.train()(torch.randn(4, 3, 32, 32))
    return network.eval()


@pytest.fixture(scope="module")
def plain() -> torchvision.models.DenseNet:
    return drawn()


@pytest.fixture(scope="module")
def chexclusion() -> torchvision.models.DenseNet:
    """As CheXclusion trains it: probabilities come out."""
    return drawn(nn.Sequential(nn.Linear(NUM_PLANES, NUM_LABELS), nn.Sigmoid()))


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(2))


@pytest.fixture(scope="module")
def expected(plain: nn.Module, images: Tensor) -> Tensor:
    """The logits of `plain`."""
    with torch.no_grad():
        return plain(images)


@pytest.fixture(scope="module")
def plain_file(plain: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state dict of `plain`, as it is."""
    path = tmp_path_factory.mktemp("plain") / "n.pth"
    torch.save(plain.state_dict(), path)
    return path


@functools.cache
def empty() -> nn.Module:
    """A network for whichever weights are imported."""
    return build(SHORT, NUM_LABELS).eval()


def logits(imported: Imported, images: Tensor) -> Tensor:
    network = empty()
    network.load_state_dict(imported.weights)  # all of them, and nothing else
    with torch.no_grad():
        return network(images)


def olden(state: State) -> State:
    """Names and tensors of 2017: norm.1 for norm1, and no count of the batches."""
    renamed = {}
    for name, tensor in state.items():
        for new, old in (("norm1", "norm.1"), ("norm2", "norm.2"), ("conv1", "conv.1"), ("conv2", "conv.2")):
            name = name.replace(f".{new}.", f".{old}.") if "denselayer" in name else name
        if not name.endswith("num_batches_tracked"):
            renamed[name] = tensor
    return renamed


def prefixed(state: State, prefix: str) -> State:
    return {prefix + name: tensor for name, tensor in state.items()}


SHAPES: dict[str, Callable[[State], Any]] = {
    "state dict": lambda state: state,
    "state_dict": lambda state: {"state_dict": state, "epoch": 3, "optimizer": {"state": {}, "param_groups": [{}]}},
    "model_state_dict": lambda state: {"epoch": 1, "model_state_dict": state, "loss": torch.tensor(0.1)},
    "module. prefixes": lambda state: {"state_dict": prefixed(state, "module.")},
    "a wrapper's prefixes": lambda state: {"state_dict": prefixed(state, "module.densenet121.")},
    "old names": olden,
    "old names and prefixes": lambda state: {"state_dict": prefixed(olden(state), "module.densenet121.")},
    "nested twice": lambda state: {"model": {"state_dict": state}, "best_loss": torch.tensor(0.5)},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_state_dict_in_any_shape_gives_the_same_logits(
    plain: nn.Module, images: Tensor, expected: Tensor, tmp_path: Path, shape: str
) -> None:
    torch.save(SHAPES[shape](dict(plain.state_dict())), tmp_path / "n.pth")
    imported = import_short(tmp_path / "n.pth")
    assert (imported.num_labels, imported.differing, len(imported.matched)) == (14, (), NUM_TENSORS)
    assert torch.equal(logits(imported, images), expected)
    assert imported.report() == f"{NUM_TENSORS} of {NUM_TENSORS} tensors matched, 14 outputs"


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("of_a_gpu", [True, False], ids=["GPU", "CPU"])
def test_a_whole_model_as_chexclusion_saves_it(
    chexclusion: nn.Module, images: Tensor, tmp_path: Path, zipped: bool, of_a_gpu: bool
) -> None:
    model = nn.DataParallel(chexclusion)
    if of_a_gpu:  # what DataParallel notes where there is one
        model.dim, model.device_ids, model.output_device = 0, [0], 0
        model.src_device_obj = torch.device("cuda:0")
    content = {"model": model, "best_loss": 0.1, "epoch": 7, "rng_state": torch.get_rng_state(), "LR": 0.0005}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch would rather keep source texts
        torch.save(content, tmp_path / "best.pth.tar", _use_new_zipfile_serialization=zipped)
    imported = import_short(tmp_path / "best.pth.tar")
    assert (imported.num_labels, imported.differing) == (NUM_LABELS, ())
    with torch.no_grad():
        probabilities = chexclusion(images)
    assert torch.equal(logits(imported, images).sigmoid(), probabilities)  # the Sigmoid is left off: logits


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_a_bare_whole_model(plain: nn.Module, images: Tensor, expected: Tensor, tmp_path: Path, zipped: bool) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.save(plain, tmp_path / "n.pth", _use_new_zipfile_serialization=zipped)
    assert torch.equal(logits(import_short(tmp_path / "n.pth"), images), expected)


def test_safetensors(plain: nn.Module, images: Tensor, expected: Tensor, tmp_path: Path) -> None:
    save_file(dict(plain.state_dict()), tmp_path / "n.safetensors")
    assert torch.equal(logits(import_short(tmp_path / "n.safetensors"), images), expected)


def test_half_precision_is_widened(plain: nn.Module, tmp_path: Path) -> None:
    state = {name: t.half() if t.is_floating_point() else t for name, t in plain.state_dict().items()}
    torch.save(state, tmp_path / "n.pth")
    weights = import_short(tmp_path / "n.pth").weights
    assert weights["features.conv0.weight"].dtype == torch.float32
    assert torch.equal(weights["features.conv0.weight"], state["features.conv0.weight"].float())


def test_a_densenet_121_is_expected_where_nothing_is_said(tmp_path: Path) -> None:
    state = build("densenet121", NUM_LABELS).state_dict()
    torch.save(prefixed(state, "module.densenet121."), tmp_path / "n.pth")
    imported = import_network(tmp_path / "n.pth")
    assert (imported.num_labels, imported.differing, len(imported.matched)) == (14, (), 727)
    assert all(torch.equal(imported.weights[name], tensor) for name, tensor in state.items())


def test_another_architecture_is_asked_for_by_name(tmp_path: Path) -> None:
    torch.manual_seed(0)
    state = build("densenet40", 5).state_dict()
    torch.save(state, tmp_path / "n.pth")
    imported = import_network(tmp_path / "n.pth", architecture="densenet40")
    assert imported.num_labels == 5
    assert all(torch.equal(imported.weights[name], tensor) for name, tensor in state.items())


def broken(state: State) -> State:
    """Another head, one tensor missing, one of another shape, one unknown."""
    mended = {name: tensor for name, tensor in state.items() if name != "features.norm5.bias"}
    return mended | {"features.conv0.weight": torch.zeros(64, 1, 7, 7), "extra.weight": torch.zeros(3)}


def test_a_partial_match_is_refused_and_its_tensors_named(plain: nn.Module, tmp_path: Path) -> None:
    torch.save(broken(dict(plain.state_dict())), tmp_path / "n.pth")
    with pytest.raises(ValueError, match="as a whole, but 3 tensors do not") as caught:
        import_short(tmp_path / "n.pth")
    message = str(caught.value)
    assert f"{NUM_TENSORS - 2} of {NUM_TENSORS} do" in message
    assert "features.conv0.weight (64, 3, 7, 7): found (64, 1, 7, 7)" in message
    assert "features.norm5.bias (120,): absent" in message
    assert "extra.weight (3,): short has no such tensor" in message


def test_a_partial_match_is_taken_where_the_parts_may_differ(plain: nn.Module, tmp_path: Path) -> None:
    torch.save(broken(dict(plain.state_dict())), tmp_path / "n.pth")
    with pytest.raises(ValueError, match=r"but 1 tensors do not .*: extra\.weight"):
        import_short(tmp_path / "n.pth", may_differ=["features.conv0", "features.norm5"])
    parts = ["features.conv0", "features.norm5.bias", "extra"]
    first = import_short(tmp_path / "n.pth", may_differ=parts)
    torch.rand(3)
    second = import_short(tmp_path / "n.pth", may_differ=parts)
    assert len(first.differing) == 3 and len(first.matched) == NUM_TENSORS - 2
    assert "  not taken: features.norm5.bias (120,): absent" in first.report().splitlines()
    assert torch.equal(
        first.weights["features.conv0.weight"], second.weights["features.conv0.weight"]
    )  # always the same
    assert torch.equal(first.weights["features.norm5.weight"], plain.state_dict()["features.norm5.weight"])
    assert first.weights.keys() == build(SHORT, NUM_LABELS).state_dict().keys()


def test_a_part_is_no_prefix_of_a_name(plain: nn.Module, tmp_path: Path) -> None:
    state = {name: t for name, t in plain.state_dict().items() if not name.startswith("features.denseblock1.")}
    torch.save(state, tmp_path / "n.pth")
    with pytest.raises(ValueError, match="and 62 more; name the parts that may differ"):
        import_short(tmp_path / "n.pth", may_differ=["features.dense"])


def test_another_number_of_outputs_is_a_partial_match(plain_file: Path) -> None:
    with pytest.raises(ValueError, match=r"short with 5 outputs .*classifier\.weight \(5, 120\): found \(14, 120\)"):
        import_short(plain_file, num_labels=5)
    imported = import_short(plain_file, num_labels=5, may_differ=["classifier"])
    assert imported.weights["classifier.weight"].shape == (5, NUM_PLANES)


@pytest.mark.parametrize("may_differ", [(), ("classifier",)], ids=["whole", "drawn in part"])
def test_importing_leaves_the_global_generator_alone(plain_file: Path, may_differ: tuple[str, ...]) -> None:
    torch.manual_seed(4)
    before = torch.get_rng_state()
    import_short(plain_file, num_labels=5 if may_differ else None, may_differ=may_differ)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_missing_head_asks_for_the_number_of_outputs(plain: nn.Module, tmp_path: Path) -> None:
    state = {name: t for name, t in plain.state_dict().items() if not name.startswith("classifier")}
    torch.save(state, tmp_path / "n.pth")
    with pytest.raises(ValueError, match=r"must have a classifier, .* but begins with features\.conv0\.weight"):
        import_short(tmp_path / "n.pth")
    imported = import_short(tmp_path / "n.pth", num_labels=3, may_differ=["classifier"])
    assert imported.weights["classifier.weight"].shape == (3, NUM_PLANES)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "a dict of nothing"),
        ({"epoch": 3, "lr": 0.1}, "a dict of 'epoch', 'lr'"),
        ({"state_dict": 5}, "a int"),
        ([torch.zeros(1)], "a list"),
        (torch.zeros(3), "a Tensor"),
    ],
    ids=["empty", "numbers", "no state dict", "list", "tensor"],
)
def test_a_file_without_a_network_says_what_it_holds(tmp_path: Path, content: Any, message: str) -> None:
    torch.save(content, tmp_path / "n.pth")
    with pytest.raises(ValueError, match=rf"n\.pth must hold a network's weights, but holds {message}"):
        import_network(tmp_path / "n.pth")


def test_two_names_for_one_tensor_are_refused() -> None:
    doubled = {"module.classifier.weight": torch.zeros(1), "classifier.0.weight": torch.ones(1)}
    with pytest.raises(ValueError, match=r"both be 'classifier\.weight'; the second is 'classifier\.0\.weight'"):
        own_names(doubled)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no checkpoint at .*typo\.pth"):
        import_network(tmp_path / "typo.pth")


# Small ones made of what those of the name are made of, and their last layer.
OTHERS: dict[str, tuple[Callable[[int], nn.Module], str, Callable[[Any], nn.Module]]] = {
    "resnet18": (
        lambda num_labels: ResNet(BasicBlock, [1, 1, 1, 1], num_labels),
        "fc",
        lambda last: nn.Sequential(last, nn.Sigmoid()),
    ),
    "resnet50": (
        lambda num_labels: ResNet(Bottleneck, [1, 1, 1, 1], num_labels),
        "fc",
        lambda last: nn.Sequential(nn.Dropout(), last),
    ),
}


@pytest.fixture(scope="module", params=list(OTHERS))
def other(request: pytest.FixtureRequest) -> Iterator[tuple[str, nn.Module, State]]:
    """Another network's name, the network with its head wrapped, and the state that it had before."""
    name: str = request.param
    make, part, wrapped = OTHERS[name]
    network = make(4)
    state = dict(network.state_dict())
    setattr(network, part, wrapped(getattr(network, part)))
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(ARCHITECTURES, name, replace(known(name), make=make))
        yield name, network, state


@pytest.mark.parametrize("whole", [True, False])
def test_other_networks_with_a_sigmoid_behind_them_are_taken(
    other: tuple[str, nn.Module, State], whole: bool, tmp_path: Path
) -> None:
    name, network, expected = other
    torch.save(nn.DataParallel(network) if whole else {"state_dict": network.state_dict()}, tmp_path / "n.pth")
    imported = import_network(tmp_path / "n.pth", architecture=name)
    assert imported.num_labels == 4 and not imported.differing
    assert imported.weights.keys() == expected.keys()
    assert all(torch.equal(imported.weights[key], expected[key]) for key in expected)


def test_two_last_layers_are_refused(tmp_path: Path) -> None:
    network: Any = torchvision.models.resnet18(num_classes=4)
    network.fc = nn.Sequential(nn.Linear(512, 8), nn.ReLU(), nn.Linear(8, 4))
    torch.save(network.state_dict(), tmp_path / "n.pth")
    with pytest.raises(ValueError, match=r"would both be 'fc\.weight'; the second is 'fc\.2\.weight'"):
        import_network(tmp_path / "n.pth", architecture="resnet18")
