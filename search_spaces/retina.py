"""The search space of Diabetic Retinopathy: the seven columns of Table V (Akbarian et al. 2020)."""

from __future__ import annotations

from search_spaces.space import Space
from trainables.data.readers.retina import DATASET

SPACE = Space(
    dataset=DATASET.name,
    first_beta={  # Table III
        ("mimic-cxr", "densenet121"): 30.0,
        ("mimic-cxr", "densenet40"): 30.0,
        ("imagenet", "densenet121"): 60.0,
        ("imagenet", "densenet40"): 60.0,
    },
)
