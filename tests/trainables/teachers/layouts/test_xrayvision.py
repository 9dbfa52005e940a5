"""torchxrayvision's DenseNet, pickled whole for one plane, answers the same here about three equal planes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torchvision
from torch import Tensor, nn

from tests.trainables.teachers.layouts.originals import shaken, torchxrayvision_at_hand
from trainables.teachers import pickles
from trainables.teachers.layouts.tensor_fit import fit
from trainables.teachers.layouts.xrayvision import FILES, LABELS, torchxrayvision

NIH_FILE = "nih-densenet121-d121-tw-lr001-rot45-tr15-sc15-seed0-best"
ALL_FILE = "nih-pc-chex-mimic_ch-google-openi-kaggle-densenet121-d121-tw-lr001-rot45-tr15-sc15-seed0-best"


def network(num_outputs: int, num_planes: int) -> torchvision.models.DenseNet:
    """Of torchxrayvision's layers, but fewer of them."""
    made = torchvision.models.DenseNet(block_config=(2, 1, 1, 2), num_classes=num_outputs)
    made.features.conv0 = nn.Conv2d(num_planes, 64, 7, stride=2, padding=3, bias=False)
    return made.eval()


@pytest.fixture(scope="module")
def original() -> nn.Module:
    return shaken(network(len(LABELS), 1))


@pytest.fixture(scope="module", params=[True, False], ids=["zip", "legacy"])
def file(request: pytest.FixtureRequest, original: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As torchxrayvision's training saves it."""
    path = tmp_path_factory.mktemp("xrv") / f"{NIH_FILE}.pt"
    original.register_buffer("op_threshs", torch.rand(18))
    with torchxrayvision_at_hand(original) as pickled:
        torch.save(pickled, path, _use_new_zipfile_serialization=request.param)
    return path


def logits(made: nn.Module, images: Tensor) -> Tensor:
    with torch.no_grad():
        return made(images)


def test_three_equal_planes_give_the_logits_of_one(file: Path, original: nn.Module) -> None:
    published = torchxrayvision(file.stem, ())
    translation = published.translated(published.tensors(pickles.read(file)))
    taken = network(14, 3)
    result = fit(translation.tensors, taken)
    assert (result.wrong, result.dropped) == ((), {})
    taken.load_state_dict(result.weights)
    grey = torch.rand(2, 1, 64, 64, generator=torch.Generator().manual_seed(3)) * 2048 - 1024
    expected = logits(original, grey)[:, :14]
    # Of sums of 49 products of up to 1024 by weights of about 0.5: float32 rounds at about 1e-7 of them.
    torch.testing.assert_close(logits(taken, grey.expand(-1, 3, -1, -1)), expected, rtol=1e-5, atol=1e-5)
    assert published.label_names == LABELS[:14]
    assert translation.left_out == {
        "op_threshs": "rescale probabilities after the outputs; outputs are kept as logits here",
        "classifier (4 of 18 rows)": "outputs that were never trained",
    }


def test_outputs_follow_from_the_files_name_and_so_does_what_was_seen() -> None:
    assert torchxrayvision(ALL_FILE, ()).label_names == LABELS
    assert {"chestxray8", "chexpert", "mimic-cxr", "rsna"} < set(torchxrayvision(ALL_FILE, ()).datasets)
    rsna = torchxrayvision("kaggle-densenet121-d121-best", ())
    assert (rsna.label_names, rsna.datasets) == (("Pneumonia", "Lung Opacity"), ("rsna",))
    num_outputs = {name: len(outputs) for name, (outputs, _) in FILES.items()}
    assert num_outputs == {
        "nih-pc-chex-mimic_ch-google-openi-kaggle": 18,
        "nih": 14,
        "pc": 15,
        "chex": 11,
        "kaggle": 2,
        "mimic_nb": 11,
        "mimic_ch": 11,
    }


def test_a_renamed_file_needs_its_outputs_named_and_may_have_seen_any_set() -> None:
    with pytest.raises(ValueError, match=r"must begin with one of nih-.*, but it is 'model'; .* --labels"):
        torchxrayvision("model", ())
    named = torchxrayvision("model", ("Mass", "", "Edema"))
    assert named.label_names == ("Mass", "Edema") and "mimic-cxr" in named.datasets


def test_as_many_names_as_outputs_are_needed(original: nn.Module) -> None:
    with pytest.raises(ValueError, match="a name for each of the 18 outputs, but there are 3"):
        torchxrayvision("model", ("Mass", "", "Edema")).translated(dict(original.state_dict()))
