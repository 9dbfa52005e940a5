"""How far each label's share in a split is from its share in all images, ours beside a random split by patient.

`python -m tests.benchmarks.splits` prints root mean squares of relative deviations over 15 seeds. The tables are drawn,
with as many images and patients, and grades and labels as frequent, as in the published sets: Retina's training set on
Kaggle, and CheXpert (Irvin et al. 2019, Table 1).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tests.benchmarks.targets import split_shares
from trainables.data.catalogue import DATASETS
from trainables.data.listing import NOT_MENTIONED, POSITIVE, UNCERTAIN
from trainables.data.splits import (
    OWN_VALIDATION_SHARE,
    SPLITS,
    counts_for,
    official_split,
    split_patients,
    train_rank,
)

GRADES = {"No DR": 25_810, "Mild": 2_443, "Moderate": 5_292, "Severe": 873, "Proliferative": 708}
EYES_CORRELATION = 0.9  # of a patient's latent severities, as the phantoms have it
CHEXPERT = {  # percent of studies: positive, uncertain
    "No Finding": (8.86, 0.0),
    "Enlarged Cardiom.": (4.81, 5.41),
    "Cardiomegaly": (12.26, 3.52),
    "Lung Lesion": (3.65, 0.57),
    "Lung Opacity": (49.39, 2.31),
    "Edema": (26.06, 6.17),
    "Consolidation": (6.78, 12.78),
    "Pneumonia": (2.44, 8.34),
    "Atelectasis": (15.63, 15.66),
    "Pneumothorax": (9.23, 1.42),
    "Pleural Effusion": (40.34, 5.02),
    "Pleural Other": (1.30, 0.94),
    "Fracture": (3.87, 0.26),
    "Support Devices": (56.40, 0.48),
}
PATIENTS_CORRELATION, ILLNESS_CORRELATION = 0.6, 0.15  # of a finding in a patient's images, and of different findings
NUM_IMAGES, NUM_PATIENTS = 223_648, 64_740
LEAST_SHARE = 0.01  # of positives; rarer labels are printed, and have no target
NUM_SEEDS = 15


def rows_of(patient_N: NDArray[np.int64], labels_NL: NDArray) -> pd.DataFrame:
    """What a reader gives, as far as splits look at it; every tenth patient is in the release's own test set."""
    official = np.where(patient_N % 10 == 0, "test", "train")
    labels = list(labels_NL.astype(np.int8))
    return pd.DataFrame({"patient": patient_N.astype(str), "labels": labels, "official_split": official})


