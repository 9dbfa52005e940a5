"""Models of chest X-rays: RAD-DINO and Ark+. (`xrayvision.py` has those of torchxrayvision.)

Looked up in transformers' modeling_dinov2.py, on the page huggingface.co/microsoft/rad-dino, and in
github.com/jlianglab/Ark (Ark_Plus/Pretraining/models.py, Ark_Plus/Zeroshot).
"""

from __future__ import annotations

import re

import torch

from trainables.teachers.layouts.layout import Published, Tensors, Translation, nested, without
from trainables.teachers.layouts.photographs import of_dinov2

MASK = "stands for hidden patches in pre-training"
OWN_HEADS = "the outputs for its own data sets, whose order the file does not tell"
UNUSED_HEAD = "a last layer that was never used"
BUFFER = "computed from the network's size"
# Of DINOv2 in transformers -> in timm; {} is the number of a block.
NAMES = {
    "embeddings.cls_token": "cls_token",
    "embeddings.position_embeddings": "pos_embed",
    "embeddings.patch_embeddings.projection": "patch_embed.proj",
    "layernorm": "norm",
}
NAMES_IN_BLOCK = {
    "norm1": "norm1",
    "norm2": "norm2",
    "attention.output.dense": "attn.proj",
    "layer_scale1.lambda1": "ls1.gamma",
    "layer_scale2.lambda1": "ls2.gamma",
    "mlp.fc1": "mlp.fc1",
    "mlp.fc2": "mlp.fc2",
}
QUERY = re.compile(r"(encoder\.layer\.(\d+)\.attention\.attention\.)query\.(weight|bias)")
IN_BLOCK = re.compile(r"encoder\.layer\.(\d+)\.(.+?)(\.(?:weight|bias))?")


def _of_rad_dino(tensors: Tensors) -> Translation:
    """The names of transformers, or DINOv2's own, whichever file it is."""
    own = {name.removeprefix("dinov2."): tensor for name, tensor in tensors.items()}
    if "embeddings.cls_token" not in own:
        return of_dinov2(own)
    kept, left_out = without(own, {r"embeddings\.mask_token": MASK})
    renamed: Tensors = {}
    for name in list(kept):
        if (query := QUERY.fullmatch(name)) and all(
            f"{query[1]}{part}.{query[3]}" in kept for part in ("key", "value")
        ):
            parts = [kept.pop(f"{query[1]}{part}.{query[3]}") for part in ("query", "key", "value")]
            renamed[f"blocks.{query[2]}.attn.qkv.{query[3]}"] = torch.cat(parts)
    return Translation({**renamed, **{_timm_name(name): tensor for name, tensor in kept.items()}}, left_out)


def _timm_name(name: str) -> str:
    """The name in timm, or the same where there is none."""
    if block := IN_BLOCK.fullmatch(name):
        number, place, kind = block[1], block[2], block[3] or ""
        return f"blocks.{number}.{NAMES_IN_BLOCK[place]}{kind}" if place in NAMES_IN_BLOCK else name
    place = re.sub(r"\.(weight|bias)$", "", name)
    return NAMES[place] + name.removeprefix(place) if place in NAMES else name


def _of_ark(tensors: Tensors) -> Translation:
    return without(
        tensors,
        {
            r"(omni_heads|projector)\..*": OWN_HEADS,
            r"head(_dist)?\..*": UNUSED_HEAD,
            r".*\.(attn_mask|relative_position_index)": BUFFER,
        },
    )


RAD_DINO = Published(
    name="rad-dino",
    title="RAD-DINO",
    architectures=("rad-dino",),
    tensors=nested("teacher", "model", "state_dict"),
    translated=_of_rad_dino,
    licence="MIT",
    source="Pérez-García et al., Nature Machine Intelligence 2025, huggingface.co/microsoft/rad-dino",
    trained_on="882,775 chest X-rays of MIMIC-CXR, CheXpert, NIH, PadChest and BRAX",
    datasets=("mimic-cxr", "chexpert", "chestxray8", "padchest", "brax"),
)
ARK = Published(
    name="ark",
    title="Ark+",
    architectures=("ark",),
    tensors=nested("teacher", "state_dict"),
    translated=_of_ark,
    licence="ASU GitHub Project License: non-commercial research only",
    source="Ma et al., Nature 2025, github.com/jlianglab/Ark",
    trained_on="chest X-rays of MIMIC-CXR, CheXpert, NIH, RSNA, VinDr-CXR and Shenzhen with their labels",
    datasets=("mimic-cxr", "chexpert", "chestxray8", "rsna", "vindr-cxr", "shenzhen"),
)
