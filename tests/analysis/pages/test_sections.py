"""What a report shows of a data set that the paper does not have, and of a sweep that has little to show."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis import figure_search, report
from analysis.pages import page
from analysis.pages.page import WARNING
from analysis.pages.report_page import facts_of
from analysis.pages.sections import content
from analysis.reading.trials import runs
from analysis.tables import rendering

OWN_1 = {"labels": 2, "labeling": "-", "views": "-", "images": 150, "patients": 79}
OWN_2 = {"eyes": {"train": 90, "validation": 30, "test": 30}}


def predictions() -> pd.DataFrame:
    """Of 40 images whose patients have no known sex, age or view."""
    truth = np.arange(40) % 2 == 0
    table = pd.DataFrame({"image": [f"i{i:02d}" for i in range(40)], "patient": [f"p{i:02d}" for i in range(40)]})
    table = table.assign(view="", sex="", age_years=np.nan, grade=truth.astype(int), label_ill=truth.astype(np.int8))
    return table.assign(probability_ill=np.linspace(0.1, 0.9, 40).astype(np.float32))


@pytest.fixture
def own(store: Any) -> Any:
    """Runs of a user's own data set, `eyes`: plain transfer of a ResNet-18, twice."""
    parent = store.sweep("eyes", label_names='["ill"]', table_1=json.dumps(OWN_1), table_2=json.dumps(OWN_2))
    scores = {"test_auc": 0.9, "test_f1_weighted": 0.8, "test_accuracy": 0.7, "test_kappa": 0.6}
    for seed in range(2):
        store.trial(parent, student="resnet18", seed=seed, metrics=scores, predictions=predictions())
    return store


@pytest.mark.usefixtures("svg_alone")
def test_a_teacher_that_may_have_seen_test_patients_is_a_warning_among_the_facts(store: Any) -> None:
    overlap = "the teacher mimic-cxr was trained on 2 of 9 test patients"
    store.trial(store.sweep("retina", teacher_overlap=overlap), metrics={"test_auc": 0.75})
    assert dict(facts_of(runs(store.uri, "retina")))[WARNING] == overlap


def test_a_page_on_ones_own_data_has_nothing_of_the_paper_and_no_empty_table(own: Any, tmp_path: Path) -> None:
    assert report.main(["eyes", "--tracking-uri", own.uri, "--out", str(tmp_path)]) == 0
    html = (tmp_path / "eyes" / "index.html").read_text()
    body = html.split("</style>")[1]
    before_chapters = body.split('<h2 id="eyes-')[0]
    assert "90.00" in before_chapters and "ResNet-18" in before_chapters
    assert "paper" not in before_chapters and "DenseNet-40" not in before_chapters and "Table VI" not in body
    assert body.count("<tbody><tr>") == body.count("<tbody>") > 4  # no table without a row
    left_out = body.split("<h3>Left out</h3>")[1]
    for line in (
        "Cells compared on the same test images: no cell has a baseline or another teacher beside it",
        "Subgroups of the test images: the test images have no two sexes, age bands or views",
        "Table III: the best beta: no cell has a teacher",
        "Fig. 3, AUC by the amount of training data",
        "Figs. 1 and 2: the prepared images are not in the results folder (--results), or they show patients",
    ):
        assert line in left_out, line


def test_no_column_of_a_table_on_ones_own_data_is_empty(own: Any) -> None:
    tables = {table.name: table for table in content(runs(own.uri, "eyes")).tables}
    assert tables["table_1"].head == [["data set", "", "labels", "images", "patients"]]
    assert tables["table_2"].head == [["training set", "train", "validation", "test"]]
    assert [cell.text for cell in tables["table_2"].body[0]] == ["eyes", "90", "30", "30"]
    text = rendering.text(tables["results"])
    assert text.splitlines()[2].split() == ["transfer"] and "trainable" in text and "paper" not in text
    rows = [[cell.text for cell in row] for row in tables["results"].body]
    assert rows[0] == ["eyes AUC (90 training images, 256 px, 128 epochs)", "90.00†"] and rows[1] == ["  n", "2"]
    assert len(rows) == 8


def test_a_beta_of_ones_own_data_stands_alone(store: Any) -> None:
    cell = {"method": "attention", "teacher": "imagenet", "student": "densenet40", "beta": 7.0}
    store.trial(store.sweep("eyes"), metrics={"test_auc": 0.9}, **cell)
    tables = {table.name: table for table in content(runs(store.uri, "eyes")).tables}
    assert tables["table_3"].head[0] == ["data set", "teacher", "student", "method", "beta", "trials", "trained on"]
    assert [cell.text for cell in tables["table_3"].body[0]][:5] == [
        "eyes",
        "imagenet",
        "DenseNet-40",
        "attention",
        "7",
    ]
    assert tables["table_3"].body[0][1].title == "ImageNet teacher"
    assert "table_6" in tables  # a DenseNet-40 was trained


def test_a_published_data_set_keeps_the_papers_columns(store: Any) -> None:
    store.trial(store.sweep(), metrics={"test_auc": 0.9})
    tables = {table.name: table for table in content(runs(store.uri, "retina")).tables}
    assert "paper" in rendering.text(tables["table_5"]) and "train, paper" in rendering.text(tables["table_2"])
    assert "table_6" not in tables  # no DenseNet-40 was trained


@pytest.mark.usefixtures("svg_alone")
def test_predictions_without_averaged_labels_are_shown_label_by_label_alone(store: Any, tmp_path: Path) -> None:
    parent, none = store.sweep(), {"averaged_labels": "[]"}
    for student in ("densenet121", "densenet40"):
        store.trial(parent, student=student, metrics={"test_auc": 0.7}, predictions=predictions(), tags=none)
    assert report.main(["retina", "--tracking-uri", store.uri, "--out", str(tmp_path)]) == 0
    page = (tmp_path / "retina" / "index.html").read_text()
    assert "There are no two cells with predictions to compare." in page and "Label by label" in page


def test_the_figures_of_the_search_have_a_command_of_their_own(
    store: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["retina", "--tracking-uri", store.uri, "--out", str(tmp_path / "out")]
    parent = store.sweep()
    assert figure_search.main(asked) == 2
    assert "no finished trial of a search on retina in sqlite:" in capsys.readouterr().err
    store.trial(parent, phase="search", curve={"best_score": [0.5, 0.75]})
    assert figure_search.main(asked) == 0
    written = tmp_path / "out" / "retina" / "search"
    assert capsys.readouterr().out.split() == [str(written / f"search_{name}.png") for name in ("parallel", "budget")]
    assert sorted(path.suffix for path in written.iterdir()) == [".csv", ".csv", ".png", ".png", ".svg", ".svg"]
    assert pd.read_csv(written / "search_parallel.csv")["score"].tolist() == [75.0]


@pytest.mark.usefixtures("svg_alone")
def test_a_long_table_is_folded(own: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "MAX_ROWS", 7)
    assert report.main(["eyes", "--tracking-uri", own.uri, "--out", str(tmp_path)]) == 0
    before_chapters = (tmp_path / "eyes" / "index.html").read_text().partition('<h2 id="eyes-')[0]
    parts = before_chapters.split('<details class="rows"><summary>')
    assert len(parts) == 2 and parts[1].startswith("all 8 rows</summary>")
    assert parts[0].rstrip().endswith("<h3>Results on eyes, test set</h3>")
