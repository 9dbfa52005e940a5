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
UNLABELLED = "train, without labels"  # the context of images of which a student sees the pixels alone


def facts_of(store: Store, config: TrialConfig | None = None) -> list[Facts]:
    """What a trial of that configuration reads, one entry per split; None: all that a sweep's trials may read.

    Training images that have labels for some of the epochs only are an entry of their own.

    Only a confirming repeat and a teacher's own training open the test set.
    """
    splits = SPLITS if config is None or config.phase != "search" else [name for name in SPLITS if name != "test"]
    parts = [(split, config.data_fraction if config and split == "train" else 1.0, split) for split in splits]
    if config and config.num_unlabelled and config.data_fraction < 1:
        parts.append(("train", 1.0, UNLABELLED))
    facts = []
    for split, fraction, context in parts:
        part = split if fraction == 1 else f"{split}-{fraction:.4g}"
        facts.append(
            {
                "name": store.dataset,
                "digest": f"{store.fingerprint}-{part}",
                "context": context,
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
