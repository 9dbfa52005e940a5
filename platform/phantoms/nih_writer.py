"""Phantom chest X-rays on disk in the layouts of NIH ChestX-ray14: Kaggle's 5% sample, and the full release.

Wang et al., ChestX-ray8, CVPR 2017. One picture per study; labels mined from the (phantom) report.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from platform.phantoms import chest, chest_labels
from platform.phantoms.chest_studies import Study, plan, take, visit
from platform.phantoms.folder import SMALLEST_IMAGE_PX, Drawn, check_at_least, encode, write_folder

NUM_FOLDERS = 12  # images_001 to images_012
RGBA_SHARE = 0.005  # of its PNGs have four channels (519 of 112,120)
MEAN_STUDIES = {"sample": 1.3, "full": 3.6}  # per patient
TEST_PATIENTS = 4  # every fourth patient is in test_list.txt
BOX_NAMES = {
    "atelectasis": "Atelectasis", "cardiomegaly": "Cardiomegaly", "effusion": "Effusion", "infiltration": "Infiltrate",
    "mass": "Mass", "nodule": "Nodule", "pneumonia": "Pneumonia", "pneumothorax": "Pneumothorax",
}  # fmt: skip
_ENTRY = (
    "Image Index",
    "Finding Labels",
    "Follow-up #",
    "Patient ID",
    "Patient Age",
    "Patient Gender",
    "View Position",
)
BOXES = "BBox_List_2017.csv"
# headers of the release as they are: commas within brackets, empty columns at the end
_BOX_HEADER = ("Image Index", "Finding Label", "Bbox [x", "y", "w", "h]", "", "", "")
TABLES: dict[str, dict[str, tuple[str, ...]]] = {
    "sample": {
        "sample_labels.csv": (
            *_ENTRY, "OriginalImageWidth", "OriginalImageHeight", "OriginalImagePixelSpacing_x",
            "OriginalImagePixelSpacing_y",
        ),
        BOXES: _BOX_HEADER,
    },
    "full": {
        "Data_Entry_2017.csv": (*_ENTRY, "OriginalImage[Width", "Height]", "OriginalImagePixelSpacing[x", "y]", ""),
        BOXES: _BOX_HEADER,
        "train_val_list.txt": (),
        "test_list.txt": (),
    },
}  # fmt: skip


def write_chestxray8(
    folder: Path,
    *,
    num_images: int,
    image_size_px: int,
    seed: int,
    layout: str = "sample",
    num_processes: int | None = None,
    progress: bool = True,
) -> Path:
    """NIH X-rays, square PNGs; returns `folder`.

    layout "sample": `sample_labels.csv` and `sample/images/*.png`. layout "full": `Data_Entry_2017.csv`,
    `images_001/images/*.png` to `images_012`, `train_val_list.txt` and `test_list.txt` (by patient). Both have the
    release's `BBox_List_2017.csv`, which says in pixels of the files where each labelled finding was drawn; Kaggle's
    sample is without it, but a user may put it there.

    Raises:
        ValueError: a count or size is too small, or there is no such layout.
        FileExistsError: the folder holds something else.
    """
    check_at_least(num_images=(num_images, 1), image_size_px=(image_size_px, SMALLEST_IMAGE_PX))
    if layout not in TABLES:
        raise ValueError(f"the layout must be one of {tuple(TABLES)}, but got layout={layout!r}")
    arguments = dict(dataset="chestxray8", num_images=num_images, image_size_px=image_size_px, seed=seed, layout=layout)
    rng = np.random.default_rng([seed, 0])
    studies = plan(rng, num_images, mean_studies=MEAN_STUDIES[layout], has_laterals=False, first_patient=1)
    shared = dict(seed=seed, image_size_px=image_size_px, layout=layout)
    jobs = [dict(shared, study=study, part=study.first_image * NUM_FOLDERS // num_images + 1) for study in studies]
    return write_folder(
        folder, arguments, draw=_draw, jobs=jobs, tables=TABLES[layout], num_processes=num_processes, progress=progress
    )


def _draw(*, study: Study, seed: int, image_size_px: int, layout: str, part: int) -> Drawn:
    seen = visit(study, seed, is_hospital=False)
    labels = chest_labels.mine_nih(seen.rng, seen.signs)
    (view,) = seen.views
    drawn = take(seen, view, chest.NIH, image_size_px)
    picture = drawn.image
    if seen.rng.uniform() < RGBA_SHARE:
        picture = np.asarray(Image.fromarray(picture).convert("RGBA"))
    name = f"{study.patient:08d}_{study.study:03d}.png"
    plate = ("2500", "2048", "0.168", "0.168") if view == "AP" else ("2048", "2500", "0.171", "0.171")
    entry = (name, labels, study.study, study.patient, f"{seen.body.age_years:03d}Y", seen.body.sex, view, *plate)
    rows: list[tuple[str, tuple[object, ...]]] = []
    for finding, boxes in drawn.boxes.items():
        label = BOX_NAMES.get(finding)
        if label and label.replace("Infiltrate", "Infiltration") in labels.split("|"):
            rows += [(BOXES, (name, label, *(f"{side:.3f}" for side in box), "", "", "")) for box in boxes]
    if layout == "sample":
        return Drawn({f"sample/images/{name}": encode(picture, "PNG")}, [("sample_labels.csv", entry), *rows])
    rows.append(("Data_Entry_2017.csv", (*entry, "")))
    rows.append(("test_list.txt" if study.patient % TEST_PATIENTS == 3 else "train_val_list.txt", (name,)))
    return Drawn({f"images_{part:03d}/images/{name}": encode(picture, "PNG")}, rows)
