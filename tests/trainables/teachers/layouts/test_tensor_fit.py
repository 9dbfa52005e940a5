"""Every layout's tensors come to the network that has them, which then answers as the original; and none gets lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from tests.trainables.teachers.layouts import originals
from trainables.teachers.layouts import general, photographs, radiographs
from trainables.teachers.layouts.layout import Published, nested
from trainables.teachers.layouts.tensor_fit import Fit, fit

GREEN: dict[str, Any] = {"reg_tokens": 4, "no_embed_class": True, "init_values": 1e-5}
DINOV2: dict[str, Any] = {"init_values": 1e-5}
# Per layout: its record, the original, its file's content, and the network that takes it.
CASES: dict[str, tuple[Published, Callable[[], Any], Callable[[Any], Any], Callable[[], nn.Module]]] = {
    "retfound-dinov2": (
        photographs.RETFOUND_DINOV2,
        lambda: originals.vit(64, **DINOV2),
        originals.dinov2_teacher,
        lambda: originals.vit(32, **DINOV2),
    ),
    "retfound-green": (
        photographs.RETFOUND_GREEN,
        lambda: originals.vit(32, **GREEN, global_pool="avg", fc_norm=False),
        lambda network: network.state_dict(),
        lambda: originals.vit(32, **GREEN, global_pool="avg", fc_norm=False),
    ),
    "rad-dino of transformers": (
        radiographs.RAD_DINO,
        lambda: originals.vit(32, **DINOV2),
        originals.transformers_state,
        lambda: originals.vit(32, **DINOV2),
    ),
    "rad-dino of DINOv2": (
        radiographs.RAD_DINO,
        lambda: originals.vit(32, **DINOV2),
        lambda network: {**network.state_dict(), "mask_token": torch.randn(1, originals.PLANES)},
        lambda: originals.vit(32, **DINOV2),
    ),
    "ark": (radiographs.ARK, originals.swin, originals.ark, originals.swin),
    "dinov3 ViT": (general.DINOV3, originals.dinov3_vit, originals.dinov3_vit_state, originals.dinov3_vit),
    "dinov3 ConvNeXt": (general.DINOV3, originals.convnext, originals.dinov3_convnext_state, originals.convnext),
}
CASE = pytest.mark.parametrize("case", CASES)


def fitted(published: Published, content: Any, network: nn.Module) -> Fit:
    return fit(published.translated(published.tensors(content)).tensors, network)


def answer(network: nn.Module, images: Tensor) -> Tensor:
    with torch.no_grad():
        return network.eval()(images)


def images_of(network: nn.Module) -> Tensor:
    size_px = 64 if "swin" in type(network).__module__ else 32
    return torch.randn(2, 3, size_px, size_px, generator=torch.Generator().manual_seed(1))


@CASE
def test_the_imported_network_answers_as_the_original(case: str) -> None:
    published, original, laid_out, empty = CASES[case]
    network = originals.shaken(original())
    taken = empty()
    result = fitted(published, laid_out(network), taken)
    assert (result.wrong, result.dropped) == ((), {})
    taken.load_state_dict(result.weights)  # all of them, and nothing else
    images = images_of(network)
    torch.testing.assert_close(answer(taken, images), answer(network, images), rtol=1e-5, atol=1e-5)
    assert answer(taken, images).std() > 1e-3


def test_retfound_averages_patches_as_its_own_code_does() -> None:
    network = originals.shaken(originals.vit(32))
    assert isinstance(network, VisionTransformer)
    taken = originals.vit(32, global_pool="avg")
    result = fitted(photographs.RETFOUND, originals.retfound(network), taken)
    assert result.wrong == ()
    taken.load_state_dict(result.weights)
    images = images_of(network)
    with torch.no_grad():
        expected = originals.retfound_says(network, images)
    torch.testing.assert_close(answer(taken, images), expected, rtol=1e-5, atol=1e-5)


def test_a_fine_tuned_retfound_keeps_its_own_norm_and_its_outputs() -> None:
    network = originals.shaken(originals.vit(32, global_pool="avg", num_classes=5))
    taken = originals.vit(32, global_pool="avg", num_classes=5)
    translation = photographs.RETFOUND.translated(photographs.RETFOUND.tensors({"model": network.state_dict()}))
    assert translation.left_out == {}
    taken.load_state_dict(fit(translation.tensors, taken).weights)
    torch.testing.assert_close(answer(taken, images_of(network)), answer(network, images_of(network)))


@CASE
def test_what_is_left_out_is_named_with_a_reason(case: str) -> None:
    published, original, laid_out, _ = CASES[case]
    tensors = published.tensors(laid_out(originals.shaken(original())))
    kept, left_out = published.translated(tensors)
    assert all(left_out.values()) and set(left_out) <= {*tensors, *(name.removeprefix("dinov2.") for name in tensors)}
    parts = {"rad-dino of transformers": 4 * 2, "ark": 0, "dinov3 ViT": 0}  # queries, keys and values come together
    assert len(kept) + len(left_out) == len(tensors) - parts.get(case, 0)


@CASE
@pytest.mark.parametrize("damage", ["absent", "surplus", "another shape"])
def test_what_does_not_fit_is_named(case: str, damage: str) -> None:
    published, original, laid_out, empty = CASES[case]
    tensors = published.tensors(laid_out(originals.shaken(original())))
    name = next(name for name in tensors if name.endswith(("norm1.weight", "stages.0.0.norm.weight")))
    if damage == "surplus":
        tensors["blocks.7.extra.weight"] = torch.ones(3, 4)
    elif damage == "absent":
        del tensors[name]
    else:
        tensors[name] = torch.ones(5)
    wrong = "; ".join(fit(published.translated(tensors).tensors, empty()).wrong)
    wanted = {"surplus": "blocks.7.extra.weight", "absent": "absent", "another shape": "found (5,)"}
    assert wanted[damage] in wrong


def test_what_timms_filter_drops_of_its_own_accord_is_named() -> None:
    network = originals.swin()
    state = {**network.state_dict(), "layers.0.blocks.0.attn_mask": torch.zeros(2)}
    assert fit(state, network).dropped == {"layers.0.blocks.0.attn_mask": "timm's own filter leaves it out"}


def test_keys_whose_bias_no_mask_hides_are_refused() -> None:
    state = originals.dinov3_vit_state(originals.dinov3_vit())
    open_mask = {name: torch.ones_like(t) if name.endswith("bias_mask") else t for name, t in state.items()}
    with pytest.raises(ValueError, match=r"the keys of DINOv3 must have no bias, but blocks\.0\.attn\.qkv\.bias"):
        general.DINOV3.translated(open_mask)


def test_periods_of_another_base_and_another_norm_are_not_left_out() -> None:
    state = originals.dinov3_vit_state(originals.dinov3_vit())
    state["rope_embed.periods"] = state["rope_embed.periods"] * 2
    assert "rope_embed.periods" in general.DINOV3.translated(state).tensors
    convolutional = originals.dinov3_convnext_state(originals.convnext())
    convolutional["norms.3.weight"] = convolutional["norms.3.weight"] + 1
    assert "norms.3.weight" in general.DINOV3.translated(convolutional).tensors


def test_dinov3_as_timm_saves_it_without_biases_gets_biases_of_0() -> None:
    network = originals.shaken(originals.dinov3_vit())
    state = {name: t for name, t in network.state_dict().items() if not name.endswith(("q_bias", "v_bias"))}
    with torch.no_grad():
        for name, tensor in network.named_parameters():
            if name.endswith(("q_bias", "v_bias")):
                tensor.zero_()
    taken = originals.dinov3_vit()
    taken.load_state_dict(fitted(general.DINOV3, state, taken).weights)
    torch.testing.assert_close(answer(taken, images_of(network)), answer(network, images_of(network)))


def test_one_tensor_under_two_wrappers_is_refused() -> None:
    with pytest.raises(ValueError, match=r"two tensors of the file would both be 'a'; the second is 'backbone\.a'"):
        nested("model")({"model": {"module.a": torch.ones(1), "backbone.a": torch.ones(1)}})
