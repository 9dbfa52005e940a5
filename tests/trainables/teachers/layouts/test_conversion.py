"""A published model's file becomes a teacher that sees and answers as the model does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor
from torch.nn import functional as F

from tests.trainables.teachers.layouts import originals, small_models
from tests.trainables.teachers.layouts.small_models import LAID_OUT, MODELS, written
from trainables.data.normalising import IMAGENET_MEAN, IMAGENET_STD
from trainables.models.architectures import known, restored
from trainables.models.eyes import look_through
from trainables.teachers.layouts.conversion import Converted, convert, published_as


@pytest.fixture(scope="module", autouse=True)
def small() -> Iterator[None]:
    with small_models.registered():
        yield


def converted(path: Path, name: str, *labels: str) -> Converted:
    return convert(path, published_as(name, path, labels))


@pytest.fixture(scope="module")
def colours() -> Tensor:
    """Two images of values from 0 to 1."""
    return torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(4))


def planes(values: tuple[float, ...]) -> Tensor:
    return torch.tensor(values)[:, None, None]


@MODELS
def test_a_teacher_answers_as_the_original_does_to_its_own_input(
    tmp_path: Path, colours: Tensor, model: tuple[str, str]
) -> None:
    name, architecture = model
    result = converted(written(tmp_path, model), name)
    assert (result.architecture, result.num_labels) == (architecture, 0)
    network = look_through(restored(architecture, 0, result.weights), result.eyes).eval()
    eyes = result.eyes
    resized = F.interpolate(
        colours,
        size=(eyes.image_size_px,) * 2,
        mode=eyes.interpolation,
        align_corners=False,
        antialias=eyes.image_size_px < 64,
    )
    own_input = (resized - planes(eyes.mean)) / planes(eyes.std)
    original: Any = small_models.original(architecture)
    with torch.no_grad():
        expected = originals.retfound_says(original, own_input) if name == "retfound" else original(own_input)
        answer = network((colours - planes(IMAGENET_MEAN)) / planes(IMAGENET_STD))
    assert expected.std() > 1e-3
    torch.testing.assert_close(answer, expected, rtol=1e-4, atol=1e-4)


@MODELS
def test_a_report_names_what_is_left_out(tmp_path: Path, model: tuple[str, str]) -> None:
    result = converted(written(tmp_path, model), model[0])
    report = result.report()
    assert f"all {len(result.weights)} tensors of {model[1]}, no outputs; {result.eyes.image_size_px} px" in report
    assert all(why in report for why in result.left_out.values())
    assert bool(result.left_out) == (model[0] != "retfound-green")


@MODELS
@pytest.mark.parametrize("damage", ["absent", "surplus"])
def test_a_damaged_file_is_refused_with_names(tmp_path: Path, model: tuple[str, str], damage: str) -> None:
    content = LAID_OUT[model](small_models.original(model[1]))
    tensors = next((content[key] for key in ("model", "teacher") if key in content), content)
    name = next(name for name in tensors if "norm" in name and name.endswith(".bias") and "0" in name)
    if damage == "absent":
        del tensors[name]
    else:
        tensors["blocks.0.extra"] = torch.ones(3)
    path = tmp_path / "theirs.pth"
    torch.save(content, path)
    with pytest.raises(
        ValueError, match=r"theirs\.pth must match .* as a whole, but of .* 1 tensors do not: "
    ) as raised:
        converted(path, model[0])
    assert ("absent" in str(raised.value)) == (damage == "absent")
    assert ("blocks.0.extra" in str(raised.value)) == (damage == "surplus")


def test_a_fine_tuned_model_brings_its_outputs(tmp_path: Path) -> None:
    tuned = originals.shaken(known("retfound").make(5))
    torch.save({"model": tuned.state_dict()}, tmp_path / "tuned.pth")
    result = converted(tmp_path / "tuned.pth", "retfound", "a", "b", "c", "d", "e")
    assert (result.num_labels, result.left_out) == (5, {})
    with pytest.raises(ValueError, match="has 5 outputs and there are 2 labels"):
        converted(tmp_path / "tuned.pth", "retfound", "a", "b")


def test_any_network_of_timms_comes_by_its_name_in_its_makers_names_too(tmp_path: Path) -> None:
    network = originals.shaken(known("resnet18").make(3))
    torch.save({"state_dict": network.state_dict()}, tmp_path / "r.pth")
    result = converted(tmp_path / "r.pth", "timm:resnet18")
    assert (result.architecture, result.num_labels, result.left_out) == ("resnet18", 3, {})
    convnext = known("convnext_atto").make(4)
    state = {
        name.replace("head.fc", "head"): tensor
        for name, tensor in originals.dinov3_convnext_state(convnext).items()
        if not name.startswith("norms.")
    }
    torch.save({"model": state}, tmp_path / "c.pth")
    assert converted(tmp_path / "c.pth", "timm:convnext_atto").num_labels == 4


def test_weights_of_timms_see_as_their_tag_says(tmp_path: Path) -> None:
    name = "vit_base_patch16_clip_224"
    clip = published_as(f"timm:{name}.openai", Path("f.pth"))
    assert clip.eyes is not None and clip.eyes.image_size_px == 224 and clip.architectures == (name,)
    assert [round(each, 3) for each in clip.eyes.mean] == [0.481, 0.458, 0.408]  # CLIP's, as its makers state it
    usual = published_as("timm:vit_small_patch16_224", Path("f.pth")).eyes
    assert usual is not None and (usual.image_size_px, usual.mean) == (224, (0.5, 0.5, 0.5))
    inception = published_as("timm:inception_v4", Path("f.pth")).eyes
    assert inception is not None and inception.image_size_px == 299  # smaller ones are too small for it
    resnet = published_as("timm:resnet18", Path("f.pth")).eyes
    assert resnet is not None and resnet.image_size_px == 0  # it takes any


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("timm:resnet18.clip", r"weights of that tag, but got 'clip'; of resnet18 it has .*resnet18\.a1_in1k"),
        ("retfond", "--as must name one of retfound, .* or timm:NAME, but got 'retfond'"),
        ("timm:resnet19", "must be one of .* or a network of timm's, but got 'resnet19'"),
    ],
)
def test_another_name_is_refused(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        published_as(name, Path("f.pth"))


def test_a_file_without_the_models_tensors_is_refused(tmp_path: Path) -> None:
    torch.save({"model": {"epoch": 3}}, tmp_path / "empty.pth")
    with pytest.raises(ValueError, match="must hold the tensors of RETFound, but holds none"):
        converted(tmp_path / "empty.pth", "retfound")


def test_another_models_file_is_refused(tmp_path: Path) -> None:
    network = VisionTransformer(img_size=32, **{**originals.SIZES, "embed_dim": 64})
    torch.save({"model": network.state_dict()}, tmp_path / "vit.pth")
    with pytest.raises(ValueError, match=r"tensors do not: .* and \d+ more; is it another model's file\?"):
        converted(tmp_path / "vit.pth", "dinov3")


@pytest.mark.parametrize(
    ("file", "datasets"),
    [
        ("RETFound_mae_natureCFP.pth", ("retina",)),
        ("renamed.pth", ("retina",)),
        ("RETFound_mae_natureOCT.pth", ()),
        ("RETFound_mae_meh.pth", ()),
    ],
)
def test_only_retfounds_photographs_include_kaggles(file: str, datasets: tuple[str, ...]) -> None:
    published = published_as("retfound", Path(file))
    assert published.datasets == datasets and published.trained_on
