"""Every network is what is said of it: outputs, taps, first weights."""

from __future__ import annotations

import copy
import functools

import pytest
import torch
from torch import Tensor, nn

from tests import tiny_network
from tests.timm_names import NETWORKS
from trainables.models.architectures import ARCHITECTURES, build, find, known, load_backbone, restored
from trainables.models.freezing import num_trainable
from trainables.models.taps import PLANES, PLANES_LAST, Taps, Truncated, tap_module

pytestmark = pytest.mark.slow

# As torchvision's documentation publishes them, at 1,000 outputs.
PUBLISHED = {
    "densenet121": 7_978_856,
    "densenet169": 14_149_480,
    "resnet18": 11_689_512,
    "resnet50": 25_557_032,
    "resnet152": 60_192_808,
    "efficientnet_b0": 5_288_548,
    "convnext_tiny": 28_589_128,
}
OURS = ["densenet121", "densenet40", "densenet169"]
OF_TIMM = ["resnet18", *NETWORKS]
PYRAMID = {"shallow": 16, "middle": 8, "attention": 2, "final": 2}  # the sides of maps of images of 64 px
GRID = dict.fromkeys(PYRAMID, 4)
SIDES = {
    "vit_small_patch16_224": GRID,
    # It sees 299 px, and pads no convolution but those of its blocks.
    "inception_v4": {"shallow": 73, "middle": 35, "attention": 8, "final": 8},
}
SIZE_PX = 64


@functools.cache
def drawn(name: str) -> nn.Module:
    """A network of 1,000 outputs for tests that do not alter it."""
    torch.manual_seed(0)
    return build(name, 1000).eval()


def views(seed: int = 0) -> Tensor:
    return torch.randn(2, 3, SIZE_PX, SIZE_PX, generator=torch.Generator().manual_seed(seed))


def test_our_table_holds_what_timm_has_not() -> None:
    assert [name for name in ARCHITECTURES if name != tiny_network.NAME] == OURS
    for name in OURS:
        weights = ARCHITECTURES[name].weights
        assert (weights.meta["num_params"] if weights else None) == PUBLISHED.get(name)


@pytest.mark.parametrize("name", [*OURS, *OF_TIMM])
def test_a_network_is_what_is_said_of_it(name: str) -> None:
    facts, network = known(name), drawn(name)
    if name in PUBLISHED:
        assert num_trainable(network) == PUBLISHED[name]
    with torch.no_grad(), Taps(network, [*(tap.place for tap in facts.taps.values()), facts.output]) as taps:
        logits = network(views())
    assert torch.equal(taps[facts.output], logits) and logits.shape == (2, 1000)
    assert list(facts.taps) == [*PYRAMID, "embedding"]
    for role, side in SIDES.get(name, PYRAMID).items():
        tap = facts.taps[role]
        assert tap.read(taps[tap.place]).shape == (2, tap.num_planes, side, side), role
    embedding = facts.taps["embedding"]
    vectors = embedding.read(taps[embedding.place])
    assert vectors.shape == (2, embedding.num_planes)
    head = network.get_submodule(facts.output)
    assert torch.equal(head(vectors), logits)


@pytest.mark.parametrize("name", [*OURS, "resnet18", "convnext_tiny", "swin_tiny_patch4_window7_224"])
def test_the_head_averages_the_final_map(name: str) -> None:
    facts, network = known(name), drawn(name)
    final, embedding = facts.taps["final"], facts.taps["embedding"]
    with torch.no_grad(), Taps(network, [final.place, embedding.place]) as taps:
        network(views())
    means = final.read(taps[final.place]).mean(dim=(2, 3))
    if name == "convnext_tiny":  # its head has a norm behind the mean
        means = network.get_submodule("head.norm")(means[:, :, None, None]).flatten(1)
    torch.testing.assert_close(means, embedding.read(taps[embedding.place]), rtol=1e-4, atol=1e-5)


def test_the_tokens_of_a_vit_become_a_map_without_the_class_token() -> None:
    name = "vit_small_patch16_224"
    tap, network = known(name).taps["final"], drawn(name)
    with torch.no_grad(), Taps(network, [tap.place]) as taps:
        network(views())
    tokens_BNC = taps[tap.place]
    assert tokens_BNC.shape[1] == 1 + 4 * 4
    map_BChw = tap.read(tokens_BNC)
    assert torch.equal(map_BChw[1, :, 2, 3], tokens_BNC[1, 1 + 2 * 4 + 3])


