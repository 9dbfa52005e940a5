"""What counts as a class that was never trained on: by its name, another set's name for it, and a broader label."""

import pytest

from analysis.scores.classes import matched, related, same, seen_as, unseen

CHEXPERT = ("Edema", "Lung Lesion", "Pleural Effusion")
NIH = ("Edema", "Effusion", "Hernia", "Mass", "Nodule")


def test_names_of_other_data_sets_are_known() -> None:
    assert same("Effusion", CHEXPERT) == "Pleural Effusion" and same("Hernia", CHEXPERT) == ""
    assert related("Mass", CHEXPERT) == ("Lung Lesion",) and related("Lung Lesion", NIH) == ("Mass", "Nodule")
    assert seen_as("Effusion", CHEXPERT) == "Pleural Effusion" and seen_as("Lung Lesion", NIH) == "Mass, Nodule"
    assert seen_as("Hernia", CHEXPERT) == ""


def test_all_that_is_new_or_what_is_asked_for() -> None:
    assert unseen(None, NIH, CHEXPERT) == ("Hernia", "Mass", "Nodule")
    assert unseen(["Hernia"], NIH, CHEXPERT) == ("Hernia",)


@pytest.mark.parametrize("none", ["No Finding", "No DR"])
def test_that_nothing_was_found_is_no_finding(none: str) -> None:
    assert unseen(None, (none, *NIH), CHEXPERT) == ("Hernia", "Mass", "Nodule")
    with pytest.raises(ValueError, match=f"a class to learn must be a finding, but '{none}' means that there is none"):
        unseen(["Hernia", none], (none, *NIH), CHEXPERT)


@pytest.mark.parametrize(
    ("asked", "known", "message"),
    [
        (["Covid"], NIH, r"the finding must be one of .*, but got 'Covid'"),
        (["Effusion"], NIH, r"new to the students, but they were trained on 'Effusion' \(as 'Pleural Effusion'\)"),
        (["Edema"], NIH, "new to the students, but they were trained on 'Edema'$"),
        (None, CHEXPERT, "but they were trained on all of Edema, Lung Lesion, Pleural Effusion; give the --sweep"),
    ],
)
def test_what_was_trained_on_is_refused_by_name(asked: list[str] | None, known: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        unseen(asked, known, CHEXPERT)


def test_labels_are_matched_by_name_by_the_records_and_as_declared() -> None:
    pairs = matched(CHEXPERT, ("Mass", "Effusion", "Edema"))
    assert list(pairs.items()) == [("Edema", "Edema"), ("Pleural Effusion", "Effusion")]
    assert matched(NIH, CHEXPERT) == {"Edema": "Edema", "Effusion": "Pleural Effusion"}
    declared = matched(CHEXPERT, ("wet", "Edema"), {"wet": "Edema"})
    assert declared == {"Edema": "wet"}  # and no longer the label of that name
    assert matched(("Edema", "Mass"), ("Mass",), {"Mass": "Edema"}) == {"Edema": "Mass"}  # which is then no mass
    assert matched(CHEXPERT, ("Hernia",)) == {}


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"wet": "Edema"}, "must be one of Effusion, Fluid, but got 'wet' in wet=Edema"),
        ({"Fluid": "Oedema"}, "must be one of Edema, Lung Lesion, Pleural Effusion, but got 'Oedema'"),
        ({"Fluid": "Edema", "Effusion": "Edema"}, "the same as one other alone, but got Edema, Edema"),
    ],
)
def test_labels_that_cannot_be_declared_the_same(declared: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        matched(CHEXPERT, ("Effusion", "Fluid"), declared)
