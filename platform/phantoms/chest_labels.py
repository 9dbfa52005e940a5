"""What is wrong with a phantom's chest, and what its report is taken to say: the two differ, as labels mined from
reports differ from films.

Signs occur together: a failing heart is large, the lungs are wet, there is fluid below. A patient has one story
(below), keeps what is chronic from study to study, and draws the rest again each time. All probabilities are ours, set
so that the labels are about as frequent and as noisy as in Wang et al. (CVPR 2017) and Irvin et al. (AAAI 2019); none
is measured.
"""

from __future__ import annotations

from collections.abc import Mapping

from platform.phantoms.canvas import Rng
from platform.phantoms.chest_scene import SIGNS

# Story: its weight in (an outpatient clinic, a hospital), and how likely each sign is.
STORIES: dict[str, tuple[tuple[float, float], dict[str, float]]] = {
    "healthy": ((0.42, 0.16), {}),
    "failing heart": (
        (0.08, 0.20),
        {"cardiomegaly": 0.8, "edema": 0.65, "effusion": 0.6, "devices": 0.4, "atelectasis": 0.2},
    ),
    "infection": ((0.12, 0.13), {"pneumonia": 0.6, "consolidation": 0.45, "infiltration": 0.45, "effusion": 0.3}),
    "tumour": (
        (0.11, 0.09),
        {"mass": 0.55, "nodule": 0.55, "effusion": 0.3, "atelectasis": 0.25, "wide_mediastinum": 0.2, "devices": 0.2},
    ),
    "smoker": (
        (0.08, 0.06),
        {"emphysema": 0.75, "fibrosis": 0.25, "nodule": 0.2, "pneumothorax": 0.12, "infiltration": 0.2},
    ),
    "scars": ((0.07, 0.05), {"fibrosis": 0.6, "pleural_thickening": 0.55, "pleural_plaque": 0.3, "infiltration": 0.2}),
    "intensive care": (
        (0.05, 0.20),
        {"devices": 0.95, "atelectasis": 0.5, "effusion": 0.5, "edema": 0.35, "consolidation": 0.25,
         "pneumothorax": 0.2},
    ),
    "accident": (
        (0.03, 0.07),
        {"fracture": 0.75, "pneumothorax": 0.5, "effusion": 0.2, "devices": 0.3, "wide_mediastinum": 0.15},
    ),
    "old age": ((0.04, 0.04), {"cardiomegaly": 0.35, "hernia": 0.4, "wide_mediastinum": 0.35, "fracture": 0.2}),
}  # fmt: skip
CHRONIC = (
    "cardiomegaly",
    "wide_mediastinum",
    "emphysema",
    "fibrosis",
    "hernia",
    "mass",
    "nodule",
    "pleural_thickening",
    "pleural_plaque",
)
BY_CHANCE = 0.012  # of any sign, in any story

# The labels of the two families of releases, in the releases' order, and the signs that each means.
NIH_LABELS: dict[str, tuple[str, ...]] = {
    "Atelectasis": ("atelectasis",), "Cardiomegaly": ("cardiomegaly",), "Effusion": ("effusion",),
    "Infiltration": ("infiltration",),
    "Mass": ("mass",), "Nodule": ("nodule",), "Pneumonia": ("pneumonia",), "Pneumothorax": ("pneumothorax",),
    "Consolidation": ("consolidation",), "Edema": ("edema",), "Emphysema": ("emphysema",), "Fibrosis": ("fibrosis",),
    "Pleural_Thickening": ("pleural_thickening", "pleural_plaque"), "Hernia": ("hernia",),
}  # fmt: skip
OPACITIES = ("infiltration", "consolidation", "pneumonia", "edema", "atelectasis")
CHEXPERT_LABELS: dict[str, tuple[str, ...]] = {
    "No Finding": (), "Enlarged Cardiomediastinum": ("wide_mediastinum",), "Cardiomegaly": ("cardiomegaly",),
    "Lung Opacity": OPACITIES, "Lung Lesion": ("nodule", "mass"), "Edema": ("edema",),
    "Consolidation": ("consolidation",), "Pneumonia": ("pneumonia",), "Atelectasis": ("atelectasis",),
    "Pneumothorax": ("pneumothorax",), "Pleural Effusion": ("effusion",),
    "Pleural Other": ("pleural_thickening", "pleural_plaque", "fibrosis"),
    "Fracture": ("fracture",), "Support Devices": ("devices",),
}  # fmt: skip

