"""How well a linear classifier on frozen embeddings separates a finding from the rest: AUC over episodes.

The bootstrap over patients is linear: an AUC under weights w is its value plus the sum of (w - 1) times each image's
influence (the components whose variance DeLong et al. 1988 take). It costs one sort per episode instead of one per
draw, and can be summed over episodes. The tests compare it with a bootstrap that draws the patients themselves.

Shapes: N images, M of them in a query, D dimensions, E episodes, S repeats (seeds), B bootstrap draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from analysis.probes.embeddings import Subject
from analysis.probes.episodes import Episode, direction, unit
from analysis.scores.comparisons import NUM_DRAWS, Draws, comparison_rows, variance_rows
from analysis.stats.bootstrap import patient_weights
from analysis.stats.multiple import holm

COLUMNS = (
    "subject", "kind", "auc", "low", "high", "sd_seeds", "n", "baseline", "difference", "difference_low",
    "difference_high", "p_patients", "p_seeds", "num_episodes", "num_judged", "num_judged_positives", "num_patients",
)  # fmt: skip


class Probed(NamedTuple):
    """The AUC of each episode, and each image's influence on their mean (0 for what is in no query)."""

    auc_E: NDArray[np.float64]
    influence_N: NDArray[np.float64]


def auc_influence(score_M: NDArray[np.floating], positive_M: NDArray[np.bool_]) -> tuple[float, NDArray[np.float64]]:
    """The AUC, a tie counting one half, and its derivative by each image's weight."""
    num_positives, num_negatives = int(positive_M.sum()), int((~positive_M).sum())
    ranks_M = stats.rankdata(score_M)
    better_M = np.empty(len(ranks_M))  # the share of the other class that an image is on the right side of
    better_M[positive_M] = (ranks_M[positive_M] - stats.rankdata(score_M[positive_M])) / num_negatives
    better_M[~positive_M] = 1 - (ranks_M[~positive_M] - stats.rankdata(score_M[~positive_M])) / num_positives
    auc = float(better_M[positive_M].mean())
    return auc, (better_M - auc) / np.where(positive_M, num_positives, num_negatives)


def probe(embeddings_ND: NDArray[np.float32], positive_N: NDArray[np.bool_], episodes: Sequence[Episode]) -> Probed:
    """Learns from each episode's support and judges on its query."""
    aucs, influence_N, unit_ND = [], np.zeros(len(embeddings_ND)), unit(embeddings_ND)
    for support, query in episodes:
        score_N = unit_ND @ direction(unit_ND[support], positive_N[support])
        auc, influence_M = auc_influence(score_N[query], positive_N[query])
        aucs.append(auc)
        influence_N[query] += influence_M / len(episodes)
    return Probed(np.array(aucs), influence_N)


def draws_of(repeats: Sequence[Probed], weights_BN: NDArray[np.floating], seed: int, num_patients: int) -> Draws:
    """The mean AUC of each repeat: over all episodes, and in each draw of patients and of episodes.

    With equal weights and seed two networks meet the same draws: their difference is paired.
    """
    auc_SE = np.stack([probed.auc_E for probed in repeats])
    influence_SN = np.stack([probed.influence_N for probed in repeats])
    num_episodes = auc_SE.shape[1]
    even = np.full(num_episodes, 1 / num_episodes)
    share_BE = np.random.default_rng([seed, 1]).multinomial(num_episodes, even, size=len(weights_BN)) / num_episodes
    # A draw has all its patients' images or none: the influences of all images add up to 0.
    draws_SB = auc_SE @ share_BE.T + influence_SN @ weights_BN.T.astype(np.float64)
    return Draws(points_S=auc_SE.mean(axis=1), draws_SB=draws_SB, num_patients=num_patients)


def rows(
    subjects: Sequence[Subject],
    positive_N: NDArray[np.bool_],
    patient_N: NDArray[np.str_],
    episodes: Sequence[Episode],
    seed: int = 0,
) -> pd.DataFrame:
    """One row per subject: `COLUMNS`. Fractions; the difference is to plain transfer of the same student.

    The interval is the hierarchical bootstrap's: over the patients of the queries, over episodes and over repeats. All
    subjects meet the same episodes and the same draws.
    """
    judged = np.unique(np.concatenate([episode.query for episode in episodes]))
    weights_BM = patient_weights(patient_N[judged].astype(object), NUM_DRAWS, np.random.default_rng(seed))
    num_patients = len(np.unique(patient_N[judged]))
    draws: dict[str, Draws] = {}
    for subject in subjects:
        probed = [probe(repeat, positive_N, episodes) for repeat in subject.repeats]
        probed = [Probed(repeat.auc_E, repeat.influence_N[judged]) for repeat in probed]
        draws[subject.name] = draws_of(probed, weights_BM, seed, num_patients)
    frame = variance_rows(draws, seed).rename(columns={"cell": "subject"})
    frame[["low", "high"]] = frame[["low", "high"]].clip(0, 1)
    has_pair = [subject for subject in subjects if subject.baseline in draws and subject.baseline != subject.name]
    pairs = [(subject.name, subject.baseline) for subject in has_pair]
    names = {"first": "subject", "second": "baseline", "low": "difference_low", "high": "difference_high"}
    against = comparison_rows(draws, pairs, seed).rename(columns=names)
    kept = ["subject", "baseline", "difference", "difference_low", "difference_high", "p_patients", "p_seeds"]
    counts = {  # of an episode, on average
        "num_episodes": len(episodes),
        "num_judged": np.mean([len(episode.query) for episode in episodes]),
        "num_judged_positives": np.mean([positive_N[episode.query].sum() for episode in episodes]),
    }
    kinds = {subject.name: subject.kind for subject in subjects}
    merged = frame.merge(against[kept], how="left", on="subject").assign(**counts)
    return merged.assign(kind=merged["subject"].map(kinds))[list(COLUMNS)]


def corrected(frame: pd.DataFrame) -> pd.DataFrame:
    """With p_holm, corrected over every comparison of the frame; NaN where a side has one repeat."""
    p = frame[["p_patients", "p_seeds"]].max(axis=1).where(frame["p_seeds"].notna())
    return frame.assign(p_holm=holm(p.to_numpy(dtype=float)))
