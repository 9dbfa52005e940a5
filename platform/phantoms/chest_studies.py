"""Patients and their studies: who is X-rayed how often, in which views, and what the pictures of one study share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from platform.phantoms import chest, chest_labels
from platform.phantoms.canvas import Rng
from platform.phantoms.chest import Hospital, Radiograph
from platform.phantoms.chest_scene import Body

LATERAL_SHARE = 0.35  # of the studies where laterals are taken at all; about a third of CheXpert's and MIMIC's studies
MOST_STUDIES = 8
STRETCH = 1.22  # the longest side over the shorter one: 390 by 320 in CheXpert-small


@dataclass(frozen=True, kw_only=True)
class Study:
    """A visit. `first_image` is its first picture's number in the set; `study` counts the patient's visits from 0."""

    patient: int
    study: int
    num_images: int
    first_image: int


@dataclass(frozen=True)
class Visit:
    """The patient's state at a visit: `rng` is the study's own, for reports and film."""

    body: Body
    signs: chest_labels.Signs
    views: tuple[str, ...]
    rng: Rng


def plan(rng: Rng, num_images: int, *, mean_studies: float, has_laterals: bool, first_patient: int = 0) -> list[Study]:
    """Studies that hold exactly `num_images` pictures; a patient has at least one and at most `MOST_STUDIES`."""
    studies: list[Study] = []
    patient, left = first_patient, num_images
    while left:
        for study in range(min(MOST_STUDIES, int(rng.geometric(1 / mean_studies)))):
            if not left:
                break
            size = 2 if has_laterals and left > 1 and rng.uniform() < LATERAL_SHARE else 1
            studies.append(Study(patient=patient, study=study, num_images=size, first_image=num_images - left))
            left -= size
        patient += 1
    return studies


def visit(study: Study, seed: int, *, is_hospital: bool) -> Visit:
    """The patient, today's signs, and the views: AP at the bed for the very ill, else PA, some with a lateral."""
    patient_rng = np.random.default_rng([seed, 1, study.patient])
    body = chest.sample_body(patient_rng)
    signs = chest_labels.sample_studies(patient_rng, study.study + 1, is_hospital=is_hospital)[-1]
    rng = np.random.default_rng([seed, 2, study.patient, study.study])
    at_bed = rng.uniform() < (0.8 if {"devices", "edema"} & set(signs) else 0.3)
    views = ("PA", "lateral") if study.num_images == 2 else ("AP",) if at_bed else ("PA",)
    return Visit(body, signs, views, rng)


def take(visit: Visit, view: str, hospital: Hospital, image_size_px: int) -> Radiograph:
    return chest.draw(
        visit.signs, view=view, body=visit.body, hospital=hospital, image_size_px=image_size_px, rng=visit.rng
    )


def frame(picture: np.ndarray, rng: Rng) -> np.ndarray:
    """The square picture on a plate of another format, one side longer by up to `STRETCH`."""
    height, width = picture.shape
    longer = round(width * rng.uniform(1, STRETCH))
    size = (longer, height) if rng.uniform() < 0.6 else (width, longer)
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR))
