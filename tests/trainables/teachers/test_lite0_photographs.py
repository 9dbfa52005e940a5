"""EfficientNet-Lite0 with the installed package's real weights names what is on real photographs."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_image
from torch import Tensor
from torch.nn import functional

from trainables.data.normalising import IMAGENET_MEAN, IMAGENET_STD
from trainables.models.architectures import build, load_backbone
from trainables.teachers import imagenet
from trainables.teachers.imagenet_files import PACKAGE, packaged
from trainables.teachers.lite0_names import LITE0
from trainables.teachers.shelf import Teacher

pytestmark = pytest.mark.skipif(packaged() is None, reason=f"the package {PACKAGE} is not installed")
HOPPER = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Teacher:
    folder = tmp_path_factory.mktemp("teachers")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TORCH_HOME", str(folder / "torch"))
        return imagenet.take(folder, None, LITE0)


def photograph(name: str) -> Tensor:
    """The middle of the photograph as this project's networks take it: [1, 3, 224, 224], by ImageNet's mean and std."""
    pixels = np.array(Image.open(HOPPER) if name == HOPPER.name else load_sample_image(name), dtype=np.float32) / 255
    side, (height, width) = min(pixels.shape[:2]), pixels.shape[:2]
    top, left = (height - side) // 2, (width - side) // 2
    square = torch.from_numpy(pixels[top : top + side, left : left + side]).permute(2, 0, 1)[None]
    small = functional.interpolate(square, size=(224, 224), mode="bilinear", antialias=True)
    mean, std = (torch.tensor(each)[:, None, None] for each in (IMAGENET_MEAN, IMAGENET_STD))
    return (small - mean) / std


@pytest.mark.parametrize(
    ("name", "category"), [("china.jpg", "palace"), ("flower.jpg", "daisy"), (HOPPER.name, "military uniform")]
)
def test_the_first_guess_is_right(name: str, category: str, teacher: Teacher) -> None:
    with torch.no_grad():
        probabilities = teacher.network().eval()(photograph(name)).softmax(dim=1)[0]
    assert teacher.label_names[int(probabilities.argmax())] == category
    assert float(probabilities.max()) > 0.2  # one of a thousand


def test_the_record_says_whose_weights_they_are(teacher: Teacher) -> None:
    assert (teacher.name, teacher.architecture) == ("imagenet-tf_efficientnet_lite0", LITE0)
    assert teacher.source == (
        "timm, tf_efficientnet_lite0.in1k (licence apache-2.0), from efficientnet-lite0-57934424.pth"
    )
    assert teacher.seen == {"dataset": "imagenet", "split": "train"}
    assert teacher.trained_on == "" and not teacher.is_phantom
    assert teacher.eyes.mean == teacher.eyes.std == (0.5, 0.5, 0.5)


def test_a_student_begins_with_all_of_it_but_the_head(teacher: Teacher) -> None:
    torch.manual_seed(0)
    student, weights = build(LITE0, 5), teacher.state_dict()
    load_backbone(student, LITE0, weights)
    own = student.state_dict()
    assert {name for name in own if not torch.equal(own[name], weights[name])} == {
        "classifier.weight",
        "classifier.bias",
    }
