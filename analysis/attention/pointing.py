"""The pointing game: how often a map's highest cell lies where radiologists saw the finding (Zhang et al., IJCV 2018).

A map points at the centre of its highest cell, which is a hit if it lies in a box of the label, or within the tolerance
of one. A flat map points nowhere: a miss. Each rate is shown with two that need no network: chance, the share of the
image that would be a hit; and the centre prior, the one place that would hit most boxes of the label outside the test
set, guessed for every test image. The ceiling is the share of images where any cell's middle would be a hit.

Shapes: P points (x, y), K boxes (left, top, right, bottom), all in pixels of the store.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from analysis.stats.multiple import holm
from trainables.data.boxes import EDGES

# Zhang et al. allow 15 px on photographs of VOC, about 500 px wide; here the same share of the image's side.
TOLERANCE = 0.03
ALL = "all"  # the row over all labels
LEVEL = 0.95
COLUMNS = (
    "subject", "map", "label", "num_boxes", "num_images", "num_patients", "hits", "rate", "low", "high", "prior_rate",
    "num_prior_boxes", "chance", "ceiling", "num_flat", "p_value", "p_holm",
)  # fmt: skip


def peak(map_hw: NDArray[np.floating], image_size_px: int) -> tuple[float, float]:
    """The middle of the highest cell, (x, y); NaN twice where the map is flat."""
    if map_hw.max() == map_hw.min():
        return float("nan"), float("nan")
    y, x = np.unravel_index(np.argmax(map_hw), map_hw.shape)
    height, width = map_hw.shape
    return (float(x) + 0.5) * image_size_px / width, (float(y) + 0.5) * image_size_px / height


def is_hit(points_P2: NDArray[np.floating], boxes_K4: NDArray[np.floating], tolerance_px: float) -> NDArray[np.bool_]:
    """Whether each point is in one of the boxes or within the tolerance of it, [P]; False for NaN."""
    below_PK2 = boxes_K4[None, :, :2] - points_P2[:, None]
    above_PK2 = points_P2[:, None] - boxes_K4[None, :, 2:]
    away_PK = np.linalg.norm(np.maximum(np.maximum(below_PK2, above_PK2), 0), axis=2)
    return np.asarray((away_PK <= tolerance_px).any(axis=1))


def middles(num_cells: int, image_size_px: int) -> NDArray[np.float64]:
    """The middles of a square grid's cells, line by line, [num_cells squared, 2]."""
    places = (np.arange(num_cells) + 0.5) * image_size_px / num_cells
    return np.stack(np.meshgrid(places, places), axis=-1).reshape(-1, 2)


def centre_prior(boxes: pd.DataFrame, image_size_px: int) -> tuple[float, float]:
    """The pixel that lies in most of these boxes, and of several the one nearest to their middle; without a box, the
    middle of the image."""
    pixels_P2 = middles(image_size_px, image_size_px)
    edges_K4 = boxes[EDGES].to_numpy()
    counts_P = np.zeros(len(pixels_P2), dtype=int)
    for box_4 in edges_K4:
        counts_P += is_hit(pixels_P2, box_4[None], 0.0)
    best_P2 = pixels_P2[counts_P == counts_P.max()]
    x, y = best_P2[np.linalg.norm(best_P2 - best_P2.mean(axis=0), axis=1).argmin()]
    return (float(x), float(y)) if len(edges_K4) else (image_size_px / 2, image_size_px / 2)


