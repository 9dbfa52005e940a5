"""ONNX files: the same probabilities as PyTorch at any batch size, and nothing of this machine inside."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from tests.short_densenet import Short40
from trainables.data.decode import resized_square
from trainables.models import onnx_file
from trainables.models.architectures import build
from trainables.models.densenet import DenseNet

pytest.importorskip("onnxscript")
onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from trainables.models.deployed import Deployed, probabilities  # noqa: E402

FACTS = {"labels": '["a", "b", "c"]', "data": "phantom"}


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("make", "task", "channels"),
    [
        (Short40, "multiclass", 3),
        (lambda num_labels: DenseNet((1, 0, 0, 1), num_labels), "multilabel", 1),  # DenseNet-121, with fewer layers
        (lambda num_labels: build("mobilenetv3_small_050", num_labels), "multilabel", 3),
        (lambda num_labels: build("vit_tiny_patch16_224", num_labels), "multiclass", 1),  # sees in units of its own
    ],
)
def test_onnx_says_what_pytorch_says(
    tmp_path: Path, make: Callable[[int], nn.Module], task: str, channels: int
) -> None:
    torch.manual_seed(0)
    network = make(3)
    path = tmp_path / "model.onnx"
    onnx_file.write(Deployed(network, task), path, image_size_px=32, channels=channels, facts=FACTS)
    images = np.random.default_rng(1).integers(0, 256, (11, 32, 32, channels), dtype=np.uint8)
    expected = probabilities(network, task, images)
    assert expected.std() > 1e-3
    assert onnx_file.check_agreement(expected, onnx_file.probabilities(path, images)) < 1e-5
    for size in (1, 2, 7):
        (alone,) = onnx_file.session_of(path, 1).run(["probabilities"], {"images": images[:size]})
        np.testing.assert_allclose(alone, expected[:size], atol=1e-5)

    proto = onnx.load(path)
    assert {prop.key: prop.value for prop in proto.metadata_props} == FACTS
    (images_input,) = proto.graph.input
    assert images_input.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert [d.dim_value for d in images_input.type.tensor_type.shape.dim] == [0, 0, 0, 0]
    assert all(d.dim_param for d in images_input.type.tensor_type.shape.dim)
    _takes_any_size(path, network, task, channels)
    content = path.read_bytes()
    for word in (b"stack_trace", b"densenet.py", b"trainables", str(Path(torch.__file__).parent).encode()):
        assert word not in content, word


def _takes_any_size(path: Path, network: nn.Module, task: str, channels: int) -> None:
    pictures = [np.random.default_rng(2).integers(0, 256, (*size, 3), dtype=np.uint8) for size in ((70, 300), (9, 8))]
    mode = "L" if channels == 1 else "RGB"
    squares = [resized_square(Image.fromarray(each).convert(mode), 32, channels) for each in pictures]
    assert [np.array_equal(*pair) for pair in zip(onnx_file.squares(path, pictures), squares, strict=True)] == [
        True
    ] * 2
    for picture, square in zip(pictures, squares, strict=True):
        expected = probabilities(network, task, square[None])
        np.testing.assert_allclose(onnx_file.probabilities(path, picture[None]), expected, atol=1e-5)


def test_a_disagreement_is_refused() -> None:
    right = np.array([[0.5, 0.5]], dtype=np.float32)
    assert onnx_file.check_agreement(right, right + np.float32(5e-5)) == pytest.approx(5e-5, rel=1e-2)
    with pytest.raises(onnx_file.DisagreementError, match=r"within 0.0001 of PyTorch's, but differ by 0.002 on 1"):
        onnx_file.check_agreement(right, right + np.float32(2e-3))
    with pytest.raises(onnx_file.DisagreementError, match="differ by nan"):
        onnx_file.check_agreement(right, right * np.nan)


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "onnxscript" else object())
    with pytest.raises(ImportError, match=r"needs onnxscript: .* -m pip install onnxscript \(the extra `export`"):
        onnx_file.require_packages()
