"""The labels' own doubt: every number again from the files, with NumPy, scikit-learn and SciPy alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from analysis.chapters import label_doubt
from analysis.pages.chapter import Chapter
from analysis.pages.evidence import Evidence
from analysis.reading import predictions as reading
from analysis.reading.other_hospital import file_of
from analysis.reading.radiologists import TARGET
from analysis.reading.trials import runs
from analysis.tables.rendering import Table
from trainables.data.votes import SUFFIX

NUM_READ, NUM_OWN = 120, 90
READERS = {"bc1": "reference", "bc2": "reference", "bc3": "reference", "bc4": "benchmark"}
REPORT = "reports (CheXpert labeler)"


def rows(split: str, number: int, seed: int) -> pd.DataFrame:
    """Images of a split, with a frequent and a rare label; the truth and the images' noise are those of every seed."""
    shared, own = np.random.default_rng(len(split)), np.random.default_rng(seed)
    names = [f"{split}{n:03}" for n in range(number)]
    frame = pd.DataFrame({"split": split, "image": names, "patient": [f"p{n // 2}" for n in range(number)]})
    frame = frame.assign(view="", sex="", age_years=np.nan)
    for label, share in (("Edema", 0.4), ("Effusion", 0.3), ("Rare", 0.03)):
        truth = shared.random(number) < share
        score = truth + shared.normal(size=number) + 0.3 * own.normal(size=number)
        frame[f"label_{label}"] = truth.astype(np.int8)
        frame[f"probability_{label}"] = (1 / (1 + np.exp(-score))).astype(np.float32)
    return frame


