"""ImageNet's weights come from a file at hand, whole and of the right kind, or one line says where to put them."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torchvision.models import DenseNet121_Weights

from trainables.models.architectures import ARCHITECTURES, build
from trainables.teachers import imagenet, shelf

FILE = "densenet121-a639ec97.pth"  # torchvision's; the digits are the beginning of the SHA-256


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty torch hub's cache."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    folder = tmp_path / "torch" / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    """As torchvision's file has them, under the names of 2017 and without the batch norms' counts."""
    torch.manual_seed(1)
    state = build("densenet121", 1000).state_dict()
    olden = {}
    for name, tensor in state.items():
        for kind in ("norm", "conv"):
            for number in "12":
                name = name.replace(f".{kind}{number}.", f".{kind}.{number}.") if "denselayer" in name else name
        if not name.endswith("num_batches_tracked"):
            olden[name] = tensor
    assert "features.denseblock1.denselayer1.norm.1.weight" in olden
    return olden


def test_torchvisions_file_is_the_one_that_is_looked_for() -> None:
    assert Path(DenseNet121_Weights.IMAGENET1K_V1.url).name == FILE


def test_absent_weights_get_one_line_with_the_address_and_the_place(tmp_path: Path, cache: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        imagenet.take(tmp_path / "teachers")
    message = str(caught.value)
    assert "\n" not in message
    assert f"fetch {DenseNet121_Weights.IMAGENET1K_V1.url} and put it at {cache / FILE}" in message
    assert "--imagenet-weights" in message
    assert not (tmp_path / "teachers").exists()


def test_a_named_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no ImageNet weights at .*typo\.pth; fetch https://"):
        imagenet.take(tmp_path / "teachers", tmp_path / "typo.pth")


def test_a_file_that_is_not_what_its_name_promises_is_refused(tmp_path: Path, cache: Path) -> None:
    (cache / FILE).write_bytes(b"half a download")
    digest = hashlib.sha256(b"half a download").hexdigest()
    with pytest.raises(ValueError, match=rf"the SHA-256 of .*{FILE} must begin with a639ec97, but is {digest}"):
        imagenet.take(tmp_path / "teachers")
    assert shelf.listing(tmp_path / "teachers") == []


def check(teacher: shelf.Teacher, weights: dict[str, Tensor]) -> None:
    assert (teacher.name, teacher.architecture, teacher.task) == ("imagenet", "densenet121", "multiclass")
    assert not teacher.is_phantom
    assert teacher.seen == {"dataset": "imagenet", "split": "train"}
    assert (len(teacher.label_names), teacher.label_names[0]) == (1000, "tench")
    state = teacher.state_dict()
    build("densenet121", 1000).load_state_dict(state)
    old, new = "features.denseblock4.denselayer16.conv.2.weight", "features.denseblock4.denselayer16.conv2.weight"
    assert torch.equal(state[new], weights[old])
    assert torch.equal(state["classifier.bias"], weights["classifier.bias"])


def test_a_named_file_is_taken(tmp_path: Path, weights: dict[str, Tensor]) -> None:
    path = tmp_path / "mine.pth"
    torch.save(weights, path)
    teacher = imagenet.take(tmp_path / "teachers", path)
    check(teacher, weights)
    assert shelf.load(tmp_path / "teachers", "imagenet") == teacher
    assert teacher.source.endswith("from mine.pth")


def test_the_cached_file_is_taken_once_its_hash_is_right(
    tmp_path: Path, cache: Path, weights: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.save(weights, tmp_path / "drawn.pth")
    digest = hashlib.sha256((tmp_path / "drawn.pth").read_bytes()).hexdigest()
    file = f"densenet121-{digest[:8]}.pth"
    (tmp_path / "drawn.pth").rename(cache / file)
    meta = DenseNet121_Weights.IMAGENET1K_V1.meta
    drawn: Any = SimpleNamespace(url=f"https://host/{file}", name="IMAGENET1K_V1", meta=meta)
    monkeypatch.setitem(ARCHITECTURES, "densenet121", replace(ARCHITECTURES["densenet121"], weights=drawn))
    assert imagenet.find() == cache / file
    check(imagenet.take(tmp_path / "teachers"), weights)


def test_a_network_of_another_task_is_refused(tmp_path: Path, weights: dict[str, Tensor]) -> None:
    path = tmp_path / "chest.pth"
    torch.save({**weights, "classifier.weight": torch.zeros(14, 1024), "classifier.bias": torch.zeros(14)}, path)
    with pytest.raises(ValueError, match=r"ImageNet weights must have 1000 outputs, but .*chest\.pth has 14"):
        imagenet.take(tmp_path / "teachers", path)


@pytest.mark.parametrize("name", ["resnet18", "efficientnet_b0", "convnext_tiny"])
def test_another_networks_weights_are_taken_from_a_folder_of_torchvisions_files(name: str, tmp_path: Path) -> None:
    weights = ARCHITECTURES[name].weights
    assert weights is not None
    state = build(name, 1000).state_dict()
    torch.save(state, tmp_path / "drawn.pth")
    digest = hashlib.sha256((tmp_path / "drawn.pth").read_bytes()).hexdigest()
    files = tmp_path / "files"
    files.mkdir()
    (tmp_path / "drawn.pth").rename(files / Path(weights.url).name)
    with pytest.raises(ValueError, match=f"but is {digest}: fetch it again"):  # torchvision's name, but not its file
        imagenet.take(tmp_path / "teachers", files, name)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(imagenet, "_check_hash", lambda path: None)
        teacher = imagenet.take(tmp_path / "teachers", files, name)
    assert (teacher.name, teacher.architecture, len(teacher.label_names)) == (f"imagenet-{name}", name, 1000)
    assert all(torch.equal(tensor, state[key]) for key, tensor in teacher.state_dict().items())


def test_another_networks_absent_weights_get_one_line_too(tmp_path: Path, cache: Path) -> None:
    mine = tmp_path / "mine.pth"
    mine.touch()  # DenseNet-121's, which is no ResNet's
    url = "https://download.pytorch.org/models/resnet18-f37072fd.pth"
    with pytest.raises(FileNotFoundError, match="no ImageNet weights of resnet18 on this machine") as caught:
        imagenet.take(tmp_path / "teachers", mine, "resnet18")
    assert f"fetch {url} and put it at {cache / 'resnet18-f37072fd.pth'}" in str(caught.value)


def test_names_say_architectures() -> None:
    assert imagenet.architecture_of("imagenet") == "densenet121"
    assert imagenet.architecture_of("imagenet-resnet50") == "resnet50"
    assert imagenet.architecture_of("mimic-cxr") is None
    assert imagenet.first_weights("imagenet", "resnet18") == "imagenet-resnet18"
    assert {imagenet.first_weights("imagenet", name) for name in ("densenet40", "densenet121")} == {"imagenet"}
    assert imagenet.first_weights("mimic-cxr", "resnet18") == "mimic-cxr"
    assert imagenet.first_weights("matched-imagenet", "resnet18") == "imagenet-resnet18"
    assert imagenet.first_weights("matched-mimic-cxr", "resnet18") == "mimic-cxr"
    assert imagenet.first_weights("random", "resnet18") == "random"
    with pytest.raises(ValueError, match=r"imagenet-NAME must name one of .*resnet18.*, but got 'imagenet-vgg'"):
        imagenet.architecture_of("imagenet-vgg")
    with pytest.raises(ValueError, match="torchvision's, but densenet40 has none"):
        imagenet.find(None, "densenet40")
