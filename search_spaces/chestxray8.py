"""The search space of ChestX-ray8: the row ChestX-ray8-5.6k of Table IV (Akbarian et al. 2020)."""

from __future__ import annotations

from search_spaces.space import Space

SPACE = Space(
    dataset="chestxray8",
    first_beta={  # Table III
        ("mimic-cxr", "densenet121"): 1.0,
        ("mimic-cxr", "densenet40"): 1.0,
        ("imagenet", "densenet121"): 100.0,
        ("imagenet", "densenet40"): 100.0,
    },
)