def votes() -> pd.DataFrame:
    """Four radiologists and one labeler, who differ from the truth at random; a study has two images."""
    truth, parts = rows("external", NUM_READ, 0), []
    for number, (reader, role) in enumerate([*READERS.items(), (REPORT, "report")]):
        rng = np.random.default_rng(50 + number)
        frame = pd.DataFrame({"image": truth["image"], "study": truth["patient"], "reader": reader, "role": role})
        for label, spelled in (("Edema", "Edema"), ("Effusion", "Pleural_Effusion"), ("Rare", "Rare")):
            of_study = truth.groupby("patient")[f"label_{label}"].transform("first")
            flips = dict(zip(truth["patient"].unique(), rng.random(NUM_READ // 2) < 0.2, strict=True))
            frame[f"label_{spelled}"] = (of_study ^ truth["patient"].map(flips)).astype(np.int8)
        parts.append(frame)
    return pd.concat(parts, ignore_index=True)


@pytest.fixture
def sweep(store: Any, tmp_path: Path) -> Any:
    parent = store.sweep("own", averaged_labels='["Edema", "Effusion", "Rare"]')
    for seed in range(3):
        own = pd.concat([rows("validation", 60, seed), rows("test", NUM_OWN, seed)])
        run = store.trial(parent, seed=seed, metrics={"test_auc": 0.7}, predictions=own)
        path = tmp_path / Path(file_of(TARGET)).name
        rows("external", NUM_READ, seed).to_parquet(path)
        store.client.log_artifact(run, str(path), str(Path(file_of(TARGET)).parent))
    return store


def shown(store: Any, results: Path | None = None) -> Chapter:
    recorded = runs(store.uri, "own")
    tested = dict(reading.by_cell(store.uri, recorded.confirm))
    return label_doubt.chapter(Evidence(runs=recorded, results=results, tested=tested))


def with_votes(results: Path, kept: pd.DataFrame | None = None) -> Path:
    (results / "stores").mkdir(parents=True)
    (votes() if kept is None else kept).to_parquet(results / "stores" / f"{TARGET}-32px-real-abc{SUFFIX}")
    return results


@pytest.fixture
def chapter(sweep: Any, tmp_path: Path) -> Chapter:
    return shown(sweep, with_votes(tmp_path / "results"))


def test_scores_against_radiologists_and_against_reports_again_from_the_files(chapter: Chapter) -> None:
    frame = chapter.tables[0].frame.set_index("label")
    reports = votes().query("role == 'report'").set_index("image")
    for label, spelled in (("Edema", "Edema"), ("Effusion", "Pleural_Effusion")):
        line, areas = frame.loc[label], []
        for seed in range(3):
            own, read = rows("test", NUM_OWN, seed), rows("external", NUM_READ, seed)
            said = reports.loc[read["image"], f"label_{spelled}"] == 1
            score = read[f"probability_{label}"]
            areas.append(
                [
                    roc_auc_score(own[f"label_{label}"], own[f"probability_{label}"]),
                    roc_auc_score(read[f"label_{label}"], score),
                    roc_auc_score(said, score),
                ]
            )
        own_auc, read_auc, report_auc = np.mean(areas, axis=0)
        assert line[["own_auc", "read_auc", "report_auc"]].tolist() == pytest.approx([own_auc, read_auc, report_auc])
        assert line["difference"] == pytest.approx(read_auc - report_auc)
        assert line["low"] < line["difference"] < line["high"] and line["read_low"] < read_auc < line["read_high"]
        assert (line["num_positives"], line["num_report_positives"]) == (read[f"label_{label}"].sum(), said.sum())
        assert (line["num_images"], line["n"]) == (NUM_READ, 3)


def test_the_interval_of_the_difference_is_paired_by_patient(chapter: Chapter) -> None:
    """Beside a plain bootstrap of patients with every repeat in each draw: nearly the same width, and narrower than
    that of two unpaired scores."""
    line = chapter.tables[0].frame.set_index("label").loc["Edema"]
    rng, differences = np.random.default_rng(5), []
    said = votes().query("role == 'report'").set_index("image")["label_Edema"]
    frames = [rows("external", NUM_READ, seed) for seed in range(3)]
    for _ in range(400):
        patients = rng.integers(0, NUM_READ // 2, NUM_READ // 2)
        drawn = np.concatenate([2 * patients, 2 * patients + 1])
        scores = [
            roc_auc_score(frame["label_Edema"].iloc[drawn], frame["probability_Edema"].iloc[drawn])
            - roc_auc_score(said.loc[frame["image"]].iloc[drawn], frame["probability_Edema"].iloc[drawn])
            for frame in frames
        ]
        differences.append(np.mean(scores))
    low, high = np.quantile(differences, [0.025, 0.975])
    assert line["high"] - line["low"] == pytest.approx(high - low, rel=0.2)
    unpaired = np.hypot(line["read_high"] - line["read_low"], line["read_high"] - line["read_low"])
    assert line["high"] - line["low"] < unpaired


def test_a_label_with_few_positives_has_counts_and_no_number(chapter: Chapter) -> None:
    scores, readers = chapter.tables[0].frame.set_index("label").loc["Rare"], chapter.tables[1].frame
    assert scores["num_positives"] < 10 and scores[["read_auc", "own_auc", "difference", "low"]].isna().all()
    rare = readers[(readers["label"] == "Rare") & (readers["role"] == "student")]
    assert rare["num_positives"].tolist() == [scores["num_positives"]] and rare["sensitivity"].isna().all()


def test_readers_against_the_majority_of_the_others_again_from_the_votes(chapter: Chapter) -> None:
    table = chapter.tables[1].frame
    by_study = votes().drop_duplicates(["study", "reader"]).pivot(index="study", columns="reader", values="label_Edema")
    for reader in READERS:
        others = [name for name in READERS if name != reader]
        true = by_study[others].sum(axis=1) >= 2
        said = by_study[reader] == 1
        line = table[(table["reader"] == reader) & (table["label"] == "Edema")].iloc[0]
        hits, number = int((said & true).sum()), int(true.sum())
        assert line["sensitivity"] == hits / number and line["specificity"] == (~said & ~true).sum() / (~true).sum()
        z, p = norm.ppf(0.975), hits / number
        middle, half = p + z**2 / (2 * number), z * np.sqrt(p * (1 - p) / number + z**2 / (4 * number**2))
        ends = [(middle - half) / (1 + z**2 / number), (middle + half) / (1 + z**2 / number)]
        assert line[["sensitivity_low", "sensitivity_high"]].tolist() == pytest.approx(ends)
    report = table[(table["reader"] == REPORT) & (table["label"] == "Edema")].iloc[0]
    total = by_study[list(READERS)].sum(axis=1)
    clear = total != 2
    assert report["num_positives"] == (total > 2).sum()
    assert report["sensitivity"] == (by_study[REPORT][total > 2] == 1).mean()
    assert report["num_positives"] + report["num_negatives"] == clear.sum() < len(by_study)


def test_students_at_the_threshold_of_their_own_validation_images_again_from_the_files(chapter: Chapter) -> None:
    table = chapter.tables[1].frame
    line = table[(table["role"] == "student") & (table["label"] == "Edema")].iloc[0]
    found = []
    for seed in range(3):
        validation, read = rows("validation", 60, seed), rows("external", NUM_READ, seed)
        truth, score = validation["label_Edema"].to_numpy() == 1, validation["probability_Edema"].to_numpy()
        youden = [(score[truth] >= limit).mean() + (score[~truth] < limit).mean() for limit in np.sort(score)]
        best = np.sort(score)[np.flatnonzero(np.isclose(youden, max(youden)))[-1]]
        alarm, positive = read["probability_Edema"].to_numpy() >= best, read["label_Edema"].to_numpy() == 1
        found.append([alarm[positive].mean(), (~alarm[~positive]).mean()])
    assert line[["sensitivity", "specificity"]].tolist() == pytest.approx(np.mean(found, axis=0).tolist())
    assert line["sensitivity_low"] < line["sensitivity"] < line["sensitivity_high"] and line["n"] == 3


def test_agreement_again_from_the_votes(chapter: Chapter) -> None:
    line = chapter.tables[2].frame.set_index("label").loc["Effusion"]
    by_study = votes().drop_duplicates(["study", "reader"])
    total = by_study[by_study["role"] != "report"].groupby("study")["label_Pleural_Effusion"].sum()
    assert line["unanimous"] == total.isin([0, 4]).mean() and line["num_positives"] == (total > 2).sum()
    agreed = (total * (total - 1) + (4 - total) * (3 - total)) / 12
    share = total.sum() / (4 * len(total))
    chance = share**2 + (1 - share) ** 2
    assert line["kappa"] == pytest.approx((agreed.mean() - chance) / (1 - chance))
    assert (line["num_readers"], line["num_studies"]) == (4, NUM_READ // 2)


@pytest.mark.parametrize("kept", [(REPORT,), (REPORT, "bc1")])
def test_with_fewer_than_two_radiologists_nothing_is_said_of_agreement(
    sweep: Any, tmp_path: Path, kept: tuple[str, ...]
) -> None:
    results = with_votes(tmp_path / "results", votes()[lambda frame: frame["reader"].isin(kept)])
    scores, readers, agreement = shown(sweep, results).tables
    assert agreement.frame[["unanimous", "kappa", "report_kappa"]].isna().all(axis=None)
    assert scores.frame["report_auc"].notna().any()  # which needs the reports alone
    people = readers.frame["role"].isin(["reference", "benchmark"])  # who have nobody to be compared with
    assert readers.frame.loc[people, "sensitivity"].isna().all()


def test_studies_that_no_two_readers_share_have_no_agreement(sweep: Any, tmp_path: Path) -> None:
    every = votes()
    first = every["study"].isin(every["study"].unique()[:30])
    parted = every[((every["reader"] == "bc1") & first) | ((every["reader"] == "bc2") & ~first)]
    agreement = shown(sweep, with_votes(tmp_path / "results", parted)).tables[2].frame
    assert agreement["num_studies"].eq(0).all() and agreement["kappa"].isna().all()


def test_the_sentences_count_what_the_table_shows(chapter: Chapter) -> None:
    frame = chapter.tables[0].frame.dropna(subset=["difference"])
    apart = ((frame["low"] > 0) | (frame["high"] < 0)).sum()
    assert f"excludes zero in {apart} of {len(frame)} pairs" in chapter.sentences[0] and len(frame) == 2


def test_without_readings_there_are_scores_against_the_majority_alone(sweep: Any, tmp_path: Path) -> None:
    for results in (None, tmp_path):
        (table,) = (alone := shown(sweep, results)).tables
        assert "report_auc" not in table.frame and table.frame["read_auc"].notna().sum() == 2
        assert list(alone.sentences) == [label_doubt.NO_READINGS]


def test_where_nobody_was_asked_it_says_what_to_put_where(store: Any) -> None:
    parent = store.sweep("own", averaged_labels='["Edema", "Effusion", "Rare"]')
    store.trial(parent, metrics={"test_auc": 0.7}, predictions=rows("test", NUM_OWN, 0))
    empty = shown(store).empty
    assert "DIR/chexpert-radiologists/" in empty and "--dataset own --target chexpert-radiologists" in empty


def test_the_same_runs_give_the_same_numbers(sweep: Any, tmp_path: Path) -> None:
    results = with_votes(tmp_path / "results")
    for one, other in zip(shown(sweep, results).tables, shown(sweep, results).tables, strict=True):
        assert isinstance(one, Table)
        pd.testing.assert_frame_equal(one.frame, other.frame, check_exact=True)
