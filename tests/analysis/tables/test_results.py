"""Tables III, IV and V against a store whose numbers are known."""

from __future__ import annotations

import io
import json
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from analysis import table_4, table_5
from analysis.reading.sizes import words
from analysis.reading.trials import Runs, runs
from analysis.tables import best_betas, rendering, retina_scores, xray_scores

pytestmark = pytest.mark.slow

KEY = ["metric", "method", "teacher", "student", "unfreeze"]
CELLS: list[dict[str, Any]] = [
    {"method": "transfer", "teacher": "none", "student": "densenet121"},
    {"method": "transfer", "teacher": "none", "student": "densenet121", "unfreeze": "last34"},
    {"method": "transfer", "teacher": "none", "student": "densenet40"},
    {"method": "attention", "teacher": "imagenet", "student": "densenet121", "beta": 61.0},
    {"method": "attention", "teacher": "imagenet", "student": "densenet40", "beta": 62.0},
    {"method": "attention", "teacher": "mimic-cxr", "student": "densenet121", "beta": 31.0},
    {"method": "attention", "teacher": "mimic-cxr", "student": "densenet40", "beta": 32.0},
]


def confirm(store: Any, parent: str, cell: dict[str, Any], mean_auc: float) -> None:
    """The cell's three repeats, with F1 a tenth below the AUC."""
    for seed in range(3):
        auc = mean_auc + 0.001 * (seed - 1)
        store.trial(parent, seed=seed, metrics={"test_auc": auc, "test_f1_weighted": auc - 0.1}, **cell)


