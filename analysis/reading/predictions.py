"""The predictions of confirming repeats, one row per validation and test image, read from MLflow's artifacts.

Shapes: N images of one split, L labels or classes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.reading import artifacts
from analysis.reading.averages import names_in
from trainables.metrics import metric_name
from trainables.prediction_rows import PREDICTIONS_FILE

FILE = PREDICTIONS_FILE
TEST, VALIDATION = "test", "validation"
IMAGE_FACTS = ["image", "patient", "view", "sex", "age_years"]
POSITIVE, UNCERTAIN = 1, -1  # label codes; every other code is a negative


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """What one repeat predicts for the images of a split, in the order of the file, which is the store's.

    The order is therefore the same for every repeat on one part, and depends neither on hashed names nor on their salt.
    """

    label_names: tuple[str, ...]
    probabilities_NL: NDArray[np.float32]
    positive_NL: NDArray[np.bool_]
    known_NL: NDArray[np.bool_]  # False where a label is not scored (uncertainty policy "ignore")
    averaged_L: NDArray[np.bool_]  # the labels that its sweep averages; none where the sweep does not say
    is_multiclass: bool
    images: pd.DataFrame  # image, patient, view, sex, age_years
    test_part: str = ""  # the part of the images that its repeat was tested on (`analysis.reading.repeats`)
    test_to_train: float = 0.0  # how many there are, over those trained on, where parts differ

    @property
    def patient_N(self) -> NDArray[np.object_]:
        """The salted hash of each image's patient."""
        return self.images["patient"].to_numpy(dtype=object)


def from_frame(
    frame: pd.DataFrame, uncertainty: str = "zeros", averaged: Sequence[str] | None = (), *, split: str = TEST
) -> Predictions:
    """One split of a `predictions.parquet` as arrays.

    Args:
        frame: the file.
        uncertainty: the policy of its run.
        averaged: the names of the labels that its sweep averages; None is the paper's rule: those with positives and
            negatives among these images.
        split: the word in the column ``split``.

    Raises:
        ValueError: a column is missing, an image has two rows, or the file lacks labels, or one that is averaged.
    """
    spelled = {metric_name(name) for name in averaged or ()}
    names = _checked(frame, spelled)
    frame = frame[frame["split"] == split]
    doubled = frame["image"][frame["image"].duplicated()]
    if len(doubled):
        raise ValueError(f"an image must have one row, but {doubled.iloc[0]} has several")
    codes_NL = frame[[f"label_{name}" for name in names]].to_numpy()
    positive_codes = [POSITIVE, UNCERTAIN] if uncertainty == "ones" else [POSITIVE]
    positive_NL = np.isin(codes_NL, positive_codes)
    known_NL = (codes_NL != UNCERTAIN) if uncertainty == "ignore" else np.ones(codes_NL.shape, dtype=bool)
    averaged_L = np.asarray(np.isin(names, sorted(spelled)))
    if averaged is None:
        averaged_L = np.asarray((positive_NL & known_NL).any(axis=0) & (~positive_NL & known_NL).any(axis=0))
    return Predictions(
        label_names=tuple(names),
        probabilities_NL=frame[[f"probability_{name}" for name in names]].to_numpy(dtype=np.float32),
        positive_NL=positive_NL,
        known_NL=known_NL,
        averaged_L=averaged_L,
        is_multiclass="grade" in frame,
        images=frame[IMAGE_FACTS].reset_index(drop=True),
    )


def _checked(frame: pd.DataFrame, averaged: set[str]) -> list[str]:
    """The names of the labels in a file of predictions, which must have all columns, and the averaged labels."""
    names = [name.removeprefix("probability_") for name in frame if name.startswith("probability_")]
    needed = ["split", *IMAGE_FACTS, *(f"label_{name}" for name in names)]
    missing = [name for name in needed if name not in frame]
    if missing or not names:
        raise ValueError(f"predictions must have the column {(missing or ['probability_<label>'])[0]}")
    if absent := sorted(averaged - set(names)):
        raise ValueError(f"the averaged labels must have predictions, but there are none of {', '.join(absent)}")
    return names


def load(tracking_uri: str, run: pd.Series, split: str = TEST, file: str = FILE) -> Predictions | None:
    """The predictions of one run (a row of `Runs.confirm`) for the images of a split, None where the run left none.

    Args:
        tracking_uri: where MLflow is.
        run: the run.
        split: the word in the file's column ``split``.
        file: the name of the file among the run's artifacts.

    Raises:
        ValueError: as `from_frame` and `averages.names_in`.
    """
    path = artifacts.of_run(tracking_uri, run, file)
    if path is None:
        return None
    averaged = None if run["tags.average_rule"] == "defined" else names_in(run["tags.averaged_labels"])
    loaded = from_frame(pd.read_parquet(path), str(run["params.uncertainty"]), averaged, split=split)
    return replace(loaded, test_part=str(run["test_part"]), test_to_train=float(run["test_to_train"]))


def by_cell(tracking_uri: str, confirm: pd.DataFrame, split: str = TEST) -> Iterator[tuple[str, list[Predictions]]]:
    """Each cell of `confirm` that has predictions for images of `split`, one cell in memory at a time.

    Raises:
        ValueError: two repeats have the same part by name, and different images of it.
    """
    for cell, confirming in confirm.groupby("tags.cell", sort=False):
        loaded = [load(tracking_uri, run, split) for _, run in confirming.iterrows()]
        repeats = [predictions for predictions in loaded if predictions is not None]
        for part, (first, *others) in in_parts(repeats).items():
            if any(not other.images["image"].equals(first.images["image"]) for other in others):
                which = f" on {part}" if part else ""
                raise ValueError(
                    f"the repeats of a cell must have the same {split} images, but those of {cell}{which} have not"
                )
        if repeats:
            yield str(cell), repeats


def in_parts(repeats: Sequence[Predictions]) -> dict[str, list[Predictions]]:
    """The repeats by what they were tested on, in the order in which the parts come first."""
    grouped: dict[str, list[Predictions]] = {}
    for repeat in repeats:
        grouped.setdefault(repeat.test_part, []).append(repeat)
    return grouped


def in_rounds(repeats: Sequence[Predictions]) -> list[list[Predictions]]:
    """The repeats in rounds, each with one repeat of every part: of folds, a round has every patient once.

    Repeats that cannot complete a round are in the last ones.
    """
    rounds: list[list[Predictions]] = []
    for of_part in in_parts(repeats).values():
        for number, repeat in enumerate(of_part):
            if number == len(rounds):
                rounds.append([])
            rounds[number].append(repeat)
    return rounds
