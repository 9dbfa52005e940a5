"""Whatever made a number is marked wherever it stands: real images, phantom teachers, phantom first weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis import report
from analysis.figures.drawing import Picture
from analysis.pages import report_page
from analysis.pages.sections import Content, content
from analysis.reading import origins
from analysis.reading.origins import PHANTOM, PHANTOM_NOTICE
from analysis.reading.trials import Runs, runs
from analysis.scores.cells import closing_table
from analysis.tables import best_betas, rendering, retina_scores, xray_scores
from analysis.tables.rendering import Table
from trainables import titles

pytestmark = pytest.mark.slow

REAL = ["transfer/none/densenet121/all", "transfer/none/densenet40/all"]
TAUGHT, WEIGHTED = "attention/imagenet/densenet40/all", "attention/mimic-cxr/densenet40/all"
CELLS: dict[str, dict[str, Any]] = {
    REAL[0]: {"method": "transfer", "student": "densenet121"},
    REAL[1]: {"method": "transfer", "student": "densenet40"},
    TAUGHT: {"method": "attention", "teacher": "imagenet", "student": "densenet40", "beta": 9.0},
    WEIGHTED: {"method": "attention", "teacher": "mimic-cxr", "student": "densenet40", "beta": 8.0},
}
PARTS = {TAUGHT: "teacher", WEIGHTED: "teacher, first weights"}
NOTICE = "PHANTOM TEACHER, FIRST WEIGHTS: trained on synthetic pictures, no patient's."


def predictions(seed: int, strength: float) -> pd.DataFrame:
    truth = np.arange(90) % 3 == 0
    score = 1 / (1 + np.exp(-(strength * truth + np.random.default_rng(seed).normal(size=90))))
    table = pd.DataFrame({"image": [f"i{i:02d}" for i in range(90)], "patient": [f"p{i // 2:02d}" for i in range(90)]})
    table = table.assign(view=["left", "right"] * 45, sex="", age_years=np.nan, grade=truth.astype(int))
    return table.assign(label_DR=truth.astype(np.int8), probability_DR=score.astype(np.float32))


def tags_of(cell: str) -> dict[str, str]:
    parts = PARTS.get(cell, "")
    return {
        "teacher_is_phantom": str("teacher" in parts).lower(),
        "init_is_phantom": str("first weights" in parts).lower(),
        "teacher_fingerprint": "none" if cell in REAL else "f" + cell.split("/")[1],
        "init_fingerprint": "drawn" if "first weights" in parts else "torchvision",
    }


@pytest.fixture(scope="module")
def mixed(new_store: Callable[[Path], Any], tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """Real images; the cells with a teacher, which have the best scores, rest on phantoms."""
    store = new_store(tmp_path_factory.mktemp("mixed"))
    parent = store.sweep(table_2=json.dumps({"Retina": {"train": 400, "validation": 40, "test": 90}}))
    for place, (cell, config) in enumerate(CELLS.items()):
        store.trial(parent, phase="search", curve={"best_score": [0.6, 0.7]}, tags=tags_of(cell), **config)
        for seed in range(3):
            auc = 0.70 + 0.05 * place + 0.001 * seed
            store.trial(
                parent, seed=seed, metrics={"test_auc": auc, "test_f1_weighted": auc}, curve={"val_auc": [0.6, 0.7]},
                predictions=predictions(10 * place + seed, 1 + 0.5 * place), tags=tags_of(cell), **config,
            )  # fmt: skip
    return runs(store.uri, "retina")


@pytest.fixture(scope="module")
def on_mixed(mixed: Runs) -> Content:
    return content(mixed)


def test_the_parts_of_a_trial() -> None:
    trials = pd.DataFrame(
        {
            "tags.data": ["real", "phantom", "real", "real"],
            "tags.teacher_is_phantom": ["false", "true", "true", None],
            "tags.init_is_phantom": ["false", "false", "true", "true"],
        }
    )
    assert origins.phantom_parts(trials).tolist() == ["", "images, teacher", "teacher, first weights", "first weights"]
    assert origins.phantom_parts(trials[["tags.data"]]).tolist() == ["", "images", "", ""]
    assert origins.union(["first weights", "", np.nan, "teacher"]) == "teacher, first weights"
    assert origins.only("images, teacher", "images", "first weights") == "images"
    assert origins.notice("images, teacher") == PHANTOM_NOTICE and origins.notice("") == ""


def test_runs_know_their_phantoms(mixed: Runs) -> None:
    assert mixed.data == "real" and mixed.phantom == "teacher, first weights"
    assert origins.of_cells(mixed.confirm) == {**dict.fromkeys(REAL, ""), **PARTS}


def test_a_cell_with_real_helpers_goes_before_the_same_with_phantom_ones(store: Any) -> None:
    parent = store.sweep()
    for seed, is_phantom in enumerate(["false", "false", "true"]):
        tags = {"teacher_is_phantom": is_phantom, "teacher_fingerprint": is_phantom}
        store.trial(parent, seed=seed, tags=tags, **CELLS[TAUGHT])
    recorded = runs(store.uri, "retina")
    assert len(recorded.confirm) == 2 and recorded.phantom == ""
    assert recorded.left_out["reason"].tolist() == ["rests on a phantom (teacher), and other trials of its cell do not"]


def test_first_weights_belong_to_the_configuration(store: Any) -> None:
    parent = store.sweep()
    for seed, init in enumerate(["old", "new", "new"]):
        store.trial(parent, seed=seed, tags={"init_fingerprint": init}, **CELLS[REAL[0]])
    assert len(runs(store.uri, "retina").confirm) == 2


def test_the_closing_table(mixed: Runs) -> None:
    for metric in ("test_auc", "test_f1_weighted"):
        lines = closing_table(mixed.confirm, metric).splitlines()
        assert lines[1].startswith(NOTICE)
        rows = {line.split()[0]: line for line in lines if "/densenet" in line}
        assert list(rows) == [REAL[1], REAL[0], WEIGHTED, TAUGHT]  # the unranked stand below, however high
        assert "*" in rows[REAL[1]] and "+" in rows[REAL[0]]
        for cell, parts in PARTS.items():
            assert rows[cell].endswith(parts) and not set("*+") & set(rows[cell])


@pytest.mark.parametrize("module", [best_betas, retina_scores])
def test_the_papers_tables_in_every_form(mixed: Runs, module: Any) -> None:
    table = module.table(module.rows([mixed]))
    assert "teacher, first weights" in rendering.FORMATS["csv"](table)
    for form in ("text", "markdown", "latex"):
        written = rendering.FORMATS[form](table)
        assert PHANTOM in written and NOTICE in written, form
        for line in written.splitlines():  # a phantom's number and its mark stand together
            for number in ("80.10", "85.10", " 9 ", " 8 "):
                assert number not in line or PHANTOM in line or "first weights" in line or "teacher" in line, line


def test_table_5_ranks_no_phantom(mixed: Runs) -> None:
    table = retina_scores.table(retina_scores.rows([mixed]))
    for ours in (row for row in table.body if row[0].text.startswith("  ours")):
        assert [cell.mark for cell in ours if PHANTOM in cell.text] == ["", ""]
        assert sorted(cell.mark for cell in ours if cell.mark) == ["best", "second"]
    assert {f"PHANTOM {parts}: Retina {cell}" for cell, parts in PARTS.items()} <= set(table.notes)


def test_phantoms_alone_are_not_ranked_beside_the_paper(store: Any) -> None:
    parent = store.sweep("chestxray8", data="phantom")
    for auc, config in zip((0.7, 0.8), list(CELLS.values())[:2], strict=True):
        store.repeats(parent, "test_auc", [auc] * 3, **config)
    table = xray_scores.table(xray_scores.rows([runs(store.uri, "chestxray8")]))
    (ours,) = [row for row in table.body if row[0].text.startswith("  ours (")]
    assert ours[0].text.endswith(", PHANTOM") and not any(cell.mark for cell in ours)


def names_phantoms(table: Table) -> bool:
    """Whether each row that names a cell resting on a phantom has the mark of its parts, and no other row has one."""
    for row in table.body:
        texts = [cell.text for cell in row]
        cells = [cell for cell in CELLS if cell in texts]
        parts = origins.union(PARTS.get(cell, "") for cell in cells)
        if cells and texts[-1] != (parts or "-"):
            return False
    return True


def test_every_table_of_the_report(on_mixed: Content) -> None:
    tables = {table.name: table for table in on_mixed.tables}
    per_cell = ["variance", "comparisons", "delong", "labels", "subgroups", "overfitting"]
    assert set(per_cell) < set(tables)
    for name in ("table_3", "table_5", *per_cell):
        assert tables[name].phantom, name
        assert tables[name].frame["phantom"].isin(["", *PARTS.values()]).all(), name
    for name in per_cell:
        assert tables[name].head[0][-1] == PHANTOM and names_phantoms(tables[name]), name
    assert {tables[name].phantom for name in ("table_1", "table_2", "table_6")} == {""}  # no number of theirs is one


def test_every_sentence(on_mixed: Content) -> None:
    assert len(on_mixed.answers) == len(on_mixed.contrasts) > 1
    for answer, cells in zip(on_mixed.answers, on_mixed.contrasts["cells"], strict=True):
        parts = origins.union(PARTS.get(cell) for cell in cells.split())
        assert (PHANTOM in answer.sentence) == bool(parts)
        assert not parts or answer.sentence.endswith(f"PHANTOM {parts}: it says nothing about medicine.")
    assert any(PHANTOM in answer.sentence for answer in on_mixed.answers)
    assert "AUC: mean over" in on_mixed.basis


def labels(picture: Picture) -> set[str]:
    handles = [legend.get_texts() for legend in picture.figure.legends]
    return {text.get_text() for texts in handles for text in texts}


def test_every_figure(on_mixed: Content) -> None:
    assert {"figure_4", "search_budget", "search_beta", "reliability"} < {p.name for p in on_mixed.pictures}
    assert on_mixed.lead is not None
    for picture in [on_mixed.lead, *on_mixed.pictures]:
        assert "PHANTOM TEACHER, FIRST WEIGHTS" in str(picture.figure.get_suptitle()), picture.name
        for label in labels(picture):
            assert (PHANTOM in label) == (label.splitlines()[-1] in PARTS), (picture.name, label)
        for cell in map(titles.of_name, PARTS):
            assert picture.alternative.count(cell) == picture.alternative.count(f"{cell} {PHANTOM}"), picture.name
    texts = {text.get_text() for text in on_mixed.lead.figure.axes[0].texts}
    assert {f"{titles.of_name(cell)} {PHANTOM}" for cell in PARTS} | {titles.of_name(cell) for cell in REAL} < texts


@pytest.mark.usefixtures("svg_alone")
def test_the_page(mixed: Runs, on_mixed: Content, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_page, "content", lambda *_, **__: on_mixed)  # as it would make it again
    assert report.main(["retina", "--tracking-uri", mixed.tracking_uri, "--out", str(tmp_path)]) == 0
    page = (tmp_path / "retina" / "index.html").read_text().replace("&#39;", "'")
    head, rest = page.split("What the numbers support")
    assert NOTICE in head
    rests_on = rest.split("<details>")[1]
    assert "imagenet fimagenet PHANTOM; mimic-cxr fmimic-cxr PHANTOM" in rests_on
    assert "imagenet torchvision; imagenet drawn PHANTOM" in rests_on
    assert set(pd.read_parquet(tmp_path / "retina" / "results.parquet")["phantom"]) == {"", *PARTS.values()}


def test_nothing_is_marked_where_nothing_is_phantom(store: Any) -> None:
    parent = store.sweep()
    for config in CELLS.values():
        for seed in range(3):
            frame = predictions(seed, 2.0)
            store.trial(parent, seed=seed, metrics={"test_auc": 0.7}, predictions=frame, **config)
    recorded = runs(store.uri, "retina")
    real = content(recorded)
    write: Callable[[Table], str] = rendering.text
    assert not any(PHANTOM in write(table) for table in real.tables)
    assert not any(
        PHANTOM in text
        for text in [*real.sentences, *(it.sentence for it in real.answers), *(p.alternative for p in real.pictures)]
    )
    assert PHANTOM not in closing_table(recorded.confirm, "test_auc")
