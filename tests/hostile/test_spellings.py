"""Ids, classes and paths that are nearly the same, or no longer what they were: one meaning, or an error by row."""

from __future__ import annotations

import random
import re
import unicodedata
from pathlib import Path
from typing import Literal

import pytest
from PIL import Image

from tests.hostile.mutations import Mutation, Sheet, raw, text
from tests.hostile.provided import OWN_CLASSES, OWN_LABELS, TABLES, facts, read_own, write_own
from trainables.data.readers import generic, own
from trainables.data.store_making import prepare

ROW = 4
Form = Literal["NFC", "NFD"]
FORMS: tuple[Form, ...] = ("NFC", "NFD")


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_own(OWN_LABELS, tmp_path_factory.mktemp("own") / "labels")


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_own(OWN_CLASSES, tmp_path_factory.mktemp("own") / "classes")


def changed(column: str, value: str) -> Mutation:
    return Mutation(lambda sheet: raw(sheet.with_value(column, value, ROW)))


def refused(name: str, root: Path, mutation: Mutation, reason: str) -> None:
    with TABLES[name].spoilt(root, mutation), pytest.raises(ValueError, match=reason) as error:
        TABLES[name].read(root)
    assert type(error.value) is ValueError


# The third row of the patients 007, 007, 008, 008, 009, ...
PATIENTS = {
    "zeros lost": "8", "a zero more": "0008", "decimals": "008.0", "decimals, zeros lost": "8.0", "a date": "08-Jan",
    "another date": "2008-01-01", "a date with dots": "8.1.2008", "a date with bars": "1/8/08", "a month": "Jan-08",
    "rounded": "8.00E+15", "rounded, in small letters": "8e+15", "NaN": "NaN", "nan": "nan", "NA": "NA", "null": "NULL",
    "a broken reference": "#REF!", "not found": "#N/A", "nothing": "", "a blank": " ", "<NA>": "<NA>",
    "a zero-width blank": "008\u200b", "a soft hyphen": "0\xad08", "a bell": "008\a", "a line break": "0\n08",
}  # fmt: skip


@pytest.mark.parametrize("how", PATIENTS)
def test_a_patient_that_may_be_another_ones_twin_is_refused(how: str, labels: Path) -> None:
    reason = r"(patient must|ids must be of one kind|invisible|quote)"
    mutation = changed("patient", PATIENTS[how])
    refused(
        "own labels",
        labels,
        mutation,
        rf"{reason}.*row [{ROW}5] of|row {ROW} .*{reason}|must have a patient.*row {ROW}",
    )


@pytest.mark.parametrize(
    ("ids", "num_patients"),
    [
        (("007", "007", "008"), 2),
        (("0007", "0007", "0070"), 2),
        (("p7", "p7 ", " p7"), 1),
        (("p7", "p07", "p70"), 3),
        (("José", unicodedata.normalize("NFD", "José"), "Jose"), 2),
        (("2019-01-01", "2019-01-02", "2019-01-02"), 2),
        (("1.10", "2.5", "3"), 3),
        (("患者1", "患者2", "患者2"), 2),
        (("🫁", "🫀", "🫁"), 2),
        (("a,b", "a", "b"), 3),
        (("-", "_", "."), 3),
        (("none", "other", "0"), 3),
    ],
)
def test_ids_are_the_same_where_they_look_the_same(ids: tuple[str, ...], num_patients: int, labels: Path) -> None:
    rows = [("image", "patient", "Edema"), *((f"{n}.png", it, "1") for n, it in enumerate(ids))]
    with TABLES["own labels"].spoilt(labels, Mutation(lambda sheet: raw(sheet.with_rows(rows)))):
        assert own.read(labels / "mine.csv").rows["patient"].nunique() == num_patients


CLASSES = {
    "another case": "Well", "capitals": "WELL", "nothing": "", "NaN": "NaN", "#N/A": "#N/A", "null": "null", "NA": "na",
    "a zero-width blank": "well\u200b",
}  # fmt: skip


@pytest.mark.parametrize("how", CLASSES)
def test_a_class_that_may_be_another_or_none_is_refused(how: str, classes: Path) -> None:
    mutation = changed("label", CLASSES[how])
    refused("own classes", classes, mutation, rf"row {ROW}\b")


