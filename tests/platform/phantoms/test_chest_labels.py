"""Findings in company, and reports that miss, hedge and deny."""

from collections import Counter

import numpy as np
import pytest

from platform.phantoms.chest_labels import (
    CHEXPERT_LABELS,
    CHRONIC,
    NIH_LABELS,
    mine_chexpert,
    mine_nih,
    read_by_radiologists,
    sample_studies,
)
from platform.phantoms.chest_scene import SIGNS


def studies(num, is_hospital=True):
    return [sample_studies(np.random.default_rng([7, n]), 1, is_hospital=is_hospital)[0] for n in range(num)]


def test_labels_are_those_of_the_releases_in_their_order():
    assert list(NIH_LABELS)[:3] == ["Atelectasis", "Cardiomegaly", "Effusion"] and len(NIH_LABELS) == 14
    assert tuple(CHEXPERT_LABELS)[::13] == ("No Finding", "Support Devices")
    assert len(CHEXPERT_LABELS) == 14
    meant = {sign for labels in (NIH_LABELS, CHEXPERT_LABELS) for signs in labels.values() for sign in signs}
    assert meant <= set(SIGNS)


def test_every_sign_occurs_and_a_hospital_is_sicker_than_a_clinic():
    hospital, clinic = studies(1500), studies(1500, is_hospital=False)
    assert set(Counter(sign for signs in hospital for sign in signs)) == set(SIGNS)
    assert np.mean([not s for s in clinic]) > np.mean([not s for s in hospital]) + 0.1
    assert all(0.2 <= severity <= 1 for signs in hospital for severity in signs.values())


@pytest.mark.parametrize(
    ("sign", "companion"), [("edema", "cardiomegaly"), ("edema", "effusion"), ("fracture", "pneumothorax")]
)
def test_signs_come_in_company(sign, companion):
    visits = studies(2000)
    with_it = [companion in signs for signs in visits if sign in signs]
    without = [companion in signs for signs in visits if sign not in signs]
    assert np.mean(with_it) > 2 * np.mean(without)


def test_what_is_chronic_stays_from_study_to_study():
    for seed in range(60):
        visits = sample_studies(np.random.default_rng(seed), 4, is_hospital=True)
        chronic = [{sign: signs[sign] for sign in signs if sign in CHRONIC} for signs in visits]
        assert all(signs == chronic[0] for signs in chronic)


def test_a_later_study_does_not_change_an_earlier_one():
    few, many = (sample_studies(np.random.default_rng(3), num, is_hospital=True) for num in (2, 5))
    assert many[:2] == few


def test_nih_labels_are_mostly_right_and_sometimes_not():
    rng = np.random.default_rng(0)
    mined = [mine_nih(rng, {"effusion": 0.9}).split("|") for _ in range(500)]
    assert 0.88 < np.mean(["Effusion" in labels for labels in mined]) < 1
    assert 0 < np.mean(["Hernia" in labels for labels in mined]) < 0.06
    assert Counter(mine_nih(rng, {}) for _ in range(200)).most_common(1)[0][0] == "No Finding"


def test_chexpert_entries_are_positive_denied_hedged_or_missing():
    rng = np.random.default_rng(0)
    sick = [mine_chexpert(rng, {"pneumonia": 0.8, "effusion": 0.9}) for _ in range(500)]
    assert set(sick[0]) == set(CHEXPERT_LABELS)
    assert {entry["Pneumonia"] for entry in sick} == {"1.0", "-1.0", ""}
    assert np.mean([entry["Pleural Effusion"] == "1.0" for entry in sick]) > 0.85
    assert np.mean([entry["Lung Opacity"] == "1.0" for entry in sick]) > 0.5
    healthy = [mine_chexpert(rng, {}) for _ in range(500)]
    assert 0.2 < np.mean([entry["Pneumothorax"] == "0.0" for entry in healthy]) < 0.5
    for entry in sick + healthy:
        others = [value for label, value in entry.items() if label not in ("No Finding", "Support Devices")]
        assert (entry["No Finding"] == "1.0") == (not {"1.0", "-1.0"} & set(others))


def test_radiologists_see_what_is_there():
    entries = read_by_radiologists({"mass": 0.5, "devices": 0.5})
    assert {label for label, value in entries.items() if value == "1.0"} == {"Lung Lesion", "Support Devices"}
    assert read_by_radiologists({"devices": 0.5})["No Finding"] == "1.0"
