"""Tables I and II from a sweep's tags."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest

from analysis import table_1, table_2
from analysis.reading.facts import Source
from analysis.reading.trials import Runs, runs
from analysis.tables import data_sets, rendering, split_sizes

RETINA_1 = {"labels": 5, "labeling": "manual", "views": "left/right eyes", "images": 720, "patients": 360}
RETINA_2 = {"Retina": {"train": 433, "validation": 143, "test": 144}}


def filled(store: Any, data: str = "real") -> list[Runs]:
    store.trial(store.sweep(data=data, table_1=json.dumps(RETINA_1), table_2=json.dumps(RETINA_2)))
    return [runs(store.uri, "retina")]


def test_table_1_from_the_tags(store: Any) -> None:
    frame = data_sets.rows(filled(store)).set_index(["dataset", "whose"])
    assert frame.loc[("Retina", "paper"), "images"] == 35126
    assert frame.loc[("Retina", "ours"), ["images", "patients", "data"]].tolist() == [720, 360, "real"]
    assert len(frame) == 5
    text = rendering.text(data_sets.table(frame.reset_index()))
    lines = [line.split() for line in text.splitlines() if line.startswith("MIMIC-CXR")]
    assert lines[0][-2:] == ["371,858", "65,079"] and lines[1] == ["MIMIC-CXR", "ours", *"-----"]


def test_table_2_from_the_tags(store: Any) -> None:
    frame = split_sizes.rows(filled(store)).set_index("dataset")
    assert frame.loc["Retina", ["train_paper", "train", "test_paper", "test"]].tolist() == [21126, 433, 7000, 144]
    assert pd.isna(frame.loc["CheXpert-5k", "train"])
    table = split_sizes.table(frame.reset_index())
    assert [cell.text for cell in table.body[0]] == ["CheXpert-5k", "5,000", "-", "23,022", "-", "22,274", "-"]
    assert [cell.text for cell in table.body[-1]] == ["Retina", "21,126", "433", "7,000", "143", "7,000", "144"]


def test_a_data_set_of_ones_own_has_a_row_without_the_papers() -> None:
    own = Source(dataset="covid", facts={"covid": {"train": 10, "validation": 2, "test": 3}}, data="real")
    frame = split_sizes.rows([], [own])
    assert frame["dataset"].tolist()[-1] == "covid" and len(frame) == 6
    assert [cell.text for cell in split_sizes.table(frame).body[-1]] == ["covid", "-", "10", "-", "2", "-", "3"]
    facts = {"labels": 1, "labeling": "-", "views": "-", "images": 15, "patients": 7}
    frame = data_sets.rows([], [Source(dataset="covid", facts=facts, data="real")])
    assert frame["whose"].tolist() == ["paper"] * 4 + ["ours"]


def test_the_newest_sweep_counts(store: Any) -> None:
    filled(store)
    newer = {"Retina": {"train": 1, "validation": 1, "test": 1}}
    store.trial(store.sweep(name="second", table_2=json.dumps(newer)), seed=1)
    assert split_sizes.rows([runs(store.uri, "retina")]).set_index("dataset").loc["Retina", "train"] == 1


def test_phantom_data_are_announced(store: Any) -> None:
    recorded = filled(store, data="phantom")
    assert "PHANTOM DATA" in rendering.markdown(data_sets.table(data_sets.rows(recorded)))
    assert "PHANTOM DATA" in rendering.latex(split_sizes.table(split_sizes.rows(recorded)))


def test_a_tag_that_is_no_json(store: Any) -> None:
    store.trial(store.sweep(table_1="{labels"))
    with pytest.raises(ValueError, match=r"\{labels"):
        data_sets.rows([runs(store.uri, "retina")])


def test_command(store: Any, capsys: pytest.CaptureFixture[str]) -> None:
    filled(store)
    assert table_1.main(["--tracking-uri", store.uri]) == 0
    assert "17,563" in capsys.readouterr().out
    assert table_2.main(["--store", "/nowhere/retina.arrow"]) == 2
    assert "/nowhere/retina.arrow" in capsys.readouterr().err
