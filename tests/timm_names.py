"""Networks of timm's that several tests go through."""

from __future__ import annotations

# The first three are compared in the paper's related work; the rest has each kind of map: planes, planes last, tokens.
NETWORKS = (
    "resnet152",
    "inception_v4",
    "seresnext101_32x4d",
    "convnext_tiny",
    "efficientnet_b0",
    "mobilenetv3_large_100",
    "vit_small_patch16_224",
    "swin_tiny_patch4_window7_224",
)
