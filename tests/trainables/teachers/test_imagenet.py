"""ImageNet's weights come from a file at hand, whole and of the right kind, or one line says where to put them."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file
from timm.data import ImageNetInfo
from torch import Tensor
from torchvision.models import DenseNet121_Weights

from trainables.data.normalising import IMAGENET_MEAN, IMAGENET_STD
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
    check(imagenet.take(tmp_path / "teachers"), weights)


def test_a_network_of_another_task_is_refused(tmp_path: Path, weights: dict[str, Tensor]) -> None:
    path = tmp_path / "chest.pth"
    torch.save({**weights, "classifier.weight": torch.zeros(14, 1024), "classifier.bias": torch.zeros(14)}, path)
    with pytest.raises(ValueError, match=r"ImageNet weights must have 1,000 outputs, but .*chest\.pth has 14"):
        imagenet.take(tmp_path / "teachers", path)


@pytest.mark.parametrize(
    ("name", "tag", "more"),
    [
        ("resnet18", "a1_in1k", ""),
        ("mobilenetv3_small_050", "lamb_in1k", ""),
        (
            "vit_tiny_patch16_224",
            "augreg_in21k_ft_in1k",
            "ImageNet-21k, then ImageNet-1k (timm's augreg_in21k_ft_in1k)",
        ),
    ],
)
def test_timms_weights_are_taken_from_a_folder_of_its_files(name: str, tag: str, more: str, tmp_path: Path) -> None:
    network = timm.create_model(name)
    save_file(network.state_dict(), tmp_path / f"{name}.{tag}.safetensors")
    teacher = imagenet.take(tmp_path / "teachers", tmp_path, name)
    assert (teacher.name, teacher.architecture, len(teacher.label_names)) == (f"imagenet-{name}", name, 1000)
    assert teacher.source == f"timm, {name}.{tag} (licence apache-2.0), from {name}.{tag}.safetensors"
    assert (teacher.trained_on, teacher.seen["dataset"]) == (more, "imagenet")
    views = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    mean, std = (torch.tensor(each)[:, None, None] for each in (IMAGENET_MEAN, IMAGENET_STD))
    own_mean, own_std = (torch.tensor(network.pretrained_cfg[each])[:, None, None] for each in ("mean", "std"))
    with torch.no_grad():
        theirs = network.eval()((views * std + mean - own_mean) / own_std)
        ours = teacher.network().eval()(views)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_the_classes_are_timms_too_in_the_same_order() -> None:
    renamed = {"crane bird": "crane", "maillot tank suit": "maillot, tank suit"}  # each is there twice
    descriptions = ImageNetInfo().label_descriptions()
    assert len(imagenet.CLASSES) == len(descriptions) == 1000
    for name, description in zip(imagenet.CLASSES, descriptions, strict=True):
        assert description.lower().startswith(renamed.get(name, name).lower())


def test_names_say_architectures(tmp_path: Path) -> None:
    assert imagenet.architecture_of("imagenet") == "densenet121"
    assert imagenet.architecture_of("imagenet-resnet50") == "resnet50"
    assert imagenet.architecture_of("mimic-cxr") is None
    assert imagenet.first_weights("imagenet", "resnet18") == "imagenet-resnet18"
    assert {imagenet.first_weights("imagenet", name) for name in ("densenet40", "densenet121")} == {"imagenet"}
    assert imagenet.first_weights("mimic-cxr", "resnet18") == "mimic-cxr"
    assert imagenet.first_weights("matched-imagenet", "resnet18") == "imagenet-resnet18"
    assert imagenet.first_weights("matched-mimic-cxr", "resnet18") == "mimic-cxr"
    assert imagenet.first_weights("random", "resnet18") == "random"
    with pytest.raises(ValueError, match=r"the teacher must be one of .*, or a network of timm's, but got 'vgg'"):
        imagenet.architecture_of("imagenet-vgg")
    with pytest.raises(ValueError, match="1,000 outputs, but none are published for densenet40"):
        imagenet.take(tmp_path, None, "densenet40")
