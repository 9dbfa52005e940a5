"""Grad-CAM: a network worked by hand, what holds of a linear head, every student, and a public implementation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from analysis.attention import grad_cam
from analysis.probes import networks
from trainables.models.architectures import build
from trainables.models.taps import Tap

PLANES = Tap("planes", 2)


class Tiny(nn.Module):
    """Two planes: the grey image, and its negative; their means are weighted by `weights` [L, 2]."""

    def __init__(self, weights: list[list[float]]) -> None:
        super().__init__()
        self.planes = nn.Conv2d(1, 2, 1, bias=False)
        self.planes.weight.data = torch.tensor([1.0, -1.0]).view(2, 1, 1, 1)
        self.head = nn.Linear(2, len(weights), bias=False)
        self.head.weight.data = torch.tensor(weights)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.planes(x).mean(dim=(2, 3)))


def test_a_network_worked_by_hand() -> None:
    image = torch.tensor([[1.0, -2.0], [3.0, 0.0]]).view(1, 1, 2, 2)
    network = Tiny([[2.0, 0.0], [0.0, 4.0]])
    # alpha = head's weight / 4 pixels: 0.5 of plane (1 -2 3 0) for label 0; 1 of plane (-1 2 -3 0) for label 1
    both = grad_cam.grad_cam(network, PLANES, image.repeat(2, 1, 1, 1), torch.tensor([0, 1]))
    assert both.tolist() == [[[0.5, 0.0], [1.5, 0.0]], [[0.0, 2.0], [0.0, 0.0]]]


def test_gradients_are_averaged_over_the_plane() -> None:
    class Corner(Tiny):
        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.planes(x)[:, :, 0, 0])  # d y / d A is 8 in one corner alone: 8 / 4 = 2

    image = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).view(1, 1, 2, 2)
    maps = grad_cam.grad_cam(Corner([[8.0, 0.0]]), PLANES, image, torch.tensor([0]))
    assert maps.tolist() == [[[2.0, 4.0], [6.0, 8.0]]]


def test_it_needs_no_gradient_of_the_weights_and_leaves_none_behind() -> None:
    network = Tiny([[2.0, 0.0]]).requires_grad_(False)
    image = torch.ones(1, 1, 2, 2)
    with torch.no_grad():
        assert grad_cam.grad_cam(network, PLANES, image, torch.tensor([0])).tolist() == [[[0.5] * 2] * 2]
    assert image.grad is None and not image.requires_grad


@pytest.mark.parametrize("label", [-1, 2])
def test_a_label_that_the_network_does_not_have_is_refused(label: int) -> None:
    with pytest.raises(ValueError, match=rf"0 <= label < 2 must hold, but got label={label}"):
        grad_cam.grad_cam(Tiny([[1.0, 0.0], [0.0, 1.0]]), PLANES, torch.ones(1, 1, 2, 2), torch.tensor([label]))


@pytest.mark.parametrize("name", ["densenet121", "densenet40", "resnet18", "vit_tiny_patch16_224"])
def test_every_student_has_maps_that_do_not_depend_on_the_batch(name: str) -> None:
    torch.manual_seed(0)
    network = networks.network(name, "abcdefgh", dict(build(name, 8).state_dict()))
    images = np.random.default_rng(0).integers(0, 255, (8, 64, 64, 1), dtype=np.uint8)
    maps = grad_cam.of_network(network, images, list("abcdefgh"))
    side = 4 if name.startswith("vit") else 2
    assert maps.shape == (8, side, side) and maps.min() >= 0
    label = int(maps.max(axis=(1, 2)).argmax())  # of random weights some maps are flat
    assert maps[label].max() > 0
    alone = grad_cam.of_network(network, images[[label]], ["abcdefgh"[label]])
    np.testing.assert_allclose(alone[0], maps[label], rtol=1e-3, atol=1e-7)


def test_the_same_finding_under_another_name_is_found_and_no_other() -> None:
    network = networks.network("densenet40", ("Edema", "Pleural Effusion"), dict(build("densenet40", 2).state_dict()))
    assert (network.column("Edema"), network.column("Effusion"), network.column("Mass")) == (0, 1, None)
    with pytest.raises(ValueError, match="the label must be one of Edema, Pleural Effusion, but got 'Mass'"):
        grad_cam.of_network(network, np.zeros((1, 64, 64, 1), np.uint8), ["Mass"])


def test_captum_gives_the_same_maps() -> None:
    attr = pytest.importorskip("captum.attr", reason="captum is not installed")
    torch.manual_seed(0)
    network = build("densenet40", 3).eval()
    images, labels = torch.rand(2, 3, 64, 64), torch.tensor([0, 2])
    theirs = attr.LayerGradCam(network, network.norm).attribute(images, target=labels, relu_attributions=True)
    ours = grad_cam.grad_cam(network, Tap("norm", 1024), images, labels)
    assert ours.max() > 0
    torch.testing.assert_close(ours, theirs.squeeze(1).detach())
