"""The hospitals' phantoms differ in style, so that what was learnt at the one does worse at the other, as in life."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from platform.phantoms.chest import CHEXPERT, NIH, Hospital, draw, sample_body

NUM_PATIENTS, NUM_LEARNT_FROM = 240, 160
SIZE_PX = 32


@cache
def pictures_of(hospital: Hospital) -> np.ndarray:
    """The same patients at each hospital, every other one with fluid beside the lung; [patients, pixels] in 0 to 1."""
    pictures = []
    for patient in range(NUM_PATIENTS):
        rng = np.random.default_rng([patient, 0])
        signs = {"effusion": 0.6} if patient % 2 else {}
        taken = draw(signs, view="PA", body=sample_body(rng), hospital=hospital, image_size_px=SIZE_PX, rng=rng)
        pictures.append(taken.image.ravel() / 255)
    return np.stack(pictures)


@cache
def accuracy(here: Hospital, there: Hospital) -> float:
    """Of a linear reader with its threshold, both learnt at one hospital, on other patients at another."""
    is_ill = np.arange(NUM_PATIENTS) % 2
    reader = LogisticRegression(C=0.01, max_iter=2000)
    reader.fit(pictures_of(here)[:NUM_LEARNT_FROM], is_ill[:NUM_LEARNT_FROM])
    return float(reader.score(pictures_of(there)[NUM_LEARNT_FROM:], is_ill[NUM_LEARNT_FROM:]))


@pytest.mark.parametrize(("here", "there"), [(NIH, CHEXPERT), (CHEXPERT, NIH)], ids=["from NIH", "from CheXpert"])
def test_what_was_learnt_at_one_hospital_reads_the_same_patients_worse_at_the_other(here, there):
    assert accuracy(here, here) > 0.9
    assert accuracy(here, there) < accuracy(here, here) - 0.1


def test_it_is_the_style_of_the_print_that_does_it():
    plain = replace(NIH, gamma=1.0, edges=0.0)
    assert accuracy(CHEXPERT, plain) > accuracy(CHEXPERT, NIH) + 0.1
