"""Tables III, IV and V against a store whose numbers are known."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from analysis import rendering, table_3, table_4, table_5
from analysis.runs import runs

ROOT = Path(__file__).parents[2]
KEY = ["metric", "method", "teacher", "student", "unfreeze"]
CELLS = [
    {"method": "transfer", "teacher": "none", "student": "densenet121"},
    {"method": "transfer", "teacher": "none", "student": "densenet121", "unfreeze": "last34"},
    {"method": "transfer", "teacher": "none", "student": "densenet40"},
    {"method": "attention", "teacher": "imagenet", "student": "densenet121", "beta": 61.0},
    {"method": "attention", "teacher": "imagenet", "student": "densenet40", "beta": 62.0},
    {"method": "attention", "teacher": "mimic-cxr", "student": "densenet121", "beta": 31.0},
    {"method": "attention", "teacher": "mimic-cxr", "student": "densenet40", "beta": 32.0},
]


def fill(store, cells=CELLS, data: str = "real") -> str:  # type: ignore[no-untyped-def]
    """Each cell three times, with AUC 0.70, 0.71, ... as the cells go on, and F1 a tenth below."""
    parent = store.sweep(data=data)
    for number, cell in enumerate(cells):
        for seed in range(3):
            auc = 0.70 + 0.01 * number + 0.001 * (seed - 1)
            store.trial(parent, seed=seed, metrics={"test_auc": auc, "test_f1_weighted": auc - 0.1}, **cell)
    return parent


def test_the_paper_alone(store) -> None:
    frame = table_5.rows([runs(store.uri, "retina")])
    assert len(frame) == 14
    assert frame["mean"].isna().all() and (frame["n"] == 0).all()
    text = rendering.text(table_5.table(frame))
    assert "84.46±0.52" in text and "78.02±0.31*" in text and "PHANTOM" not in text
    ours = [line.split() for line in text.splitlines() if line.startswith("  ours")]
    assert ours == [["ours", *"-------"]] * 2


def test_ours_beside_the_papers(store) -> None:
    fill(store)
    frame = table_5.rows([runs(store.uri, "retina")]).set_index(KEY)
    row = frame.loc[("auc", "transfer", "none", "densenet121", "last34")]
    assert (row["paper_mean"], row["paper_half_width"], row["trainable_paper"]) == (79.98, 0.64, "2.7m")
    assert row["mean"] == pytest.approx(71.0)
    assert row["half_width"] == pytest.approx(0.2484138, abs=1e-5)
    assert row["half_width_normal"] == pytest.approx(0.1131586, abs=1e-5)
    assert (row["n"], row["data"], row["trainable"], len(row["run_ids"].split())) == (3, "real", 6958981, 3)
    f1 = frame.loc[("f1_weighted", "attention", "mimic-cxr", "densenet40", "all")]
    assert (f1["mean"], f1["paper_mean"]) == (pytest.approx(66.0), 77.93)


def test_layout_and_marks(store) -> None:
    fill(store)
    table = table_5.table(table_5.rows([runs(store.uri, "retina")]))
    assert table.head[0] == ["", *["transfer"] * 3, *["attention"] * 4]
    assert table.head[1] == ["teacher", "none", "none", "none", "imagenet", "imagenet", "mimic-cxr", "mimic-cxr"]
    assert table.head[3] == ["trainable, paper", "7.0m", "2.7m", "1.4m", "7.0m", "1.4m", "7.0m", "1.4m"]
    assert table.head[4][1] == "6,958,981"
    paper, ours, normal, n = table.body[:4]
    assert [cell.mark for cell in paper[1:]] == ["", "", "second", "", "best", "", ""]
    assert [cell.mark for cell in ours[1:]] == ["", "", "", "", "", "second", "best"]
    assert (ours[1].text, normal[1].text, n[1].text) == ("70.00±0.25", "±0.11", "3")
    assert len(ours[1].run_ids) == 3
    notes = "\n".join(table.notes)
    assert "Student's t" in notes and "1.96" not in notes and "normal form (z s / sqrt n)" in notes


def test_one_repeat_and_a_missing_cell(store) -> None:
    parent = store.sweep()
    store.trial(parent, metrics={"test_auc": 0.75})
    store.trial(parent, seed=1, status="FAILED")
    table = table_5.table(table_5.rows([runs(store.uri, "retina")]))
    assert [cell.text for cell in table.body[1]] == ["  ours", "75.00", *"------"]
    assert [cell.text for cell in table.body[2]] == ["  ± normal", *"-------"]
    assert [cell.text for cell in table.body[3]] == ["  n", "1", *"------"]
    assert any("1 scores were not defined" in note for note in table.notes)  # the F1, which the run has not


def test_cells_beyond_the_paper_are_columns_of_their_own(store) -> None:
    fill(store, [*CELLS, {"method": "attention", "teacher": "my-hospital", "student": "densenet40", "beta": 7.0}])
    table = table_5.table(table_5.rows([runs(store.uri, "retina")]))
    assert (table.head[1][-1], table.body[0][-1].text, table.body[1][-1].text) == ("my-hospital", "-", "77.00±0.25")


def test_a_teacher_itself_is_a_column_without_an_interval(store) -> None:
    parent = fill(store)
    nobody = {"student": "none", "unfreeze": "none", "init": "none"}
    tags = {"num_trainable": "0"}
    store.trial(parent, method="itself", teacher="mine", tags=tags, metrics={"test_auc": 0.8125}, **nobody)
    table = table_5.table(table_5.rows([runs(store.uri, "retina")]))
    assert [row[-1] for row in table.head] == ["itself", "mine", "none", "-", "0"]
    assert [row[-1].text for row in table.body[:4]] == ["-", "81.25", "-", "1"]
    assert any("the teacher's own score" in note for note in table.notes)
    assert "itself" not in table_3.rows([runs(store.uri, "retina")])["method"].tolist()  # it has no beta


def test_table_4_joins_by_the_fraction(store) -> None:
    fraction = 5000 / 178352
    chexpert, nih = store.sweep("chexpert"), store.sweep("chestxray8")
    store.trial(chexpert, metrics={"test_auc": 0.75}, data_fraction=fraction)
    store.trial(chexpert, metrics={"test_auc": 0.85}, data_fraction=1.0)
    store.trial(nih, metrics={"test_auc": 0.65})
    frame = table_4.rows([runs(store.uri, name) for name in table_4.DATASETS])
    own = frame[frame["n"] > 0].set_index("dataset")
    expected = {"CheXpert-5k": 75.0, "CheXpert-220k": 85.0, "ChestX-ray8-5.6k": 65.0}
    assert own["mean"].to_dict() == pytest.approx(expected)
    assert own.loc["CheXpert-5k", "paper_mean"] == 72.86
    assert own.loc["ChestX-ray8-5.6k", "paper_mean"] == 71.45
    assert len(frame) == 15  # the paper's 14, and the whole of CheXpert
    labels = [row[0].text for row in table_4.table(frame).body]
    assert [label for label in labels if label.endswith("paper")] == [
        "CheXpert-5k AUC: paper",
        "CheXpert-220k AUC: paper",
        "ChestX-ray8-5.6k AUC: paper",
    ]


def test_table_3(store) -> None:
    parent = fill(store)
    for seed in range(4):
        store.trial(parent, phase="search", seed=seed, method="attention", teacher="imagenet", beta=1.0 + seed)
    frame = table_3.rows([runs(store.uri, name) for name in table_3.DATASETS])
    assert len(frame) == 20
    ours = frame[frame["beta"].notna()].set_index(["teacher", "student"])
    assert ours["beta"].to_dict() == {
        ("imagenet", "densenet121"): 61.0,
        ("imagenet", "densenet40"): 62.0,
        ("mimic-cxr", "densenet121"): 31.0,
        ("mimic-cxr", "densenet40"): 32.0,
    }
    assert ours["paper_beta"].tolist() == [60, 60, 30, 30]
    assert ours.loc[("imagenet", "densenet121"), "num_trials"] == 4
    text = rendering.text(table_3.table(frame))
    assert "L = CE + L_AT / beta" in text
    assert len([line for line in text.splitlines() if line.startswith("CheXpert-5k")]) == 4


def test_table_3_without_runs(store) -> None:
    text = rendering.text(table_3.table(table_3.rows([runs(store.uri, "retina")])))
    assert "2000" in text and "L = CE + L_AT / beta" in text


@pytest.mark.parametrize("form", ["text", "markdown", "latex"])
@pytest.mark.parametrize("module", [table_3, table_5])
def test_phantom_data_are_announced(store, module, form: str) -> None:
    fill(store, data="phantom")
    assert "PHANTOM DATA" in rendering.FORMATS[form](module.table(module.rows([runs(store.uri, "retina")])))


def front_door(store, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", *arguments, "--tracking-uri", store.uri]
    return subprocess.run(command, cwd=ROOT, env={**os.environ}, capture_output=True, text=True, check=False)


def test_front_door(store) -> None:
    parent = fill(store)
    store.trial(parent, seed=9, status="RUNNING")
    done = front_door(store, "analysis.table_5", "--sweep", "first")
    assert done.returncode == 0, done.stderr
    assert "74.00±0.25" in done.stdout and "85.04±0.28*" in done.stdout
    assert "left out of retina: 1 unfinished" in done.stdout


def test_front_door_csv(store) -> None:
    fill(store, data="phantom")
    done = front_door(store, "analysis.table_5", "--format", "csv")
    frame = pd.read_csv(io.StringIO(done.stdout))
    assert len(frame) == 14 and set(frame["data"]) == {"phantom"}


def test_front_door_without_such_a_sweep(store, capsys: pytest.CaptureFixture[str]) -> None:
    fill(store)
    assert table_5.main(["--tracking-uri", store.uri, "--sweep", "nowhere"]) == 2
    assert "'nowhere'" in capsys.readouterr().err


def test_front_door_says_what_has_no_runs(store, capsys: pytest.CaptureFixture[str]) -> None:
    assert table_4.main(["--tracking-uri", store.uri]) == 0
    shown = capsys.readouterr().out
    assert "no runs of chexpert" in shown and "no runs of chestxray8" in shown
