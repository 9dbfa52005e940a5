"""Which names are let through: those of data sets, of runs, and whatever a store cannot be asked about quickly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from analysis.reading import dataset_names
from analysis.reading.tracking_uri import Located


def test_names_of_readers_own_data_sets_and_runs_are_known(store: Any, tmp_path: Path) -> None:
    store.sweep("of-another-results-folder")
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "moles.json").touch()
    where = Located(store.uri, tmp_path)
    for name in ("retina", "mimic-cxr", "moles", "of-another-results-folder"):
        dataset_names.check(name, where)
    dataset_names.check("all", where, more=("all",))
    for name in ("all", "mole", "Default", "own"):
        with pytest.raises(LookupError, match=f"but got '{name}'"):
            dataset_names.check(name, where)
    with pytest.raises(LookupError, match="but got 'moles'"):
        dataset_names.check("moles", Located(store.uri, None))


def test_what_cannot_be_asked_quickly_is_let_through(tmp_path: Path) -> None:
    dataset_names.check("anything", Located("http://server:5000", None))
    (tmp_path / "mlflow.db").write_bytes(b"another form")
    dataset_names.check("anything", Located(f"sqlite:///{tmp_path / 'mlflow.db'}", tmp_path))
