"""Who is in each split: images, patients, positives, sex, age and views, which a sweep keeps as tags of its own run.

A tag is a JSON object: ``cohort`` describes the data set, ``cohort_train``, ``cohort_validation`` and ``cohort_test``
its splits. They hold counts and quartiles alone: nothing of any one patient.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd

from trainables.data.averaging import definite_counts
from trainables.data.catalogue import DATASETS
from trainables.data.listing import UNCERTAIN
from trainables.data.splits import SPLITS
from trainables.data.store import Store

TAG = "cohort"
MAX_CHARS = 5000  # of a tag's value
DISPENSABLE = ("views", "uncertain", "positive")  # left out in this order where a tag would be longer


def tags(store: Store) -> dict[str, str]:
    """The tags of a prepared data set, by name; of a fold's split, `store` is that split."""
    record = DATASETS.get(store.dataset)
    whole = {
        "task": store.task,
        "channels": store.channels,
        "left_out": len(store.left_out),
        "source": record.source if record else "",
    }
    of_splits = {f"{TAG}_{split}": _fitted(split_facts(store, split)) for split in SPLITS}
    return {TAG: json.dumps(whole, ensure_ascii=False), **of_splits}


def split_facts(store: Store, split: str) -> dict[str, Any]:
    """What is recorded of one split.

    ``images`` and ``patients`` are counts; ``positive`` has the images that show each label, ``uncertain`` those that
    may show it, where there are any; ``sex`` counts patients and ``views`` images, by name; ``age_years`` has the lower
    quartile, the median and the upper quartile over the patients whose age is known, and ``aged`` how many these are.
    """
    rows = store.rows(split)
    patients = pd.DataFrame({name: getattr(store, name)[rows] for name in ("patient", "sex", "age_years")})
    patients = patients.groupby("patient", sort=True).first()
    facts: dict[str, Any] = {"images": len(rows), "patients": len(patients)}
    facts["positive"] = dict(zip(store.label_names, definite_counts(store, split)[0].tolist(), strict=True))
    if store.task == "multilabel":
        num_L = (store.labels[rows] == UNCERTAIN).sum(axis=0).tolist()
        facts["uncertain"] = {name: number for name, number in zip(store.label_names, num_L, strict=True) if number}
    facts["sex"] = _counts(patients["sex"])
    facts["views"] = _counts(pd.Series(store.view[rows]))
    ages = patients["age_years"].dropna().to_numpy(float)
    facts["aged"] = len(ages)
    if len(ages):
        facts["age_years"] = [round(float(age), 1) for age in np.quantile(ages, (0.25, 0.5, 0.75))]
    return facts


def _counts(column: pd.Series) -> dict[str, int]:
    return {str(name): int(number) for name, number in column[column != ""].value_counts().sort_index().items()}


def _fitted(facts: dict[str, Any]) -> str:
    """The facts as JSON, without the longest lists where they would not fit into a tag."""
    for name in ("", *DISPENSABLE):
        facts.pop(name, None)
        text = json.dumps(facts, ensure_ascii=False)
        if len(text) <= MAX_CHARS:
            break
    return text
