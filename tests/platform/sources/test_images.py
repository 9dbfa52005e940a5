"""The verb that prepares a data set: decoded once, counted beside the paper, wrong flags in one line."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import platform.phantoms.sets
import platform.prepare
from platform.phantoms.writers import write_retina
from platform.sources import images
from platform.sources.places import Places
from tests.platform.sources.clinic import write_clinic
from trainables.data.listing import PHANTOM_MARK
from trainables.data.splits import SPLITS
from trainables.data.store import Store


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform.phantoms.sets, "PHANTOM_IMAGE_SIZE_PX", 32)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds `retina`, marked as a phantom: 28 photographs of 14 patients."""
    folder = tmp_path_factory.mktemp("drawn")
    write_retina(folder / "retina", num_patients=14, image_size_px=32, seed=1, progress=False)
    return folder


@pytest.fixture(scope="module")
def data(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, which passes for real."""
    return passing_for_real(drawn, tmp_path_factory.mktemp("data"))


def passing_for_real(drawn: Path, folder: Path) -> Path:
    shutil.copytree(drawn, folder, dirs_exist_ok=True)
    (folder / "retina" / PHANTOM_MARK).unlink()
    return folder


def prepare(results: Path, *more: str, dataset: str = "retina") -> None:
    platform.prepare.main([dataset, "--image-size", "32", "--results", str(results), *more])


def stores(results: Path) -> list[Path]:
    return sorted((results / "stores").glob("*.arrow"))


def test_a_phantom_is_drawn_split_and_decoded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prepare(tmp_path, "--phantom-size", "14")
    lines = capsys.readouterr().out.splitlines()
    (path,) = stores(tmp_path)
    store = Store.open(path)
    assert store.is_phantom and path.name.startswith("retina-32px-phantom-")
    assert lines[0] == (
        f"retina: 28 PHANTOM (synthetic) images of 14 patients, 5 labels, 32 px, fingerprint {store.fingerprint}"
    )
    assert lines[1] == "  the paper's Table I: 35,126 images of 17,563 patients, 5 labels"
    assert [line.split() for line in lines[2:6]] == [
        ["Table", "II", "ours", "paper"],
        ["train", "8", "21126"],  # of so few, 0.35 each are kept for judging
        ["validation", "10", "7000"],
        ["test", "10", "7000"],
    ]
    assert [line.rsplit(maxsplit=3) for line in lines[6:12]] == [
        ["  positives", *SPLITS],
        *(
            [f"  {name}", *(str((store.labels[store.split == split] == grade).sum()) for split in SPLITS)]
            for grade, name in enumerate(store.label_names)
        ),
    ]
    assert lines[-1] == f"  {path}"
    assert json.loads((tmp_path / "phantoms" / "14" / "retina" / PHANTOM_MARK).read_text())


def test_the_second_call_takes_the_store_that_is_there(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(tmp_path, "--data", str(data))
    (path,) = stores(tmp_path)
    written = path.stat().st_mtime_ns
    first = capsys.readouterr().out

    def never(*arguments: Any, **options: Any) -> None:
        raise AssertionError("decoded again")

    monkeypatch.setattr(images, "prepare", never)
    prepare(tmp_path, "--data", str(data))
    assert capsys.readouterr().out == first
    assert path.stat().st_mtime_ns == written
    with pytest.raises(AssertionError, match="decoded again"):
        platform.prepare.main(["retina", "--data", str(data), "--image-size", "64", "--results", str(tmp_path)])


def test_a_results_folder_that_was_moved_has_its_images_and_data_sets_still(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    csv = own_set(old / "clinic", 20)
    prepare(old, "--phantom-size", "14")
    prepare(old, dataset=str(csv))
    before = stores(old)
    old.rename(new)
    prepare(new, "--phantom-size", "14")
    prepare(new, dataset=csv.stem)
    assert len(before) == 2 and stores(new) == [new / path.relative_to(old) for path in before]
    assert not old.exists()


def test_other_rows_of_the_same_folder_are_another_store(tmp_path: Path, drawn: Path) -> None:
    root = passing_for_real(drawn, tmp_path / "data") / "retina"
    results = tmp_path / "results"
    prepare(results, "--data", str(tmp_path / "data"))
    table = (root / "trainLabels.csv").read_text()
    first = table.splitlines()[1]
    (root / "trainLabels.csv").write_text(table.replace(first, first[:-1] + "4"))  # a grade that was put right
    assert not first.endswith("4")
    prepare(results, "--data", str(tmp_path / "data"))
    grades = [Store.open(path).labels[0, 0] for path in stores(results)]
    assert sorted(grades) == [int(first[-1]), 4]


def test_a_real_looking_folder_is_no_phantom_and_a_marked_one_is(
    tmp_path: Path, data: Path, drawn: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare(tmp_path / "results", "--data", str(data))
    assert "PHANTOM" not in capsys.readouterr().out
    prepare(tmp_path / "results", "--data", str(drawn))
    assert "28 PHANTOM (synthetic) images" in capsys.readouterr().out
    assert sorted(Store.open(path).is_phantom for path in stores(tmp_path / "results")) == [False, True]


def test_the_salt_makes_the_hashes_and_never_the_numbers(tmp_path: Path, data: Path) -> None:
    prepared = []
    for results in (tmp_path / "one", tmp_path / "two"):
        prepare(results, "--data", str(data))
        prepared.append(Store.open(stores(results)[0]))
    assert prepared[0].fingerprint == prepared[1].fingerprint
    assert not set(prepared[0].patient) & set(prepared[1].patient)


def test_images_that_cannot_be_read_are_named_or_left_out(
    tmp_path: Path, drawn: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = shutil.copytree(drawn, tmp_path / "data") / "retina"
    broken = sorted((root / "train").iterdir())[3]
    broken.write_bytes(b"no picture")
    flags = ["--data", str(tmp_path / "data")]
    with pytest.raises(SystemExit) as caught:
        prepare(tmp_path / "results", *flags)
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert (
        f"train/{broken.name}" in error
        and "every image must be readable, but 1 of 28 are not" in error
        and "--skip-unreadable" in error
    )
    assert stores(tmp_path / "results") == []
    prepare(tmp_path / "results", *flags, "--skip-unreadable")
    out = capsys.readouterr().out
    assert "27 PHANTOM" in out and f"  left out: train/{broken.name}: " in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["brain"], r"'brain'"),
        (
            ["retina", "--image-size", "100"],
            r"--image-size: image_size_px must be a multiple of 32, but got",
        ),
        (["retina", "--image-size", "0"], r"image_size_px >= 32 must hold, but got image_size_px=0"),
        (["retina", "--phantom-size", "none"], r"must be a whole number of at least 1, but got none"),
        (["retina", "--data", "no/such/folder"], r"error: the data folder must exist, but there is no no/such/folder"),
        (["retina", "--phantom-size", "2"], r"error: three splits need at least three patients, but there are 2"),
    ],
)
def test_what_is_wrong_gets_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        platform.prepare.main([*arguments, "--results", str(tmp_path)])
    assert caught.value.code == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("python -m platform.prepare: error: ")
    assert re.search(message, last), last


def test_an_empty_data_folder_and_a_wrong_layout_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder, message in [
        ("data", "the folder that holds retina/, but there is none in"),
        ("data/retina", "no trainLabels.csv in"),
    ]:
        (tmp_path / folder).mkdir()
        with pytest.raises(SystemExit):
            prepare(tmp_path / "results", "--data", str(tmp_path / "data"))
        assert message in capsys.readouterr().err


def test_a_phantom_that_nobody_draws_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"the phantoms are retina, .*, but got 'brain'"):
        platform.phantoms.sets.phantom_listing("brain", Places.under(tmp_path))


def test_a_csv_of_ones_own_is_a_data_set_by_its_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "clinic"
    write_clinic(folder / "covid.csv")
    prepare(tmp_path / "results", dataset=str(folder / "covid.csv"))
    output = capsys.readouterr().out
    assert "covid: 20 images of 20 patients, 2 labels" in output
    assert "python -m platform.sweep covid now knows this data set" in output
    prepare(tmp_path / "results", dataset="covid")  # by its name, from now on
    assert capsys.readouterr().out.splitlines()[0] == output.splitlines()[0]
    with pytest.raises(SystemExit):
        prepare(tmp_path / "results", dataset="covid19")
    assert "or a user's own (covid), but got 'covid19'" in capsys.readouterr().err
    (folder / "covid.csv").rename(folder / "chexpert.csv")
    with pytest.raises(SystemExit):
        prepare(tmp_path / "results", dataset=str(folder / "chexpert.csv"))
    assert "chexpert is the name of a published data set" in capsys.readouterr().err


def test_the_images_of_a_csv_may_lie_elsewhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    csv = own_set(tmp_path / "clinic", 20).rename(tmp_path / "clinic.csv")
    with pytest.raises(SystemExit):
        prepare(tmp_path / "results", dataset=str(csv))
    message = capsys.readouterr().err
    assert "none of the 20 images can be read:\n  0.png: no such file\n" in message
    assert f"paths are relative to {tmp_path};" in message and "--images" in message
    prepare(tmp_path / "results", "--images", str(tmp_path / "clinic"), dataset=str(csv))
    prepare(tmp_path / "results", dataset="clinic")
    assert capsys.readouterr().out.count("clinic: 20 images of 20 patients") == 2
    with pytest.raises(SystemExit):
        prepare(tmp_path / "results", "--images", str(tmp_path / "clinic"), dataset="retina")
    assert "--images goes with a CSV of your own, but got retina" in capsys.readouterr().err


def own_set(folder: Path, num_images: int) -> Path:
    """A CSV of one image per patient: half show *Common*, a tenth are uncertain of it, and every fifth shows *Rare*."""
    folder.mkdir(parents=True)
    lines = ["image,patient,Common,Rare"]
    for number in range(num_images):
        Image.new("L", (40, 40), number).save(folder / f"{number}.png")
        common = -1 if number % 10 == 0 else number % 2
        lines.append(f"{number}.png,p{number},{common},{int(number % 5 == 1)}")
    (folder / "clinic.csv").write_text("\n".join(lines))
    return folder / "clinic.csv"


def test_positives_are_counted_for_each_split_and_few_are_warned_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare(tmp_path / "results", dataset=str(own_set(tmp_path / "clinic", 200)))
    lines = capsys.readouterr().out.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("  positives"))
    assert lines[first : first + 7] == [
        "  positives      train validation       test",
        "  Common            80         10         10",
        "  Rare              32          4          4",
        "  WARNING: fewer than 10 positives in validation: Rare (4)",
        "  WARNING: fewer than 10 negatives in validation: Common (8)",  # two of twenty are uncertain
        "  WARNING: fewer than 10 positives in test: Rare (4)",
        "  WARNING: fewer than 10 negatives in test: Common (8)",
    ]
    assert "--validation-share F" in lines[first + 7]


def test_a_larger_validation_share_is_another_store_without_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    csv = str(own_set(tmp_path / "clinic", 200))
    prepare(tmp_path / "results", dataset=csv)
    capsys.readouterr()
    prepare(tmp_path / "results", "--validation-share", "0.25", dataset=csv)
    output = capsys.readouterr().out
    assert "  Rare              20         10         10" in output and "WARNING" not in output
    prepared = [Store.open(path) for path in stores(tmp_path / "results")]
    assert len({store.fingerprint for store in prepared}) == len({store.split_fingerprint for store in prepared}) == 2
    assert sorted((store.split == "validation").sum() for store in prepared) == [20, 50]


def test_the_releases_own_split_is_another_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for split in ("drawn", "official"):
        prepare(tmp_path, "--phantom-size", "24", "--split", split, dataset="mimic-cxr")
    prepared = [Store.open(path) for path in stores(tmp_path)]
    assert len({store.split_fingerprint for store in prepared}) == 2
    shares = ["--split", "official", "--validation-share", "0.2"]
    with pytest.raises(SystemExit):
        prepare(tmp_path, "--phantom-size", "24", *shares, dataset="mimic-cxr")
    assert "mimic-cxr has a validation set of its own: leave out --validation-share 0.2" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        prepare(tmp_path, "--phantom-size", "14", "--split", "official")
    assert "retina must come with a split of its own for --split official, but has none" in capsys.readouterr().err


def test_a_held_out_finding_is_in_another_store_without_it(tmp_path):
    places = Places.under(tmp_path)
    listing = platform.phantoms.sets.phantom_listing("chexpert", places, 32)
    whole, reduced = (images.store_of(listing, places, 32, held_out=name) for name in (None, "Cardiomegaly"))
    assert whole.path != reduced.path and whole.fingerprint != reduced.fingerprint
    assert set(whole.label_names) - set(reduced.label_names) == {"Cardiomegaly"}
    has_it = whole.labels[:, whole.label_names.index("Cardiomegaly")]
    gone = set(whole.image_id) - set(reduced.image_id)
    assert gone and gone == set(whole.image_id[np.isin(has_it, (1, -1)) & (whole.split != "test")])