@pytest.mark.parametrize(("one", "other"), [("1", "1.0"), ("1", "01"), ("1.0", "1.00"), ("Ill", "ill"), ("Œ", "œ")])
def test_two_spellings_of_one_class_are_refused(one: str, other: str, classes: Path) -> None:
    rows = [("image", "patient", "label"), ("0.png", "a", one), ("1.png", "b", other), ("2.png", "c", "9")]
    refused("own classes", classes, Mutation(lambda sheet: raw(sheet.with_rows(rows))), r"one spelling, but row 3 of")


IMAGES = ["./{}", ".//{}", "a/../{}", "/{}", "{}/", "{}//.", "../labels/{}", "\\{}", "C:\\{}", "//{}", "~/../{}"]


@pytest.mark.parametrize("spelling", IMAGES)
@pytest.mark.parametrize("of", ["1.png", "3.png"])
def test_no_spelling_of_a_path_lists_an_image_twice_or_leads_out(spelling: str, of: str, labels: Path) -> None:
    """`3.png` stands in the next row, with another label; `1.png` in the one before."""
    refused("own labels", labels, changed("image", spelling.format(of)), rf"row [{ROW}5] of .*mine")


@pytest.mark.parametrize("written", FORMS)
@pytest.mark.parametrize("listed", FORMS)
@pytest.mark.parametrize("name", ["Müller é.png", "Å.png", "한글.png"])
def test_an_accent_is_found_in_either_form(name: str, listed: Form, written: Form, tmp_path: Path) -> None:
    root = write_own(("image,patient,Edema", *(f"{n}.png,p{n},{n % 2}" for n in range(8))), tmp_path / "set")
    (root / "3.png").rename(root / unicodedata.normalize(written, name))
    table = root / "mine.csv"
    table.write_text(table.read_text().replace("3.png", unicodedata.normalize(listed, name)))
    store = prepare(read_own(root), tmp_path / "s.arrow", image_size_px=16, salt=b"s", num_threads=1, progress=False)
    assert store.num_images == 8 and not store.left_out


def test_one_name_in_two_forms_is_listed_twice(labels: Path) -> None:
    rows = [("image", "patient", "Edema"), ("é.png", "a", "1"), (unicodedata.normalize("NFD", "é.png"), "b", "0")]
    mutation = Mutation(lambda sheet: text(sheet.with_rows(rows)).encode())
    refused("own labels", labels, mutation, r"listed once, but row 3 of .*mine\.csv")


PROVIDED = {
    "a date for an eye": ("retina", "image", "10-Jan", "row 4"),
    "an eye of nobody": ("retina", "image", "_left", "row 4"),
    "a third eye": ("retina", "image", "10_middle", "row 4"),
    "an eye with its suffix": ("retina", "image", "10_left.jpeg", "row 4"),
    "another patient's image": ("chestxray8 sample", "patient", "99999", "row 4"),
    "a patient rounded": ("chestxray8 sample", "patient", "1.0E+00", "row 4"),
    "a patient in hexadecimal": ("chestxray8 sample", "patient", "0x1", "row 4"),
    "an infinite patient": ("chestxray8 sample", "patient", "inf", "row 4"),
    "an empty patient": ("chestxray8 full", "patient", "", "row 4"),
    "an X-ray by date": ("chestxray8 sample", "image", "2024-03-01", "row 4"),
    "a finding twice over": ("chestxray8 sample", "label", "No Finding|Mass", "row 4"),
    "a finding with another bar": ("chestxray8 sample", "label", "Mass/Nodule", "row 4"),
    "an empty finding": ("chestxray8 full", "label", "Mass|", "row 4"),
    "a finding in small letters": ("chestxray8 full", "label", "mass", "row 4"),
    "a study with decimals": ("mimic labels", "image", "50000011.0", "row 4"),
    "a study rounded": ("mimic labels", "image", "5.00E+07", "row 4"),
    "a study by date": ("mimic labels", "image", "01/02/2024", "row 4"),
    "a subject with decimals": ("mimic metadata", "patient", "10000032.0", "row 4"),
    "a subject without zeros": ("mimic split", "patient", "32", "row 4"),
    "a picture with a folder": ("mimic metadata", "image", "../x", "row 4"),
    "a study of another kind": ("radiologists", "image", "CheXpert-v1.0/test/patient64741", "row 4"),
    "a study within another's name": ("radiologists", "image", "test/xpatient64741/study1", "row 4"),
    "a study by number": ("reports", "image", "64741", "row 4"),
    "a view that is none": ("chexpert train", "image", "CheXpert-v1.0-small/train/patient1/view1.jpg", "row 4"),
    "a Windows path": ("chexpert train", "image", "train\\patient00001\\study1\\view1_frontal.jpg", "row 4"),
}