def retina(num_patients: int = sum(GRADES.values()) // 2) -> pd.DataFrame:
    """Two eyes of each patient, whose grades go together; grades as frequent as in the release, to the image."""
    rng = np.random.default_rng(0)
    severity = np.sqrt(EYES_CORRELATION) * rng.standard_normal((num_patients, 1))
    severity = severity + np.sqrt(1 - EYES_CORRELATION) * rng.standard_normal((num_patients, 2))
    ends = np.cumsum(list(GRADES.values()))[:-1] / sum(GRADES.values()) * severity.size
    grade_N = np.searchsorted(ends.round(), severity.ravel().argsort().argsort(), side="right")
    return rows_of(np.repeat(np.arange(num_patients), 2), grade_N[:, None])


def chexpert(num_images: int = NUM_IMAGES, num_patients: int = NUM_PATIENTS) -> pd.DataFrame:
    """Patients of one image to about seventy; findings that stay with a patient and come in company."""
    rng = np.random.default_rng(0)
    weights = rng.gamma(0.35, size=num_patients) + 0.02
    more = rng.choice(num_patients, size=num_images - num_patients, p=weights / weights.sum())
    patient_N = np.sort(np.concatenate([np.arange(num_patients), more]))
    shape = (num_patients, len(CHEXPERT))
    towards = np.where(np.array(list(CHEXPERT)) == "No Finding", -1, 1)
    latent = np.sqrt(ILLNESS_CORRELATION) * rng.standard_normal((num_patients, 1)) * towards
    latent = (latent + np.sqrt(PATIENTS_CORRELATION - ILLNESS_CORRELATION) * rng.standard_normal(shape))[patient_N]
    latent += np.sqrt(1 - PATIENTS_CORRELATION) * rng.standard_normal(latent.shape)
    labels_NL = np.full(latent.shape, NOT_MENTIONED)
    for label, (positive, uncertain) in enumerate(CHEXPERT.values()):
        uncertain_from, positive_from = np.quantile(
            latent[:, label], 1 - np.array([positive + uncertain, positive]) / 100
        )
        labels_NL[latent[:, label] > uncertain_from, label] = UNCERTAIN
        labels_NL[latent[:, label] > positive_from, label] = POSITIVE
    return rows_of(patient_N, labels_NL)


def positives(rows: pd.DataFrame) -> NDArray[np.bool_]:
    """Which images show which label or grade [N, L]."""
    labels_NL = np.stack(rows["labels"].to_list())
    return labels_NL == (np.arange(len(GRADES)) if labels_NL.shape[1] == 1 else POSITIVE)


def by_chance(rows: pd.DataFrame, counts: dict[str, int], seed: int) -> tuple[NDArray[np.str_], NDArray[np.int64]]:
    """A random split by patient of about these counts, and a random order of its training patients, as ours are."""
    rng = np.random.default_rng((seed, 99))
    patient_N, names = pd.factorize(rows["patient"])
    order_N = np.argsort(rng.permutation(len(names))[patient_N], kind="stable")
    end_P = np.cumsum(np.bincount(patient_N)[pd.unique(patient_N[order_N])])
    part_P = np.searchsorted(np.cumsum([counts["test"], counts["validation"]]), end_P - 1, side="right")
    of_name = np.empty(len(names), np.int64)
    of_name[pd.unique(patient_N[order_N])] = part_P
    split_N = np.array(["test", "validation", "train"])[of_name[patient_N]]
    rank_N = np.full(len(rows), -1)
    ranked = order_N[split_N[order_N] == "train"]
    rank_N[ranked] = np.arange(len(ranked))
    return split_N, rank_N


def parts(
    rows: pd.DataFrame, split: NDArray[np.str_], rank: NDArray[np.int64], official: NDArray[np.str_], fraction: float
) -> Iterator[tuple[str, NDArray[np.bool_], NDArray[np.bool_]]]:
    """What is compared: a name, which images, and which images they should be like."""
    everything = np.ones(len(rows), bool)
    for name in SPLITS[1:]:
        yield name, split == name, everything
    is_train = split == "train"
    yield f"first {fraction:.1%} of train", (rank >= 0) & (rank < fraction * is_train.sum()), is_train
    yield "validation of the official split", official == "validation", official != "test"


def measure(
    rows: pd.DataFrame, counts: dict[str, int], num_seeds: int, fraction: float
) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """By part: root mean squares over the seeds of the relative deviation of each label's share, ours and random's [L].

    The release's own split has a test set and no validation set, which is drawn from its training patients.
    """
    is_positive_NL = positives(rows)
    deviations: dict[str, list[list[NDArray[np.float64]]]] = {}
    in_release = rows["official_split"].to_numpy(str) == "train"
    num_validation = round(OWN_VALIDATION_SHARE * in_release.sum())
    tenth = {"test": 0, "validation": num_validation, "train": int(in_release.sum()) - num_validation}
    for seed in range(num_seeds):
        split = split_patients(rows, counts, seed=seed)
        ours = (split, train_rank(rows, split, seed=seed), official_split(rows, "a release", seed=seed))
        official = np.full(len(rows), "test", "<U10")
        official[in_release] = by_chance(rows[in_release], tenth, seed)[0]
        for way, (drawn, rank, release) in enumerate([ours, (*by_chance(rows, counts, seed), official)]):
            for name, is_part, is_whole in parts(rows, drawn, rank, release, fraction):
                share_L = is_positive_NL[is_part].mean(axis=0) / is_positive_NL[is_whole].mean(axis=0)
                deviations.setdefault(name, [[], []])[way].append(share_L - 1)
    return {
        name: (np.sqrt(np.mean(np.square(ours), axis=0)), np.sqrt(np.mean(np.square(chance), axis=0)))
        for name, (ours, chance) in deviations.items()
    }


def main() -> None:
    """Prints a table for each data set, and for each part the label that fares worst beside the target."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.splits", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--seeds", type=int, default=NUM_SEEDS, help="default: %(default)s")
    parser.add_argument("--datasets", nargs="+", choices=("retina", "chexpert"), help="default: both")
    typed = parser.parse_args()
    tables: dict[str, tuple[Callable[[], pd.DataFrame], list[str], float]] = {
        "retina": (retina, list(GRADES), 0.1),
        "chexpert": (chexpert, list(CHEXPERT), 5_000 / DATASETS["chexpert"].split_counts["train"]),  # CheXpert-5k
    }
    for dataset in typed.datasets or tables:
        table, names, fraction = tables[dataset]
        rows = table()
        counts = counts_for(dataset, len(rows))
        started_s = time.perf_counter()
        split = split_patients(rows, counts, seed=0)
        split_s = time.perf_counter() - started_s
        train_rank(rows, split, seed=0)
        rank_s = time.perf_counter() - started_s - split_s
        print(f"\n{dataset}: {len(rows):,} images, split in {split_s:.1f} s, ordered in {rank_s:.1f} s")
        share_L = positives(rows).mean(axis=0)
        deviations = measure(rows, counts, typed.seeds, fraction)
        print("label | share | " + " | ".join(f"{name}: ours, random" for name in deviations))
        for label, name in enumerate(names):
            figures = " | ".join(f"{ours[label]:.2%}, {chance[label]:.2%}" for ours, chance in deviations.values())
            print(f"{name} | {share_L[label]:.1%} | {figures}")
        for name, (ours, chance) in deviations.items():
            ratio = float((ours / chance)[share_L >= LEAST_SHARE].max())
            split_shares(dataset, name).judge(ratio, typed.seeds)


if __name__ == "__main__":
    main()
