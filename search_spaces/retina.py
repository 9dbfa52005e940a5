"""The search space of Diabetic Retinopathy: the seven columns of Table V (Akbarian et al. 2020)."""

from __future__ import annotations

from optuna.distributions import FloatDistribution

from search_spaces.space import BETA, PAPER_BETAS, PAPER_LEARNING_RATE, Space, cells_of_tables_4_and_5

SPACE = Space(
    dataset="retina",
    selection_metric="f1_weighted",  # section V.A and Table V: the best epoch by validation F1
    cells=cells_of_tables_4_and_5(),
    learning_rate=FloatDistribution(1e-5, 1e-3, log=True),  # ours: the paper's 5e-5 lies inside
    weight_decay=FloatDistribution(1e-6, 1e-2, log=True),  # ours: the paper names none, and 1e-6 is as good as none
    beta=BETA,
    first_point={"learning_rate": PAPER_LEARNING_RATE, "weight_decay": 1e-6},
    first_beta={  # Table III
        ("mimic-cxr", "densenet121"): 30.0,
        ("mimic-cxr", "densenet40"): 30.0,
        ("imagenet", "densenet121"): 60.0,
        ("imagenet", "densenet40"): 60.0,
    },
    grid={"learning_rate": (PAPER_LEARNING_RATE,), "weight_decay": (0.0,), "beta": PAPER_BETAS},
)
