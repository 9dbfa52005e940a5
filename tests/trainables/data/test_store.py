"""A store is whole, checked at every opening, and gives back what was put in."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from trainables.data import store_making, store_writing
from trainables.data.decode import NO_IMAGE
from trainables.data.listing import Listing
from trainables.data.readers import retina
from trainables.data.store import Store
from trainables.data.store_making import UnreadableImagesError, prepare

NUM_PATIENTS = 12


def write_retina(root: Path, num_patients: int = NUM_PATIENTS) -> None:
    (root / "train").mkdir(parents=True)
    rng = np.random.default_rng(0)
    rows = []
    for patient in range(num_patients):
        for side in ("left", "right"):
            pixels = rng.integers(0, 256, (50, 70, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / "train" / f"{patient}_{side}.jpeg", quality=95)
            rows.append(f"{patient}_{side},{patient % 5}")
    (root / "trainLabels.csv").write_text("image,level\n" + "\n".join(rows) + "\n")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_retina(tmp_path / "retina")
    return tmp_path / "retina"


def make(root: Path, out: Path, **options: Any) -> Store:
    return prepare(retina.read(root), out, image_size_px=32, progress=False, **{"salt": b"salt", **options})


def test_a_store_holds_every_image_with_its_labels(root, tmp_path):
    store = make(root, tmp_path / "s.arrow")
    assert (store.num_images, store.task, store.channels, store.is_phantom) == (24, "multiclass", 3, False)
    assert store.labels[:, 0].tolist() == [patient % 5 for patient in range(NUM_PATIENTS) for _ in range(2)]
    assert store.view.tolist() == ["left", "right"] * NUM_PATIENTS
    images = store.gather(np.array([0, 5]))
    with Image.open(root / "train" / "2_right.jpeg") as picture:
        square = picture.convert("RGB").resize((32, 32), Image.Resampling.BILINEAR, box=(10, 0, 60, 50))
    assert images.shape == (2, 32, 32, 3)
    assert np.abs(images[1].astype(int) - np.asarray(square).astype(int)).mean() < 12  # decoded at a reduced scale


def test_images_beyond_one_record_batch_are_found(root, tmp_path, monkeypatch):
    whole = make(root, tmp_path / "whole.arrow")
    monkeypatch.setattr(store_writing, "ROWS_PER_BATCH", 7)
    in_parts = make(root, tmp_path / "parts.arrow")
    rows = np.arange(24)
    assert np.array_equal(whole.gather(rows), in_parts.gather(rows))
    assert whole.fingerprint == in_parts.fingerprint


def test_rows_are_split_by_patient_and_fractions_are_nested(root, tmp_path):
    store = make(root, tmp_path / "s.arrow")
    rows = {split: store.rows(split) for split in ("train", "validation", "test")}
    assert sorted(np.concatenate(list(rows.values())).tolist()) == list(range(24))
    patients = [set(store.patient[chosen]) for chosen in rows.values()]
    assert not (patients[0] & patients[1] or patients[0] & patients[2] or patients[1] & patients[2])
    half, quarter = (set(store.rows("train", fraction)) for fraction in (0.5, 0.25))
    assert quarter < half < set(rows["train"])
    assert len(half) == round(len(rows["train"]) / 2)


@pytest.mark.parametrize(
    ("split", "fraction", "value"),
    [
        ("training", 1.0, "'training'"),
        ("test", 0.5, "0.5 of test"),
        ("train", 1.5, "1.5 of train"),
        ("train", 0.0, "0"),
    ],
)
def test_rows_that_do_not_exist_are_named(root, tmp_path, split, fraction, value):
    with pytest.raises(ValueError, match=value):
        make(root, tmp_path / "s.arrow").rows(split, fraction)


def test_patient_and_path_are_hashed_with_the_salt(root, tmp_path):
    first, same, other = (make(root, tmp_path / f"{i}.arrow", salt=salt) for i, salt in enumerate([b"a", b"a", b"b"]))
    assert np.array_equal(first.patient, same.patient)
    assert not set(first.patient) & set(other.patient)
    assert {len(name) for name in (*first.patient, *first.image_id)} == {16}  # enough that no two names share one
    assert first.fingerprint == other.fingerprint  # the numbers do not depend on the salt
    assert b"2_right" not in first.path.read_bytes()


def test_the_fingerprint_follows_pixels_labels_and_splits(root, tmp_path):
    before = make(root, tmp_path / "a.arrow")
    other_split = make(root, tmp_path / "b.arrow", split_seed=1)
    assert before.fingerprint != other_split.fingerprint
    assert before.split_fingerprint != other_split.split_fingerprint
    split_again = before.with_split(other_split.split, other_split.train_rank)
    assert split_again.split_fingerprint == other_split.split_fingerprint
    Image.new("RGB", (50, 70)).save(root / "train" / "3_left.jpeg")
    assert make(root, tmp_path / "c.arrow").fingerprint != before.fingerprint


def test_targets_follow_the_uncertainty_policy(tmp_path):
    rows = pd.DataFrame(
        {
            "path": [f"{i}.png" for i in range(6)],
            "patient": [str(i) for i in range(6)],
            "view": "PA",
            "sex": "F",
            "age_years": 40.0,
            "official_split": "",
            "labels": [np.array(codes, np.int8) for codes in [(1, 0), (-1, 1), (-2, -1), (0, 1), (1, 1), (0, 0)]],
        }
    )
    for path in rows["path"]:
        Image.new("L", (40, 40), 99).save(tmp_path / path)
    listing = Listing(
        dataset="own",
        root=tmp_path,
        task="multilabel",
        label_names=("A", "B"),
        channels=1,
        rows=rows,
        left_out=rows[["path"]][:0],
    )
    store = prepare(listing, tmp_path / "s.arrow", image_size_px=32, salt=b"s", progress=False)
    wanted = np.array([0, 1, 2])
    zeros, mask = store.targets(wanted, "zeros")
    assert zeros.tolist() == [[1, 0], [0, 1], [0, 0]] and mask is None
    assert store.targets(wanted, "ones")[0].tolist() == [[1, 0], [1, 1], [0, 1]]
    ignored, mask = store.targets(wanted, "ignore")
    assert ignored.tolist() == [[1, 0], [0, 1], [0, 0]] and mask is not None
    assert mask.tolist() == [[1, 1], [0, 1], [1, 0]]
    assert store.gather(wanted).shape == (3, 32, 32, 1)


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.9, 0.999])
def test_a_store_cut_short_is_refused(root, tmp_path, kept):
    path = make(root, tmp_path / "s.arrow").path
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(ValueError, match=r"s\.arrow must be a whole store"):
        Store.open(path)


def test_a_missing_store_says_how_to_make_it(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.arrow; make it with .* -m platform\.prepare"):
        Store.open(tmp_path / "none.arrow")


def test_a_store_of_another_version_is_refused(root, tmp_path, monkeypatch):
    monkeypatch.setattr(store_making, "STORE_VERSION", 99)
    with pytest.raises(ValueError, match="of version 4, but is of 99"):
        make(root, tmp_path / "s.arrow")


def test_a_patient_in_two_splits_is_found_when_the_file_is_opened(root, tmp_path, monkeypatch):
    torn = np.array(["train", "validation", "test"] * 8)
    monkeypatch.setattr("trainables.data.splits.split_patients", lambda *_, **__: torn)
    with pytest.raises(ValueError, match="no patient may be in two splits, but 12 are"):
        make(root, tmp_path / "s.arrow")


def test_unreadable_images_are_named_with_their_reasons_and_stop_it(root, tmp_path):
    (root / "train" / "0_left.jpeg").unlink()
    (root / "train" / "1_left.jpeg").write_bytes(b"")
    whole = (root / "train" / "2_left.jpeg").read_bytes()
    (root / "train" / "2_left.jpeg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UnreadableImagesError) as caught:
        make(root, tmp_path / "s.arrow")
    message = str(caught.value)
    assert "3 of 24 are not" in message and "--skip-unreadable" in message
    assert "train/0_left.jpeg: no such file" in message
    assert "train/1_left.jpeg: the file is empty" in message
    assert "train/2_left.jpeg: damaged" in message
    assert list(tmp_path.glob("*.arrow")) == [] and list(tmp_path.glob(".*part")) == []


def test_unreadable_images_are_left_out_where_that_is_allowed(root, tmp_path):
    (root / "train" / "0_left.jpeg").unlink()
    store = make(root, tmp_path / "s.arrow", skip_unreadable=True)
    assert store.num_images == 23
    assert store.left_out == [["train/0_left.jpeg", "no such file"]]


def test_nothing_but_unreadable_images_is_an_error_all_the_same(root, tmp_path):
    for path in (root / "train").iterdir():
        path.write_bytes(b"no image")
    with pytest.raises(UnreadableImagesError) as caught:
        make(root, tmp_path / "s.arrow", skip_unreadable=True)
    lines = str(caught.value).splitlines()
    assert lines[0] == "none of the 24 images can be read:"
    assert [line.partition(": ")[2] for line in lines[1:21]] == [NO_IMAGE] * 20
    assert lines[21] == "  and 4 more" and f"paths are relative to {root}; " in lines[22] and len(lines) == 23


def test_a_full_disk_leaves_nothing_behind(root, tmp_path, monkeypatch):
    def no_space(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(OSError, match="the disk is full: no store was written"):
        make(root, tmp_path / "s.arrow")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["retina"]


def test_too_little_space_is_said_before_anything_is_decoded(root, tmp_path, monkeypatch):
    usage, num_bytes = shutil.disk_usage(tmp_path), 24 * 32 * 32 * 3
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=num_bytes - 1))
    with pytest.raises(OSError, match=r"the store needs 0 MB, but .* has 0 MB free"):
        make(root, tmp_path / "s.arrow")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=num_bytes))
    assert make(root, tmp_path / "s.arrow").num_images == 24


def test_a_killed_preparation_leaves_no_file_that_is_taken_for_whole(root, tmp_path):
    code = (
        "import os, signal, sys; from pathlib import Path; from trainables.data import store_making as p;"
        "from trainables.data import store_writing as w; from trainables.data.readers import retina;"
        "w.ROWS_PER_BATCH = 5;"
        "write = w._batch; w._batch = lambda *a: os.kill(os.getpid(), signal.SIGKILL) if a[2][0] >= 10 else write(*a);"
        "p.prepare(retina.read(Path(sys.argv[1])), Path(sys.argv[2]), image_size_px=32, salt=b's', progress=False)"
    )
    out = tmp_path / "s.arrow"
    done = subprocess.run([sys.executable, "-c", code, str(root), str(out)], cwd=Path(__file__).parents[3], timeout=60)
    assert done.returncode == -9
    assert not out.exists()
    assert make(root, out).num_images == 24


def test_too_few_patients_for_three_splits_is_an_error(tmp_path):
    write_retina(tmp_path / "retina", num_patients=2)
    with pytest.raises(ValueError, match=r"(at least three patients|enough images)"):
        make(tmp_path / "retina", tmp_path / "s.arrow")
