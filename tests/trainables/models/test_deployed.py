"""A student as it is carried to a device: the same answers as the training's own code gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from trainables.models.architectures import build
from trainables.models.deployed import Deployed, load_student, probabilities


class Plane(nn.Module):
    """Answers with the mean of each of its three planes."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(dim=(2, 3))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
@pytest.mark.parametrize("student", ["densenet121", "densenet40"])
def test_it_agrees_with_the_code_that_training_is_judged_with(student: str, task: str, channels: int) -> None:
    torch.manual_seed(0)
    network = build(student, 4)
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, channels), dtype=np.uint8)
    with torch.no_grad():
        deployed = Deployed(network, task)(torch.from_numpy(images)).numpy()
    expected = probabilities(network, task, images, batch_size=2)
    assert deployed.shape == (3, 4) and deployed.std() > 1e-4
    np.testing.assert_allclose(deployed, expected, atol=1e-5)
    assert np.allclose(deployed.sum(axis=1), 1) == (task == "multiclass")


def test_grey_is_widened_and_normalised_by_hand() -> None:
    grey = torch.full((1, 32, 32, 1), 51, dtype=torch.uint8)  # 51 / 255 = 0.2
    expected = 1 / (1 + np.exp(-np.array([(0.2 - 0.485) / 0.229, (0.2 - 0.456) / 0.224, (0.2 - 0.406) / 0.225])))
    np.testing.assert_allclose(Deployed(Plane(), "multilabel")(grey)[0].numpy(), expected, rtol=1e-5)


@pytest.mark.parametrize("make", [lambda: Deployed(Plane(), "both"), lambda: probabilities(Plane(), "both", _image())])
def test_another_task_is_refused(make: object) -> None:
    with pytest.raises(ValueError, match="multiclass, multilabel, but got 'both'"):
        make()  # type: ignore[operator]


def test_weights_are_read_whole_or_refused(tmp_path: Path) -> None:
    network = build("densenet40", 2)
    save_file(network.state_dict(), tmp_path / "whole.safetensors")
    loaded = load_student(tmp_path / "whole.safetensors", "densenet40", 2)
    assert not loaded.training
    assert all(torch.equal(loaded.state_dict()[name], tensor) for name, tensor in network.state_dict().items())
    with pytest.raises(ValueError, match=r"whole.safetensors must hold the weights of densenet40 with 3 outputs"):
        load_student(tmp_path / "whole.safetensors", "densenet40", 3)
    (tmp_path / "cut.safetensors").write_bytes((tmp_path / "whole.safetensors").read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"cut.safetensors must hold"):
        load_student(tmp_path / "cut.safetensors", "densenet40", 2)


def _image() -> np.ndarray:
    return np.zeros((1, 32, 32, 3), dtype=np.uint8)
