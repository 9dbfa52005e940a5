"""The search space of CheXpert: the rows CheXpert-5k, -50k and -220k of Table IV (Akbarian et al. 2020)."""

from __future__ import annotations

from search_spaces.space import Space
from trainables.data.catalogue import DATASETS

SMALL, MIDDLE, WHOLE = DATASETS["chexpert"].fractions.values()  # Table II: 5,000, 50,000 and all training images

SPACE = Space(
    dataset="chexpert",
    first_beta={  # Table III
        ("mimic-cxr", "densenet121", SMALL): 1.0,
        ("mimic-cxr", "densenet40", SMALL): 20.0,
        ("mimic-cxr", "densenet121", MIDDLE): 50.0,
        ("mimic-cxr", "densenet40", MIDDLE): 50.0,
        ("mimic-cxr", "densenet121", WHOLE): 1.0,
        ("mimic-cxr", "densenet40", WHOLE): 1.0,
        ("imagenet", "densenet121", SMALL): 2000.0,
        ("imagenet", "densenet40", SMALL): 2000.0,
        ("imagenet", "densenet121", MIDDLE): 2000.0,
        ("imagenet", "densenet40", MIDDLE): 2000.0,
        ("imagenet", "densenet121", WHOLE): 1000.0,
        ("imagenet", "densenet40", WHOLE): 1000.0,
    },
)
