"""A patient withdraws: nothing of them is left where something was, and everybody else stays as they were."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from filelock import FileLock

from analysis.reading.trials import runs
from analysis.tables.command import left_out_note
from platform.sources.copied_images import list_of
from platform.tracking.ledger import Ledger
from platform.withdrawing import recorded_runs
from tests.platform.withdrawing.conftest import LEAVING, Clinic, contents, frames, holding
from tests.platform.withdrawing.left_behind import NAME, OTHER, SWEEP
from trainables.data.store import Store
from trainables.data.votes import SUFFIX
from trainables.data.withdrawn import FILE, check_before_reading, withdrawn_in


def refused(clinic: Clinic, capsys: Any, *more: str, **facts: Any) -> str:
    with pytest.raises(SystemExit) as ended:
        clinic.withdraw(*more, **facts)
    assert ended.value.code == 2
    return str(capsys.readouterr().err.strip().splitlines()[-1])


def test_nothing_of_the_patients_is_left_where_something_was(clinic: Clinic) -> None:
    before, others = clinic.store, contents(clinic.results)
    kinds = {path.suffix for path in holding(clinic.results, clinic)}
    assert kinds == {".arrow", ".csv", ".parquet", ".part", ".json"}  # store, copies, predictions, a part, a teacher
    assert list(clinic.results.glob("cache/*")) and list(clinic.results.glob("sweeps/*/trials/*"))
    assert len(list(clinic.results.parent.glob("local/*/*"))) == 3
    assert clinic.withdraw() == 0
    # The list itself, and what a teacher has seen, by which it is found.
    assert {path.name for path in holding(clinic.results, clinic)} == {FILE, "teacher.json"}
    assert not holding(clinic.results.parent / "local", clinic)
    assert not list(clinic.results.glob("cache/*")) and not list(clinic.results.glob("sweeps/*/trials"))
    assert not list(clinic.results.parent.glob("local/*/*"))
    naming = [path for path in clinic.results.rglob("*") if path.is_file() and b"pat-" in path.read_bytes()]
    assert {path.parent.name for path in naming} == {"raw"}  # the provider's own table
    after = clinic.store
    stay = ~np.isin(before.patient, list(clinic.leaving))
    assert after.num_images == stay.sum() == before.num_images - 6
    np.testing.assert_array_equal(after.gather(np.arange(after.num_images)), before.gather(np.flatnonzero(stay)))
    for name in ("patient", "image_id", "split", "sex", "age_years", "labels"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name)[stay])
    assert after.fingerprint != before.fingerprint and after.recomputed_fingerprint() == after.fingerprint
    assert sorted(after.train_rank[after.train_rank >= 0]) == list(range(len(after.rows("train"))))
    assert np.argsort(after.train_rank).tolist() == np.argsort(before.train_rank[stay]).tolist()
    same = {name for name, content in contents(clinic.results).items() if others.get(name) == content}
    assert {f"stores/{path.name}" for path in clinic.results.glob(f"stores/{OTHER}*.[ac]*")} <= same


def test_a_store_made_anew_is_the_one_that_was_rewritten(clinic: Clinic) -> None:
    clinic.withdraw()
    rewritten = clinic.store
    copies = list_of(rewritten).read_bytes()
    for path in (rewritten.path, list_of(rewritten)):
        path.unlink()
    assert clinic.prepare() == 0
    assert clinic.store.fingerprint == rewritten.fingerprint and clinic.store.path == rewritten.path
    assert clinic.store.path.read_bytes() == rewritten.path.read_bytes() and list_of(rewritten).read_bytes() == copies


def test_images_of_those_who_left_may_be_deleted_by_the_provider(clinic: Clinic) -> None:
    clinic.withdraw()
    fingerprint = clinic.store.fingerprint
    clinic.store.path.unlink()
    for name in LEAVING:
        for side in "ab":
            (clinic.csv.parent / NAME / f"{name[-2:]}{side}.png").unlink()
    assert clinic.prepare() == 0
    assert clinic.store.fingerprint == fingerprint


def test_a_dry_run_says_it_all_and_changes_no_byte(clinic: Clinic, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(clinic.results.parent)
    capsys.readouterr()
    assert clinic.withdraw("--dry-run") == 0
    planned = capsys.readouterr().out
    assert contents(clinic.results.parent) == before
    clinic.withdraw()
    done = capsys.readouterr().out
    (head, *lines) = planned.splitlines()
    assert head == "nothing is changed (--dry-run); it would be:"
    assert done.splitlines()[: len(lines)] == lines
    for text in (
        "6 of 40 images of stores/clinic-32px",
        "10 rows in 3 files",
        "1 pairs of copies",
        f"sweep {SWEEP}: 3 patients are gone from its images",
        ".part",
    ):
        assert text in planned, text


def test_a_second_time_changes_nothing(clinic: Clinic, capsys: pytest.CaptureFixture[str]) -> None:
    clinic.withdraw()
    before, _ = contents(clinic.results), capsys.readouterr()
    clinic.withdraw()
    assert contents(clinic.results) == before
    assert "prepared images" not in capsys.readouterr().out


def test_runs_are_tagged_and_tables_say_so(clinic: Clinic) -> None:
    clinic.withdraw()
    recorded = runs(clinic.places.tracking_uri, NAME)
    assert set(recorded.trials["tags.withdrawn"]) == {"3"} == set(recorded.sweeps["tags.withdrawn"])
    assert recorded.trials["metrics.test_auc"].tolist() == [0.75, 0.75]
    (note,) = left_out_note([recorded])
    assert note.startswith("patients of clinic who have withdrawn since: 3; ") and "MLflow remain those of" in note


def test_the_sweep_on_the_old_images_is_not_resumed(clinic: Clinic) -> None:
    old = clinic.store.fingerprint
    clinic.withdraw()
    facts = {"settings": json.dumps({"data": clinic.store.fingerprint})}
    with pytest.raises(ValueError, match=rf"{SWEEP} cannot be resumed, since patients \(3\) have withdrawn .* {old}"):
        Ledger(clinic.places.tracking_uri, NAME, SWEEP, facts, clinic.places.artifacts)
    Ledger(clinic.places.tracking_uri, NAME, "second", facts, clinic.places.artifacts)
    assert json.loads(clinic.places.standing(SWEEP).read_text())["withdrawn"] == 3


def test_another_machine_deletes_its_copies_and_refuses_the_old_fingerprint(clinic: Clinic, tmp_path: Path) -> None:
    store = clinic.store
    copy = tmp_path / "elsewhere" / "stores" / f"{store.path.stem}-{store.fingerprint}.arrow"
    knowledge = tmp_path / "cache" / f"{store.fingerprint}-0123" / "epoch-00001.knowledge"
    strange = tmp_path / "cache" / "0123456789abcdef-0123" / "epoch-00001.knowledge"
    unnamed = tmp_path / "cache" / "0123456789abcdef" / "epoch-00001.knowledge"
    others = tmp_path / "cache" / "photographs" / "one.png"
    for path in (copy, knowledge, strange, unnamed, others):
        path.parent.mkdir(parents=True)
        path.write_bytes(store.path.read_bytes())
    places = {"local": str(copy.parents[1]), "cache": str(tmp_path / "cache")}
    check_before_reading(store.path, clinic.store.fingerprint, **places)
    assert all(path.exists() for path in (copy, knowledge, strange, unnamed, others))
    clinic.withdraw()
    check_before_reading(store.path, clinic.store.fingerprint, **places)
    assert not any(path.exists() for path in (copy, knowledge, unnamed.parent)) and strange.exists() and others.exists()
    with pytest.raises(ValueError, match="must not be used any more, since 3 patients have withdrawn"):
        check_before_reading(store.path, store.fingerprint, **places)


def test_nothing_is_done_while_a_sweep_runs_or_a_store_is_made(clinic: Clinic, capsys: Any) -> None:
    before = contents(clinic.results)
    for lock in (clinic.places.sweep(SWEEP) / "lock", clinic.store.path.with_suffix(".lock")):
        with FileLock(lock, fallback_to_soft=False):
            assert "images can be taken out of results only while no" in refused(clinic, capsys)
    assert contents(clinic.results) == before


def test_the_other_hospitals_patients_leave_evaluations_alone(clinic: Clinic) -> None:
    own = [frame["patient"].tolist() for frame in frames(clinic.results, "predictions.parquet")]
    assert [len(frame) for frame in frames(clinic.results, f"{OTHER}.parquet")] == [40, 40]
    clinic.withdraw(name=OTHER)
    for frame in frames(clinic.results, f"{OTHER}.parquet"):
        assert len(frame) == 34 and not set(frame["patient"]) & clinic.leaving
    assert [frame["patient"].tolist() for frame in frames(clinic.results, "predictions.parquet")] == own
    recorded = runs(clinic.places.tracking_uri, NAME)
    assert set(recorded.trials[f"tags.withdrawn_{OTHER}"]) == {"3"} and "tags.withdrawn" not in recorded.trials
    (note,) = left_out_note([recorded])
    assert note.startswith(f"patients of {OTHER} who have withdrawn since: 3; ")


def test_who_leaves_later_is_added(clinic: Clinic, tmp_path: Path) -> None:
    first = clinic.store.fingerprint
    clinic.withdraw()
    second = clinic.store.fingerprint
    (later := tmp_path / "later.txt").write_text("pat-19\n")
    clinic.withdraw(file=later)
    withdrawn = withdrawn_in(clinic.results)
    assert len(withdrawn.of(NAME)) == 4 == len(withdrawn.left(first)) and len(withdrawn.left(second)) == 1
    assert set(runs(clinic.places.tracking_uri, NAME).trials["tags.withdrawn"]) == {"4"}
    assert sorted(len(frame) for frame in frames(clinic.results, "predictions.parquet")) == [6, 10, 10]


def test_a_store_is_deleted_once_nobody_is_left_in_it(clinic: Clinic, tmp_path: Path, capsys: Any) -> None:
    (everybody := tmp_path / "all.txt").write_text("".join(f"pat-{number:02d}\n" for number in range(20)))
    clinic.withdraw(file=everybody)
    assert sorted(path.name for path in clinic.results.glob(f"stores/{NAME}*")) == [
        f"{NAME}-32px-real-{next(clinic.results.glob(f'stores/{NAME}*.lock')).stem[-8:]}.lock",
        f"{NAME}.withdrawn-1.csv",
    ]
    with pytest.raises(SystemExit):
        clinic.prepare()
    assert f"every patient of {NAME} has withdrawn" in capsys.readouterr().err


def test_single_readings_leave_with_their_images(clinic: Clinic) -> None:
    votes = clinic.store.path.with_suffix(SUFFIX)
    pd.DataFrame({"image": clinic.store.image_id, "reader": "one"}).to_parquet(votes)
    clinic.withdraw()
    assert pd.read_parquet(votes)["image"].tolist() == clinic.store.image_id.tolist()


def test_a_line_that_names_nobody_is_told_by_its_number(clinic: Clinic, tmp_path: Path, capsys: Any) -> None:
    (strange := tmp_path / "strange.txt").write_bytes(b"\xef\xbb\xbf# who left\r\n\r\npat-03\r\nMrs Miller\r\n")
    clinic.withdraw(file=strange)
    told = capsys.readouterr().out
    assert "line 4 of the file names nobody whose images are here" in told and "Miller" not in told
    assert "Miller" not in (clinic.results / FILE).read_text()
    assert len(withdrawn_in(clinic.results).of(NAME)) == 2


def test_of_a_server_the_runs_are_named(clinic: Clinic, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorded_runs.RecordedRuns, "is_local", False)
    before = frames(clinic.results, "predictions.parquet")
    clinic.withdraw()
    told = capsys.readouterr().out
    assert "delete predictions.parquet" in told
    assert all(path.parent.name in told for path in clinic.results.glob("artifacts/*/artifacts"))
    for one, other in zip(before, frames(clinic.results, "predictions.parquet"), strict=True):
        pd.testing.assert_frame_equal(one, other)


def test_another_salt_or_no_file_is_refused(clinic: Clinic, tmp_path: Path, capsys: Any) -> None:
    assert "but there is no" in refused(clinic, capsys, file=tmp_path / "absent.txt")
    (empty := tmp_path / "empty.txt").write_text("# nobody\n\n")
    assert "must name patients" in refused(clinic, capsys, file=empty)
    assert f"name of a data set, but got {clinic.csv}: give {NAME}" in refused(clinic, capsys, name=str(clinic.csv))
    clinic.withdraw()
    (clinic.results / "salt").write_bytes(b"another")
    assert "must have the salt" in refused(clinic, capsys)
    with pytest.raises(SystemExit):
        clinic.prepare()
    assert "must have the salt" in capsys.readouterr().err


def test_a_store_that_still_holds_them_is_not_opened(clinic: Clinic) -> None:
    path, content = clinic.store.path, clinic.store.path.read_bytes()
    clinic.withdraw()
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"3 patients of .* have; finish what was interrupted"):
        Store.open(path)
    clinic.withdraw()
    assert not set(Store.open(path).patient) & clinic.leaving
