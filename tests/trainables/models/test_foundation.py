"""The networks of published models are those of their makers: as large, and with the eyes that their makers state."""

from __future__ import annotations

import pytest

from trainables import declared
from trainables.models.architectures import ARCHITECTURES, undrawn
from trainables.models.foundation import FOUNDATION
from trainables.teachers.layouts import general, photographs, radiographs

# Millions of parameters without a head, as published of these architectures, and the side of the image.
PUBLISHED = {
    "retfound": (303.3, 224),
    "retfound-dinov2": (303.2, 224),
    "retfound-green": (21.8, 392),
    "rad-dino": (86.6, 518),
    "ark": (195.0, 768),
    "dinov3-vit-s": (21.6, 256),
    "dinov3-vit-b": (85.7, 256),
    "dinov3-vit-l": (303.1, 256),
    "dinov3-convnext-t": (27.8, 256),
    "dinov3-convnext-s": (49.5, 256),
    "dinov3-convnext-b": (87.6, 256),
    "dinov3-convnext-l": (196.2, 256),
}
OTHER_EYES = {"retfound-green": ((0.5,) * 3, (0.5,) * 3), "rad-dino": ((0.5307,) * 3, (0.2583,) * 3)}


@pytest.mark.slow
@pytest.mark.parametrize("name", FOUNDATION)
def test_a_network_is_as_large_as_its_makers_say(name: str) -> None:
    num_millions, size_px = PUBLISHED[name]
    network = undrawn(name, 0)
    assert sum(each.numel() for each in network.parameters()) / 1e6 == pytest.approx(num_millions, rel=0.01)
    assert FOUNDATION[name].eyes.image_size_px == size_px
    roles = {"shallow", "middle", "attention", "final", "embedding"}
    architecture = FOUNDATION[name].architecture(name)
    assert architecture.taps.keys() == roles and architecture.first_weights == name


def test_what_is_special_about_eyes() -> None:
    special = {
        name: (facts["mean"], facts["std"]) for name, one in FOUNDATION.items() if "mean" in (facts := one.eyes.facts)
    }
    assert special == OTHER_EYES


def test_every_network_has_a_layout_and_a_name_that_commands_know() -> None:
    models = (
        photographs.RETFOUND,
        photographs.RETFOUND_DINOV2,
        photographs.RETFOUND_GREEN,
        radiographs.RAD_DINO,
        radiographs.ARK,
        general.DINOV3,
    )
    assert {name for model in models for name in model.architectures} == FOUNDATION.keys()
    assert declared.architectures() == (*ARCHITECTURES, *FOUNDATION)
