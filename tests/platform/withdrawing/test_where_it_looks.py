"""Every place that may hold something of a patient is looked into, and nothing else is touched."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from analysis.reading.bundles import ABOUT, FORM
from platform.sources.copied_images import NOT_SEARCHED, list_of
from platform.sources.places import Places
from tests.platform.withdrawing.conftest import Clinic, contents, frames
from tests.platform.withdrawing.left_behind import NAME, NUM_PATIENTS, OTHER, SWEEP
from trainables.data.store import salted_hashes
from trainables.data.votes import SUFFIX
from trainables.data.withdrawn import withdrawn_in


def test_pairs_of_copies_go_whichever_side_the_patient_is_on(clinic: Clinic) -> None:
    path = list_of(clinic.store)
    pairs = pd.read_csv(path, dtype=str, keep_default_na=False)
    sides = {name: name.replace("first", "new").replace("second", "first").replace("new", "second") for name in pairs}
    swapped = pairs.rename(columns=sides)[list(pairs)]
    others = pairs.assign(first_patient="0" * 16, second_patient="1" * 16)
    pd.concat([pairs, swapped, others]).to_csv(path, index=False, lineterminator="\n")
    clinic.withdraw()
    assert len(pairs) == 1 and path.read_text() == others.to_csv(index=False, lineterminator="\n")


def test_a_list_of_copies_that_was_not_made_stays(clinic: Clinic) -> None:
    list_of(clinic.store).write_text(content := f"{NOT_SEARCHED}no room\n")
    assert clinic.withdraw() == 0
    assert list_of(clinic.store).read_text() == content


def test_what_lies_beside_a_store_goes_with_it(clinic: Clinic, tmp_path: Path) -> None:
    store = clinic.store
    votes, copies = store.path.with_suffix(SUFFIX), list_of(store)
    pd.DataFrame({"image": store.image_id, "reader": "one"}).to_parquet(votes)
    (everybody := tmp_path / "all.txt").write_text("".join(f"pat-{number:02d}\n" for number in range(20)))
    clinic.withdraw(file=everybody)
    assert not any(path.exists() for path in (store.path, votes, copies))


def test_a_link_is_deleted_and_not_what_it_leads_to(clinic: Clinic, tmp_path: Path) -> None:
    (target := tmp_path / "elsewhere").mkdir()
    (target / "shape.json").touch()
    (link := clinic.places.cache / f"{clinic.store.fingerprint}-linked").symlink_to(target)
    assert clinic.withdraw() == 0
    assert not link.is_symlink() and (target / "shape.json").exists()


def test_another_data_sets_patients_are_remembered_beside_them(clinic: Clinic) -> None:
    clinic.withdraw()
    clinic.withdraw(name=OTHER)
    withdrawn = withdrawn_in(clinic.results)
    assert withdrawn.of(NAME) == clinic.leaving == withdrawn.of(OTHER) and set(withdrawn.patients) == {NAME, OTHER}


def test_who_leaves_training_later_has_left_the_first_images_too(clinic: Clinic, tmp_path: Path) -> None:
    first = clinic.store.fingerprint
    clinic.withdraw()
    names = [f"pat-{number:02d}" for number in range(NUM_PATIENTS)]
    training = set(clinic.store.patient[clinic.store.split == "train"])  # nobody of them is in predictions
    hashes = salted_hashes(names, clinic.places.salt())
    later = next(name for name, hashed in zip(names, hashes, strict=True) if hashed in training)
    (file := tmp_path / "later.txt").write_text(later)
    clinic.withdraw(file=file)
    assert len(withdrawn_in(clinic.results).left(first)) == 4


def test_a_sweep_of_several_stores_has_lost_as_many_as_the_one_that_lost_most(clinic: Clinic, capsys: Any) -> None:
    client = MlflowClient(clinic.places.tracking_uri)
    run_id = next(clinic.results.glob("artifacts/*/artifacts/external")).parts[-3]
    clinic.withdraw()
    fingerprint = client.get_run(run_id).data.tags["data_fingerprint"]
    path = clinic.results / "withdrawn.json"
    content = json.loads(path.read_text())
    _, left = content["before"][fingerprint]
    content["before"]["f" * 16] = ["", dict([next(iter(left.items()))])]
    path.write_text(json.dumps(content))
    client.set_tag(run_id, "data_fingerprint", "f" * 16)
    capsys.readouterr()
    clinic.withdraw("--dry-run")
    assert f"sweep {SWEEP}: 3 patients are gone" in capsys.readouterr().out


def test_the_folders_of_a_sweeps_options_are_searched(clinic: Clinic, tmp_path: Path) -> None:
    folders = [clinic.results.parent / "local" / "cache", tmp_path / "cache"]
    name = f"{clinic.store.fingerprint}-0123"
    for folder in folders:
        (folder / name).mkdir(parents=True)
    path = clinic.places.standing(SWEEP)
    standing = json.loads(path.read_text())
    path.write_text(json.dumps({**standing, "words": [*standing["words"], "--cache", str(folders[1])]}))
    clinic.withdraw()
    assert not any((folder / name).exists() for folder in folders)


def test_parts_of_files_are_deleted_wherever_they_are(clinic: Clinic) -> None:
    folders = [
        next(clinic.results.glob("artifacts/*/artifacts")),
        clinic.places.sweep(SWEEP),
        clinic.results / "stores",
    ]
    parts = [folder / ".one.part" for folder in folders]
    for part in parts:
        part.touch()
    clinic.withdraw()
    assert not any(part.exists() for part in parts)


def test_bundles_in_the_usual_folder_are_named(clinic: Clinic, tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    (folder := tmp_path / "reports" / "bundles").mkdir(parents=True)
    with zipfile.ZipFile(folder / "ours.zip", "w") as archive:
        archive.writestr(f"ours/{ABOUT}", json.dumps({"form": FORM, "dataset": NAME, "sweep": SWEEP}))
    clinic.withdraw()
    assert "tell whoever has it: reports/bundles/ours.zip" in capsys.readouterr().out


def test_files_of_runs_that_mlflow_has_forgotten_lose_the_rows_too(clinic: Clinic) -> None:
    run_id = next(clinic.results.glob("artifacts/*/artifacts/external")).parts[-3]
    MlflowClient(clinic.places.tracking_uri).delete_run(run_id)
    clinic.withdraw()
    assert sorted(len(frame) for frame in frames(clinic.results, "predictions.parquet")) == [6, 12, 12]


def test_results_that_were_copied_are_to_be_adopted_first(clinic: Clinic, tmp_path: Path, capsys: Any) -> None:
    copy = Path(shutil.copytree(clinic.results, tmp_path / "copied"))
    before = contents(clinic.results), contents(copy)
    moved = Clinic(places=Places(copy), csv=clinic.csv, leaving=frozenset(), images=frozenset(), pixels=())
    with pytest.raises(SystemExit):
        moved.withdraw(file=clinic.results.with_name("leaving.txt"))
    assert "was moved or copied from" in capsys.readouterr().err
    assert (contents(clinic.results), contents(copy)) == before


def test_everybody_elses_answers_are_as_before(clinic: Clinic) -> None:
    before = frames(clinic.results, "predictions.parquet")
    clinic.withdraw()
    for old, new in zip(before, frames(clinic.results, "predictions.parquet"), strict=True):
        stay = ~np.isin(old["patient"], list(clinic.leaving))
        pd.testing.assert_frame_equal(new, old[stay].reset_index(drop=True))
