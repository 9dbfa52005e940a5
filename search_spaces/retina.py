"""The search space of Diabetic Retinopathy: the seven columns of Table V (Akbarian et al. 2020)."""

from __future__ import annotations

from search_spaces.space import Space

SPACE = Space(
    dataset="retina",
    first_beta={  # Table III
        ("mimic-cxr", "densenet121"): 30.0,
        ("mimic-cxr", "densenet40"): 30.0,
        ("imagenet", "densenet121"): 60.0,
        ("imagenet", "densenet40"): 60.0,
    },
)