def targets(boxes: pd.DataFrame, other_boxes: pd.DataFrame, image_size_px: int, num_cells: int) -> pd.DataFrame:
    """The targets: one row per image and label of `boxes`, a frame of `trainables.data.boxes.placed`.

    Columns: row, label, boxes (an array [K, 4]), num_boxes, prior_hit, num_prior_boxes, chance, reachable.

    Args:
        other_boxes: those of images outside the test set, for the centre prior.
        num_cells: the side of the maps, for the ceiling.
    """
    tolerance_px = TOLERANCE * image_size_px
    others = {label: other_boxes[other_boxes["label"] == label] for label in boxes["label"].unique()}
    guess_of = {label: np.array([centre_prior(others[label], image_size_px)]) for label in others}
    pixels_P2, cells_P2 = middles(image_size_px, image_size_px), middles(num_cells, image_size_px)
    aims = []
    for (row, label), group in boxes.groupby(["row", "label"], sort=True):
        edges_K4 = group[EDGES].to_numpy()
        aims.append(
            {
                "row": row,
                "label": label,
                "boxes": edges_K4,
                "num_boxes": len(group),
                "prior_hit": bool(is_hit(guess_of[label], edges_K4, tolerance_px)[0]),
                "num_prior_boxes": len(others[label]),
                "chance": float(is_hit(pixels_P2, edges_K4, tolerance_px).mean()),
                "reachable": bool(is_hit(cells_P2, edges_K4, tolerance_px).any()),
            }
        )
    return pd.DataFrame(aims)


def rows(points: pd.DataFrame, aims: pd.DataFrame, patient_of: Mapping[int, str], image_size_px: int) -> pd.DataFrame:
    """The hit rates, one row per subject, map and label, and one over all labels; fractions.

    `low` and `high` are Wilson's interval, which takes images as independent. Only the row over all
    labels has a `p_value`: an exact sign test over patients, on each patient's hits minus those of the centre prior;
    `p_holm` corrects for all p-values of the frame.

    Args:
        points: subject, map, row, label, x, y; one row per image and label.
        aims: as `targets` makes it.
        patient_of: the patient of each row of the store.
    """
    joined = points.merge(aims, on=["row", "label"])
    joined["hit"] = [
        bool(is_hit(np.array([[pair.x, pair.y]]), pair.boxes, TOLERANCE * image_size_px)[0])
        for pair in joined.itertuples()
    ]
    joined["patient"] = joined["row"].map(patient_of)
    lines = []
    for (subject, kind), of_map in joined.groupby(["subject", "map"], sort=False):
        of_labels = [(str(label), group) for label, group in of_map.groupby("label", sort=True)]
        for label, group in [*of_labels, (ALL, of_map)]:
            lines.append({"subject": subject, "map": kind, "label": label, **_summary(group, label == ALL)})
    frame = pd.DataFrame(lines, columns=list(COLUMNS))
    return frame.assign(p_holm=holm(frame["p_value"].to_numpy(dtype=float)))


def _summary(group: pd.DataFrame, is_tested: bool) -> dict[str, object]:
    hits, num_images = int(group["hit"].sum()), len(group)
    interval = stats.binomtest(hits, num_images).proportion_ci(LEVEL, method="wilson")
    return {
        "num_boxes": int(group["num_boxes"].sum()),
        "num_images": num_images,
        "num_patients": group["patient"].nunique(),
        "hits": hits,
        "rate": hits / num_images,
        "low": float(interval.low),
        "high": float(interval.high),
        "prior_rate": float(group["prior_hit"].mean()),
        "num_prior_boxes": int(group.drop_duplicates("label")["num_prior_boxes"].sum()),
        "chance": float(group["chance"].mean()),
        "ceiling": float(group["reachable"].mean()),
        "num_flat": int(group["x"].isna().sum()),
        "p_value": _sign_test(group) if is_tested else float("nan"),
    }


def _sign_test(group: pd.DataFrame) -> float:
    """Two-sided, over patients where map and centre prior differ: is each as often the better one? 1 without any."""
    gain = (group["hit"].astype(int) - group["prior_hit"].astype(int)).groupby(group["patient"]).sum()
    better, worse = int((gain > 0).sum()), int((gain < 0).sum())
    return float(stats.binomtest(better, better + worse).pvalue) if better + worse else 1.0
