"""The images of a run as MLflow's data set inputs: one per split, by name, fingerprint and number.

Nothing that tells who a patient is: no image, no path, no row.
"""

from __future__ import annotations

import json
from typing import Any

from mlflow.entities import Dataset, DatasetInput, InputTag
from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT

from trainables.config import TrialConfig
from trainables.data.splits import SPLITS
from trainables.data.store import Store

Facts = dict[str, Any]  # plain JSON, for the journal


def facts_of(store: Store, config: TrialConfig | None = None) -> list[Facts]:
    """What a trial of that configuration reads, one entry per split; None: all that a sweep's trials may read.

    Only a confirming repeat and a teacher's own training open the test set.
    """
    splits = SPLITS if config is None or config.phase != "search" else [name for name in SPLITS if name != "test"]
    facts = []
    for split in splits:
        fraction = config.data_fraction if config is not None and split == "train" else 1.0
        part = split if fraction == 1 else f"{split}-{fraction:.4g}"
        facts.append(
            {
                "name": store.dataset,
                "digest": f"{store.fingerprint}-{part}",
                "context": split,
                "source": {"data": "phantom" if store.is_phantom else "real", "splits": store.split_fingerprint},
                "num_images": len(store.rows(split, fraction)),
            }
        )
    return facts


def as_input(facts: Facts) -> DatasetInput:
    """An entry of `facts_of` as MLflow takes it."""
    dataset = Dataset(
        name=facts["name"],
        digest=facts["digest"],
        source_type="prepared images",
        source=json.dumps(facts["source"]),
        profile=json.dumps({"num_rows": facts["num_images"]}),
    )
    return DatasetInput(dataset=dataset, tags=[InputTag(key=MLFLOW_DATASET_CONTEXT, value=facts["context"])])