@pytest.mark.parametrize("name", [*OURS, "resnet18", "vit_small_patch16_224", "swin_tiny_patch4_window7_224"])
@pytest.mark.parametrize("role", ["attention", "embedding"])
def test_a_truncated_teacher_gives_what_the_whole_one_does(name: str, role: str) -> None:
    network, place = copy.deepcopy(drawn(name)), known(name).taps[role].place
    with torch.no_grad(), Taps(network, [place]) as whole:
        network(views())
    ran = []
    network.get_submodule(known(name).output).register_forward_hook(lambda *_: ran.append(True))
    truncated = Truncated(network, [place])(views())[place]
    assert torch.equal(truncated, whole[place]) and truncated.std() > 0
    assert not ran


@pytest.mark.parametrize("name", ["densenet169", "resnet18", "efficientnet_b0", "vit_small_patch16_224"])
def test_a_backbone_is_taken_whole_and_the_head_is_not(name: str) -> None:
    giver, taker = drawn(name), build(name, 2).eval()
    head = taker.get_submodule(known(name).output).state_dict()
    load_backbone(taker, name, giver.state_dict())
    place = known(name).taps["embedding"].place
    with torch.no_grad(), Taps(giver, [place]) as giving, Taps(taker, [place]) as taken:
        giver(views()), taker(views())
    assert torch.equal(giving[place], taken[place])
    now = taker.get_submodule(known(name).output).state_dict()
    assert all(torch.equal(head[key], now[key]) for key in head)


@pytest.mark.parametrize("name", ["densenet40", "vit_small_patch16_224", "swin_tiny_patch4_window7_224"])
def test_a_restored_network_answers_as_the_first_one_and_draws_nothing(name: str) -> None:
    torch.manual_seed(5)
    again = restored(name, 1000, drawn(name).state_dict()).eval()
    drawn_after = torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(drawn_after, torch.rand(3))
    with torch.no_grad():
        assert torch.equal(again(views()), drawn(name)(views()))


def test_a_network_without_a_head_gives_its_embedding() -> None:
    torch.manual_seed(0)
    network = build("resnet18", 0).eval()
    tap = known("resnet18").taps["embedding"]
    with torch.no_grad(), Taps(network, [tap.place]) as taps:
        assert torch.equal(network(views()), taps[tap.place])


def test_a_role_that_a_network_does_not_have_is_absent() -> None:
    assert set(known("efficientvit_m0").taps) == {"attention", "final", "embedding"}  # its largest map is of H/16


def test_planes_come_last_within_the_stages_of_a_tiny_vit_alone() -> None:
    taps = known("tiny_vit_5m_224").taps
    assert [(taps[role].num_planes, taps[role].layout) for role in ("attention", "final")] == [
        (320, PLANES_LAST),
        (320, PLANES),
    ]


def test_what_a_tap_gave_is_not_overwritten_behind_it() -> None:
    """The last stage of a SelecSLS ends with norm and rectifier, which works in place: neither is a block."""
    network, tap = build("selecsls42", 2).eval(), known("selecsls42").taps["attention"]
    kept: list[Tensor] = []
    tap_module(network, tap.place, lambda activations: kept.extend([activations, activations.clone()]))
    with torch.no_grad():
        network(views())
    assert torch.equal(*kept)


def test_another_architectures_backbone_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"every shared layer, but \d+ do not fit: conv1\.weight .*, found none"):
        load_backbone(build("resnet18", 2), "resnet18", drawn("densenet121").state_dict())


def test_an_unknown_architecture_is_named_with_its_role() -> None:
    assert find("vgg") is None
    with pytest.raises(ValueError, match=r"the teacher must be one of densenet121, .* of timm's, but got 'vgg'"):
        known("vgg", "teacher")


def test_a_network_with_two_heads_is_refused() -> None:
    with pytest.raises(ValueError, match=r"one head, but timm's levit_128 has \('head\.linear', 'head_dist\.linear'\)"):
        known("levit_128")
