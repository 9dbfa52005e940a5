"""The depths of each network: parameters and layers of the paper's, and which a report shows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from analysis import table_depths
from analysis.pages.sections import content
from analysis.reading.trials import runs
from analysis.tables import unfreeze_depths
from tests import tiny_network
from trainables import titles
from trainables.models.architectures import ARCHITECTURES


def test_the_papers_last_34_layers_are_34_and_densenet40_has_40_and_the_classifier() -> None:
    frame = unfreeze_depths.rows(["densenet121", "densenet40"]).set_index(["student", "depth"])
    last34 = frame.loc[("densenet121", "last34")]
    assert (last34["num_layers"], last34["num_trainable"]) == (34, 2_700_814)
    assert last34["share"] == pytest.approx(2_700_814 / 6_968_206)
    assert frame["num_layers"].xs("all", level="depth").tolist() == [121, 41]
    assert frame["num_layers"].xs("head", level="depth").tolist() == [1, 1]
    assert last34["first"] == "features.transition3" and last34["title"] == "last 34 layers trained"


def test_the_number_of_labels_decides_the_head_alone() -> None:
    few, many = (unfreeze_depths.rows(["resnet18"], num_labels)["num_trainable"] for num_labels in (5, 14))
    assert (many - few).eq(9 * 513).all() and few.iloc[0] == 5 * 513


def test_the_command_lists_every_network_or_those_that_it_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert table_depths.main([]) == 0
    printed = capsys.readouterr().out
    assert "from-block4" in printed and "from-bottleneck" in printed and "from-layer4" not in printed
    assert table_depths.main(["--students", "densenet40", "--labels", "5", "--format", "csv"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + 5 and lines[2].startswith("densenet40,from-bottleneck,")
    assert table_depths.main(["--students", "densenet"]) == 2
    assert "must be one of densenet121, " in capsys.readouterr().err


def test_the_documents_have_these_numbers() -> None:
    lines = (Path(__file__).parents[3] / "docs" / "concepts.md").read_text(encoding="utf-8").splitlines()
    frame = unfreeze_depths.rows([name for name in ARCHITECTURES if name != tiny_network.NAME])
    for student, block in frame.groupby("student"):
        (line,) = [each for each in lines if each.startswith(f"| {titles.student(str(student))} | `head`")]
        stated = dict(re.findall(r"`([^`]+)` \(([0-9,]+)\)", line))
        counted = {row.depth: f"{row.num_trainable:,}" for row in block.itertuples()}
        assert stated == {depth: counted[depth] for depth in stated} and {"head", "all"} < set(stated), student


def test_a_report_shows_the_depths_of_its_students_where_they_vary(store: Any) -> None:
    parent = store.sweep("eyes", label_names='["ill", "blind"]')
    store.trial(parent, student="resnet18", metrics={"test_auc": 0.9})
    assert "unfreeze_depths" not in {table.name for table in content(runs(store.uri, "eyes")).tables}
    store.trial(parent, student="resnet18", unfreeze="head", metrics={"test_auc": 0.8})
    (table,) = (each for each in content(runs(store.uri, "eyes")).tables if each.name == "unfreeze_depths")
    assert table.frame["student"].unique().tolist() == ["resnet18"]
    assert table.frame["num_trainable"].iloc[0] == 2 * 513
    assert [cell.text for cell in table.body[0]] == [
        "ResNet-18", "head", "classifier alone trained", "fc", "1,026", "0.0%", "1"
    ]  # fmt: skip