# How often a report hedges about a sign ("may represent"), and denies an absent one ("no effusion").
HEDGED = {
    "Atelectasis": 0.35,
    "Pneumonia": 0.45,
    "Consolidation": 0.30,
    "Edema": 0.15,
    "Enlarged Cardiomediastinum": 0.25,
    "Cardiomegaly": 0.1,
}
DENIED = {
    "Pneumothorax": 0.35,
    "Pleural Effusion": 0.20,
    "Edema": 0.12,
    "Consolidation": 0.15,
    "Cardiomegaly": 0.06,
    "Pneumonia": 0.06,
}
HEDGED_OTHERWISE, DENIED_OTHERWISE, MISREAD = 0.05, 0.02, 0.015

POSITIVE, NEGATIVE, UNCERTAIN = "1.0", "0.0", "-1.0"
Signs = dict[str, float]


def sample_studies(rng: Rng, num_studies: int, *, is_hospital: bool) -> list[Signs]:
    """The signs in each study of a patient, with severities between 0.2 and 1."""
    weights = [weight[is_hospital] for weight, _ in STORIES.values()]
    story = list(STORIES)[int(rng.choice(len(STORIES), p=[weight / sum(weights) for weight in weights]))]
    chances = STORIES[story][1]
    chronic = _sample(rng, {sign: max(chances.get(sign, 0), BY_CHANCE) for sign in CHRONIC})
    acute = {sign: max(chances.get(sign, 0), BY_CHANCE) for sign in SIGNS if sign not in CHRONIC}
    return [chronic | _sample(rng, acute) for _ in range(num_studies)]


def _sample(rng: Rng, chances: Mapping[str, float]) -> Signs:
    return {sign: float(rng.uniform(0.2, 1)) for sign, chance in chances.items() if rng.uniform() < chance}


def mine_nih(rng: Rng, signs: Signs) -> str:
    """The `Finding Labels` entry: names joined by |, or No Finding; faint signs are missed, and some renamed."""
    labels = {name for name in NIH_LABELS if rng.uniform() < MISREAD}
    for name, meant in NIH_LABELS.items():
        severity = max((signs.get(sign, 0.0) for sign in meant), default=0.0)
        if severity and rng.uniform() < 0.78 + 0.2 * severity:
            labels.add(name)
    if labels & {"Pneumonia", "Consolidation"} and rng.uniform() < 0.35:
        labels.add("Infiltration")  # NIH's reports use the word broadly
        labels.discard("Pneumonia")
    return "|".join(sorted(labels)) or "No Finding"


def mine_chexpert(rng: Rng, signs: Signs) -> dict[str, str]:
    """Each label's entry in the CSV: "1.0", "0.0" (denied), "-1.0" (hedged) or "" (not mentioned)."""
    entries: dict[str, str] = {}
    for label, meant in CHEXPERT_LABELS.items():
        severity = max((signs.get(sign, 0.0) for sign in meant), default=0.0)
        mentioned = 0.7 if label == "Lung Opacity" else 0.80 + 0.18 * severity
        chance, hedged = rng.uniform(size=2)
        if severity:
            hedges = hedged < HEDGED.get(label, HEDGED_OTHERWISE)
            entries[label] = "" if chance > mentioned else UNCERTAIN if hedges else POSITIVE
        else:
            denies = chance < DENIED.get(label, DENIED_OTHERWISE)
            entries[label] = (
                POSITIVE if hedged < MISREAD else UNCERTAIN if hedged < 2 * MISREAD else NEGATIVE if denies else ""
            )
    ill = any(
        value in (POSITIVE, UNCERTAIN)
        for label, value in entries.items()
        if label not in ("No Finding", "Support Devices")
    )
    entries["No Finding"] = "" if ill else POSITIVE
    return entries


def read_by_radiologists(signs: Signs) -> dict[str, str]:
    """Each label's entry where people read the film itself: present or absent, with no hedging."""
    entries = {
        label: POSITIVE if any(sign in signs for sign in meant) else NEGATIVE
        for label, meant in CHEXPERT_LABELS.items()
    }
    ill = any(entries[label] == POSITIVE for label in CHEXPERT_LABELS if label not in ("No Finding", "Support Devices"))
    return entries | {"No Finding": NEGATIVE if ill else POSITIVE}
