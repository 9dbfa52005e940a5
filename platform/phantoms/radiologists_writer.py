"""Phantom chest X-rays that phantom radiologists read, in the layout of CheXpert's test set and its readings."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from platform.phantoms import chest, chest_labels
from platform.phantoms.canvas import Rng
from platform.phantoms.chest_studies import Study, frame, plan, take, visit
from platform.phantoms.chest_writers import CHEXPERT_ROOT, JPEG_QUALITY
from platform.phantoms.folder import SMALLEST_IMAGE_PX, Drawn, check_at_least, encode, write_folder

FIRST_PATIENT = 64741  # of the release's test set
LABELS = tuple(chest_labels.CHEXPERT_LABELS)
# The readings list two labels the other way round, as the published ones do.
READERS_ORDER = tuple({"Lung Opacity": "Lung Lesion", "Lung Lesion": "Lung Opacity"}.get(it, it) for it in LABELS)
REFERENCE = ("bc1", "bc2", "bc3", "bc5", "bc7")  # their majority is the ground truth
BENCHMARK = ("bc4", "bc6", "bc8")
READINGS = {name: f"radiologists/groundtruth/{name}_gt.csv" for name in REFERENCE} | {
    name: f"radiologists/benchmark_radiologists/{name}.csv" for name in BENCHMARK
}
TRUTH, REPORTS = "groundtruth.csv", "labeler/chexpert_labels.csv"
MISSED, IMAGINED = 0.15, 0.05  # shares of the signs that a reader misses, and of the absent ones that one sees; ours


def write_chexpert_radiologists(
    folder: Path,
    *,
    num_images: int,
    image_size_px: int,
    seed: int,
    num_processes: int | None = None,
    progress: bool = True,
) -> Path:
    """`test/patient64741/study1/view1_frontal.jpg`, `groundtruth.csv`, eight readings and the reports' labels.

    Returns `folder`. The shorter side is `image_size_px`; a patient has one study, of one or two images.

    Raises:
        ValueError: a count or size is too small.
        FileExistsError: the folder holds something else.
    """
    check_at_least(num_images=(num_images, 1), image_size_px=(image_size_px, SMALLEST_IMAGE_PX))
    arguments = dict(dataset="chexpert-radiologists", num_images=num_images, image_size_px=image_size_px, seed=seed)
    rng = np.random.default_rng([seed, 0])
    studies = plan(rng, num_images, mean_studies=1.0, has_laterals=True, first_patient=FIRST_PATIENT)
    jobs = [dict(study=study, seed=seed, image_size_px=image_size_px) for study in studies]
    tables = {
        TRUTH: ("Study", *LABELS),
        REPORTS: ("Study", *LABELS),
        **dict.fromkeys(READINGS.values(), ("Study", *READERS_ORDER)),
    }
    return write_folder(
        folder, arguments, draw=_draw, jobs=jobs, tables=tables, num_processes=num_processes, progress=progress
    )


def _draw(*, study: Study, seed: int, image_size_px: int) -> Drawn:
    seen = visit(study, seed, is_hospital=True)
    mined, read = chest_labels.mine_chexpert(seen.rng, seen.signs), chest_labels.read_by_radiologists(seen.signs)
    readings = {name: _reading(seen.rng, read) for name in READINGS}
    where = f"test/patient{study.patient:05d}/study{study.study + 1}"
    files = {}
    for number, view in enumerate(seen.views, start=1):
        side = "lateral" if view == "lateral" else "frontal"
        picture = frame(take(seen, view, chest.CHEXPERT, image_size_px).image, seen.rng)
        files[f"{where}/view{number}_{side}.jpg"] = encode(picture, "JPEG", quality=JPEG_QUALITY)
    name = f"{CHEXPERT_ROOT}/{where}"
    majority = [Counter(readings[reader][label] for reader in REFERENCE).most_common(1)[0][0] for label in LABELS]
    rows: list[tuple[str, tuple[object, ...]]] = [(TRUTH, (name, *majority)), (REPORTS, (name, *mined.values()))]
    rows += [(READINGS[it], (name, *(each[label] for label in READERS_ORDER))) for it, each in readings.items()]
    return Drawn(files, rows)


def _reading(rng: Rng, read: dict[str, str]) -> dict[str, str]:
    """What one reader writes of a study: 1 or 0 for each label."""
    signs = {
        label: "1" if rng.uniform() < (1 - MISSED if value == chest_labels.POSITIVE else IMAGINED) else "0"
        for label, value in read.items()
        if label != "No Finding"
    }
    is_ill = any(value == "1" for label, value in signs.items() if label != "Support Devices")
    return {label: signs.get(label, "0" if is_ill else "1") for label in LABELS}
