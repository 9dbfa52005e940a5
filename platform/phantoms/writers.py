"""Phantom data sets on disk, for fundus photographs and everyday patterns; the X-rays are in `chest_writers`.

Each writer gives the layout of the real download with PHANTOM.json in it (`folder.write_folder`), and the same bytes
for the same arguments: every picture has its own Generator, seeded by the seed, the patient and the picture.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import ndtri

from platform.phantoms import everyday, fundus
from platform.phantoms.folder import SMALLEST_IMAGE_PX, Drawn, check_at_least, encode, write_folder

# Grades 0 to 4. The real mix is that of the 35,126 labels of the Kaggle training set; the default is ours: all grades
# often enough that a few hundred pictures can be learnt from.
REAL_GRADE_MIX = (0.7348, 0.0696, 0.1507, 0.0248, 0.0201)
GRADE_MIX = (0.32, 0.17, 0.17, 0.17, 0.17)
EYES_CORRELATION = 0.9  # of the latent severity, ours
INVERTED_SHARE = 0.15  # ours
FRAME_ASPECT = 1.5  # width over height of a photograph that shows the whole round field
JPEG_QUALITY = 92


def write_retina(
    folder: Path,
    *,
    num_patients: int,
    image_size_px: int,
    seed: int,
    real_imbalance: bool = False,
    num_processes: int | None = None,
    progress: bool = True,
) -> Path:
    """Two fundus photographs per patient, in the layout of Kaggle's Diabetic Retinopathy Detection; returns `folder`.

    `trainLabels.csv` (image, level) and `train/<patient>_<left|right>.jpeg`, `image_size_px` high.

    Raises:
        ValueError: a count or size is too small.
        FileExistsError: the folder holds something else.
    """
    check_at_least(num_patients=(num_patients, 1), image_size_px=(image_size_px, SMALLEST_IMAGE_PX))
    arguments = dict(
        dataset="retina",
        num_patients=num_patients,
        image_size_px=image_size_px,
        seed=seed,
        real_imbalance=real_imbalance,
    )
    grades = draw_grades(num_patients, REAL_GRADE_MIX if real_imbalance else GRADE_MIX, seed)
    numbers = 10 + np.cumsum(np.random.default_rng([seed, 1]).integers(1, 4, num_patients))
    jobs: list[dict[str, Any]] = [
        dict(number=int(number), seed=seed, patient=patient, side=side, grade=int(grade), image_size_px=image_size_px)
        for patient, number in enumerate(numbers)
        for side, grade in zip(fundus.SIDES, grades[patient], strict=True)
    ]
    tables = {"trainLabels.csv": ("image", "level")}
    return write_folder(
        folder, arguments, draw=_draw_eye, jobs=jobs, tables=tables, num_processes=num_processes, progress=progress
    )


def write_generic(
    folder: Path,
    *,
    num_images: int,
    image_size_px: int,
    seed: int,
    num_processes: int | None = None,
    progress: bool = True,
) -> Path:
    """Pictures of ten everyday patterns, as evenly many of each as can be, in ImageNet's layout; returns `folder`.

    `train/<class>/<class>_<number>.jpg`.

    Raises:
        ValueError: a count or size is too small.
        FileExistsError: the folder holds something else.
    """
    check_at_least(num_images=(num_images, len(everyday.CLASSES)), image_size_px=(image_size_px, SMALLEST_IMAGE_PX))
    arguments = dict(dataset="generic", num_images=num_images, image_size_px=image_size_px, seed=seed)
    jobs = [
        dict(
            class_name=everyday.CLASSES[image % len(everyday.CLASSES)],
            image=image,
            seed=seed,
            image_size_px=image_size_px,
        )
        for image in range(num_images)
    ]
    return write_folder(
        folder, arguments, draw=_draw_generic, jobs=jobs, tables={}, num_processes=num_processes, progress=progress
    )


def draw_grades(num_patients: int, mix: tuple[float, ...], seed: int) -> np.ndarray:
    """Grades [num_patients, 2]: each eye has the mix, the eyes of a patient go together.

    The patients' severities are evenly spread quantiles, so that small sets have the mix too.
    """
    rng = np.random.default_rng([seed, 0])
    patients = ndtri((rng.permutation(num_patients) + rng.uniform(size=num_patients)) / num_patients)
    own = rng.standard_normal((num_patients, 2))
    severity = np.sqrt(EYES_CORRELATION) * patients[:, None] + np.sqrt(1 - EYES_CORRELATION) * own
    return np.searchsorted(ndtri(np.cumsum(mix)[:-1]), severity)


def _draw_eye(*, number: int, seed: int, patient: int, side: str, grade: int, image_size_px: int) -> Drawn:
    style = fundus.sample_style(np.random.default_rng([seed, 2, patient]))
    rng = np.random.default_rng([seed, 3, patient, fundus.SIDES.index(side)])
    is_inverted = bool(rng.uniform() < INVERTED_SHARE)
    picture = fundus.draw(
        style, side=side, grade=grade, is_inverted=is_inverted, image_size_px=image_size_px, rng=rng
    ).image
    if style.field_radius < 0.5:
        margin = round(image_size_px * (FRAME_ASPECT - 1) / 2)
        picture = np.pad(picture, ((0, 0), (margin, margin), (0, 0)), constant_values=fundus.BLACK)
    name = f"{number}_{side}"
    content = encode(picture, "JPEG", quality=JPEG_QUALITY)
    return Drawn({f"train/{name}.jpeg": content}, [("trainLabels.csv", (name, grade))])


def _draw_generic(*, class_name: str, image: int, seed: int, image_size_px: int) -> Drawn:
    picture = everyday.draw(class_name, image_size_px=image_size_px, rng=np.random.default_rng([seed, image]))
    content = encode(picture, "JPEG", quality=JPEG_QUALITY)
    return Drawn({f"train/{class_name}/{class_name}_{image:06d}.jpg": content})
