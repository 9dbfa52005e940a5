"""Which repeat stands for a cell, and which runs are none."""

from __future__ import annotations

from typing import Any

import pytest

from analysis.reading.chosen import chosen

CELL = "transfer/none/densenet40/all"
STUDENT = {"student": "densenet40"}


def test_validation_chooses_and_never_the_test_set(store: Any) -> None:
    parent = store.sweep()
    ids = []
    for seed, (validation, test) in enumerate([(0.70, 0.99), (0.80, 0.10), (0.80, 0.95), (0.75, 0.98)]):
        metrics = {"best_score": validation, "test_auc": test}
        ids.append(store.trial(parent, metrics=metrics, seed=seed, **STUDENT))
    store.trial(parent, metrics={"best_score": 0.99, "test_auc": 0.99})  # another cell
    repeat = chosen(store.uri, CELL, "retina")
    assert repeat.run["run_id"] == ids[1]  # the first of two equals
    assert repeat.why == "the best of its cell's 4 repeats by the score on the validation set"
    assert sorted(repeat.repeats["run_id"]) == sorted(ids)


def test_an_id_or_its_beginning_names_one_repeat(store: Any) -> None:
    parent = store.sweep()
    run_id = store.trial(parent, metrics={"best_score": 0.5}, **STUDENT)
    for wanted in (run_id, run_id[:31]):
        repeat = chosen(store.uri, wanted)
        assert repeat.run["run_id"] == run_id and repeat.why == "named by its id"


def test_a_repeat_that_stands_in_no_table_is_refused_with_the_reason(store: Any) -> None:
    parent = store.sweep()
    failed = store.trial(parent, status="FAILED", **STUDENT)
    store.trial(parent, metrics={"best_score": 0.5}, seed=1, **STUDENT)
    with pytest.raises(LookupError, match=f"must be in the tables, but {failed} is left out: failed"):
        chosen(store.uri, failed)


def test_a_cell_of_another_recipe_is_refused(store: Any) -> None:
    store.trial(store.sweep(), metrics={"best_score": 0.5}, tags={"recipe": "77"}, **STUDENT)
    with pytest.raises(LookupError, match="is of recipe 77"):
        chosen(store.uri, CELL, "retina")


def test_without_an_mlflow_file_none_is_made(store: Any, tmp_path: Any) -> None:
    with pytest.raises(FileNotFoundError, match="no MLflow file at"):
        chosen(f"sqlite:///{tmp_path / 'other.db'}", CELL, "retina")
    assert not (tmp_path / "other.db").exists()


def test_no_message_has_a_password(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analysis.reading.chosen.MlflowClient", lambda _: store.client)
    with pytest.raises(LookupError, match="no run whose id begins with 0123") as refused:
        chosen("https://me:secret@host", "0123")
    assert "secret" not in str(refused.value) and "--tracking-uri https://host`" in str(refused.value)


def test_a_teacher_itself_is_no_student_to_export(store: Any) -> None:
    nobody = {"student": "none", "unfreeze": "none", "init": "none"}
    store.trial(store.sweep(), method="itself", teacher="mine", metrics={"best_score": 0.5}, **nobody)
    with pytest.raises(LookupError, match="in itself/mine/none/none nothing was trained: the teacher mine itself"):
        chosen(store.uri, "itself/mine/none/none", "retina")