@pytest.mark.parametrize("how", PROVIDED)
def test_a_name_that_is_not_the_providers_is_refused(how: str, roots: dict[str, Path]) -> None:
    name, field, value, reason = PROVIDED[how]
    root = roots[TABLES[name].written]
    refused(name, root, changed(getattr(TABLES[name], field), value), reason)


def test_all_studies_renamed_are_not_left_out_in_silence(roots: dict[str, Path]) -> None:
    def apply(sheet: Sheet) -> bytes:
        rows = [sheet.rows[0], *((row[0], str(int(row[1]) + 1), *row[2:]) for row in sheet.rows[1:])]
        return raw(sheet.with_rows(rows))

    refused("mimic labels", roots["mimic"], Mutation(apply), r"must have labels of the images.*none")


SIGNS = ('"', ",", ";", "\t", "\n", "\r", "\r\n", "\0", " ", "\ufeff", "\u200b", "''", ",,", '""', "\x85", "\u2028")


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize(
    "name", ["retina", "chexpert train", "chestxray8 sample", "mimic labels", "own labels", "own classes"]
)
def test_signs_put_in_or_lost_never_give_an_image_another_label(name: str, seed: int, roots: dict[str, Path]) -> None:
    """Of the characters, none that a label is made of: an error, or each image's labels as before."""
    table, root = TABLES[name], roots[TABLES[name].written]
    before = {path: known[: len(known) - 5] for path, known in facts(table.read(root)).items()}
    labels = set(before.values())
    draw = random.Random(f"{name} {seed}")

    def apply(sheet: Sheet) -> bytes:
        content = text(sheet)
        for _ in range(draw.randint(1, 3)):
            at = draw.randrange(len(content))
            if draw.random() < 0.3:
                at = content.find(draw.choice((",", "\n")), at)
                content = content[:at] + content[at + 1 :] if at >= 0 else content
            else:
                content = content[:at] + draw.choice(SIGNS) + content[at:]
        return content.encode()

    with table.spoilt(root, Mutation(apply)):
        try:
            after = facts(table.read(root))
        except (ValueError, FileNotFoundError) as error:
            assert type(error) in (ValueError, FileNotFoundError)
            assert re.search(r"row \d+ of|row \d+ |column|must name images|No columns", str(error)), error
            return
    for path, known in after.items():
        label = known[: len(known) - 5]
        is_new_class = name == "own classes" and label not in labels  # "i ll", say, which the user sees among the names
        assert path not in before or label == before[path] or is_new_class


@pytest.mark.parametrize(("num_classes", "is_read"), [(1, False), (2, True), (127, True), (128, False), (300, False)])
def test_a_folder_of_more_classes_than_there_are_numbers_is_refused(
    num_classes: int, is_read: bool, tmp_path: Path
) -> None:
    for number in range(num_classes):
        (tmp_path / "train" / f"{number:03d}").mkdir(parents=True)
        Image.new("L", (9, 9)).save(tmp_path / "train" / f"{number:03d}" / "0.png")
    if is_read:
        rows = generic.read(tmp_path).rows
        assert [int(labels[0]) for labels in rows["labels"]] == list(range(num_classes))
    else:
        with pytest.raises(ValueError, match=r"at (least|most) \d+ classes"):
            generic.read(tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_a_million_rows_are_read_or_refused_in_seconds(labels: Path) -> None:
    rows = [f"{number}.png,p{number // 3},{number % 2}," for number in range(1_000_000)]
    good = "\n".join(["image,patient,Edema,Mass", *rows, ""]).encode()
    with TABLES["own labels"].spoilt(labels, Mutation(lambda sheet: good)):
        listing = own.read(labels / "mine.csv")
    assert len(listing.rows) == 1_000_000 and [labels[0] for labels in listing.rows["labels"][-2:]] == [0, 1]
    refused("own labels", labels, Mutation(lambda sheet: good + b'999.png,"p,1,\n'), r"row 1000002 has a quote")
