"""Phantom chest X-rays on disk, in the layouts of CheXpert and MIMIC-CXR-JPG, each in its hospital's style.

Labels are mined from the (phantom) report of the study, except those that radiologists read off the film.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from platform.phantoms import chest, chest_labels
from platform.phantoms.chest_studies import Study, frame, plan, take, visit
from platform.phantoms.folder import SMALLEST_IMAGE_PX, Drawn, check_at_least, encode, write_folder

CHEXPERT_ROOT = "CheXpert-v1.0-small"  # what the paths of the release begin with
CHEXPERT_HEADER = ("Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *chest_labels.CHEXPERT_LABELS)
VALID_SHARE = 50  # every fiftieth image is in valid.csv, ours (the release: every thousandth)
FIRST_VALID_PATIENT = 64541  # of the release
JPEG_QUALITY = 90

MIMIC_LABELS = tuple(sorted(chest_labels.CHEXPERT_LABELS))
MIMIC_LABELLED, MIMIC_METADATA, MIMIC_SPLIT = (
    f"mimic-cxr-2.0.0-{name}.csv.gz" for name in ("chexpert", "metadata", "split")
)
MIMIC_TABLES: dict[str, tuple[str, ...]] = {
    MIMIC_LABELLED: ("subject_id", "study_id", *MIMIC_LABELS),
    MIMIC_METADATA: (
        "dicom_id", "subject_id", "study_id", "PerformedProcedureStepDescription", "ViewPosition", "Rows", "Columns",
        "StudyDate", "StudyTime", "ProcedureCodeSequence_CodeMeaning", "ViewCodeSequence_CodeMeaning",
        "PatientOrientationCodeSequence_CodeMeaning",
    ),
    MIMIC_SPLIT: ("dicom_id", "study_id", "subject_id", "split"),
}  # fmt: skip
MIMIC_VIEWS = {"PA": ("PA", "postero-anterior"), "AP": ("AP", "antero-posterior"), "lateral": ("LATERAL", "lateral")}


def write_chexpert(
    folder: Path,
    *,
    num_images: int,
    image_size_px: int,
    seed: int,
    num_processes: int | None = None,
    progress: bool = True,
) -> Path:
    """CheXpert-v1.0-small: `train.csv`, `valid.csv`, `train/patient00001/study1/view1_frontal.jpg`; returns `folder`.

    `num_images` counts both tables. Values are 1.0, 0.0, -1.0 or empty; those of valid.csv, which were read off the
    film, 1.0 or 0.0. The shorter side is `image_size_px`.

    Raises:
        ValueError: a count or size is too small.
        FileExistsError: the folder holds something else.
    """
    check_at_least(num_images=(num_images, 2), image_size_px=(image_size_px, SMALLEST_IMAGE_PX))
    arguments = dict(dataset="chexpert", num_images=num_images, image_size_px=image_size_px, seed=seed)
    num_valid = max(1, num_images // VALID_SHARE)
    rng = np.random.default_rng([seed, 0])
    train = plan(rng, num_images - num_valid, mean_studies=2.5, has_laterals=True, first_patient=1)
    valid = plan(
        rng,
        num_valid,
        mean_studies=1.0,
        has_laterals=True,
        first_patient=max(FIRST_VALID_PATIENT, train[-1].patient + 1),
    )
    jobs = [
        dict(study=study, split=split, seed=seed, image_size_px=image_size_px)
        for split, studies in (("train", train), ("valid", valid))
        for study in studies
    ]
    tables = {"train.csv": CHEXPERT_HEADER, "valid.csv": CHEXPERT_HEADER}
    return write_folder(
        folder, arguments, draw=_draw_chexpert, jobs=jobs, tables=tables, num_processes=num_processes, progress=progress
    )


def write_mimic_cxr(
    folder: Path,
    *,
    num_images: int,
    image_size_px: int,
    seed: int,
    num_processes: int | None = None,
    progress: bool = True,
) -> Path:
    """MIMIC-CXR-JPG 2.0.0: `files/p10/p10000032/s50414267/<dicom>.jpg` and its three tables; returns `folder`.

    `mimic-cxr-2.0.0-chexpert.csv.gz` has one row per study, `-metadata.csv.gz` and `-split.csv.gz` one per image; the
    split is by patient, 8 to 1 to 1. The shorter side is `image_size_px`.

    Raises:
        ValueError: a count or size is too small.
        FileExistsError: the folder holds something else.
    """
    check_at_least(num_images=(num_images, 1), image_size_px=(image_size_px, SMALLEST_IMAGE_PX))
    arguments = dict(dataset="mimic-cxr", num_images=num_images, image_size_px=image_size_px, seed=seed)
    studies = plan(np.random.default_rng([seed, 0]), num_images, mean_studies=2.5, has_laterals=True)
    jobs = [dict(study=study, seed=seed, image_size_px=image_size_px) for study in studies]
    return write_folder(
        folder,
        arguments,
        draw=_draw_mimic,
        jobs=jobs,
        tables=MIMIC_TABLES,
        num_processes=num_processes,
        progress=progress,
    )


def _draw_chexpert(*, study: Study, split: str, seed: int, image_size_px: int) -> Drawn:
    seen = visit(study, seed, is_hospital=True)
    mined = chest_labels.mine_chexpert(seen.rng, seen.signs)
    entries = chest_labels.read_by_radiologists(seen.signs) if split == "valid" else mined
    files, rows = {}, []
    for number, view in enumerate(seen.views, start=1):
        side = "lateral" if view == "lateral" else "frontal"
        name = f"{split}/patient{study.patient:05d}/study{study.study + 1}/view{number}_{side}.jpg"
        picture = frame(take(seen, view, chest.CHEXPERT, image_size_px).image, seen.rng)
        files[name] = encode(picture, "JPEG", quality=JPEG_QUALITY)
        sex = {"F": "Female", "M": "Male"}[seen.body.sex]
        plane = "" if view == "lateral" else view
        row = (f"{CHEXPERT_ROOT}/{name}", sex, seen.body.age_years, side.capitalize(), plane, *entries.values())
        rows.append((f"{split}.csv", row))
    return Drawn(files, rows)


def _draw_mimic(*, study: Study, seed: int, image_size_px: int) -> Drawn:
    seen = visit(study, seed, is_hospital=True)
    mined = chest_labels.mine_chexpert(seen.rng, seen.signs)
    subject_id = 10_000_000 + (7_368_787 * study.patient + 32) % 10_000_000  # one to one, over p10 to p19
    study_id = 50_000_000 + 37 * study.first_image + 11
    split = {3: "test", 7: "validate"}.get(study.patient % 10, "train")
    date, time = 21_100_000 + 10_000 * (study.patient % 80) + 100 * (study.study % 12 + 1) + 15, "101500.000"
    kind = (
        "CHEST (PA AND LAT)"
        if len(seen.views) == 2
        else "CHEST (PORTABLE AP)"
        if seen.views == ("AP",)
        else "CHEST (SINGLE VIEW)"
    )
    files: dict[str, bytes] = {}
    rows: list[tuple[str, tuple[object, ...]]] = [
        (MIMIC_LABELLED, (subject_id, study_id, *(mined[label] for label in MIMIC_LABELS)))
    ]
    for number, view in enumerate(seen.views):
        digest = hashlib.sha256(f"{seed} {study_id} {number}".encode()).hexdigest()
        dicom_id = "-".join(digest[start : start + 8] for start in range(0, 40, 8))
        picture = frame(take(seen, view, chest.MIMIC, image_size_px).image, seen.rng)
        files[f"files/p{str(subject_id)[:2]}/p{subject_id}/s{study_id}/{dicom_id}.jpg"] = encode(
            picture, "JPEG", quality=JPEG_QUALITY
        )
        code, meaning = MIMIC_VIEWS[view]
        posture = "Recumbent" if view == "AP" else "Erect"
        height, width = picture.shape
        rows.append(
            (
                MIMIC_METADATA,
                (dicom_id, subject_id, study_id, kind, code, height, width, date, time, kind, meaning, posture),
            )
        )
        rows.append((MIMIC_SPLIT, (dicom_id, study_id, subject_id, split)))
    return Drawn(files, rows)
