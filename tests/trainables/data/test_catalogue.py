"""The records of the data sets: complete, in the paper's order, and in agreement with what the readers give."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from PIL import Image

from trainables.config import SELECTION_METRICS
from trainables.data import catalogue
from trainables.data.catalogue import DATASETS, share_patients, shown_in, synonyms, title
from trainables.data.dataset import Dataset, Published
from trainables.data.readers import own, retina

ROOT = Path(__file__).parents[3]


def test_the_records_stand_in_the_order_of_table_1_and_others_follow() -> None:
    assert list(DATASETS) == ["mimic-cxr", "chexpert", "chestxray8", "retina", "chexpert-radiologists", "generic"]
    assert shown_in(4) == ("chexpert", "chestxray8") and shown_in(5) == ("retina",)
    assert title("chestxray8") == "ChestX-ray8" and title("covid") == "covid"


@pytest.mark.parametrize("name", DATASETS)
def test_each_record_is_consistent(name: str) -> None:
    record = DATASETS[name]
    assert record.name == name and record.folders
    assert record.selection_metric in SELECTION_METRICS[record.task]
    assert set(record.synonyms) | set(record.broader_labels) <= set(record.label_names)
    if record.split_counts:
        assert list(record.split_counts) == ["train", "validation", "test"]
        assert max(record.fractions.values()) == 1  # the largest row is all of the training set


def test_tables_1_and_2_are_the_papers() -> None:
    published = {name: record.published for name, record in DATASETS.items() if record.published}
    assert {name: (of.num_images, of.num_patients) for name, of in published.items()} == {
        "mimic-cxr": (371_858, 65_079),
        "chexpert": (223_648, 64_740),
        "chestxray8": (112_120, 30_805),
        "retina": (35_126, 17_563),
    }
    assert {name: sum(of.split_counts.values()) for name, of in published.items() if of.split_counts} == {
        "chexpert": 223_648,
        "chestxray8": 5_606,  # Kaggle's sample of it
        "retina": 35_126,
    }


def test_the_default_metrics_are_the_papers() -> None:
    metrics = {name: DATASETS[name].selection_metric for name in ("chexpert", "chestxray8", "retina")}
    assert metrics == {"chexpert": "auc", "chestxray8": "auc", "retina": "f1_weighted"}


@pytest.mark.parametrize(("first", "other"), [("nih", "chestxray8"), ("chestxray8", "nih"), ("own", "own")])
def test_patients_are_shared_either_way_round(first: str, other: str) -> None:
    assert share_patients(first, other)
    assert not share_patients(first, "chexpert") and not share_patients("nih", "chestxray14x")


def test_a_label_has_its_other_name_from_either_side() -> None:
    assert synonyms("Effusion") == ("Pleural Effusion",) and synonyms("Pleural Effusion") == ("Effusion",)
    assert synonyms("Edema") == ()


@pytest.mark.parametrize(
    ("header", "labels", "task", "metric", "names"),
    [
        ("label", ("well", "ill", "ill"), "multiclass", "f1_weighted", ("ill", "well")),
        ("Mass,Nodule", ("1,0", "0,-1", ","), "multilabel", "auc", ("Mass", "Nodule")),
    ],
)
def test_a_csv_of_ones_own_makes_the_same_record(
    tmp_path: Path, header: str, labels: tuple[str, ...], task: str, metric: str, names: tuple[str, ...]
) -> None:
    lines = [f"image,patient,{header}"]
    for number, label in enumerate(labels):
        Image.new("L", (8, 8)).save(tmp_path / f"{number}.png")
        lines.append(f"{number}.png,p{number},{label}")
    (tmp_path / "clinic.csv").write_text("\n".join(lines))
    record = own.dataset(tmp_path / "clinic.csv")
    assert (record.name, record.title, record.task, record.selection_metric) == ("clinic", "clinic", task, metric)
    assert record.label_names == names and record.published is None and record.fractions == {}
    assert record.read(tmp_path / record.folders[0]).label_names == names


ROLES = ("platform", "analysis", "search_spaces", "trainables")
SOURCES = [path for role in ROLES for path in (ROOT / role).rglob("*.py")]
FOLDERS_OF_ONE_DATA_SET = {"trainables/data/readers", "platform/phantoms", "search_spaces"}
WHAT_MODELS_HAVE_SEEN = "trainables/teachers/layouts"  # as their makers say, of each published model
NAMES = {*DATASETS, *map(title, DATASETS)} - {"mimic-cxr"}  # which is also a teacher's name


def test_only_a_data_sets_own_files_know_it_by_name() -> None:
    known: list[str] = []
    for path in SOURCES:
        place = path.relative_to(ROOT)
        if place.parent.as_posix() in {*FOLDERS_OF_ONE_DATA_SET, WHAT_MODELS_HAVE_SEEN}:
            continue
        texts = {node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)}
        known += [f"{place}: {name}" for name in NAMES & texts]
    assert known == []


def test_a_record_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match=r"the task must be one of multiclass, multilabel, but toy has 'regression'"):
        Dataset(name="toy", title="Toy", task="regression", selection_metric="auc", read=retina.read, folders=("toy",))
    with pytest.raises(ValueError, match=r"both or neither must be given, but got split_counts=\{'train': 3\}"):
        Published(labeling="manual", views="", num_images=3, num_patients=3, split_counts={"train": 3})


def test_an_unknown_name_is_answered_with_all_that_are_known(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"must be one of mimic-cxr, chexpert, .*, generic, but got 'brain'"):
        catalogue.find("brain", tmp_path)
