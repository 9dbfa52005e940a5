"""Models of retinal photographs: RETFound (masked and DINOv2) and RETFound-Green.

Looked up in the makers' own code, github.com/rmaphoh/RETFound (models_vit.py, main_finetune.py, latent_feature.ipynb)
and github.com/justinengelmann/RETFound_Green (README.md, select_image_subset.py).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import torch

from trainables.teachers.layouts.layout import Published, Tensors, Translation, nested, unchanged, without

DECODER = "the decoder of the masked pre-training"
MASK = "stands for hidden patches in pre-training"
HEAD = "a head of the self-supervised training"
CLASS_NORM = "RETFound's own code puts a plain norm in its place, behind the average of the patches"


def _of_masked(tensors: Tensors) -> Translation:
    """A file of the pre-training gets a norm of weight 1 and bias 0 behind the average; a fine-tuned one has one."""
    reasons = {r"decoder_.*": DECODER, r"mask_token": MASK}
    if "fc_norm.weight" in tensors or "cls_token" not in tensors:
        return without(tensors, reasons)
    kept, left_out = without(tensors, {**reasons, r"norm\.(weight|bias)": CLASS_NORM})
    num_planes = tensors["cls_token"].shape[-1]
    plain = {"fc_norm.weight": torch.ones(num_planes), "fc_norm.bias": torch.zeros(num_planes)}
    return Translation({**kept, **plain}, left_out)


def of_dinov2(tensors: Tensors) -> Translation:
    """DINOv2's names as timm has them: blocks without the number of their chunk, the gated layers as fc1 and fc2."""
    kept, left_out = without(tensors, {r"(dino|ibot)_head\..*": HEAD, r"mask_token": MASK})
    renamed: Tensors = {}
    for name, tensor in kept.items():
        own = re.sub(r"^blocks\.\d+\.(\d+)\.", r"blocks.\1.", name)  # as it is trained, in chunks
        renamed[own.replace(".mlp.w12.", ".mlp.fc1.").replace(".mlp.w3.", ".mlp.fc2.")] = tensor
    return Translation(renamed, left_out)


RETFOUND = Published(
    name="retfound",
    title="RETFound",
    architectures=("retfound",),
    tensors=nested("model"),
    translated=_of_masked,
    licence="CC BY-NC 4.0",
    source="Zhou et al., Nature 2023, github.com/rmaphoh/RETFound",
    trained_on="904,170 retinal photographs of Moorfields (MEH-MIDAS) and of Kaggle (EyePACS)",
    datasets=("retina",),
)
# Files of the same layout that have not seen Kaggle's photographs, by the names that their makers gave them.
_OTHER_MASKED = {
    "RETFound_mae_natureOCT": "736,442 OCT images of Moorfields (MEH-MIDAS) and of Kermany et al. 2018",
    "RETFound_oct_weights": "736,442 OCT images of Moorfields (MEH-MIDAS) and of Kermany et al. 2018",
    "RETFound_mae_meh": "retinal photographs of Moorfields (MEH)",
    "RETFound_mae_shanghai": "retinal photographs of Shanghai",
}
RETFOUND_DINOV2 = Published(
    name="retfound-dinov2",
    title="RETFound (DINOv2)",
    architectures=("retfound-dinov2",),
    tensors=nested("teacher"),
    translated=of_dinov2,
    licence="CC BY-NC 4.0",
    source="Zhou et al. 2025, Research Square rs-6080254, github.com/rmaphoh/RETFound",
    trained_on="retinal photographs of Moorfields (MEH) or of Shanghai, as the file's name says",
)
RETFOUND_GREEN = Published(
    name="retfound-green",
    title="RETFound-Green",
    architectures=("retfound-green",),
    tensors=nested("state_dict", "model"),
    translated=unchanged,
    licence="its author's own terms: non-commercial research without industry",
    source="Engelmann and Bernabeu 2024, arXiv 2405.00117, github.com/justinengelmann/RETFound_Green",
    trained_on="75,000 retinal photographs of AIROGS, DDR and ODIR; AIROGS comes from EyePACS, as Kaggle has it",
    datasets=("airogs", "eyepacs", "ddr", "odir"),  # EyePACS took AIROGS's photographs, as it took Kaggle's
)


def retfound(stem: str, labels: Sequence[str]) -> Published:
    """RETFound's masked model; `stem` is the file's name, which tells the photographs' model from the others."""
    if stem in _OTHER_MASKED:
        return replace(RETFOUND, trained_on=_OTHER_MASKED[stem], datasets=(), label_names=tuple(labels))
    return replace(RETFOUND, label_names=tuple(labels))
