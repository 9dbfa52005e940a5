"""Rates by group, counted again with NumPy and scikit-learn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import recall_score, roc_curve

from analysis.reading.predictions import Predictions
from analysis.scores.comparisons import weights_of
from analysis.scores.group_counts import CellCounts, cell_counts, counts_of_cells
from analysis.scores.group_harm import harm_rows
from analysis.scores.missed import SENSITIVITY, UNDERDIAGNOSIS
from analysis.stats.resampled import resampled_interval
from analysis.stats.thresholds import Rule
from tests.analysis.scores.harmed import PLAIN, TAUGHT, TEACHER, predicted, repeats

YOUDEN = Rule(kind="youden")
Repeats = tuple[list[Predictions], list[Predictions]]


def counts(both: Repeats, dataset: str = "chestxray8") -> CellCounts:
    return cell_counts(TAUGHT, both, dataset, YOUDEN, weights_of(both[0][0]))


def rows(both: Repeats) -> pd.DataFrame:
    return harm_rows(counts(both)).set_index(["kind", "group", "measure"])


def youden(validated: Predictions, label: int) -> float:
    """The threshold again, from scikit-learn's curve."""
    wrong, right, thresholds = roc_curve(validated.positive_NL[:, label], validated.probabilities_NL[:, label])
    return float(thresholds[1:][np.argmax((right - wrong)[1:])])


def alarms(both: Repeats, label: int) -> list[np.ndarray]:
    pairs = zip(*both, strict=True)
    return [tested.probabilities_NL[:, label] >= youden(validated, label) for tested, validated in pairs]


def young_women(images: pd.DataFrame) -> np.ndarray:
    return np.asarray((images["sex"] == "F") & (images["age_years"] < 40))


def test_rates_and_counts_are_those_of_a_few_lines() -> None:
    both = repeats(1.5)
    found, first = rows(both), both[0][0]
    chosen = young_women(first.images)
    ill = chosen & ~first.positive_NL[:, 2]
    row = found.loc[("sex and age band", "F, under 40", UNDERDIAGNOSIS)]
    assert row["rate"] == pytest.approx(np.mean([alarm[ill].mean() for alarm in alarms(both, 2)]))
    assert row["num_images"] == chosen.sum() and row["num_counted"] == ill.sum() and row["n"] == 3
    assert row["num_patients"] == first.images.loc[chosen, "patient"].nunique()
    recalls = [
        [recall_score(first.positive_NL[chosen, label], alarm[chosen]) for alarm in alarms(both, label)]
        for label in range(2)
    ]
    row = found.loc[("sex and age band", "F, under 40", SENSITIVITY)]
    assert row["rate"] == pytest.approx(np.mean(recalls)) and row["num_labels"] == 2
    assert row["num_counted"] == first.positive_NL[chosen, :2].sum(axis=0).min()
    assert found.loc[("sex and age band", "F, under 40", "Effusion"), "rate"] == pytest.approx(np.mean(recalls[1]))


def test_an_interval_is_that_of_a_bootstrap_written_again() -> None:
    both = repeats(1.5)
    first, row = both[0][0], rows(both).loc[("age band", "under 40", UNDERDIAGNOSIS)]
    ill = (first.images["age_years"] < 40).to_numpy() & ~first.positive_NL[:, 2]
    patients, index = np.unique(first.patient_N.astype(str), return_inverse=True)
    rng, rates = np.random.default_rng(7), []
    by_repeat = alarms(both, 2)
    for _ in range(1000):
        times = np.bincount(rng.integers(len(patients), size=len(patients)), minlength=len(patients))[index]
        drawn = [by_repeat[repeat] for repeat in rng.integers(3, size=3)]
        rates.append(np.mean([(times * ill * alarm).sum() / (times * ill).sum() for alarm in drawn]))
    assert [row["low"], row["high"]] == pytest.approx(np.quantile(rates, [0.025, 0.975]), abs=0.015)
    assert row["low"] < row["rate"] < row["high"]


def few(tested: Predictions, num_patients: int) -> Predictions:
    """With so many patients of 80 and over, all with a finding, and none of them called healthy."""
    images = tested.images.copy()
    old = images["patient"].isin(images["patient"].unique()[:num_patients]).to_numpy()
    images.loc[old, "age_years"] = 85.0
    positive, probabilities = tested.positive_NL.copy(), tested.probabilities_NL.copy()
    positive[old, 2], probabilities[old, 2] = False, 0.0
    return replace(tested, images=images, positive_NL=positive, probabilities_NL=probabilities)


def test_a_group_of_nine_patients_has_counts_and_no_rate() -> None:
    tested, validated = repeats()
    row = rows(([few(each, 9) for each in tested], validated)).loc[("age band", "80 and over", UNDERDIAGNOSIS)]
    assert (row["num_counted"], row["num_patients"], row["n"], row["is_enough"]) == (18, 9, 0, False)
    assert np.isnan(row[["rate", "low", "high"]].to_numpy(dtype=float)).all()


