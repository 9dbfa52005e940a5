"""The DenseNet-121s of torchxrayvision, each with up to 18 outputs; looked up in torchxrayvision/models.py.

They take one plane of -1024 to 1024. Here they take three, which a grey image has as copies of one: the first layer's
weights are divided by three, so that the sum is the same. Eyes of mean 0.5 and standard deviation 1/2048 scale [0, 1]
as they want it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from trainables.models.eyes import Eyes
from trainables.teachers import pickles
from trainables.teachers.importing import own_names
from trainables.teachers.layouts.layout import Published, Tensors, Translation, nested, without

THRESHOLDS = "rescale probabilities after the outputs; outputs are kept as logits here"
EYES = Eyes(
    image_size_px=224,
    mean=(0.5, 0.5, 0.5),
    std=(1 / 2048, 1 / 2048, 1 / 2048),
    interpolation="bilinear",
    num_planes=1,
)
NUM_OUTPUTS = 18
LABELS = (
    "Atelectasis",
    "Consolidation",
    "Infiltration",
    "Pneumothorax",
    "Edema",
    "Emphysema",
    "Fibrosis",
    "Effusion",
    "Pneumonia",
    "Pleural_Thickening",
    "Cardiomegaly",
    "Nodule",
    "Mass",
    "Hernia",
    "Lung Lesion",
    "Fracture",
    "Lung Opacity",
    "Enlarged Cardiomediastinum",
)
_NIH = frozenset(LABELS[:14])
_CHEXPERT = frozenset(
    (*LABELS[14:], "Atelectasis", "Consolidation", "Pneumothorax", "Edema", "Effusion", "Pneumonia", "Cardiomegaly")
)
# How a published file's name begins -> the outputs that were trained, and on which data sets.
FILES: dict[str, tuple[frozenset[str], tuple[str, ...]]] = {
    "nih-pc-chex-mimic_ch-google-openi-kaggle": (
        frozenset(LABELS),
        ("chestxray8", "padchest", "chexpert", "mimic-cxr", "openi", "rsna"),
    ),
    "nih": (_NIH, ("chestxray8",)),
    "pc": (_NIH | {"Fracture"}, ("padchest",)),
    "chex": (_CHEXPERT, ("chexpert",)),
    "kaggle": (frozenset({"Pneumonia", "Lung Opacity"}), ("rsna",)),
    "mimic_nb": (_CHEXPERT, ("mimic-cxr",)),
    "mimic_ch": (_CHEXPERT, ("mimic-cxr",)),
}
ANY_OF_THEM = ("chestxray8", "padchest", "chexpert", "mimic-cxr", "openi", "rsna")


def torchxrayvision(stem: str, labels: Sequence[str]) -> Published:
    """The model of the file called `stem`; `labels` are the outputs' names where they are given, "" for an unused one.

    Raises:
        ValueError: no labels are given, and the file's name is none that torchxrayvision gave it.
    """
    published = stem.partition("-densenet121-")[0]
    trained, datasets = FILES.get(published, (frozenset(), ANY_OF_THEM))
    if not labels and not trained:
        raise ValueError(
            f"what the {NUM_OUTPUTS} outputs mean must be known from the file's name, which must begin with one of "
            f"{', '.join(f'{name}-densenet121-' for name in FILES)}, but it is {stem!r}; "
            "keep the name of the download, or name the outputs in order with --labels, '' for one that is not used"
        )
    names = tuple(labels) or tuple(label if label in trained else "" for label in LABELS)
    return Published(
        name="torchxrayvision",
        title="torchxrayvision",
        architectures=("densenet121",),
        tensors=_tensors,
        translated=lambda tensors: _translated(tensors, names),
        licence="Apache-2.0",
        source="Cohen et al., MIDL 2022, github.com/mlmed/torchxrayvision",
        trained_on=f"chest X-rays of {', '.join(datasets)}" + ("" if trained else ", or some of these"),
        datasets=datasets,
        label_names=tuple(filter(None, names)),
        eyes=EYES,
    )


def _tensors(content: Any) -> Tensors:
    return pickles.tensors_of(content) or nested("state_dict", "model")(content)


def _translated(tensors: Tensors, names: Sequence[str]) -> Translation:
    """Three planes for one, and the outputs that have a name.

    Raises:
        ValueError: there are not as many outputs as names.
    """
    kept, left_out = without(tensors, {r"op_threshs": THRESHOLDS})
    own = own_names(kept)
    used = [number for number, name in enumerate(names) if name]
    for name in ("classifier.weight", "classifier.bias"):
        if name in own:
            own[name] = _used_rows(own[name], used, len(names))
    if len(used) < len(names) and "classifier.weight" in own:
        left_out[f"classifier ({len(names) - len(used)} of {len(names)} rows)"] = "outputs that were never trained"
    first = own.get("features.conv0.weight")
    if first is not None and first.shape[1] == 1:
        own["features.conv0.weight"] = (first / 3).expand(-1, 3, -1, -1).contiguous()
    return Translation(own, left_out)


def _used_rows(last: Tensor, used: Sequence[int], num_named: int) -> Tensor:
    if len(last) != num_named:
        raise ValueError(f"there must be a name for each of the {len(last)} outputs, but there are {num_named}")
    return last[list(used)]
