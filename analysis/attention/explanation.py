"""Everything that `analysis.attention_maps` shows: pictures, the pointing game, and attention against each label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.attention import association, explanation_tables, pointing
from analysis.attention.attention_pictures import chosen_rows
from analysis.attention.boxes_at_hand import Boxes, boxes_at_hand
from analysis.attention.observations import Choice, Observations, cells_of
from analysis.figures.drawing import Picture
from analysis.probes import networks
from analysis.reading import artifacts, origins
from analysis.reading.trials import Runs
from analysis.tables.rendering import Table
from trainables.data.store import Store


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What the page shows."""

    store: Store
    facts: list[tuple[str, str]]
    sentences: list[str]
    tables: list[Table]
    pictures: list[Picture]
    left_out: list[str]
    phantom: str  # which parts of any network are phantoms (`analysis.reading.origins`)


def explain(runs: Runs, results: Path, data: Path | None, choice: Choice) -> Explanation:
    """Looks at the first confirming repeat of every cell that has its weights.

    Raises:
        LookupError: the prepared data is gone, or no cell has its weights.
        FileNotFoundError, ValueError: as `boxes_at_hand` and `chosen_rows`, or the data set has no such label.
    """
    repeats = networks.first_repeats(runs)
    store = _store(runs, results, choice)
    store = artifacts.split_of(store, repeats.iloc[0]) if len(repeats) else store
    boxes = boxes_at_hand(store, results, data)
    test_boxes = boxes.frame[boxes.frame["row"].isin(store.rows("test"))]
    rows = chosen_rows(store, test_boxes, choice.rows, choice.num_images, np.random.default_rng(choice.seed))
    observations = Observations(store, test_boxes, choice, rows)
    for cell in cells_of(runs, results, store):
        observations.add(cell)
    others = sorted(set(runs.trained["tags.cell"]) - set(repeats["tags.cell"]))
    left_out = [
        *observations.left_out,
        *(f"{cell}: none of its repeats has the images and the split that are shown" for cell in others),
    ]
    phantom = observations.phantom
    if not observations.points:
        raise LookupError(f"no cell of {runs.dataset} has its weights: {'; '.join(left_out) or 'none was confirmed'}")
    hit_rates = _hit_rates(observations.points, boxes.frame, store)
    hit_rates = hit_rates.assign(phantom=hit_rates["subject"].map(phantom))
    associated = association.corrected(list(observations.associations.values()))
    associated = associated.assign(phantom=associated["subject"].map(phantom))
    tables = [explanation_tables.pointing_table(hit_rates, runs)] if len(hit_rates) else []
    tables.append(explanation_tables.association_table(associated, runs))
    return Explanation(
        store=store,
        facts=_facts(store, boxes, len(test_boxes), choice, bool(observations.pictures)),
        sentences=explanation_tables.sentences(hit_rates),
        tables=tables,
        pictures=observations.pictures,
        left_out=left_out,
        phantom=origins.union(phantom.values()),
    )


def _store(runs: Runs, results: Path, choice: Choice) -> Store:
    store = artifacts.store_of(results, runs.data_fingerprint) if len(runs.trials) else None
    if store is None:
        raise LookupError(
            f"no prepared data of these runs in {results}; --results must say where the sweep's results are"
            + artifacts.why_gone(results, runs.data_fingerprint)
        )
    if choice.label is not None and choice.label not in store.label_names:
        raise ValueError(f"the label must be one of {', '.join(store.label_names)}, but got {choice.label!r}")
    return store


def _hit_rates(points_of_subjects: Mapping[str, pd.DataFrame], boxes: pd.DataFrame, store: Store) -> pd.DataFrame:
    """The pointing game; boxes outside the test set give the centre prior."""
    points = pd.concat(points_of_subjects.values(), ignore_index=True)
    if points.empty:
        return pd.DataFrame(columns=list(pointing.COLUMNS))
    is_test = boxes["row"].isin(store.rows("test"))
    aims = pointing.targets(boxes[is_test], boxes[~is_test], store.image_size_px, store.image_size_px // 32)
    return pointing.rows(points, aims, dict(enumerate(store.patient)), store.image_size_px)


def _facts(
    store: Store, boxes: Boxes, num_test_boxes: int, choice: Choice, has_pictures: bool
) -> list[tuple[str, str]]:
    cells, test = store.image_size_px // 32, store.rows("test")
    hidden = "left out because they show patients; --images includes them"
    how = f"drawn at random, seed {choice.seed}" if choice.rows is None else "chosen by row"
    return [
        ("images", f"{len(test)} test images of {len(set(store.patient[test]))} patients, {store.image_size_px} px"),
        (
            "resolution",
            f"{cells} x {cells} cells per map, each {store.image_size_px // cells} px wide: nothing finer can be read",
        ),
        ("networks", "for each cell, the first confirming repeat at its best epoch"),
        ("radiologists' boxes", f"{boxes.note}; {num_test_boxes} in test images"),
        ("pictures", how if has_pictures else hidden),
    ]