def test_a_rate_of_nothing_has_the_exact_interval_over_patients() -> None:
    tested, validated = repeats()
    row = rows(([few(each, 12) for each in tested], validated)).loc[("age band", "80 and over", UNDERDIAGNOSIS)]
    assert row["is_enough"] and row["rate"] == row["low"] == 0.0
    assert row["high"] == pytest.approx(stats.beta.ppf(0.975, 1, 12))  # Clopper and Pearson 1934


def test_an_uncertain_label_is_counted_nowhere() -> None:
    tested, validated = repeats()
    known = tested[0].known_NL.copy()
    known[:, 2] = tested[0].images["sex"].to_numpy() == "M"
    found = rows(([replace(each, known_NL=known) for each in tested], validated))
    assert found.loc[("sex", "F", UNDERDIAGNOSIS), "num_counted"] == 0
    assert found.loc[("sex", "M", UNDERDIAGNOSIS), "n"] == 3


def test_groups_share_the_labels_of_their_mean() -> None:
    tested, validated = repeats()
    positive = tested[0].positive_NL.copy()
    women = np.flatnonzero((tested[0].images["sex"] == "F").to_numpy())
    positive[women[5:], 1] = False  # no more than five women with an effusion
    found = rows(([replace(each, positive_NL=positive) for each in tested], validated))
    assert found.loc[("sex", ["F", "M"], SENSITIVITY), "num_labels"].tolist() == [1, 1]
    edema = found.loc[("sex", ["F", "M"], "Edema"), "rate"].tolist()
    assert found.loc[("sex", ["F", "M"], SENSITIVITY), "rate"].tolist() == edema
    assert found.loc[("sex", "M", "Effusion"), "is_enough"] and not found.loc[("sex", "F", "Effusion"), "is_enough"]


def test_bands_stand_in_the_order_of_age() -> None:
    kinds = {of_kind.kind: of_kind.groups for of_kind in counts(repeats(num=1)).kinds}
    assert kinds["age band"] == ("under 40", "40 to 59", "60 to 79")
    assert kinds["sex and age band"][:2] == ("F, under 40", "F, 40 to 59") and len(kinds["age band and view"]) == 6


def test_what_is_not_known_is_no_group() -> None:
    def unknown(repeat: Predictions) -> Predictions:
        return replace(repeat, images=repeat.images.assign(sex="", age_years=np.nan))

    tested, validated = repeats()
    both = ([unknown(each) for each in tested], [unknown(each) for each in validated])
    assert [of_kind.kind for of_kind in counts(both).kinds] == ["view"]
    nothing = tuple(
        [replace(it, images=it.images.assign(sex="", view="", age_years=np.nan)) for it in split] for split in both
    )
    assert harm_rows(counts((nothing[0], nothing[1]))).empty


def of_part(part: str, repeat: int, split: str) -> Predictions:
    return replace(predicted(split, 1.5, repeat), test_part=part, test_to_train=0.25)


def over(parts: list[str]) -> Repeats:
    first, second = ([of_part(part, k, split) for k, part in enumerate(parts)] for split in ("test", "validation"))
    return first, second


def test_splits_drawn_anew_have_the_corrected_interval() -> None:
    both = over(["split 1", "split 2", "split 3"])
    row = rows(both).loc[("sex", "F", UNDERDIAGNOSIS)]
    ill = [(each.images["sex"] == "F").to_numpy() & ~each.positive_NL[:, 2] for each in both[0]]
    rates = [alarm[of_split].mean() for alarm, of_split in zip(alarms(both, 2), ill, strict=True)]
    interval = resampled_interval(rates, 0.25)
    assert [row["rate"], row["low"], row["high"]] == pytest.approx([interval.mean, interval.low, interval.high])
    assert row["num_counted"] == round(np.mean([of_split.sum() for of_split in ill]))


def test_folds_are_pooled_without_an_interval() -> None:
    both = over(["fold 1", "fold 2"])
    row = rows(both).loc[("sex", "F", UNDERDIAGNOSIS)]
    ill = [(each.images["sex"] == "F").to_numpy() & ~each.positive_NL[:, 2] for each in both[0]]
    found = sum(alarm[of_fold].sum() for alarm, of_fold in zip(alarms(both, 2), ill, strict=True))
    assert row["num_counted"] == sum(of_fold.sum() for of_fold in ill)
    assert row["rate"] == pytest.approx(found / row["num_counted"]) and row["n"] == 2
    assert np.isnan(row["low"]) and np.isnan(row["high"])


def test_cells_without_validation_images_are_left_out() -> None:
    tested, validated = repeats()
    cells = {PLAIN: tested, TEACHER: tested[:1]}
    assert [*counts_of_cells(cells, {PLAIN: validated}, "chestxray8", YOUDEN)] == [PLAIN]


def test_a_mean_of_labels_that_are_all_found_has_no_interval_of_width_zero() -> None:
    tested, validated = repeats()
    both = tuple(
        [replace(it, probabilities_NL=np.where(it.positive_NL, 0.9, 0.1).astype(np.float32)) for it in split]
        for split in (tested, validated)
    )
    found = rows((both[0], both[1]))
    mean, one = found.loc[("sex", "F", SENSITIVITY)], found.loc[("sex", "F", "Edema")]
    assert mean["rate"] == one["rate"] == 1.0 and np.isnan(mean["low"]) and 0.9 < one["low"] < 1.0