@pytest.fixture(scope="module")
def filled(new_store: Callable[[Path], Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A store with the paper's cells, with AUC 0.70, 0.71, ... as they go on; nothing is added to it."""
    store = new_store(tmp_path_factory.mktemp("filled"))
    parent = store.sweep()
    for number, cell in enumerate(CELLS):
        confirm(store, parent, cell, 0.70 + 0.01 * number)
    return store


@pytest.fixture(scope="module")
def read(filled: Any) -> Runs:
    """The runs of `filled`."""
    return runs(filled.uri, "retina")


@pytest.fixture
def copy(filled: Any, tmp_path: Path) -> tuple[Any, str]:
    """A copy of `filled`, to which a test may add, and the id of its sweep."""
    store = filled.copied(tmp_path)
    return store, next(iter(store.parents))


@pytest.fixture(scope="module")
def phantoms(new_store: Callable[[Path], Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The paper's cells on phantoms, each once."""
    store = new_store(tmp_path_factory.mktemp("phantoms"))
    parent = store.sweep(data="phantom")
    for cell in CELLS:
        store.trial(parent, metrics={"test_auc": 0.7, "test_f1_weighted": 0.6}, **cell)
    return store


def test_the_paper_alone(store: Any) -> None:
    frame = retina_scores.rows([runs(store.uri, "retina")])
    assert len(frame) == 14
    assert frame["mean"].isna().all() and (frame["n"] == 0).all()
    text = rendering.text(retina_scores.table(frame))
    assert "84.46±0.52" in text and "78.02±0.31*" in text and "PHANTOM" not in text
    ours = [line.split() for line in text.splitlines() if line.startswith("  ours")]
    assert ours == [["ours", *"-------"]] * 2


def test_ours_beside_the_papers(read: Runs) -> None:
    frame = retina_scores.rows([read]).set_index(KEY)
    row = frame.loc[("auc", "transfer", "none", "densenet121", "last34")]
    assert (row["paper_mean"], row["paper_half_width"], row["trainable_paper"]) == (79.98, 0.64, "2.7m")
    assert row["mean"] == pytest.approx(71.0)
    assert row["half_width"] == pytest.approx(0.2484138, abs=1e-5)
    assert row["half_width_normal"] == pytest.approx(0.1131586, abs=1e-5)
    assert (row["n"], row["data"], row["trainable"], len(row["run_ids"].split())) == (3, "real", 6958981, 3)
    f1 = frame.loc[("f1_weighted", "attention", "mimic-cxr", "densenet40", "all")]
    assert (f1["mean"], f1["paper_mean"]) == (pytest.approx(66.0), 77.93)


def test_layout_and_marks(read: Runs) -> None:
    table = retina_scores.table(retina_scores.rows([read]))
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


def test_one_repeat_and_a_missing_cell(store: Any) -> None:
    parent = store.sweep()
    store.trial(parent, metrics={"test_auc": 0.75})
    store.trial(parent, seed=1, status="FAILED")
    table = retina_scores.table(retina_scores.rows([runs(store.uri, "retina")]))
    unknown = "  ours (an unknown number of 21,126 training images, 256 px, 128 epochs)"
    assert [cell.text for cell in table.body[1]] == [unknown, "75.00†", *"------"]
    assert [cell.text for cell in table.body[2]] == ["  ± normal", *"-------"]
    assert [cell.text for cell in table.body[3]] == ["  n", "1", *"------"]
    assert any("1 scores were not defined" in note for note in table.notes)  # the F1, which the run has not


def test_ours_stand_beside_the_paper_only_with_their_own_size(store: Any) -> None:
    facts = {"ChestX-ray8-5.6k": {"train": 160, "validation": 20, "test": 20}}
    parent = store.sweep("chestxray8", table_2=json.dumps(facts))
    for seed in range(3):
        store.trial(parent, seed=seed, metrics={"test_auc": 0.7}, image_size_px=64, max_epochs=2)
        store.trial(
            parent, seed=seed, method="attention", teacher="imagenet", beta=9.0, image_size_px=64, max_epochs=2,
            metrics={"test_auc": 0.6},
        )  # fmt: skip
    recorded = [runs(store.uri, "chestxray8")]
    size = "160 of 3,589 training images, 64 px, 2 epochs"
    frame = xray_scores.rows(recorded)
    ours = frame[frame["n"] > 0].iloc[0]
    assert ours[["num_train", "image_size_px", "max_epochs"]].tolist() == [160, 64, 2]
    for form in ("text", "markdown", "latex"):
        (line,) = [line for line in rendering.FORMATS[form](xray_scores.table(frame)).splitlines() if "70.00" in line]
        assert f"ours ({size})" in line
    (row,) = [row for row in best_betas.table(best_betas.rows(recorded)).body if row[5].text == "9"]
    assert row[7].text == size
    assert words("covid", 400.0, 64.0, 1.0) == "400 training images, 64 px, 1 epoch"


def test_a_fraction_counts_its_own_images(store: Any) -> None:
    fraction = 5000 / 178352
    parent = store.sweep(
        "chexpert", table_2=json.dumps({"CheXpert-220k": {"train": 999}, "CheXpert-5k": {"train": 31}})
    )
    for share in (1.0, fraction, 0.5):
        store.trial(parent, metrics={"test_auc": 0.7}, data_fraction=share)
    recorded = runs(store.uri, "chexpert")
    own = xray_scores.rows([recorded])[lambda rows: rows["n"] > 0].set_index("dataset")
    assert own["num_train"].to_dict() == {"CheXpert-220k": 999, "CheXpert-5k": 31, "CheXpert @0.5": 500}


def rows_named(table: rendering.Table, start: str) -> list[list[str]]:
    return [[cell.text for cell in row] for row in table.body if row[0].text.startswith(start)]


def test_the_papers_rule_stands_beside_the_papers_number_and_the_sweeps_average_below(store: Any) -> None:
    names = json.dumps(["No DR", "Mild", "Moderate", "Severe", "Proliferative"])
    parent = store.sweep(label_names=names)
    tags = {"averaged_labels": json.dumps(["No DR", "Moderate"]), "average_min_positives": "3"}
    for seed in range(3):
        metrics = {"test_auc": 0.81, "test_auc_defined": 0.72, "test_f1_weighted": 0.6}
        store.trial(parent, seed=seed, metrics=metrics, tags={**tags, "average_is_reliable": "false"})
    frame = retina_scores.rows([runs(store.uri, "retina")])
    ours = frame[(frame["metric"] == "auc") & (frame["n"] > 0)].iloc[0]
    assert (ours["mean"], ours["averaged_mean"]) == (pytest.approx(72.0), pytest.approx(81.0))
    table = retina_scores.table(frame)
    assert rows_named(table, "  ours, paper's rule (")[0][1] == "72.00±0.00"
    assert rows_named(table, "  ours, 2 of 5 labels")[0][1] == "81.00±0.00"
    assert len(rows_named(table, "  ours, 2 of 5 labels")) == 1  # of the AUC alone
    text = rendering.text(table)
    assert "2 of 5 labels: No DR, Moderate, 3 positives and negatives or more in the validation set" in text
    assert "Retina: unreliable: labels with only three positives or more" in text


def test_one_row_where_the_two_averages_are_the_same(read: Runs) -> None:
    table = retina_scores.table(retina_scores.rows([read]))
    assert rows_named(table, "  ours, ") == [] and len(rows_named(table, "  ours (")) == 2
    assert any("what the sweep averages is the same AUC" in note for note in table.notes)


def test_a_constant_answer_is_said_and_not_ranked(store: Any) -> None:
    parent = store.sweep()
    for place, cell in enumerate(CELLS[:3]):
        for seed in range(3):
            metrics = {"test_auc": 0.7 + 0.01 * place, "test_f1_weighted": 0.6, "test_num_constant": float(place == 2)}
            store.trial(parent, seed=seed, metrics={**metrics, "test_f1_weighted": 0.6 + 0.01 * place}, **cell)
    table = retina_scores.table(retina_scores.rows([runs(store.uri, "retina")]))
    auc, f1 = [row for row in table.body if row[0].text.startswith("  ours (")]
    assert [cell.mark for cell in auc[1:4]] == ["", "second", "best"]
    assert [cell.mark for cell in f1[1:4]] == ["second", "best", ""]
    assert f1[3].text == "62.00±0.00‡"
    note_on_cell = "answers one class only: Retina transfer/none/densenet40/all in 3 of 3 repeats"
    assert sum(note_on_cell in note for note in table.notes) == 1


def test_two_repeats_are_not_ranked(store: Any) -> None:
    parent = store.sweep()
    for place, cell in enumerate(CELLS[:3]):
        for seed in range(2):
            store.trial(parent, seed=seed, metrics={"test_auc": 0.5 + 0.1 * place + 0.3 * seed}, **cell)
    frame = retina_scores.rows([runs(store.uri, "retina")])
    assert frame[["half_width", "half_width_normal"]].isna().all(axis=None)
    table = retina_scores.table(frame)
    (ours,) = [row for row in table.body if row[0].text.startswith("  ours (")]
    assert [(cell.text, cell.mark) for cell in ours[1:4]] == [("65.00†", ""), ("75.00†", ""), ("85.00†", "")]
    assert any(note.startswith("†: n is too small") for note in table.notes)


def test_cells_beyond_the_paper_are_columns_of_their_own(copy: tuple[Any, str]) -> None:
    store, parent = copy
    cell = {"method": "attention", "teacher": "my-hospital", "student": "densenet40", "beta": 7.0}
    confirm(store, parent, cell, 0.77)
    table = retina_scores.table(retina_scores.rows([runs(store.uri, "retina")]))
    assert (table.head[1][-1], table.body[0][-1].text, table.body[1][-1].text) == ("my-hospital", "-", "77.00±0.25")


def test_a_student_from_scratch_is_a_column_of_its_own(copy: tuple[Any, str]) -> None:
    store, parent = copy
    cell = {"method": "transfer", "teacher": "none", "student": "densenet40", "init": "random"}
    confirm(store, parent, cell, 0.77)
    table = retina_scores.table(retina_scores.rows([runs(store.uri, "retina")]))
    (inits,) = [line for line in table.head if line[0] == "first weights"]
    assert inits[1:] == [*["imagenet"] * 7, "random"]
    ours = next(line for line in table.body if line[0].text.startswith("  ours"))
    assert [ours[column].text[:5] for column in (3, 8)] == ["72.00", "77.00"]


def test_a_teacher_itself_is_a_column_without_an_interval(copy: tuple[Any, str]) -> None:
    store, parent = copy
    nobody = {"student": "none", "unfreeze": "none", "init": "none"}
    tags = {"num_trainable": "0"}
    store.trial(parent, method="itself", teacher="mine", tags=tags, metrics={"test_auc": 0.8125}, **nobody)
    table = retina_scores.table(retina_scores.rows([runs(store.uri, "retina")]))
    assert [row[-1] for row in table.head] == ["itself", "mine", "none", "-", "0"]
    assert [row[-1].text for row in table.body[:4]] == ["-", "81.25", "-", "1"]
    assert any("the teacher's own score" in note for note in table.notes)
    assert "itself" not in best_betas.rows([runs(store.uri, "retina")])["method"].tolist()  # it has no beta


def test_table_4_joins_by_the_fraction(store: Any) -> None:
    fraction = 5000 / 178352
    chexpert, nih = store.sweep("chexpert"), store.sweep("chestxray8")
    store.trial(chexpert, metrics={"test_auc": 0.75}, data_fraction=fraction)
    store.trial(chexpert, metrics={"test_auc": 0.85}, data_fraction=1.0)
    store.trial(nih, metrics={"test_auc": 0.65})
    frame = xray_scores.rows([runs(store.uri, name) for name in xray_scores.DATASETS])
    own = frame[frame["n"] > 0].set_index("dataset")
    expected = {"CheXpert-5k": 75.0, "CheXpert-220k": 85.0, "ChestX-ray8-5.6k": 65.0}
    assert own["mean"].to_dict() == pytest.approx(expected)
    assert own.loc["CheXpert-5k", "paper_mean"] == 72.86
    assert own.loc["ChestX-ray8-5.6k", "paper_mean"] == 71.45
    assert len(frame) == 15  # the paper's 14, and the whole of CheXpert
    labels = [row[0].text for row in xray_scores.table(frame).body]
    assert [label for label in labels if label.endswith("paper")] == [
        "CheXpert-5k AUC: paper",
        "CheXpert-220k AUC: paper",
        "ChestX-ray8-5.6k AUC: paper",
    ]


def test_table_3(copy: tuple[Any, str]) -> None:
    store, parent = copy
    for seed in range(4):
        store.trial(parent, phase="search", seed=seed, method="attention", teacher="imagenet", beta=1.0 + seed)
    frame = best_betas.rows([runs(store.uri, name) for name in best_betas.DATASETS])
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
    text = rendering.text(best_betas.table(frame))
    assert "L = CE + L_AT / beta" in text
    assert len([line for line in text.splitlines() if line.startswith("CheXpert-5k")]) == 4


def test_depths_that_the_paper_does_not_have_are_named_in_tables_3_and_5(copy: tuple[Any, str]) -> None:
    store, parent = copy
    before = [module.table(module.rows([runs(store.uri, "retina")])) for module in (best_betas, retina_scores)]
    assert not any("depth" in [line[0] for line in table.head] + table.head[0] for table in before)
    taught = {"method": "attention", "teacher": "imagenet", "beta": 7.0, "metrics": {"test_auc": 0.7}}
    for depth in ("from-block2", "last34"):
        store.trial(parent, unfreeze=depth, **taught)
    betas, scores = (module.table(module.rows([runs(store.uri, "retina")])) for module in (best_betas, retina_scores))
    assert betas.head[0][:5] == ["data set", "teacher", "student", "depth", "method"]
    ours = [
        row[3].text for row in betas.body if [cell.text for cell in row[:3]] == ["Retina", "imagenet", "DenseNet-121"]
    ]
    assert ours == ["last34", "from-block2", "all"]
    (depths,) = [line for line in scores.head if line[0] == "depth"]
    assert depths[1:4] == ["all", "last34", "all"] and depths[-2:] == ["from-block2", "last34"]


def test_varied_knobs_and_first_weights_are_named_in_table_3_and_have_no_beta_of_the_papers(
    copy: tuple[Any, str],
) -> None:
    store, parent = copy
    taught = {"method": "attention", "teacher": "imagenet", "metrics": {"test_auc": 0.7}}
    varied = {"cell": "attention/imagenet/densenet121/all@rotation_deg=0"}
    varied["sweep_setup"] = json.dumps({"rotation_deg": 15.0})
    store.trial(parent, beta=7.0, rotation_deg=0.0, tags=varied, **taught)
    store.trial(parent, beta=8.0, init="random", **taught)
    frame = best_betas.rows([runs(store.uri, "retina")])
    table = best_betas.table(frame)
    assert table.head[0][:6] == ["data set", "teacher", "student", "first weights", "varied", "method"]
    ours = [
        [cell.text for cell in row] for row in table.body if row[0].text == "Retina" and row[2].text.endswith("121")
    ]
    assert [row[3:8] for row in ours if row[1] == "imagenet"] == [
        ["imagenet", "-", "attention", "60", "61"],
        ["imagenet", "rotation_deg=0", "attention", "-", "7"],
        ["random", "-", "attention", "-", "8"],
    ]


def test_table_3_without_runs(store: Any) -> None:
    text = rendering.text(best_betas.table(best_betas.rows([runs(store.uri, "retina")])))
    assert "2000" in text and "L = CE + L_AT / beta" in text


@pytest.mark.parametrize("module", [best_betas, retina_scores])
def test_phantom_data_are_announced(phantoms: Any, module: Any) -> None:
    table = module.table(module.rows([runs(phantoms.uri, "retina")]))
    for form in ("text", "markdown", "latex"):
        assert "PHANTOM DATA" in rendering.FORMATS[form](table), form


def test_front_door(copy: tuple[Any, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    store, parent = copy
    store.trial(parent, seed=9, status="RUNNING")
    monkeypatch.setattr(sys, "argv", ["table_5", "--sweep", "first", "--tracking-uri", store.uri])
    monkeypatch.delitem(sys.modules, "analysis.table_5")
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("analysis.table_5", run_name="__main__")
    printed = capsys.readouterr()
    assert ended.value.code == 0, printed.err
    assert "74.00±0.25" in printed.out and "85.04±0.28*" in printed.out
    assert "left out of retina: 1 unfinished" in printed.out


def test_front_door_csv(phantoms: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert table_5.main(["--format", "csv", "--tracking-uri", phantoms.uri]) == 0
    frame = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert len(frame) == 14 and set(frame["data"]) == {"phantom"}


def test_front_door_without_such_a_sweep(filled: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert table_5.main(["--tracking-uri", filled.uri, "--sweep", "nowhere"]) == 2
    assert "'nowhere'" in capsys.readouterr().err


def test_front_door_says_what_has_no_runs(store: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert table_4.main(["--tracking-uri", store.uri]) == 0
    printed = capsys.readouterr().out
    assert "no runs of chexpert" in printed and "no runs of chestxray8" in printed
