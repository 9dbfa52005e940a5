"""Runs of several data sets: one that cannot be read does not keep the others from being shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from analysis import report, table_3
from analysis.reading.record_form import RECORD_VERSION
from analysis.tables import command

OLD = f"the runs of chexpert must be recorded in form {RECORD_VERSION} to be read, but are in form 1; "
METRICS = {"test_auc": 0.8, "test_f1_weighted": 0.7}


def add(store: Any, dataset: str, **tags: str) -> None:
    """A sweep of the data set with one confirming repeat."""
    store.trial(store.sweep(dataset, name=f"sweep-{dataset}"), metrics=METRICS, student="densenet40", tags=tags)


def test_a_data_set_of_another_form_is_a_note_beside_the_others(store: Any) -> None:
    add(store, "retina")
    add(store, "chexpert", record="1")
    recorded = command.read(store.uri, None, ["retina", "chexpert"])
    assert [len(of_dataset.trials) for of_dataset in recorded] == [1, 0]
    (note,) = command.left_out_note(recorded)
    assert note.startswith(f"left out: {OLD}use the version of the code that made them")


@pytest.mark.parametrize("datasets", [["chexpert"], ["chexpert", "retina"]])
def test_without_others_it_is_refused(store: Any, datasets: list[str]) -> None:
    add(store, "chexpert", record="1")
    with pytest.raises(ValueError, match=OLD):
        command.read(store.uri, None, datasets)


def test_tables_and_the_report_on_all_data_sets_show_the_others(
    store: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add(store, "retina")
    add(store, "chexpert", record="1")
    assert table_3.main(["--tracking-uri", store.uri]) == 0
    assert f"left out: {OLD}" in " ".join(capsys.readouterr().out.split())
    assert report.main(["all", "--tracking-uri", store.uri, "--out", str(tmp_path / "out")]) == 0
    page = " ".join((tmp_path / "out" / "all" / "index.html").read_text().split())
    assert "not in this report" in page and f"left out: {OLD}" in page
