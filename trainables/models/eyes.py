"""How a network wants to see: at what size, in what units, in how many colours.

Every network of this project takes the same views: float [B, 3, H, W], normalised by ImageNet's mean and standard
deviation. A network that its makers trained on images of a fixed size, or normalised in another way, changes its view
itself, before its first layer. So teacher and student see one and the same view (the same rotation, flip and crop), and
nothing else has to know whose eyes are different.

Shapes: B views, 3 planes of H x W pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from trainables.data.normalising import IMAGENET_MEAN, IMAGENET_STD

INTERPOLATIONS = ("bilinear", "bicubic")


@dataclass(frozen=True, kw_only=True)
class Eyes:
    """What a network's makers gave it to see.

    Args:
        image_size_px: the side of its images, to which any other view is resized; 0 for a network that takes any size.
        mean: of each plane, of values between 0 and 1, which is subtracted.
        std: of each plane, by which the difference is divided.
        interpolation: with which a view is resized, antialiased where it shrinks: "bilinear" or "bicubic".
        num_planes: 1 for a network of grey images, whose first layer was widened so that it takes their mean.

    Raises:
        ValueError: one of them cannot be.
    """

    image_size_px: int = 0
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    interpolation: str = "bicubic"
    num_planes: int = 3

    def __post_init__(self) -> None:
        if self.image_size_px < 0:
            raise ValueError(f"the input size must be 0 (any) or more pixels, but got {self.image_size_px}")
        if len(self.mean) != 3 or len(self.std) != 3 or min(self.std) <= 0:
            raise ValueError(
                f"the mean and the standard deviation must be three numbers each, the latter above 0, but got "
                f"mean={self.mean}, std={self.std}"
            )
        if self.interpolation not in INTERPOLATIONS:
            raise ValueError(f"interpolation must be one of {', '.join(INTERPOLATIONS)}, but got {self.interpolation}")
        if self.num_planes not in (1, 3):
            raise ValueError(f"a network must take 1 plane or 3, but got num_planes={self.num_planes}")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Eyes:
        """The inverse of `dataclasses.asdict`, before JSON and after it."""
        tuples = {name: tuple(float(each) for each in values[name]) for name in ("mean", "std") if name in values}
        return cls(**{**values, **tuples})

    def __str__(self) -> str:
        """In words, for a person: ``224 px, mean 0.5 0.5 0.5, standard deviation 0.5 0.5 0.5``."""
        size = f"{self.image_size_px} px" if self.image_size_px else "the student's size"
        if (self.mean, self.std) == (IMAGENET_MEAN, IMAGENET_STD):
            units = "ImageNet's mean and standard deviation"
        else:
            mean, std = (" ".join(f"{each:.4g}" for each in three) for three in (self.mean, self.std))
            units = f"mean {mean}, standard deviation {std}"
        return f"{size}, {units}" + (", grey" if self.num_planes == 1 else "")

    @property
    def facts(self) -> dict[str, Any]:
        """What differs from `PLAIN`; the interpolation only where something is resized."""
        own, plain = asdict(self), asdict(PLAIN)
        if not self.image_size_px:
            own["interpolation"] = plain["interpolation"]
        return {name: value for name, value in own.items() if value != plain[name]}


PLAIN = Eyes()


class Looking:
    """A hook in front of a network: the project's view in, the view of those eyes out."""

    def __init__(self, eyes: Eyes) -> None:
        self.eyes = eyes
        self._is_same = (eyes.mean, eyes.std) == (IMAGENET_MEAN, IMAGENET_STD)
        self._scale = [std / own for std, own in zip(IMAGENET_STD, eyes.std, strict=True)]
        shifts = zip(IMAGENET_MEAN, eyes.mean, eyes.std, strict=True)
        self._offset = [(mean - own_mean) / own_std for mean, own_mean, own_std in shifts]

    def __call__(self, network: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """As `torch.nn.Module.register_forward_pre_hook` wants it."""
        return (self.view(inputs[0]), *inputs[1:])

    def view(self, views_BCHW: Tensor) -> Tensor:
        """The views as the network wants them [B, 3, size, size]; the same tensor where nothing is to be done."""
        size_px, (height, width) = self.eyes.image_size_px, views_BCHW.shape[2:]
        if size_px and (height, width) != (size_px, size_px):
            views_BCHW = functional.interpolate(
                views_BCHW,
                size=(size_px, size_px),
                mode=self.eyes.interpolation,
                align_corners=False,
                antialias=max(height, width) > size_px,
            )
        if self._is_same:
            return views_BCHW
        scale_C11, offset_C11 = (views_BCHW.new_tensor(each)[:, None, None] for each in (self._scale, self._offset))
        return views_BCHW * scale_C11 + offset_C11


def look_through(network: nn.Module, eyes: Eyes) -> nn.Module:
    """Gives the network these eyes in the place of those that it had; the network itself."""
    for key, hook in list(network._forward_pre_hooks.items()):
        if isinstance(hook, Looking):
            del network._forward_pre_hooks[key]
    if eyes.facts:
        network.register_forward_pre_hook(Looking(eyes))
    return network
