"""Names and texts without measure: what MLflow keeps of them fits, and nothing of them is a command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mlflow.utils.validation import MAX_TAG_VAL_LENGTH, _validate_metric_name
from PIL import Image

from platform.sweeping.scoring import averaging_tags
from platform.sweeping.setup import parent_tags
from trainables.data.averaging import averaged_labels
from trainables.data.readers import own
from trainables.data.store import Store
from trainables.data.store_making import prepare
from trainables.metrics import metric_name, multilabel_metrics

ODD_LABELS = [
    "肺炎",
    "Œdème",
    "<script>alert(1)</script>",
    "a' or '1'='1",
    "$(reboot)",
    "x" * 100,
    "../../etc",
    "a/b:c",
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A data set with as long and as many names as there may be, odd ones among them."""
    folder = tmp_path_factory.mktemp("odd")
    labels = [*ODD_LABELS, *(f"label {number:03d} {'y' * 22}" for number in range(110))]
    lines = [",".join(["image", "patient", *(f'"{label}"' for label in labels)])]
    for number in range(12):
        Image.new("L", (40, 40), number).save(folder / f"{number}.png")
        lines.append(",".join([f"{number}.png", f"p{number}", *["01"[(number + n) % 2] for n in range(len(labels))]]))
    (folder / "odd.csv").write_text("\n".join(lines), encoding="utf-8")
    listing = own.read(folder / "odd.csv")
    return prepare(listing, folder / "s.arrow", image_size_px=32, salt=b"s", num_threads=1, progress=False)


def test_odd_labels_keep_their_names_in_the_store(store: Store) -> None:
    assert list(store.label_names)[: len(ODD_LABELS)] == ODD_LABELS


def test_every_metrics_name_is_its_own_and_one_that_mlflow_takes(store: Store) -> None:
    rows = store.rows("train")
    targets, _ = store.targets(rows, "zeros")
    metrics = multilabel_metrics(targets * 0.5 + 0.2, targets, targets >= 0, tuple(store.label_names))
    assert {f"auc_{metric_name(label)}" for label in store.label_names} <= metrics.keys()
    for name in metrics:
        _validate_metric_name(f"test_{name}")
    assert len({metric_name(label) for label in store.label_names}) == len(store.label_names)


def test_what_a_sweep_says_of_its_data_fits_mlflows_tags(store: Store) -> None:
    tags = parent_tags(store, "{}")
    averaging = averaged_labels(store, "frequent")
    tags |= averaging_tags(averaging)
    assert json.loads(tags["label_names"]) == list(store.label_names)
    assert all(len(value) <= MAX_TAG_VAL_LENGTH for value in tags.values())


@pytest.mark.parametrize("name", ["a;b", "a b", "a'b", "$(x)", "-rf", ".hidden", "a\nb"])
def test_a_csv_with_such_a_name_is_no_data_set(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.csv"
    path.write_text("image,patient,Edema\n0.png,p,1\n")
    with pytest.raises(ValueError, match="letters, digits, dots, dashes and underscores, but got"):
        own.read(path)


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    lines = ["image,patient,Edema"]
    for number in range(12):
        folder = tmp_path if number == 5 else tmp_path / "set"
        Image.new("L", (40, 40)).save(folder / f"{number}.png")
        lines.append(f"{number}.png,p{number},{number % 2}")
    (tmp_path / "set" / "5.png").symlink_to(tmp_path / "5.png")
    (tmp_path / "set" / "mine.csv").write_text("\n".join(lines))
    listing = own.read(tmp_path / "set" / "mine.csv")
    with pytest.raises(ValueError, match=r"(?s)1 of 12 are not:\s+5\.png: .*(outside|leaves|leads out)"):
        prepare(listing, tmp_path / "s.arrow", image_size_px=32, salt=b"s", num_threads=1, progress=False)
    assert not (tmp_path / "s.arrow").exists()
