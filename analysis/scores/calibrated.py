"""How good a cell's probabilities are, as they come and at the temperature that its validation images give.

Shapes: B draws, N images, C classes, K questions (one of classes, or one per label), S repeats.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.reading.predictions import Predictions
from analysis.reading.repeats import is_fold
from analysis.scores.drawn_intervals import estimate, is_untrained
from analysis.scores.operating_rates import has_enough_tested
from analysis.stats import temperature as scaling
from analysis.stats.calibration import expected_calibration_error, reliability

LOSSES = {"brier": scaling.brier_N, "nll": scaling.nll_N}
SCALED = "_scaled"  # behind the names of scores at the temperature


@dataclass(frozen=True, kw_only=True)
class Question:
    """What one softmax, or one sigmoid, answers: probabilities of C classes for the images where the truth is known."""

    probabilities_NC: NDArray[np.floating]
    class_N: NDArray[np.integer]
    known_N: NDArray[np.bool_]  # of all images; the other two hold the known ones

    def ece(self, probabilities_NC: NDArray[np.floating]) -> float:
        """The expected calibration error of a label's probability, or of the class that is answered."""
        if probabilities_NC.shape[1] == 2:
            return expected_calibration_error(reliability(probabilities_NC[:, 1], self.class_N == 1))
        right_N = probabilities_NC.argmax(axis=1) == self.class_N
        return expected_calibration_error(reliability(probabilities_NC.max(axis=1), right_N))


def calibration_rows(
    cell: str,
    tested: Sequence[Predictions],
    validated: Sequence[Predictions],
    weights_BN: NDArray[np.float32] | None,
) -> pd.DataFrame:
    """One row, none without a label to score: cell, n, num_labels, temperature (mean; ``_least``, ``_greatest``),
    num_at_bound, brier and nll with ``_low`` and ``_high``, brier_skill (1 - Brier score / that of the prevalence) and
    ece; and all of these after scaling, with ``_scaled`` behind their names.

    Classes are one question, with one temperature; Brier score and likelihood are those of all classes, and the ECE is
    that of the answer. Of labels, each has a temperature, and the scores are means over the averaged labels that have
    enough positives and negatives among the test images, and both classes among the validation images of each repeat.
    The ECE of a fold is NaN: its images are too few for bins.

    Args:
        cell: its name.
        tested: the repeats' test images, with all their classes.
        validated: the same repeats' validation images.
        weights_BN: of `analysis.scores.drawn_intervals.shared_weights`.
    """
    columns, temperature_SK = _temperatures(tested, validated)
    if not columns:
        return pd.DataFrame()
    row: dict[str, object] = {"cell": cell, "n": len(tested), "num_labels": len(columns)}
    row |= {"temperature": temperature_SK.mean(), "temperature_least": temperature_SK.min()}
    row |= {"temperature_greatest": temperature_SK.max()}
    row["num_at_bound"] = sum(map(scaling.is_at_bound, temperature_SK.ravel()))
    questions = [[_question(repeat, column) for column in columns] for repeat in tested]
    as_they_come = [[(each, each.probabilities_NC) for each in of] for of in questions]
    scaled = [
        [(each, scaling.scaled(each.probabilities_NC, t)) for each, t in zip(of, temperature_K, strict=True)]
        for of, temperature_K in zip(questions, temperature_SK, strict=True)
    ]
    for form, answered in (("", as_they_come), (SCALED, scaled)):
        row |= _scores(cell, tested, answered, form, weights_BN=weights_BN)
    return pd.DataFrame([row])


def _scores(
    cell: str,
    tested: Sequence[Predictions],
    answered: Sequence[Sequence[tuple[Question, NDArray[np.floating]]]],
    form: str,
    *,
    weights_BN: NDArray[np.float32] | None,
) -> dict[str, float]:
    """The scores of each repeat's answers to its questions; `form` is what stands behind their names."""
    row: dict[str, float] = {}
    for name, loss in LOSSES.items():
        losses = [[(each.known_N, loss(answer, each.class_N)) for each, answer in of] for of in answered]
        points_S = np.array([np.mean([loss_N.mean() for _, loss_N in of]) for of in losses])
        draws_SB = points_S[:, None]
        if weights_BN is not None:
            draws_SB = np.stack([np.mean([_drawn(*each, weights_BN) for each in of], axis=0) for of in losses])
        within = (0.0, np.inf)
        row |= estimate(points_S, draws_SB, tested, is_untrained=is_untrained(cell), within=within).columns(name + form)
    row[f"brier_skill{form}"] = float(np.mean([_skill(*each) for of in answered for each in of]))
    errors = [each.ece(answer) for of in answered for each, answer in of]
    row[f"ece{form}"] = np.nan if is_fold(tested[0].test_part) else float(np.mean(errors))
    return row


def _skill(question: Question, answer_NC: NDArray[np.floating]) -> float:
    """1 - the Brier score over that of the prevalence; 0 says that the prevalence alone would have been as good."""
    least = scaling.brier_of_prevalence(question.class_N, answer_NC.shape[1])
    return 1 - float(scaling.brier_N(answer_NC, question.class_N).mean()) / least if least else np.nan


def _drawn(
    known_N: NDArray[np.bool_], loss_N: NDArray[np.float64], weights_BN: NDArray[np.float32]
) -> NDArray[np.float64]:
    """The mean loss in each draw, [B]; NaN where a draw has no image that is known."""
    weights = weights_BN if known_N.all() else weights_BN[:, known_N]
    total_B = weights.sum(axis=1, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(total_B > 0, weights @ loss_N.astype(np.float32) / total_B, np.nan))


def _temperatures(
    tested: Sequence[Predictions], validated: Sequence[Predictions]
) -> tuple[list[int | None], NDArray[np.float64]]:
    """The questions that can be asked (None for all classes together, or columns of labels), and the fits [S, K]."""
    asked: list[int | None] = [None]
    if not tested[0].is_multiclass:
        asked = [*map(int, np.flatnonzero(tested[0].averaged_L & has_enough_tested(tested)))]
    fits = {column: [_fit(repeat, column) for repeat in validated] for column in asked}
    columns = [column for column, of_column in fits.items() if None not in of_column]
    return columns, np.array([fits[column] for column in columns], dtype=np.float64).T


def _fit(repeat: Predictions, column: int | None) -> float | None:
    question = _question(repeat, column)
    return scaling.temperature(question.probabilities_NC, question.class_N)


def _question(repeat: Predictions, column: int | None) -> Question:
    if column is None:
        known_N = np.asarray(repeat.known_NL.all(axis=1))
        return Question(
            probabilities_NC=repeat.probabilities_NL[known_N],
            class_N=repeat.positive_NL[known_N].argmax(axis=1),
            known_N=known_N,
        )
    known_N = repeat.known_NL[:, column]
    return Question(
        probabilities_NC=scaling.two_classes(repeat.probabilities_NL[known_N, column]),
        class_N=repeat.positive_NL[known_N, column].astype(np.int64),
        known_N=known_N,
    )
