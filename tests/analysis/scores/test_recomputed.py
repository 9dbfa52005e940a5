"""The oldest tables again, from the rows of predictions.parquet alone, by scikit-learn and a few lines of NumPy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from analysis.reading.predictions import Predictions, from_frame
from analysis.scores.comparisons import comparison_rows, draws_of, weights_of
from analysis.scores.label_tests import delong_rows
from analysis.scores.labels import label_rows
from analysis.scores.subgroups import subgroup_rows
from trainables.data.listing import UNCERTAIN

NUM_IMAGES, LABELS, NUM_BINS = 240, ("A", "B"), 10


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """Three repeats of each of two cells, as they lie in predictions.parquet; label B is uncertain in some images."""
    folder, of_cells = tmp_path_factory.mktemp("recomputed"), {}
    shared = np.random.default_rng(0)
    truth = {label: shared.random(NUM_IMAGES) < share for label, share in zip(LABELS, (0.3, 0.5), strict=True)}
    uncertain = shared.random(NUM_IMAGES) < 0.2
    for cell, strength in (("weak", 0.7), ("strong", 2.0)):
        of_cells[cell] = [folder / f"{cell}-{seed}.parquet" for seed in range(3)]
        for seed, path in enumerate(of_cells[cell]):
            table = pd.DataFrame({"split": "test", "image": [f"i{i:03d}" for i in range(NUM_IMAGES)]})
            table = table.assign(patient=[f"p{i // 2:03d}" for i in range(NUM_IMAGES)], sex=["F", "M", "M"] * 80)
            table = table.assign(view="PA", age_years=np.nan)
            for number, label in enumerate(LABELS):
                noise = np.random.default_rng([seed, number, len(cell)]).normal(size=NUM_IMAGES)
                table[f"label_{label}"] = truth[label].astype(np.int8)
                table[f"probability_{label}"] = (1 / (1 + np.exp(-(strength * truth[label] + noise)))).astype("float32")
            table.loc[uncertain, "label_B"] = UNCERTAIN
            table.to_parquet(path)
    return of_cells


def loaded(paths: list[Path]) -> list[Predictions]:
    return [from_frame(pd.read_parquet(path), averaged=list(LABELS), uncertainty="ignore") for path in paths]


def known(path: Path, label: str, sex: str = "") -> tuple[np.ndarray, np.ndarray]:
    table = pd.read_parquet(path)
    rows = table[(table[f"label_{label}"] != UNCERTAIN) & ((table["sex"] == sex) | (sex == ""))]
    return rows[f"label_{label}"].to_numpy(), rows[f"probability_{label}"].to_numpy().astype(np.float64)


def auc(path: Path, label: str, sex: str = "") -> float:
    return float(roc_auc_score(*known(path, label, sex)))


def test_label_by_label(files: dict[str, list[Path]]) -> None:
    rows = label_rows("weak", loaded(files["weak"])).set_index("label")
    for label in LABELS:
        row, repeats = rows.loc[label], [known(path, label) for path in files["weak"]]
        assert row["num_images"] == len(repeats[0][0]) and row["num_positives"] == repeats[0][0].sum()
        assert row["auc"] == pytest.approx(np.mean([roc_auc_score(*repeat) for repeat in repeats]))
        assert row["auprc"] == pytest.approx(np.mean([average_precision_score(*repeat) for repeat in repeats]))
        assert row["ece"] == pytest.approx(np.mean([ece(*repeat) for repeat in repeats]))
    assert rows.loc["B", "num_images"] < NUM_IMAGES


def ece(truth: np.ndarray, probability: np.ndarray) -> float:
    bins = np.minimum((probability * NUM_BINS).astype(int), NUM_BINS - 1)
    gaps = [abs(truth[bins == k].mean() - probability[bins == k].mean()) * (bins == k).mean() for k in set(bins)]
    return float(sum(gaps))


def test_subgroups(files: dict[str, list[Path]]) -> None:
    rows = subgroup_rows("weak", loaded(files["weak"])).set_index("subgroup")
    by_hand = {
        sex: np.mean([np.mean([auc(path, label, sex) for label in LABELS]) for path in files["weak"]]) for sex in "FM"
    }
    assert rows["auc"].to_dict() == pytest.approx(by_hand)
    assert rows["gap"].tolist() == pytest.approx([abs(by_hand["F"] - by_hand["M"])] * 2)
    assert rows["num_images"].to_dict() == {"F": 80, "M": 160}


def test_differences_between_cells(files: dict[str, list[Path]]) -> None:
    cells = {name: loaded(paths) for name, paths in files.items()}
    draws = {name: draws_of(repeats, weights_of(repeats[0])) for name, repeats in cells.items()}
    assert draws["weak"] and draws["strong"]
    (row,) = comparison_rows({n: d for n, d in draws.items() if d}, [("strong", "weak")]).to_dict("records")
    means = {name: np.mean([auc(path, label) for path in paths for label in LABELS]) for name, paths in files.items()}
    assert row["difference"] == pytest.approx(means["strong"] - means["weak"])
    tests = delong_rows(("strong", cells["strong"]), ("weak", cells["weak"])).set_index("label")
    for label in LABELS:
        mean = np.mean([known(path, label)[1] for path in files["strong"]], axis=0)
        assert tests.loc[label, "auc_first"] == pytest.approx(roc_auc_score(known(files["weak"][0], label)[0], mean))
